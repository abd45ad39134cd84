#!/usr/bin/env bash
# @socket.io/redis-adapter 8.3.0 with socket.io and socket.io-client 4.8.4, redis (node-redis) 5.8.2, Redis 7
#
# Guess: tenants = io.of(/^\/tenant-\d+$/) stands for all namespaces of this kind, and with an adapter for those of all
#        nodes: tenants.emit("news") reaches the clients of every tenant, on every node.
# Seen:  it reaches those of the tenants that this node knows: of which it has, or had, a client, or which it has named
#        itself. A tenant whose clients are all on another node gets nothing, without an error. Its neighbour with one
#        client here and one there gets it on both nodes. io.of("/tenant-2").emit() reaches the other node at once, and
#        from then on tenants.emit() does so, too. With `cleanupEmptyChildNamespaces` a tenant is forgotten again when
#        its last client of this node leaves.
# Why:   the more nodes and the smaller the tenants, the more of them an announcement misses, others after each restart
#        and each reconnection; on one node, and with many clients for each namespace, as load tests have them, it
#        reaches all. Name each namespace by itself, or send the announcement by serverSideEmit() to every node and let
#        each emit to its own with `local`.
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
import { setTimeout as sleep } from "node:timers/promises";
import { createAdapter } from "@socket.io/redis-adapter";
import { createClient } from "redis";
import { Server } from "socket.io";
import { io } from "socket.io-client";

async function node(options) {
  const [pub, sub] = [0, 1].map(() => createClient({ socket: { path: process.argv[2] } }));
  for (const c of [pub, sub]) { c.on("error", (e) => { console.error(e.message); process.exit(2); }); await c.connect(); }
  const http = createServer();
  const server = new Server(http, { adapter: createAdapter(pub, sub, { key: JSON.stringify(options) }), ...options });
  const tenants = server.of(/^\/tenant-\d+$/);
  await new Promise((done) => http.listen(0, "127.0.0.1", done));
  return { server, tenants, url: `http://127.0.0.1:${http.address().port}` };
}

async function measure(options) {
  const own = await node(options), other = await node(options);
  let got = [];
  const client = async (name, { url }, namespace) => {
    const c = io(url + namespace, { transports: ["websocket"], forceNew: true });
    c.on("news", () => got.push(name));
    await new Promise((done) => c.once("connect", done));
    return c;
  };
  await client("1 here", own, "/tenant-1");
  await client("1 there", other, "/tenant-1");
  await client("2 there", other, "/tenant-2");
  await sleep(500);
  const reached = async (emit) => { got = []; emit(); await sleep(500); return got.sort().join(", "); };
  const all = () => own.tenants.emit("news");
  const first = await reached(all);
  const named = await reached(() => own.server.of("/tenant-2").emit("news"));
  const second = await reached(all);
  const guest = await client("2 here", own, "/tenant-2");
  guest.close();
  await sleep(500);
  return { first, named, second, third: await reached(all) };
}
const kept = await measure({}), cleaned = await measure({ cleanupEmptyChildNamespaces: true });
for (const [what, r] of Object.entries({ "": kept, "with cleanupEmptyChildNamespaces, ": cleaned })) {
  console.log(`${what}emitted to all tenants, reached: ${r.first}`);
  console.log(`${what}emitted to the second tenant by name: ${r.named}; then to all tenants: ${r.second}; after a client of it came and left: ${r.third}`);
}
const some = "1 here, 1 there", everybody = "1 here, 1 there, 2 there";
const is = (r, third) => r.first === some && r.named === "2 there" && r.second === everybody && r.third === third;
process.exit(is(kept, everybody) && is(cleaned, some) ? 0 : 1);
JS
timeout 90 node main.mjs "$dir/s"
