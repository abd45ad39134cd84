#!/usr/bin/env bash
# socket.io 4.8.4, socket.io-client 4.8.4 (npm)
#
# Guess: socket.on("connect", () => socket.emit("join", room)) puts the client back into its room after every
#        reconnection, before anything else: what was emitted while it was away is sent when the client is connected,
#        after the handlers of "connect" or, at worst, by a race.
# Seen:  what was emitted without a connection is sent before "connect" is emitted, always. The server gets the messages
#        first and the join last: three messages that were typed in an outage it refuses, as of somebody who is not in
#        the room. It is so at the first connection, too, and with the option `retries`.
# Why:   the pattern is everywhere, for rooms and for sign-ins, and works until somebody types in an outage. Then just
#        the messages that the buffer was to save are refused, or sent to a room without their author. A load test that
#        waits for "connect" before it emits never sees it. Send what must come first in `auth`, and join in a
#        middleware.
#
# Needs Node.js. Exits with 0 while this is so, with 1 when it has changed.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm install --no-audit --no-fund --loglevel=error --prefix . socket.io@4.8.4 socket.io-client@4.8.4 >npm.log 2>&1 || { cat npm.log >&2; exit 2; }
cat >main.mjs <<'JS'
import { createServer } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { Server } from "socket.io";
import { io } from "socket.io-client";

const http = createServer();
const server = new Server(http);
let log = [];
server.use((socket, next) => { if (socket.handshake.auth.room) socket.join(socket.handshake.auth.room); next(); });
server.on("connection", (socket) => {
  socket.on("join", (room, answer) => { socket.join(room); log.push("join"); answer?.(); });
  socket.on("say", (room, answer) => { log.push(socket.rooms.has(room) ? "accepted" : "refused"); answer?.(); });
});
await new Promise((done) => http.listen(0, "127.0.0.1", done));

async function measure(what, options) {
  const client = io(`http://127.0.0.1:${http.address().port}`, { transports: ["websocket"], forceNew: true, reconnectionDelay: 200, reconnectionDelayMax: 200, ...options });
  if (!options.auth) client.on("connect", () => client.emit("join", "lobby"));
  const seen = [];
  for (const when of ["before the first connection", "in an outage"]) {
    log = [];
    if (client.connected) client.io.engine.close();
    for (let i = 0; i < 3; i++) client.emit("say", "lobby");
    await new Promise((done) => client.once("connect", done));
    await sleep(500);
    console.log(`${what}, emitted ${when}: ${log.join(", ")}`);
    seen.push(log.join());
  }
  client.close();
  return seen.join("; ");
}
const late = "refused,refused,refused,join", fine = "accepted,accepted,accepted";
const ok = await measure("join at connect", {}) === `${late}; ${late}` &&
  await measure("join at connect, retries", { retries: 2, ackTimeout: 5000 }) === `${late}; ${late}` &&
  await measure("join by auth", { auth: { room: "lobby" } }) === `${fine}; ${fine}`;
process.exit(ok ? 0 : 1);
JS
timeout 60 node main.mjs
