#!/usr/bin/env bash
# @socket.io/redis-adapter 8.3.0 with socket.io and socket.io-client 4.8.4, redis (node-redis) 5.8.2, Redis 7
#
# Guess: io.fetchSockets() and io.emitWithAck() ask all nodes of the cluster. A node that is up but cannot be asked
#        costs the time limit and gives an error, of the kind "2 of 3 responses".
# Seen:  the nodes to wait for are counted as subscriptions that Redis has at that moment. When one node of three has
#        lost the connection that subscribes, while its clients stay and its other connection is well, the other nodes
#        find the sockets and collect the acknowledgements of two nodes and report success, at once. The node itself,
#        asked, waits for its limit and fails. In a cluster of two it succeeds, too: each is content with its own
#        clients.
# Why:   "is she online", the number of users, an announcement that all must confirm: wrong by a node, with every sign
#        of success, in just the outage for which one asks. A chaos test that cuts one of the two connections finds no
#        error. Compare with the number of nodes that there ought to be.
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
npm install --no-audit --no-fund --loglevel=error --prefix . socket.io@4.8.4 socket.io-client@4.8.4 @socket.io/redis-adapter@8.3.0 socket.io-adapter@2.5.9 redis@5.8.2 >npm.log 2>&1 || { cat npm.log >&2; exit 2; }
redis-server --port 0 --unixsocket "$dir/s" --save "" --appendonly no --dir "$dir" >redis.log 2>&1 &
pid=$!
for _ in $(seq 100); do [ -S "$dir/s" ] && break; sleep 0.1; done
cat >main.mjs <<'JS'
import { createServer } from "node:http";
import { connect, createServer as createProxy } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { createAdapter } from "@socket.io/redis-adapter";
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

const redis = async (socket) => {
  const c = createClient({ socket });
  c.on("error", () => {});
  await c.connect();
  return c;
};

async function node(key, subscribe) {
  const http = createServer();
  const path = process.argv[2];
  const server = new Server(http, { adapter: createAdapter(await redis({ path }), await redis(subscribe ?? { path }), { key, requestsTimeout: 3000 }) });
  await new Promise((done) => http.listen(0, "127.0.0.1", done));
  const client = io(`http://127.0.0.1:${http.address().port}`, { transports: ["websocket"], forceNew: true });
  client.on("ask", (answer) => answer("here"));
  await new Promise((done) => client.once("connect", done));
  return server;
}
const ask = async (server) => [
  await server.fetchSockets().then((all) => `${all.length}`, () => "error"),
  await server.timeout(3000).emitWithAck("ask").then((all) => `${all.length}`, () => "error"),
].join(" and ");

const clusters = {};
for (const size of [2, 3]) {
  const nodes = [await node(`of${size}`, { host: "127.0.0.1", port })];
  while (nodes.length < size) nodes.push(await node(`of${size}`));
  clusters[size] = nodes;
}
await sleep(1000);
const seen = {};
for (const when of ["before", "without the subscriptions of the first node"]) {
  if (when !== "before") { close(); await sleep(500); }
  for (const [size, nodes] of Object.entries(clusters)) {
    const r = { first: await ask(nodes[0]), second: await ask(nodes[1]) };
    console.log(`${size} nodes with a client each, ${when}: sockets found and acknowledgements, asked at the first node ${r.first}, at the second ${r.second}`);
    seen[`${size} ${when === "before"}`] = `${r.first}, ${r.second}`;
  }
}
process.exit(seen["2 true"] === "2 and 2, 2 and 2" && seen["3 true"] === "3 and 3, 3 and 3" &&
  seen["2 false"] === "1 and 1, 1 and 1" && seen["3 false"] === "error and error, 2 and 2" ? 0 : 1);
JS
timeout 90 node main.mjs "$dir/s"
