#!/usr/bin/env bash
# @socket.io/redis-streams-adapter 0.3.1 with socket.io and socket.io-client 4.8.4, redis (node-redis) 5.8.2, Redis 7
#
# Guess: `streamCount: 4` spreads the namespaces over four Redis streams, and every node reads the four; the option
#        changes the load, never the delivery.
# Seen:  the stream of a namespace is a signed hash of its name modulo 4. A negative hash gives a negative remainder: the
#        broadcasts of /notifications are written to a stream whose name ends with "--1", "--2" or "--3", which no node
#        reads. Clients of the sending node get them, all others never, without an error. Names of up to about six
#        characters have positive hashes and work; of long names three in eight do not.
# Why:   with "/" and "/chat" the option passes every test, and the first namespace with a longer name is cut in as
#        many parts as there are nodes. Look for keys that end with "--" and a digit, and keep streamCount at 1, or
#        choose the names by their hash.
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
npm install --no-audit --no-fund --loglevel=error --prefix . socket.io@4.8.4 socket.io-client@4.8.4 @socket.io/redis-streams-adapter@0.3.1 redis@5.8.2 >npm.log 2>&1 || { cat npm.log >&2; exit 2; }
redis-server --port 0 --unixsocket "$dir/s" --save "" --appendonly no --dir "$dir" >redis.log 2>&1 &
pid=$!
for _ in $(seq 100); do [ -S "$dir/s" ] && break; sleep 0.1; done
cat >main.mjs <<'JS'
import { createServer } from "node:http";
import { Server } from "socket.io";
import { io } from "socket.io-client";
import { createAdapter } from "@socket.io/redis-streams-adapter";
import { createClient } from "redis";

const sleep = (ms) => new Promise((done) => setTimeout(done, ms));
const names = ["/", "/chat", "/game", "/notifications", "/dashboard", "/orders-live", "/locations", "/typing-status"];

async function connect() {
  const c = createClient({ socket: { path: process.argv[2] } });
  c.on("error", (e) => { console.error(e.message); process.exit(2); });
  return await c.connect();
}

// node starts a server and a client in each of the namespaces, which counts the events that it gets.
async function node(streamCount, streamName) {
  const http = createServer();
  const server = new Server(http, { adapter: createAdapter(await connect(), { streamCount, streamName }) });
  for (const name of names) server.of(name);
  await new Promise((done) => http.listen(0, "127.0.0.1", done));
  const got = new Map(names.map((name) => [name, 0]));
  const sockets = names.map((name) => io(`http://127.0.0.1:${http.address().port}${name}`, { transports: ["websocket"] }));
  await Promise.all(sockets.map((socket, i) => new Promise((done) => socket.on("connect", done).on("news", () => got.set(names[i], got.get(names[i]) + 1)))));
  return { server, got, sockets };
}

// measure broadcasts in all namespaces, again and again for at least three seconds, and says which of them reach the
// clients of the sending node and those of the other one.
async function measure(streamCount) {
  const streamName = `with${streamCount}`;
  const own = await node(streamCount, streamName), other = await node(streamCount, streamName);
  const reached = ({ got }) => names.filter((name) => got.get(name) > 0);
  for (let i = 0; i < 15 || (i < 100 && reached(own).length < names.length); i++) {
    for (const name of names) own.server.of(name).emit("news");
    await sleep(200);
  }
  const redis = await connect();
  const streams = (await redis.keys(`${streamName}*`)).sort();
  await redis.close();
  for (const { sockets } of [own, other]) for (const socket of sockets) socket.disconnect();
  const result = { own: reached(own), other: reached(other), streams };
  const lost = names.filter((name) => !result.other.includes(name));
  console.log(`streamCount ${streamCount}: streams ${streams.join(", ")}`);
  console.log(`  on the sending node ${result.own.length} of ${names.length} namespaces got their broadcasts, on the other ${result.other.length}`);
  if (lost.length > 0) console.log(`  not there: ${lost.join(", ")}`);
  return { ...result, lost };
}

const one = await measure(1), four = await measure(4);
const unread = four.streams.some((stream) => /--[1-3]$/.test(stream));
process.exit(one.lost.length === 0 && four.own.length === names.length && four.lost.includes("/notifications") && !four.lost.includes("/chat") && unread ? 0 : 1);
JS
timeout 90 node main.mjs "$dir/s"
