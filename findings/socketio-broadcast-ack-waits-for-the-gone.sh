#!/usr/bin/env bash
# socket.io 4.8.4, socket.io-client 4.8.4 (npm), io.timeout().emitWithAck()
#
# Guess: a broadcast with acknowledgements is done when all clients that are still there have answered. The server
#        knows at once that a client has disconnected, and does not wait for it any longer.
# Seen:  the number of answers to come is fixed when the event is sent. When one client of twenty disconnects in place
#        of answering, the nineteen answers are there after milliseconds, the server has had its "disconnect", and the
#        call waits for its whole time limit and then fails with "operation has timed out"; the nineteen are in the
#        error.
# Why:   with some thousand clients one always leaves, so that the call always takes its limit and always fails: a
#        limit that was chosen to be generous becomes the usual time. Keep it short, and take `responses` of the error
#        for the result.
#
# Exits with 0 while this is so, with 1 when it has changed.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm init -y >/dev/null
npm install --no-audit --no-fund --loglevel=error socket.io@4.8.4 socket.io-client@4.8.4 >npm.log 2>&1 || { cat npm.log >&2; exit 2; }
cat >finding.mjs <<'JS'
import {once} from "node:events";
import {createServer} from "node:http";
import {setTimeout as sleep} from "node:timers/promises";
import {Server} from "socket.io";
import {io} from "socket.io-client";

const clients = 20, limit = 5000;
const http = createServer();
const server = new Server(http);
http.listen(0, "127.0.0.1");
await once(http, "listening");
const until = async (what) => { for (let i = 0; i < 1500 && !what(); i++) await sleep(20); };
const all = [];
for (let i = 0; i < clients; i++) {
  const client = io(`http://127.0.0.1:${http.address().port}`, {transports: ["websocket"], forceNew: true, reconnection: false});
  client.on("ask", (leaves, answer) => i === 0 && leaves ? client.close() : answer(i));
  all.push(client);
}
await until(() => all.every((client) => client.connected) && server.sockets.sockets.size === clients);

// ask says how long a broadcast took, when the server knew of the one that left, and what came back.
async function ask(leaves) {
  const begin = performance.now();
  let known = 0;
  for (const socket of server.sockets.sockets.values()) socket.once("disconnect", () => { known ||= performance.now() - begin; });
  const {error, answers} = await server.timeout(limit).emitWithAck("ask", leaves)
    .then((answers) => ({answers}), (error) => ({error: error.message, answers: error.responses}));
  const took = performance.now() - begin;
  console.log(`${leaves ? `one of ${clients} leaves, the server knew after ${known.toFixed(0)} ms` : "all stay"}: ${error ? `"${error}"` : "done"} after ${took.toFixed(0)} ms, ${answers.length} answers`);
  return {took, known, error, answers};
}
const stay = await ask(false), leave = await ask(true);
process.exit(!stay.error && stay.answers.length === clients && leave.error && leave.answers.length === clients - 1 && leave.known > 0 && leave.known < leave.took && leave.took >= limit - 100 ? 0 : 1);
JS
timeout 60 node finding.mjs
