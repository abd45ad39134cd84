#!/usr/bin/env bash
# socket.io 4.8.4, socket.io-client 4.8.4 (npm), several clients of two namespaces in one process
#
# Guess: io(url) and io(url + "/chat") share one connection, as the manual says of namespaces. Twenty simulated clients
#        that each do this in one process make twenty connections, or all share a single one.
# Seen:  thirty-nine. The first two calls share a connection. From the second client on each call finds that the shared
#        connection has its namespace already, and opens a connection of its own, for either namespace: the second
#        client has two. With `new Manager(url)` for each client, and manager.socket() for its namespaces, there are
#        twenty.
# Why:   a load test that is written as the page is has twice the connections that its users would have, twice the
#        heartbeats and handshakes, and no event of one namespace ever waits behind an event of the other. Tried with
#        one client it is right. Count the connections at the server.
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
import {setTimeout as sleep} from "node:timers/promises";
import {Server} from "socket.io";
import {io, Manager} from "socket.io-client";

const http = createServer();
const server = new Server(http);
server.of("/chat");
await new Promise((done) => http.listen(0, "127.0.0.1", done));
const url = `http://127.0.0.1:${http.address().port}`, transports = ["websocket"];

// connections says how many connections the server has when so many clients are in both namespaces, after the first and
// after the last of them.
async function connections(count, client) {
  const sockets = [], open = [];
  for (let i = 0; i < count; i++) {
    const pair = client();
    sockets.push(...pair);
    await Promise.all(pair.map((socket) => socket.connected || new Promise((done) => socket.once("connect", done))));
    open.push(server.engine.clientsCount);
  }
  for (const socket of sockets) socket.close();
  while (server.engine.clientsCount > 0) await sleep(20);
  return {first: open[0], last: open.at(-1)};
}

const called = () => [io(url, {transports}), io(`${url}/chat`, {transports})];
const managed = () => {
  const manager = new Manager(url, {transports});
  return [manager.socket("/"), manager.socket("/chat")];
};
const calls = await connections(20, called), managers = await connections(20, managed);
console.log(`io(url) and io(url + "/chat"): ${calls.first} connection of the first client, ${calls.last} of twenty clients`);
console.log(`with a Manager for each:       ${managers.first} connection of the first client, ${managers.last} of twenty clients`);
server.close();
process.exit(calls.first === 1 && calls.last === 39 && managers.first === 1 && managers.last === 20 ? 0 : 1);
JS
timeout 60 node finding.mjs
