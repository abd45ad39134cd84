#!/usr/bin/env bash
# socket.io 4.8.4, socket.io-client 4.8.4 (npm), connectionStateRecovery
#
# Guess: volatile events take no part in recovery: the server does not store them, so they carry no offset, and a
#        client that received some between two stored events recovers from the last stored one.
# Seen:  the client takes the last argument of every event for the offset when it is a string. Stored events carry
#        the offset there; a volatile one carries the application's own. After a volatile event that ends with a
#        string the client asks for an offset that the server never gave: it is not recovered, gets a new id, and
#        what it missed is lost. The same volatile event with a number at its end does no harm.
# Why:   whether a connection is recovered depends on the type of the last argument of the last event. A chat that
#        tells by volatile events who is typing, by name, loses messages at every reconnection, and a test with
#        numbers in its payload never sees it. End volatile events with something that is not a string.
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

const once = (emitter, event) => new Promise((done) => emitter.once(event, done));
const http = createServer();
const server = new Server(http, {connectionStateRecovery: {maxDisconnectionDuration: 60_000}});
server.on("connection", (socket) => socket.on("end", (acknowledge) => acknowledge()));
await new Promise((done) => http.listen(0, "127.0.0.1", done));

// recovered receives a stored event, then a volatile one with the argument, loses its link, and says whether it was
// recovered and which of the events sent meanwhile it got.
async function recovered(argument) {
  const client = io(`http://127.0.0.1:${http.address().port}`,
    {transports: ["websocket"], forceNew: true, reconnectionDelay: 300, randomizationFactor: 0});
  const got = [];
  client.on("stored", (text) => got.push(text));
  await once(client, "connect");
  server.emit("stored", "before");
  await once(client, "stored");
  server.volatile.emit("typing", argument);
  await once(client, "typing");
  const lost = once(client, "disconnect");
  client.io.engine.close();
  await lost;
  server.emit("stored", "missed");
  await once(client, "connect");
  await client.emitWithAck("end"); // behind everything that is sent again
  const result = `recovered ${client.recovered}, got ${got.join(" and ")}`;
  client.close();
  return result;
}

const number = await recovered(7);
const string = await recovered("Ada");
console.log("after a volatile event that ends with a number:", number);
console.log("after a volatile event that ends with a string:", string);
process.exit(number === "recovered true, got before and missed" && string === "recovered false, got before" ? 0 : 1);
JS
timeout 60 node finding.mjs
