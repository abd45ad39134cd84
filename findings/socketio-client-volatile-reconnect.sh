#!/usr/bin/env bash
# socket.io 4.8.4, socket.io-client 4.8.4 (npm)
#
# Guess: a volatile event that a client emits while it has no connection is dropped.
# Seen:  before the first connection it is. After a connection was lost, while the client waits for its next
#        attempt, the volatile event goes into the send buffer and is delivered after the reconnection, however
#        old it is.
# Why:   a load test or an application that sends positions, cursors or typing notices as volatile gets a burst
#        of old ones after every outage, and a ledger that expects nothing of them counts them as strangers.
#
# Exits with 0 while this is so, with 1 when it has changed.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm init -y >/dev/null
npm install --no-audit --no-fund --loglevel=error socket.io@4.8.4 socket.io-client@4.8.4 >npm.log 2>&1 || { cat npm.log >&2; exit 2; }
cat >finding.mjs <<'JS'
import {createServer} from "node:http";
import {Server} from "socket.io";
import {io} from "socket.io-client";

const once = (emitter, event) => new Promise((done) => emitter.once(event, done));
const got = [];

// start serves on the port; 0 chooses one.
async function start(port) {
  const http = createServer();
  const server = new Server(http);
  server.on("connection", (socket) => socket.on("v", (what) => got.push(what)).on("end", (acknowledge) => acknowledge()));
  await new Promise((done) => http.listen(port, "127.0.0.1", done));
  return {server, port: http.address().port};
}

const first = await start(0);
const client = io(`http://127.0.0.1:${first.port}`, {transports: ["websocket"], reconnectionDelay: 500, randomizationFactor: 0});
client.volatile.emit("v", "before the first connection");
await once(client, "connect");
const lost = once(client, "disconnect");
first.server.close();
await lost;
client.volatile.emit("v", "while it waits for its next attempt");
const back = once(client, "connect");
const second = await start(first.port);
await back;
await client.emitWithAck("end"); // behind everything that the client had buffered
console.log("volatile events that arrived:", JSON.stringify(got));
client.close();
second.server.close();
process.exit(JSON.stringify(got) === JSON.stringify(["while it waits for its next attempt"]) ? 0 : 1);
JS
timeout 60 node finding.mjs
