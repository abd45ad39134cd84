#!/usr/bin/env bash
# @socket.io/redis-adapter 8.3.0 and @socket.io/redis-streams-adapter 0.3.1 with socket.io and socket.io-client 4.8.4,
# ioredis 6.0.0 with `keyPrefix`, Redis 7
#
# Guess: `keyPrefix: "shop:"` keeps the keys of an application apart on a shared Redis. Pub/sub has no keys, so adapters
#        do not notice it; and if it counted for channels, then alike for both ends.
# Seen:  the classic adapter and the streams adapter work with it. Sharded pub/sub has keys: SPUBLISH and SSUBSCRIBE
#        name their channel as one, ioredis puts the prefix before it, and gives the messages to the listener under the
#        channel's full name. The adapter knows no channel of that name and drops them: of ten events the clients of the
#        other node get none, and fetchSockets() finds the sockets of the own node alone, both without an error. Only
#        emitWithAck() fails, after its whole time limit.
# Why:   the move from the classic to the sharded adapter, with the same clients of Redis, cuts the cluster into single
#        nodes, while the messages go through Redis as they should. Use a client without a prefix for the adapter, and
#        the adapter's own option `channelPrefix`.
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
npm install --no-audit --no-fund --loglevel=error --prefix . socket.io@4.8.4 socket.io-client@4.8.4 @socket.io/redis-adapter@8.3.0 @socket.io/redis-streams-adapter@0.3.1 socket.io-adapter@2.5.9 ioredis@6.0.0 >npm.log 2>&1 || { cat npm.log >&2; exit 2; }
redis-server --port 0 --unixsocket "$dir/s" --save "" --appendonly no --dir "$dir" >redis.log 2>&1 &
pid=$!
for _ in $(seq 100); do [ -S "$dir/s" ] && break; sleep 0.1; done
cat >main.mjs <<'JS'
import { createServer } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { createAdapter, createShardedAdapter } from "@socket.io/redis-adapter";
import { createAdapter as createStreamsAdapter } from "@socket.io/redis-streams-adapter";
import { Redis } from "ioredis";
import { Server } from "socket.io";
import { io } from "socket.io-client";

const adapters = {
  classic: (connect, name) => createAdapter(connect(), connect(), { key: name }),
  streams: (connect, name) => createStreamsAdapter(connect(), { streamName: name, channelPrefix: name }),
  sharded: (connect, name) => createShardedAdapter(connect(), connect(), { channelPrefix: name }),
};

async function node(adapter) {
  const http = createServer();
  const server = new Server(http, { adapter });
  await new Promise((done) => http.listen(0, "127.0.0.1", done));
  const client = io(`http://127.0.0.1:${http.address().port}`, { transports: ["websocket"], forceNew: true });
  client.on("ask", (answer) => answer("here"));
  await new Promise((done) => client.once("connect", done));
  return { server, client };
}

async function measure(kind, keyPrefix) {
  const connect = () => {
    const c = new Redis(process.argv[2], keyPrefix ? { keyPrefix } : {});
    c.on("error", (e) => { console.error(e.message); process.exit(2); });
    return c;
  };
  const adapter = adapters[kind](connect, `${kind}${keyPrefix}`);
  const own = await node(adapter), other = await node(adapters[kind](connect, `${kind}${keyPrefix}`));
  await sleep(1000);
  let got = 0;
  other.client.on("news", () => got++);
  for (let i = 0; i < 10; i++) own.server.emit("news", i);
  await sleep(500);
  const sockets = await own.server.fetchSockets().then((all) => all.length, (e) => e.message);
  const answers = await own.server.timeout(2000).emitWithAck("ask").then((all) => all.length, (e) => `${e.message} ${e.responses.length}`);
  for (const { client } of [own, other]) client.close();
  console.log(`${kind}, ${keyPrefix ? `keyPrefix "${keyPrefix}"` : "no prefix"}: the other node's client got ${got} of 10 events; fetchSockets() found ${sockets} of 2, emitWithAck() has: ${answers}`);
  return [got, sockets, answers].join();
}
const whole = "10,2,2";
let ok = true;
for (const kind of Object.keys(adapters)) {
  ok &&= await measure(kind, "") === whole;
  ok &&= await measure(kind, "shop:") === (kind === "sharded" ? "0,1,operation has timed out 1" : whole);
}
process.exit(ok ? 0 : 1);
JS
timeout 90 node main.mjs "$dir/s"
