#!/usr/bin/env bash
# @socket.io/redis-adapter 8.3.0 with socket.io and socket.io-client 4.8.4, redis (node-redis) 5.8.2, Redis 7
#
# Guess: io.in("user").socketsJoin("game"), then io.to("game").emit("start"): the sockets that have just been told to
#        join get the event, on all nodes or, with some race, on most of them. Both adapters of the package behave alike.
# Seen:  each adapter reaches exactly the half that the other one misses, every time. The classic adapter sends the join
#        through Redis to its own node, too, and the event reaches the local sockets before it: only the clients of
#        *other* nodes get the event. The sharded adapter publishes the event on the channel of the new room, to which
#        the other nodes subscribe only after they have the join: only the clients of the *own* node get it.
#        socketsJoin returns nothing that could be awaited. An event to both rooms, to("game").to("user"), reaches all.
# Why:   "invite, then announce" works with one node and in the tests of the developer, and half of the players never
#        learn that the game began; which half changes with the adapter. Send the first event to a room that was there
#        before.
#
# Needs redis-server and Node.js. Exits with 0 while this is so, with 1 when it has changed.
set -euo pipefail
command -v redis-server >/dev/null || { echo "redis-server is not installed" >&2; exit 2; }
dir=$(mktemp -d)
pid=
cleanup() {
  [ -z "$pid" ] || kill "$pid" 2>/dev/null || true
  wait 2>/dev/null || true
  rm -rf "$dir"
}
trap cleanup EXIT
cd "$dir"
npm install --no-audit --no-fund --loglevel=error --prefix . socket.io@4.8.4 socket.io-client@4.8.4 @socket.io/redis-adapter@8.3.0 socket.io-adapter@2.5.8 redis@5.8.2 >npm.log 2>&1 || { cat npm.log >&2; exit 2; }
redis-server --port 0 --unixsocket "$dir/s" --save "" --appendonly no --dir "$dir" >redis.log 2>&1 &
pid=$!
for _ in $(seq 100); do [ -S "$dir/s" ] && break; sleep 0.1; done
cat >main.mjs <<'JS'
import { createServer } from "node:http";
import { Server } from "socket.io";
import { io } from "socket.io-client";
import { createAdapter, createShardedAdapter } from "@socket.io/redis-adapter";
import { createClient } from "redis";

const rounds = 10;

// node starts a server on the adapter and a client of it, in the room "user".
async function node(adapter) {
  const [pub, sub] = [0, 1].map(() => createClient({ socket: { path: process.argv[2] } }));
  for (const c of [pub, sub]) { c.on("error", (e) => { console.error(e.message); process.exit(2); }); await c.connect(); }
  const http = createServer();
  const server = new Server(http, { adapter: adapter(pub, sub) });
  server.on("connection", (socket) => socket.join("user"));
  await new Promise((done) => http.listen(0, "127.0.0.1", done));
  const client = io(`http://127.0.0.1:${http.address().port}`, { transports: ["websocket"], forceNew: true });
  await new Promise((done) => client.once("connect", done));
  return { server, client };
}

// measure says in how many rounds the client of the emitting node and the client of the other one got the event.
async function measure(adapter, target) {
  const own = await node(adapter), other = await node(adapter);
  const deadline = Date.now() + 20_000;
  for (let seen = 0; seen < 2;) { // until the nodes know each other
    if (Date.now() > deadline) throw new Error("the nodes do not find each other");
    seen = (await own.server.fetchSockets().catch(() => [])).length;
    await new Promise((done) => setTimeout(done, 50));
  }
  const got = { own: 0, other: 0 };
  own.client.on("start", () => got.own++);
  other.client.on("start", () => got.other++);
  for (let round = 0; round < rounds; round++) {
    // The end of the round goes to all by the same way, behind the event.
    const ends = Promise.all([own, other].map(({ client }) => new Promise((done) => client.once("end", done))));
    own.server.in("user").socketsJoin(`game${round}`);
    target(own.server, `game${round}`).emit("start");
    own.server.emit("end");
    await ends;
  }
  for (const { client } of [own, other]) client.close();
  return got;
}

const room = (server, name) => server.to(name), both = (server, name) => server.to(name).to("user");
const results = {};
for (const [name, adapter] of Object.entries({ classic: createAdapter, sharded: createShardedAdapter })) {
  const alone = await measure(adapter, room), cured = await measure(adapter, both);
  console.log(`${name}, ${rounds} times join and emit: the client of the same node got ${alone.own}, the client of the other node ${alone.other};` +
    ` emitted to both rooms: ${cured.own} and ${cured.other}`);
  results[name] = { ...alone, cured: cured.own === rounds && cured.other === rounds };
}
const { classic, sharded } = results;
process.exit(classic.own === 0 && classic.other === rounds && sharded.own === rounds && sharded.other === 0 && classic.cured && sharded.cured ? 0 : 1);
JS
timeout 90 node main.mjs "$dir/s"
