#!/usr/bin/env bash
# socket.io 4.8.4 with engine.io 6.6.11 and ws 8.21.3, socket.io-client 4.8.4 (npm), volatile events of the server
#
# Guess: a volatile event is dropped when the client is slow or away; on an idle loopback connection all arrive.
# Seen:  a websocket is "not writable" from any write to the end of the same turn of the event loop. Of ten volatile
#        events that are emitted in a row one arrives. A game loop that emits its state and then, in the same tick, a
#        volatile position delivers every state and not one position; with the two lines exchanged it delivers both.
#        setImmediate between the lines does so, too. An acknowledgement counts as a write like any other.
# Why:   the loss is total, depends on the order of two lines, has nothing to do with the network, and is the same for
#        io.volatile.emit() to a room. A load test that takes lost volatile events for a measure of congestion measures
#        how the server groups its emits. Emit volatile events first, or in a turn of their own.
#
# Exits with 0 while this is so, with 1 when it has changed.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm init -y >/dev/null
npm install --no-audit --no-fund --loglevel=error socket.io@4.8.4 engine.io@6.6.11 ws@8.21.3 socket.io-client@4.8.4 >npm.log 2>&1 || { cat npm.log >&2; exit 2; }
cat >finding.mjs <<'JS'
import {createServer} from "node:http";
import {setImmediate as turn, setTimeout as sleep} from "node:timers/promises";
import {Server} from "socket.io";
import {io} from "socket.io-client";

const http = createServer();
const server = new Server(http);
await new Promise((done) => http.listen(0, "127.0.0.1", done));
const connection = new Promise((done) => server.on("connection", done));
const client = io(`http://127.0.0.1:${http.address().port}`, {transports: ["websocket"]});
const socket = await connection;
await sleep(200);
let got = {};
client.onAny((event) => { got[event] = (got[event] ?? 0) + 1; });

const ticks = 50;
// count runs the tick 50 times, 20 ms apart, and says how many of each event arrived.
async function count(tick) {
  got = {state: 0, position: 0};
  for (let i = 0; i < ticks; i++) {
    await tick();
    await sleep(20);
  }
  await new Promise((done) => { client.once("end", done); socket.emit("end"); });
  return got;
}

const state = () => socket.emit("state"), position = () => socket.volatile.emit("position");
const row = await count(() => { for (let i = 0; i < 10; i++) position(); });
const behind = await count(() => { state(); position(); });
const first = await count(() => { position(); state(); });
const apart = await count(async () => { state(); await turn(); position(); });
const room = await count(() => { server.emit("state"); server.volatile.emit("position"); });
console.log(`ten volatile events in each of ${ticks} ticks:       ${row.position} of ${10 * ticks} arrived`);
console.log(`an event, then a volatile one:              ${behind.state} and ${behind.position} arrived`);
console.log(`the same as broadcasts:                     ${room.state} and ${room.position} arrived`);
console.log(`the volatile one first:                     ${first.state} and ${first.position} arrived`);
console.log(`an event, setImmediate, then a volatile one: ${apart.state} and ${apart.position} arrived`);
client.close();
server.close();
const all = (r) => r.state === ticks && r.position >= ticks - 5;
const asSeen = row.position <= ticks && row.position > 0 && behind.state === ticks && behind.position === 0 && room.state === ticks && room.position === 0;
process.exit(asSeen && all(first) && all(apart) ? 0 : 1);
JS
timeout 60 node finding.mjs
