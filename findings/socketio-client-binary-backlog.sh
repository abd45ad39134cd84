#!/usr/bin/env bash
# socket.io 4.8.4 with engine.io 6.6.13, socket.io-client 4.8.4 with engine.io-client 6.6.8 (npm), long polling
#
# Guess: the handshake tells the client `maxPayload`, one million bytes by default, and over polling the client splits
#        what it has to send into posts of at most that size. What it emits in one go arrives, however much it is.
# Seen:  that holds for text. Binary is sent as base64, and the client reckons with 1.33 bytes for each in place of 4/3:
#        a post that it takes for just below 1 000 000 bytes has 1 003 331. The server refuses it with 413 and ends the
#        connection: "transport close". Of 2000 events of 1000 bytes each none arrives, of 3000 with text of the same
#        length all do. It is so whenever a megabyte waits in pieces of up to a kilobyte. By websocket, also by a later
#        upgrade, and with an acknowledgement awaited now and then, all arrive.
# Why:   sound, an upload in pieces, or a backlog after an outage ends the connection of those alone whose websockets
#        are blocked by a proxy. What they sent is lost, and what one sees is a disconnection that names no reason. Wait
#        for an acknowledgement after some hundred kilobytes.
#
# Needs Node.js. Exits with 0 while this is so, with 1 when it has changed.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm install --no-audit --no-fund --loglevel=error --prefix . socket.io@4.8.4 socket.io-client@4.8.4 engine.io@6.6.13 engine.io-client@6.6.8 >npm.log 2>&1 || { cat npm.log >&2; exit 2; }
cat >main.mjs <<'JS'
import { createServer } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { Server } from "socket.io";
import { io } from "socket.io-client";

const http = createServer();
let refused = [], arrived = 0;
const server = new Server(http);
http.prependListener("request", (request, response) => response.on("close", () => {
  if (response.statusCode === 413) refused.push(Number(request.headers["content-length"]));
}));
server.on("connection", (socket) => socket.on("piece", (_, answer) => { arrived++; answer?.(); }));
await new Promise((done) => http.listen(0, "127.0.0.1", done));

async function measure(what, count, piece, transports, pause) {
  refused = [], arrived = 0;
  const ends = [];
  const client = io(`http://127.0.0.1:${http.address().port}`, { transports, forceNew: true, reconnection: false });
  client.on("disconnect", (reason) => ends.push(reason));
  await new Promise((done) => client.once("connect", done));
  for (let i = 0; i < count; i++) {
    if (pause && i % pause === pause - 1) await client.timeout(10_000).emitWithAck("piece", piece);
    else client.emit("piece", piece);
  }
  for (let i = 0; i < 100 && arrived < count && !ends.length; i++) await sleep(100);
  const end = ends[0];
  client.close();
  console.log(`${what}: ${arrived} of ${count} arrived; ${end ?? "still connected"}; refused posts, in bytes: ${refused.join(" ") || "none"}`);
  return { lost: count - arrived, end, refused: refused.filter((size) => size > 1_000_000).length };
}
const bytes = Buffer.alloc(1000, 1), polling = ["polling"];
const text = await measure("text", 3000, "x".repeat(1000), polling);
const paused = await measure("binary, an acknowledgement awaited every 200", 2000, bytes, polling, 200);
const websocket = await measure("binary, websocket", 2000, bytes, ["websocket"]);
const upgrading = await measure("binary, polling and then websocket", 2000, bytes, ["polling", "websocket"]);
const binary = await measure("binary", 2000, bytes, polling);
const broken = binary.lost === 2000 && binary.end === "transport close" && binary.refused > 0;
process.exit([text, paused, websocket, upgrading].every((r) => r.lost === 0 && r.refused === 0) && broken ? 0 : 1);
JS
timeout 90 node main.mjs
