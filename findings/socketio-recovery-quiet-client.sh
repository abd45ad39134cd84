#!/usr/bin/env bash
# socket.io 4.8.4, socket.io-client 4.8.4 (npm), connectionStateRecovery
#
# Guess: `maxDisconnectionDuration` says how long a client may be away: one that comes back a tenth of a second later is
#        recovered, and gets what it missed.
# Seen:  the time also counts from the last event that the client got before. A client that was connected for a minute
#        without an event, with a maxDisconnectionDuration of 5 s, is not recovered after an absence of a tenth of a
#        second, and what was emitted meanwhile is lost. The server throws away the stored event, by which the client
#        says how far it has come, and with it the place to go on from. A client that never got an event is not
#        recovered either. One that got an event just before is.
# Why:   recovery works for busy clients and never for quiet ones: with the default of two minutes those are users of a
#        support chat, of notifications, of a room at night, for whom the one message that they miss is the only one. A
#        load test with steady traffic recovers all its clients. Emit something at the connection, and then at intervals
#        below that time.
#
# Exits with 0 while this is so, with 1 when it has changed.
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
const server = new Server(http, { connectionStateRecovery: { maxDisconnectionDuration: 5000 } });
await new Promise((done) => http.listen(0, "127.0.0.1", done));
const client = async () => {
  const c = io(`http://127.0.0.1:${http.address().port}`, { transports: ["websocket"], forceNew: true, reconnectionDelay: 100, reconnectionDelayMax: 100 });
  await new Promise((done) => c.once("connect", done));
  return c;
};

// away ends the connection of c, emits an event, and says what c has of it when it is back.
async function away(c) {
  let got = false;
  c.once("missed", () => { got = true; });
  const back = new Promise((done) => c.once("connect", done));
  c.io.engine.close();
  await sleep(50);
  server.emit("missed");
  await back;
  await sleep(500);
  c.off("missed");
  return `${c.recovered ? "recovered" : "not recovered"}, the event it missed ${got ? "came" : "did not come"}`;
}

const silent = await client(), busy = await client(), quiet = await client();
const seen = {};
seen["never got an event"] = await away(silent);
server.emit("news");
await sleep(200);
seen["got an event just before"] = await away(busy);
const last = Date.now();
quiet.onAny(() => { throw new Error("the quiet client is to get nothing"); });
await sleep(66_000); // the server tidies up once a minute
quiet.offAny();
seen[`got the last event ${Math.round((Date.now() - last) / 1000)} s ago`] = await away(quiet);
for (const [what, outcome] of Object.entries(seen)) console.log(`${what}, away for about 100 ms: ${outcome}`);
const yes = "recovered, the event it missed came", no = "not recovered, the event it missed did not come";
process.exit(Object.values(seen).join() === [no, yes, no].join() ? 0 : 1);
JS
timeout 110 node main.mjs
