#!/usr/bin/env bash
# socket.io 4.8.4, socket.io-client 4.8.4 (npm), a list of rooms
#
# Guess: io.to(rooms).emit() reaches the sockets that are in at least one of the rooms. A list without rooms selects
#        nobody, as the list shortened to two, one and no rooms selects fewer and fewer.
# Seen:  an empty list selects every socket of the namespace. io.to([]).emit() is io.emit(), socket.to([]) is
#        socket.broadcast, in([]).fetchSockets() returns all, and in([]).disconnectSockets() disconnects all. With one
#        room in the list that nobody is in, none is reached.
# Why:   lists of rooms are computed: the projects of a user, the neighbours of a player. The first user without a
#        project sends to everybody. A load test with a list for each client sees more deliveries than it owes for some
#        clients alone, and takes them for duplicates. Ask for the length of the list first.
#
# Needs Node.js. Exits with 0 while this is so, with 1 when it has changed.
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

const http = createServer();
const server = new Server(http);
await new Promise((done) => http.listen(0, "127.0.0.1", done));
const event = (emitter, name) => new Promise((done) => emitter.once(name, done));
const clients = [];
for (const room of ["a", "b", "c", "none"]) {
  const connection = event(server, "connection");
  const client = io(`http://127.0.0.1:${http.address().port}`, {transports: ["websocket"], forceNew: true, reconnection: false});
  const socket = await connection;
  if (room !== "none") socket.join(room);
  clients.push({room, client, socket});
}

// reached says which clients got the event that emit sends; "end" goes to all by the same way, behind it.
async function reached(emit) {
  const got = [];
  for (const {room, client} of clients) client.once("event", () => got.push(room));
  const ends = clients.map(({client}) => event(client, "end"));
  emit();
  server.emit("end");
  await Promise.all(ends);
  for (const {client} of clients) client.off("event");
  return got.sort().join(" ") || "nobody";
}

const results = {};
for (const rooms of [["a", "b"], ["a"], ["empty"], []]) {
  results[JSON.stringify(rooms)] = await reached(() => server.to(rooms).emit("event"));
}
const own = await reached(() => clients[0].socket.to([]).emit("event"));
const fetched = (await server.in([]).fetchSockets()).length;
const gone = Promise.all(clients.map(({client}) => event(client, "disconnect")));
server.in([]).disconnectSockets();
await gone;
for (const [rooms, who] of Object.entries(results)) console.log(`io.to(${rooms}).emit() reached: ${who}`);
console.log(`socket.to([]).emit() of the socket in a reached: ${own}`);
console.log(`io.in([]) fetched ${fetched} of ${clients.length} sockets, and disconnected them all`);
server.close();
const asSeen = results["[]"] === "a b c none" && own === "b c none" && fetched === clients.length;
process.exit(asSeen && results['["a","b"]'] === "a b" && results['["a"]'] === "a" && results['["empty"]'] === "nobody" ? 0 : 1);
JS
timeout 60 node finding.mjs
