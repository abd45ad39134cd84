#!/usr/bin/env bash
# @socket.io/redis-streams-adapter 0.3.1 with socket.io and socket.io-client 4.8.4, redis (node-redis) 5.8.2, Redis 7
#
# Guess: two applications on one Redis, each with a database of its own (redis://host/0 and /1) or a stream of its own
#        (`streamName`), have nothing to do with each other: a stream is a key, and keys belong to their database.
# Seen:  plain broadcasts stay apart. Three calls do not: they go by pub/sub, which knows no databases, on channels of
#        the option channelPrefix, the same by default. emitWithAck() of one application asks the clients of the other,
#        and returns their answers; fetchSockets() lists their sockets; serverSideEmit() runs their handlers. With a
#        `channelPrefix` for each, nothing crosses. Version 0.2 had all of it in the stream.
# Why:   production and staging on one Redis look apart in every test by emit(). After an update to 0.3, questions to
#        users go to testers, presence is too high by theirs, and a production call fails when a node of staging hangs:
#        its answer counts. Load tests beside a running system put their clients into its numbers.
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
npm install --no-audit --no-fund --loglevel=error --prefix . socket.io@4.8.4 socket.io-client@4.8.4 @socket.io/redis-streams-adapter@0.3.1 \
  redis@5.8.2 >npm.log 2>&1 || { cat npm.log >&2; exit 2; }
redis-server --port 0 --unixsocket "$dir/s" --save "" --appendonly no --dir "$dir" >redis.log 2>&1 &
pid=$!
for _ in $(seq 100); do [ -S "$dir/s" ] && break; sleep 0.1; done
cat >main.mjs <<'JS'
import { createServer } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { Server } from "socket.io";
import { io } from "socket.io-client";
import { createAdapter } from "@socket.io/redis-streams-adapter";
import { createClient } from "redis";

// node starts a server on a database, and a client of it that notes events and answers questions with its name.
async function node(name, database, options) {
  const redis = createClient({ socket: { path: process.argv[2] }, database });
  redis.on("error", (e) => { console.error(e.message); process.exit(2); });
  await redis.connect();
  const http = createServer();
  const server = new Server(http, { adapter: createAdapter(redis, { blockTimeInMs: 200, ...options }) });
  await new Promise((done) => http.listen(0, "127.0.0.1", done));
  const client = io(`http://127.0.0.1:${http.address().port}`, { transports: ["websocket"], forceNew: true });
  await new Promise((done) => client.once("connect", done));
  const events = [];
  client.on("news", () => events.push("news"));
  client.on("begin", () => events.push("begin"));
  client.on("question", (answer) => answer(name));
  server.on("server side", () => events.push("server side"));
  return { server, client, redis, events };
}

// crosses says what two applications have of each other: production has two nodes, staging one.
async function crosses(database, production, staging) {
  const one = await node("production", 0, production), two = await node("production", 0, production);
  const other = await node("staging", database, staging);
  // Each stream is read when an event has come through it.
  while (!two.events.includes("begin")) { one.server.emit("begin"); await sleep(100); }
  const count = async (server) => (await server.fetchSockets().catch(() => [])).length;
  for (let seen = 0; seen < 2; await sleep(50)) seen = await count(one.server);
  await sleep(500);
  one.events.length = two.events.length = other.events.length = 0;
  one.server.emit("news");
  one.server.serverSideEmit("server side");
  const answers = await one.server.timeout(5000).emitWithAck("question");
  const sockets = await count(one.server);
  while (two.events.length < 2) await sleep(50); // both have reached the other node of production by now
  await sleep(500);
  const result = { answers: answers.sort().join(" "), sockets, staging: other.events.sort().join(" and ") || "nothing" };
  for (const { client, server, redis } of [one, two, other]) { client.close(); server.close(); }
  await sleep(300);
  return result;
}

const databases = await crosses(1, {}, {});
const streams = await crosses(0, { streamName: "production" }, { streamName: "staging" });
const prefixes = await crosses(1, { channelPrefix: "production" }, { channelPrefix: "staging" });
for (const [name, { answers, sockets, staging }] of Object.entries({ "two databases": databases, "two streams": streams, "two databases and prefixes": prefixes })) {
  console.log(`${name}: of an emit and a serverSideEmit of production, staging gets ${staging}; emitWithAck is answered by ${answers}; fetchSockets returns ${sockets}`);
}
const crossed = (r) => r.answers === "production production staging" && r.sockets === 3 && r.staging === "server side";
process.exit(crossed(databases) && crossed(streams) && prefixes.answers === "production production" && prefixes.sockets === 2 && prefixes.staging === "nothing" ? 0 : 1);
JS
timeout 90 node main.mjs "$dir/s"
