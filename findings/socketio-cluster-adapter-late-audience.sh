#!/usr/bin/env bash
# @socket.io/cluster-adapter 0.3.0 (socket.io-adapter 2.5.9) with socket.io and socket.io-client 4.8.4 (npm)
#
# Guess: an adapter adds the clients of the other workers. For those of the own worker a broadcast does what it does
#        without one: it goes to those who are in the room when emit is called, before anything that is emitted later.
# Seen:  the adapter hands the broadcast to the other workers first, and looks for the own clients in a later turn of the
#        promise queue. io.to(room).emit("a"); socket.emit("b") arrives as b, a. A client that leaves the room in the line
#        behind the emit misses the event, one that joins there gets it. The other workers have it right. It needs no
#        second worker: a cluster of one shows it.
# Why:   handlers are written like that: "tell the room that somebody leaves, then leave", "tell the room of the newcomer,
#        then join". With the adapter the leaver no longer hears of it, the newcomer is told of himself, and answers
#        overtake the broadcast that they refer to, for the clients of one worker of several. Every adapter on the same
#        base class (ClusterAdapter) does so. Wait for a turn (setImmediate) before the next line, or leave out the
#        client with except() and send to it by itself.
#
# Needs Node.js. Exits with 0 while this is so, with 1 when it has changed.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm init -y >/dev/null
npm install --no-audit --no-fund --loglevel=error socket.io@4.8.4 socket.io-client@4.8.4 socket.io-adapter@2.5.9 @socket.io/cluster-adapter@0.3.0 >npm.log 2>&1 || { cat npm.log >&2; exit 2; }
cat >finding.mjs <<'JS'
import cluster from "node:cluster";
import {once} from "node:events";
import {createServer} from "node:http";
import {Server} from "socket.io";
import {io} from "socket.io-client";
import {createAdapter, setupPrimary} from "@socket.io/cluster-adapter";

if (cluster.isPrimary) {
  setupPrimary();
  const [code] = await once(cluster.fork(), "exit");
  process.exit(code ?? 2);
}

// seen says what a client gets when it asks for each of the three, in order.
async function seen(options) {
  const http = createServer();
  const server = new Server(http, options);
  server.on("connection", (socket) => {
    const end = () => setImmediate(() => socket.emit("end"));
    socket.join("room");
    socket.on("order", () => { server.to("room").emit("broadcast"); socket.emit("direct"); end(); });
    socket.on("leave", () => { server.to("room").emit("somebody leaves"); socket.leave("room"); end(); });
    socket.on("join", () => { server.to("other").emit("somebody joins"); socket.join("other"); end(); });
  });
  http.listen(0, "127.0.0.1");
  await once(http, "listening");
  const client = io(`http://127.0.0.1:${http.address().port}`, {transports: ["websocket"]});
  let got = [];
  client.onAny((event) => got.push(event));
  await new Promise((done) => client.once("connect", done));
  const all = {};
  for (const request of ["order", "leave", "join"]) {
    got = [];
    const ended = new Promise((done) => client.once("end", done));
    client.emit(request);
    await ended;
    all[request] = got.filter((event) => event !== "end").join(", ");
  }
  client.close();
  server.close();
  return all;
}

const alone = await seen({}), clustered = await seen({adapter: createAdapter()});
for (const request of Object.keys(alone)) {
  console.log(`${request}: without an adapter [${alone[request]}], with it [${clustered[request]}]`);
}
const asGuessed = alone.order === "broadcast, direct" && alone.leave === "somebody leaves" && alone.join === "";
const asSeen = clustered.order === "direct, broadcast" && clustered.leave === "" && clustered.join === "somebody joins";
process.exit(asGuessed && asSeen ? 0 : 1);
JS
timeout 60 node finding.mjs
