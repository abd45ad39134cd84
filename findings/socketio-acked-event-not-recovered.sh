#!/usr/bin/env bash
# socket.io 4.8.4, socket.io-client 4.8.4 (npm), connectionStateRecovery
#
# Guess: a client that comes back with recovered = true has got all events that were emitted to its rooms while it was
#        away. An event for which the server asks acknowledgements is one of them; asking makes delivery safer.
# Seen:  asking takes the event out of recovery. Of four broadcasts while a client was away, two plain and two with an
#        acknowledgement, the client gets the plain ones, in order, and never the other two, with recovered = true.
#        emitWithAck() reports success all the same: it counts the clients that were there, and they have answered.
# Why:   the messages that mattered enough to be confirmed are the ones that a short loss of the network loses, with
#        two signs that all is well. Send such a message without an acknowledgement and let clients confirm by an event
#        of their own.
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

const http = createServer();
const server = new Server(http, {connectionStateRecovery: {}});
http.listen(0, "127.0.0.1");
await once(http, "listening");

const until = async (what) => { for (let i = 0; i < 1500 && !what(); i++) await sleep(20); };
function connect() {
  const client = io(`http://127.0.0.1:${http.address().port}`, {transports: ["websocket"], forceNew: true, reconnectionDelay: 3000, randomizationFactor: 0});
  const got = [];
  client.onAny((event, ...args) => { got.push(event); args.at(-1)?.call?.(null, "got it"); });
  return {client, got};
}
const away = connect(), there = connect();
await until(() => away.client.connected && there.client.connected);
server.emit("first"); // gives both an offset
await until(() => away.got.length === 1 && there.got.length === 1);

away.client.io.engine.close();
await until(() => server.sockets.sockets.size === 1);
server.emit("plain-1");
const answers = [await server.timeout(10_000).emitWithAck("confirmed-1")];
server.emit("plain-2");
answers.push(await server.timeout(10_000).emitWithAck("confirmed-2"));
await until(() => away.client.connected);
server.emit("last");
await until(() => away.got.includes("last"));

const missed = there.got.filter((event) => !away.got.includes(event));
console.log(`back with recovered = ${away.client.recovered}: got ${away.got.join(", ")}; missed ${missed.join(", ") || "nothing"}`);
console.log(`emitWithAck() resolved with ${JSON.stringify(answers)}`);
const asSeen = away.client.recovered && away.got.join() === "first,plain-1,plain-2,last" && missed.join() === "confirmed-1,confirmed-2" && answers.flat().length === 2;
process.exit(asSeen ? 0 : 1);
JS
timeout 120 node finding.mjs
