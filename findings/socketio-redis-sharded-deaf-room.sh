#!/usr/bin/env bash
# @socket.io/redis-adapter 8.3.0, sharded, with socket.io and socket.io-client 4.8.4, redis (node-redis) 5.8.2, Redis 7
#
# Guess: the sharded adapter has a Redis channel for each room, which a node subscribes to with the first member of the
#        room and leaves with the last. Members come and go in any order; the client library keeps the two in line.
# Seen:  when the last member of a node leaves a room and one joins it before Redis has answered, the node is deaf for
#        the room from then on: of ten events from another node none arrives, nor after seconds, nor for members that
#        join later, until all of them have left. leave(room) and join(room) in a row do it, and so does one that leaves
#        while another one joins. The unsubscription is still on its way, so node-redis counts the channel as
#        subscribed, sends nothing for the join, and forgets the listener when the answer is there. Half a second
#        between the two, or ioredis, and all arrive.
# Why:   places that are handed over, "leave all rooms, then join", a reload of the page: each can cut a room on a node
#        off from all others, while events of its own node go on arriving, and no error is seen anywhere. A load test
#        whose clients stay in their rooms never shows it. Use ioredis, or let somebody of the node stay in the room.
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
npm install --no-audit --no-fund --loglevel=error --prefix . socket.io@4.8.4 socket.io-client@4.8.4 @socket.io/redis-adapter@8.3.0 socket.io-adapter@2.5.9 redis@5.8.2 ioredis@6.0.0 >npm.log 2>&1 || { cat npm.log >&2; exit 2; }
redis-server --port 0 --unixsocket "$dir/s" --save "" --appendonly no --dir "$dir" >redis.log 2>&1 &
pid=$!
for _ in $(seq 100); do [ -S "$dir/s" ] && break; sleep 0.1; done
cat >main.mjs <<'JS'
import { createServer } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { createShardedAdapter } from "@socket.io/redis-adapter";
import { Redis } from "ioredis";
import { createClient } from "redis";
import { Server } from "socket.io";
import { io } from "socket.io-client";

const failed = (e) => { console.error(e.message); process.exit(2); };
const libraries = {
  "node-redis": async () => { const c = createClient({ socket: { path: process.argv[2] } }); c.on("error", failed); await c.connect(); return c; },
  ioredis: async () => { const c = new Redis(process.argv[2]); c.on("error", failed); return c; },
};

async function node(connect, channelPrefix) {
  const http = createServer();
  const server = new Server(http, { adapter: createShardedAdapter(await connect(), await connect(), { channelPrefix }) });
  await new Promise((done) => http.listen(0, "127.0.0.1", done));
  return { server, url: `http://127.0.0.1:${http.address().port}` };
}

// member connects a client and returns its socket on the server, and how many events the client has got.
async function member({ server, url }) {
  const client = io(url, { transports: ["websocket"], forceNew: true });
  const socket = await new Promise((done) => server.once("connection", done));
  const m = { socket, got: 0 };
  client.on("news", () => m.got++);
  return m;
}

async function measure(library) {
  const other = await node(libraries[library], library), own = await node(libraries[library], library);
  const [ann, bob] = [await member(own), await member(own)];
  const seen = {};
  async function check(what) {
    await sleep(500);
    const counts = [];
    for (const from of [other, own]) {
      ann.got = bob.got = 0;
      for (let i = 0; i < 10; i++) from.server.to("room").emit("news", i);
      await sleep(300);
      counts.push(Math.max(ann.got, bob.got));
    }
    seen[what] = counts.join(" and ");
    console.log(`${library}, ${what}: of 10 events of another node and 10 of the own, members got ${seen[what]}`);
  }
  ann.socket.join("room");
  await check("joined");
  ann.socket.leave("room");
  await sleep(500);
  ann.socket.join("room");
  await check("left, and joined half a second later");
  ann.socket.leave("room");
  bob.socket.join("room");
  await check("left while another one joined");
  await sleep(3000);
  await check("three seconds later");
  ann.socket.join("room");
  await check("another member");
  ann.socket.leave("room");
  bob.socket.leave("room");
  await sleep(500);
  ann.socket.join("room");
  await check("all left, and one joined half a second later");
  ann.socket.leave("room");
  ann.socket.join("room");
  await check("left and joined in a row");
  return Object.values(seen).join();
}
const whole = "10 and 10", deaf = "0 and 10";
const ok = await measure("node-redis") === [whole, whole, deaf, deaf, deaf, whole, deaf].join() && await measure("ioredis") === Array(7).fill(whole).join();
process.exit(ok ? 0 : 1);
JS
timeout 90 node main.mjs "$dir/s"
