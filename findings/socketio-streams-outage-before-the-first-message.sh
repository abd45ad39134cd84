#!/usr/bin/env bash
# @socket.io/redis-streams-adapter 0.3.1 with socket.io and socket.io-client 4.8.4, redis (node-redis) 5.8.2, Redis 7
#
# Guess: the streams adapter loses nothing when the connection to Redis is lost for a while: a node goes on in the
#        stream where it was. That is what its manual names as the difference from the other adapters.
# Seen:  a node that has read one message before the outage gets all twenty that were sent during it. A node that has
#        read none gets none of them, and no error: until its first message it asks for what is newer than "now", and
#        "now" is after the reconnection.
# Why:   a node that has just been started, or all after a deployment at a quiet hour, are without what the adapter is
#        for, until somebody says something. A chaos test that cuts Redis in a fresh cluster measures loss, the same one
#        after a warm-up measures none. Broadcast something when all nodes have started.
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
npm install --no-audit --no-fund --loglevel=error --prefix . socket.io@4.8.4 socket.io-client@4.8.4 @socket.io/redis-streams-adapter@0.3.1 socket.io-adapter@2.5.9 redis@5.8.2 >npm.log 2>&1 || { cat npm.log >&2; exit 2; }
redis-server --port 0 --unixsocket "$dir/s" --save "" --appendonly no --dir "$dir" >redis.log 2>&1 &
pid=$!
for _ in $(seq 100); do [ -S "$dir/s" ] && break; sleep 0.1; done
cat >main.mjs <<'JS'
import { createServer } from "node:http";
import { connect, createServer as createProxy } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { createAdapter } from "@socket.io/redis-streams-adapter";
import { createClient } from "redis";
import { Server } from "socket.io";
import { io } from "socket.io-client";

// A way to Redis that can be closed: it refuses connections then, as a server that is down.
const through = new Set();
const proxy = createProxy((near) => {
  const far = connect(process.argv[2]);
  for (const [from, to] of [[near, far], [far, near]]) {
    through.add(from);
    from.on("error", () => {}).on("close", () => { through.delete(from); to.destroy(); });
    from.pipe(to);
  }
});
const open = (port) => new Promise((done) => proxy.listen(port, "127.0.0.1", done));
const close = () => { proxy.close(); for (const socket of through) socket.destroy(); };
await open(0);
const port = proxy.address().port;

async function node(streamName, socket) {
  const c = createClient({ socket });
  c.on("error", () => {});
  await c.connect();
  const http = createServer();
  const server = new Server(http, { adapter: createAdapter(c, { streamName, channelPrefix: streamName }) });
  await new Promise((done) => http.listen(0, "127.0.0.1", done));
  return { server, url: `http://127.0.0.1:${http.address().port}` };
}

// start makes a cluster of two whose second node reaches Redis by the proxy, and a client of that node.
async function start(name) {
  const sender = await node(name, { path: process.argv[2] }), reader = await node(name, { host: "127.0.0.1", port });
  const client = io(reader.url, { transports: ["websocket"], forceNew: true });
  const cluster = { sender: sender.server, got: [] };
  client.on("news", (what) => cluster.got.push(what));
  await new Promise((done) => client.once("connect", done));
  return cluster;
}
const fresh = await start("fresh"), warm = await start("warm");
await sleep(1000);
warm.sender.emit("news", "first");
await sleep(500);
close();
await sleep(500);
for (let i = 0; i < 20; i++) for (const { sender } of [fresh, warm]) sender.emit("news", i);
await sleep(500);
await open(port);
await sleep(5000);
for (const { sender } of [fresh, warm]) sender.emit("news", "last");
await sleep(1000);
const during = ({ got }) => got.filter((what) => typeof what === "number").length;
console.log(`of 20 messages during an outage of Redis, a node that had read nothing got ${during(fresh)}, one that had read one message ${during(warm)}; the message after it: ${fresh.got.includes("last")}, ${warm.got.includes("last")}`);
process.exit(during(fresh) === 0 && during(warm) === 20 && fresh.got.includes("last") && warm.got.includes("last") ? 0 : 1);
JS
timeout 90 node main.mjs "$dir/s"
