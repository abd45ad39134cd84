#!/usr/bin/env bash
# @socket.io/redis-adapter 8.3.0 with socket.io 4.8.4, on a Redis Cluster through redis (node-redis) 5.8.2, Redis 7
#
# Guess: a Redis Cluster takes PUBLISH on any node and passes it on to all, so one server's broadcasts reach the clients
#        of another in the order in which they were emitted, as they do with a single Redis.
# Seen:  none is lost, but some overtake others: a PUBLISH has no key, so the cluster client sends each batch to a
#        random master, and two masters that pass messages on to a third do not wait for each other.
# Why:   Socket.IO promises order, and an application that relies on it (a chat, deltas of a document) works until the
#        single Redis is replaced by a cluster. The sharded adapter does not have this: SPUBLISH goes to the master of
#        the channel's slot.
#
# Needs redis-server, redis-cli and Node.js. Exits with 0 while this is so, with 1 when it has changed.
set -euo pipefail
dir=$(mktemp -d)
pids=()
cleanup() {
  for p in "${pids[@]}"; do kill "$p" 2>/dev/null || true; done
  wait 2>/dev/null || true
  rm -rf "$dir"
}
trap cleanup EXIT
cd "$dir"
npm install --no-audit --no-fund --loglevel=error --prefix . socket.io@4.8.4 socket.io-client@4.8.4 @socket.io/redis-adapter@8.3.0 redis@5.8.2 >npm.log 2>&1 || { cat npm.log >&2; exit 2; }
ports=()
for _ in 1 2 3; do
  port=$(node -e 'const s=require("net").createServer().listen(0,"127.0.0.1",()=>{const p=s.address().port;s.close(()=>console.log(p))})')
  while [ "$port" -gt 50000 ]; do port=$((port - 20000)); done
  mkdir "$port"
  redis-server --port "$port" --bind 127.0.0.1 --cluster-enabled yes --cluster-config-file "$dir/$port/nodes.conf" --dir "$dir/$port" --save "" --appendonly no >"$port/log" 2>&1 &
  pids+=($!)
  ports+=("$port")
done
for port in "${ports[@]}"; do
  for _ in $(seq 100); do redis-cli -p "$port" ping >/dev/null 2>&1 && break; sleep 0.1; done
done
redis-cli --cluster create $(printf '127.0.0.1:%s ' "${ports[@]}") --cluster-yes >cluster.log 2>&1 || { cat cluster.log >&2; exit 2; }
for _ in $(seq 100); do redis-cli -p "${ports[0]}" cluster info | grep -q cluster_state:ok && break; sleep 0.1; done
sleep 1
cat >main.mjs <<'JS'
import { createServer } from "node:http";
import { Server } from "socket.io";
import { io } from "socket.io-client";
import { createAdapter, createShardedAdapter } from "@socket.io/redis-adapter";
import { createCluster } from "redis";

const rootNodes = process.argv.slice(2).map((port) => ({ url: `redis://127.0.0.1:${port}` }));
async function node(adapter) {
  const pub = createCluster({ rootNodes });
  const sub = createCluster({ rootNodes });
  for (const c of [pub, sub]) { c.on("error", (e) => { console.error(e.message); process.exit(2); }); await c.connect(); }
  const http = createServer();
  const server = new Server(http, { adapter: adapter(pub, sub) });
  await new Promise((done) => http.listen(0, "127.0.0.1", done));
  return { server, url: `http://127.0.0.1:${http.address().port}` };
}
const total = 3000;
async function measure(adapter) {
  const a = await node(adapter);
  const b = await node(adapter);
  const client = io(b.url, { transports: ["websocket"] });
  await new Promise((done) => client.on("connect", done));
  await new Promise((done) => setTimeout(done, 1000));
  const got = [];
  client.on("n", (n) => got.push(n));
  for (let n = 0; n < total; n++) {
    a.server.emit("n", n);
    if (n % 10 === 9) await new Promise((done) => setImmediate(done));
  }
  for (let i = 0; i < 100 && got.length < total; i++) await new Promise((done) => setTimeout(done, 100));
  client.close();
  return { got: got.length, behind: got.filter((n, i) => i > 0 && n < got[i - 1]).length };
}
const classic = await measure(createAdapter);
const sharded = await measure(createShardedAdapter);
for (const [name, r] of Object.entries({ classic, sharded })) {
  console.log(`${name}: one node sent ${total} in order; the client of the other got ${r.got}, ${r.behind} of them after a later one`);
}
process.exit(classic.behind > 0 && sharded.behind === 0 && classic.got === total ? 0 : 1);
JS
timeout 90 node main.mjs "${ports[@]}"
