#!/usr/bin/env bash
# @socket.io/redis-adapter 8.3.0 (notepack.io 3.0.1) and @socket.io/redis-streams-adapter 0.3.1 with socket.io and
# socket.io-client 4.8.4, redis (node-redis) 5.8.2, Redis 7
#
# Guess: io.emit("frame", new Float32Array([1.5, 2])) sends the eight bytes of the array as binary, and every client
#        gets the same ones, on whichever node it is. The adapter carries messages, and does not look into them.
# Seen:  clients of the emitting node get the eight bytes 0000c03f 00000040. Clients of all other nodes get two, 01 02:
#        both modes of the Redis adapter turn each number of the array into one byte, 1.5 into 1 and 300 into 44. A
#        DataView arrives with its bytes at the one and empty at the other. A Uint8Array and a Buffer are right, and the
#        streams adapter has all of these right; an ArrayBuffer arrives there as an empty object.
# Why:   positions, samples and vertices are typed arrays. On one node they are right, and so is every test on one node.
#        With three nodes two of three users have wrong numbers, without an error, and in a load test without a lost
#        message. Emit Buffer.from(array.buffer, array.byteOffset, array.byteLength).
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
npm install --no-audit --no-fund --loglevel=error --prefix . socket.io@4.8.4 socket.io-client@4.8.4 @socket.io/redis-adapter@8.3.0 \
  @socket.io/redis-streams-adapter@0.3.1 notepack.io@3.0.1 redis@5.8.2 >npm.log 2>&1 || { cat npm.log >&2; exit 2; }
redis-server --port 0 --unixsocket "$dir/s" --save "" --appendonly no --dir "$dir" >redis.log 2>&1 &
pid=$!
for _ in $(seq 100); do [ -S "$dir/s" ] && break; sleep 0.1; done
cat >main.mjs <<'JS'
import { createServer } from "node:http";
import { Server } from "socket.io";
import { io } from "socket.io-client";
import { createAdapter, createShardedAdapter } from "@socket.io/redis-adapter";
import { createAdapter as createStreamsAdapter } from "@socket.io/redis-streams-adapter";
import { createClient } from "redis";

async function redis() {
  const client = createClient({ socket: { path: process.argv[2] } });
  client.on("error", (e) => { console.error(e.message); process.exit(2); });
  return client.connect();
}
const adapters = {
  classic: async () => createAdapter(await redis(), await redis()),
  sharded: async () => createShardedAdapter(await redis(), await redis()),
  streams: async () => createStreamsAdapter(await redis(), { channelPrefix: "streams" }),
};
const values = {
  Float32Array: new Float32Array([1.5, 2, 300]),
  Uint16Array: new Uint16Array([1, 300]),
  DataView: new DataView(new Uint8Array([1, 2, 3]).buffer),
  ArrayBuffer: new Uint8Array([1, 2, 3]).buffer,
  Uint8Array: new Uint8Array([1, 2, 3]),
  Buffer: Buffer.from([1, 2, 3]),
};

// node starts a server on the adapter, and a client of it.
async function node(adapter) {
  const http = createServer();
  const server = new Server(http, { adapter: await adapter() });
  await new Promise((done) => http.listen(0, "127.0.0.1", done));
  const client = io(`http://127.0.0.1:${http.address().port}`, { transports: ["websocket"], forceNew: true });
  await new Promise((done) => client.once("connect", done));
  return { server, client };
}

const text = (value) => Buffer.isBuffer(value) ? value.toString("hex") || "nothing" : JSON.stringify(value);
const differ = {};
for (const [name, adapter] of Object.entries(adapters)) {
  const own = await node(adapter), other = await node(adapter);
  const deadline = Date.now() + 20_000;
  for (let seen = 0; seen < 2;) { // until the nodes know each other
    if (Date.now() > deadline) throw new Error("the nodes do not find each other");
    seen = (await own.server.fetchSockets().catch(() => [])).length;
    await new Promise((done) => setTimeout(done, 50));
  }
  // The stream is read from the moment of the first read on, so the first event that arrives begins the count.
  for (let begun = false; !begun;) {
    own.server.emit("begin");
    begun = await Promise.race([new Promise((done) => other.client.once("begin", () => done(true))), new Promise((done) => setTimeout(done, 500, false))]);
  }
  differ[name] = [];
  for (const [kind, value] of Object.entries(values)) {
    const both = Promise.all([own, other].map(({ client }) => new Promise((done) => client.once(kind, (got) => done(text(got))))));
    own.server.emit(kind, value);
    const [here, there] = await both;
    if (here !== there) differ[name].push(kind);
    console.log(`${name}  ${kind.padEnd(12)}  same node: ${here.padEnd(24)}  other node: ${there}`);
  }
  for (const { client } of [own, other]) client.close();
}
const changed = "Float32Array Uint16Array DataView";
process.exit(differ.classic.join(" ") === changed && differ.sharded.join(" ") === changed && differ.streams.join() === "ArrayBuffer" ? 0 : 1);
JS
timeout 90 node main.mjs "$dir/s"
