#!/usr/bin/env bash
# socket.io 4.8.4, socket.io-client 4.8.4, socket.io-msgpack-parser 3.0.2 (npm)
#
# Guess: with the MessagePack parser an event takes fewer bytes than with the JSON parser, small events too: it is a
#        binary format.
# Seen:  the JSON parser writes the packet as digits before the payload (42["move",1,2]); the MessagePack parser encodes
#        the packet as a map, with the names of its fields and the option "compress" in each. An event of two small
#        numbers takes more than three times the bytes. It saves from some hundreds of bytes on, or with binary
#        arguments, which JSON sends as frames of their own.
# Why:   games and cursors, small events at a high rate, are where it is chosen to save bandwidth, and where it costs
#        most. Measure both parsers with the payloads of the application.
#
# Exits with 0 while this is so, with 1 when it has changed.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm init -y >/dev/null
npm install --no-audit --no-fund --loglevel=error socket.io@4.8.4 socket.io-client@4.8.4 socket.io-msgpack-parser@3.0.2 >npm.log 2>&1 || { cat npm.log >&2; exit 2; }
cat >finding.mjs <<'JS'
import {createServer} from "node:http";
import {Server} from "socket.io";
import {io} from "socket.io-client";
import msgpack from "socket.io-msgpack-parser";

const small = [["move", 1, 2]];
const large = [["state", Array.from({length: 200}, (_, i) => ({x: i * 1000.5, y: -i, on: i % 2 === 0}))]];

// bytes says how many bytes of websocket payload the server receives for the event.
async function bytes(options, [[event, ...args]]) {
  const http = createServer();
  const server = new Server(http, options);
  await new Promise((done) => http.listen(0, "127.0.0.1", done));
  let count = 0, counting = false;
  const received = new Promise((done) => server.on("connection", (socket) => {
    socket.conn.on("packet", ({type, data}) => { if (counting && type === "message") count += Buffer.byteLength(data); });
    socket.on(event, () => done());
  }));
  const client = io(`http://127.0.0.1:${http.address().port}`, {transports: ["websocket"], forceNew: true, ...options});
  await new Promise((done) => client.once("connect", done));
  counting = true;
  client.emit(event, ...args);
  await received;
  client.close();
  server.close();
  return count;
}

const result = {};
for (const [name, event] of Object.entries({small, large})) {
  result[name] = {json: await bytes({}, event), msgpack: await bytes({parser: msgpack}, event)};
  console.log(`${name}: ${result[name].json} bytes by JSON, ${result[name].msgpack} by MessagePack`);
}
process.exit(result.small.msgpack > 3 * result.small.json && result.large.msgpack < result.large.json ? 0 : 1);
JS
timeout 60 node finding.mjs
