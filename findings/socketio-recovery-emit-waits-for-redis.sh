#!/usr/bin/env bash
# @socket.io/redis-streams-adapter 0.3.1 with socket.io and socket.io-client 4.8.4, redis (node-redis) 5.8.2, Redis 7
#
# Guess: socket.emit() on the server writes to a connection that this server holds; Redis has a part in broadcasts only.
#        connectionStateRecovery adds what happens after a disconnection.
# Seen:  with connectionStateRecovery every socket.emit() is a broadcast to the room of that one socket: an entry in the
#        Redis stream, which all nodes read, and it is written to the client when Redis has answered. When a handler
#        emits and then acknowledges, its client gets the acknowledgement first. While Redis stands still no direct
#        event arrives, although its server and its client are up; acknowledgements do. Without the option none of
#        this happens.
# Why:   an option about reconnections puts Redis between a server and its own clients: its latency into every event,
#        its outage into every chat, and the traffic of one client to one server onto every node of the cluster. Measure
#        with the option on, and let no client rely on events that were emitted before an acknowledgement.
#
# Needs redis-server and Node.js. Exits with 0 while this is so, with 1 when it has changed.
set -euo pipefail
command -v redis-server >/dev/null || { echo "redis-server is not installed" >&2; exit 2; }
dir=$(mktemp -d)
pid=
cleanup() {
  [ -z "$pid" ] || { kill -CONT "$pid"; kill "$pid"; } 2>/dev/null || true
  wait 2>/dev/null || true
  rm -rf "$dir"
}
trap cleanup EXIT
cd "$dir"
npm install --no-audit --no-fund --loglevel=error --prefix . socket.io@4.8.4 socket.io-client@4.8.4 @socket.io/redis-streams-adapter@0.3.1 socket.io-adapter@2.5.8 redis@5.8.2 >npm.log 2>&1 || { cat npm.log >&2; exit 2; }
redis-server --port 0 --unixsocket "$dir/s" --save "" --appendonly no --dir "$dir" >redis.log 2>&1 &
pid=$!
for _ in $(seq 100); do [ -S "$dir/s" ] && break; sleep 0.1; done
cat >main.mjs <<'JS'
import { createServer } from "node:http";
import { Server } from "socket.io";
import { io } from "socket.io-client";
import { createAdapter } from "@socket.io/redis-streams-adapter";
import { createClient } from "redis";

const [path, redisPid] = [process.argv[2], Number(process.argv[3])];
const within = (ms, promise) => Promise.race([promise.then(() => true), new Promise((done) => setTimeout(done, ms, false))]);

// measure lets a client ask its server, which answers by socket.emit() and then acknowledges.
async function measure(streamName, options) {
  const redis = createClient({ socket: { path } });
  redis.on("error", (e) => { console.error(e.message); process.exit(2); });
  await redis.connect();
  const http = createServer();
  const server = new Server(http, { adapter: createAdapter(redis, { streamName }), ...options });
  server.on("connection", (socket) => socket.on("ask", (acknowledge) => { socket.emit("answer"); acknowledge(); }));
  await new Promise((done) => http.listen(0, "127.0.0.1", done));
  const client = io(`http://127.0.0.1:${http.address().port}`, { transports: ["websocket"], forceNew: true });
  await new Promise((done) => client.once("connect", done));
  let order = [];
  client.on("answer", () => order.push("event"));
  const ask = async () => {
    const answered = new Promise((done) => client.once("answer", done));
    const acknowledged = new Promise((done) => client.emit("ask", () => done(order.push("acknowledgement"))));
    await Promise.all([answered, acknowledged]);
  };
  const before = await redis.xLen(streamName);
  let turned = 0;
  for (let i = 0; i < 100; i++) {
    order = [];
    await ask();
    if (order[0] === "acknowledgement") turned++;
  }
  const entries = await redis.xLen(streamName) - before;
  process.kill(redisPid, "SIGSTOP");
  order = [];
  const asked = ask();
  const arrived = await within(2000, asked);
  const meanwhile = order.join(" and ");
  process.kill(redisPid, "SIGCONT");
  await asked;
  client.close();
  console.log(`${streamName}: 100 direct events made ${entries} entries in Redis; ${turned} came behind the acknowledgement that was sent after them;` +
    ` while Redis stood still the client got: ${meanwhile}`);
  return { entries, turned, arrived, meanwhile };
}

const without = await measure("without-recovery", {});
const recovery = await measure("with-recovery", { connectionStateRecovery: {} });
process.exit(without.entries === 0 && without.turned === 0 && without.arrived &&
  recovery.entries === 100 && recovery.turned === 100 && !recovery.arrived && recovery.meanwhile === "acknowledgement" ? 0 : 1);
JS
timeout 90 node main.mjs "$dir/s" "$pid"
