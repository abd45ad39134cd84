#!/usr/bin/env bash
# socket.io 4.8.4, socket.io-client 4.8.4 (npm), connectionStateRecovery, namespaces by a regular expression
#
# Guess: tenants = io.of(/^\/tenant-\d+$/) and tenants.to("room").emit("news") send one event to the room of every
#        tenant, and recovery works in each of these namespaces as in any other: again and again.
# Seen:  the tenants share the list of arguments, and each appends its own offset for recovery: of five tenants the
#        first one's clients get one string too many behind their arguments, those of the fifth five. In the list of
#        what a client missed all five are behind each event. It takes the last one, which is of another namespace, for
#        the place that it has reached, so it is recovered once and then never more. tenants.emit(), without a room, has
#        a list for each.
# Why:   a message to a hundred tenants grows by up to a hundred strings, the more the later a tenant came. A test that
#        ends each connection once finds recovery in order; in the second outage a client loses what it misses. Emit to
#        each namespace by itself.
#
# Needs Node.js. Exits with 0 while this is so, with 1 when it has changed.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm install --no-audit --no-fund --loglevel=error --prefix . socket.io@4.8.4 socket.io-client@4.8.4 socket.io-adapter@2.5.9 >npm.log 2>&1 || { cat npm.log >&2; exit 2; }
cat >main.mjs <<'JS'
import { createServer } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { Server } from "socket.io";
import { io } from "socket.io-client";

const http = createServer();
const server = new Server(http, { connectionStateRecovery: { maxDisconnectionDuration: 60_000 } });
const tenants = server.of(/^\/tenant-\d+$/);
tenants.on("connection", (socket) => socket.join("room"));
await new Promise((done) => http.listen(0, "127.0.0.1", done));

const clients = [];
for (let i = 0; i < 5; i++) {
  const socket = io(`http://127.0.0.1:${http.address().port}/tenant-${i}`, { transports: ["websocket"], forceNew: true, reconnectionDelay: 100, reconnectionDelayMax: 100 });
  const client = { socket, extra: [] };
  socket.on("news", (number, ...more) => client.extra.push(more.length));
  await new Promise((done) => socket.once("connect", done));
  clients.push(client);
}
async function extra(emit) {
  for (const client of clients) client.extra = [];
  emit();
  await sleep(300);
  return clients.map((client) => client.extra.join()).join(" ");
}

// away ends the connection of the first client, emits to all, and says whether it was recovered and got the event.
async function away(emit) {
  const { socket } = clients[0];
  clients[0].extra = [];
  const back = new Promise((done) => socket.once("connect", done));
  socket.io.engine.close();
  await sleep(30);
  emit();
  await back;
  await sleep(300);
  return `${socket.recovered ? "recovered" : "not recovered"}, ${clients[0].extra.length} of 1 events`;
}
const toAll = () => tenants.emit("news", 1), toRooms = () => tenants.to("room").emit("news", 1);
const all = await extra(toAll), first = await away(toAll), second = await away(toAll);
const rooms = await extra(toRooms), third = await away(toRooms), fourth = await away(toRooms);
console.log(`emitted to all: ${all} strings too many, in five tenants; recovery in two outages: ${first}; ${second}`);
console.log(`emitted to a room of all: ${rooms} strings too many, in five tenants; recovery in two more outages: ${third}; ${fourth}`);
const yes = "recovered, 1 of 1 events", no = "not recovered, 0 of 1 events";
process.exit(all === "1 1 1 1 1" && first === yes && second === yes && rooms === "1 2 3 4 5" && third === yes && fourth === no ? 0 : 1);
JS
timeout 60 node main.mjs
