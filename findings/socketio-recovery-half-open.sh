#!/usr/bin/env bash
# socket.io 4.8.4, socket.io-client 4.8.4 (npm), connectionStateRecovery
#
# Guess: a websocket client that lost its link and comes back within maxDisconnectionDuration, with its pid and
#        offset, is the same socket again (socket.recovered) and gets what it missed.
# Seen:  that holds only if the server has noticed the loss. While the server still holds the old connection
#        (half-open: the client's side is gone, the server's is not, until the ping timeout), the client gets
#        a new id, recovered is false, and what was sent to its rooms meanwhile is not sent again.
# Why:   half-open is how connections of phones and behind NAT end. With the usual ping interval of 25 s and
#        timeout of 20 s the quick reconnects, which are most of them, are the ones that do not recover.
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
import net from "node:net";
import {Server} from "socket.io";
import {io} from "socket.io-client";

const listen = (s) => new Promise((done) => s.listen(0, "127.0.0.1", () => done(s.address().port)));
const wait = (ms) => new Promise((done) => setTimeout(done, ms));

// lose connects a client through a bridge, breaks its link, lets it come back, and returns what it saw.
async function lose(serverNotices) {
  const http = createServer();
  const server = new Server(http, {connectionStateRecovery: {}, pingInterval: 25000, pingTimeout: 20000});
  const left = new Promise((done) => server.on("connection", (s) => {
    s.join("room");
    s.on("disconnect", done);
    s.on("end", (acknowledge) => acknowledge());
  }));
  const port = await listen(http);
  const links = [];
  const bridge = net.createServer((client) => {
    const up = net.connect(port, "127.0.0.1");
    client.on("error", () => {});
    up.on("error", () => {});
    client.on("data", (b) => up.write(b));
    up.on("data", (b) => client.writable && client.write(b));
    links.push({client, up});
  });
  const client = io(`http://127.0.0.1:${await listen(bridge)}`, {transports: ["websocket"], reconnectionDelay: 300, randomizationFactor: 0});
  const seen = [];
  client.on("n", (n) => seen.push(n));
  await new Promise((done) => client.once("connect", done));
  const first = client.id;
  server.to("room").emit("n", 1); // recovery wants an offset
  while (seen.length === 0) await wait(20);
  const back = new Promise((done) => client.once("connect", done));
  links[0].client.destroy();
  if (serverNotices) {
    links[0].up.destroy();
    await left;
  }
  server.to("room").emit("n", 2); // while the client is away
  await back;
  await client.emitWithAck("end"); // behind everything that is sent again
  const result = {recovered: client.recovered, sameId: client.id === first, seen: seen.join()};
  client.close();
  links.forEach((l) => (l.client.destroy(), l.up.destroy()));
  server.close();
  bridge.close();
  return result;
}

const clean = await lose(true);
const half = await lose(false);
console.log("the server noticed the loss:", JSON.stringify(clean));
console.log("half-open:                  ", JSON.stringify(half));
const asFound = clean.recovered && clean.seen === "1,2" && !half.recovered && !half.sameId && half.seen === "1";
process.exit(asFound ? 0 : 1);
JS
timeout 60 node finding.mjs
