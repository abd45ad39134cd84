#!/usr/bin/env bash
# socket.io 4.8.4, socket.io-client 4.8.4 (npm), option `retries`
#
# Guess: with `retries: 3` and `ackTimeout` the client sends events as before, and sends an event again whose
#        acknowledgement does not come in time.
# Seen:  it has one event under way at a time: the next one is sent when the one before was acknowledged. Thirty
#        events to a server that takes 50 ms to acknowledge each take 30 times 50 ms; without `retries`, with the
#        same acknowledgements, they take 50 ms in all. Events without a callback wait in the same line.
# Why:   "at least once" limits a client to one event a round trip: at 100 ms to ten a second, and what is emitted
#        faster waits in memory without a bound. A load test that switches `retries` on measures its own queue.
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

const events = 30, takes = 50;
const http = createServer();
const server = new Server(http);
let underWay = 0, most = 0;
server.on("connection", (socket) => socket.on("work", (acknowledge) => {
  most = Math.max(most, ++underWay);
  setTimeout(() => { underWay--; acknowledge(); }, takes);
}));
await new Promise((done) => http.listen(0, "127.0.0.1", done));

// send emits all events at once and returns how many the server had at a time.
async function send(options) {
  const client = io(`http://127.0.0.1:${http.address().port}`, {transports: ["websocket"], forceNew: true, ackTimeout: 10_000, ...options});
  await new Promise((done) => client.once("connect", done));
  most = 0;
  const began = Date.now();
  await Promise.all(Array.from({length: events}, () => client.emitWithAck("work")));
  const result = {most, took: Date.now() - began};
  client.close();
  return result;
}

const plain = await send({});
const retrying = await send({retries: 3});
console.log(`${events} events, acknowledged after ${takes} ms each: at most ${plain.most} at a time, ${plain.took} ms`);
console.log(`the same with retries: 3:                     at most ${retrying.most} at a time, ${retrying.took} ms`);
process.exit(plain.most === events && retrying.most === 1 ? 0 : 1);
JS
timeout 60 node finding.mjs
