#!/usr/bin/env bash
# socket.io 4.8.4, socket.io-client 4.8.4, socket.io-msgpack-parser 3.0.2 (npm)
#
# Guess: a client with the MessagePack parser at a server with the default one (or the other way round) gets
#        connect_error, with a reason that has to do with parsing.
# Seen:  no connect_error comes. The server closes the transport, and the socket, which never was connected, says
#        "disconnect" with the reason "transport close"; the client tries again, for ever, at its reconnection delay.
# Why:   after a deploy that changed the parser of one side the error handler stays silent, and what is counted are
#        disconnections of clients that never connected, as a network would cause them. A load test should name the
#        parser when the transport closes before the namespace has answered.
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

const sleep = (ms) => new Promise((done) => setTimeout(done, ms));

// seen connects with these parsers until the socket has an event, and two seconds more, and returns its different events.
async function seen(ofServer, ofClient) {
  const http = createServer();
  const server = new Server(http, ofServer);
  await new Promise((done) => http.listen(0, "127.0.0.1", done));
  const client = io(`http://127.0.0.1:${http.address().port}`,
    {transports: ["websocket"], forceNew: true, reconnectionDelay: 100, randomizationFactor: 0, ...ofClient});
  const events = new Set();
  client.on("connect", () => events.add("connect"));
  client.on("connect_error", (error) => events.add(`connect_error: ${error.message}`));
  client.on("disconnect", (reason) => events.add(`disconnect: ${reason}`));
  for (let i = 0; i < 200 && events.size === 0; i++) await sleep(100);
  await sleep(2000);
  client.off();
  client.close();
  server.close();
  return [...events].join(", ");
}

const same = await seen({}, {});
const other = await seen({}, {parser: msgpack});
console.log("same parser:                 ", same);
console.log("MessagePack client to JSON:  ", other);
process.exit(same === "connect" && other === "disconnect: transport close" ? 0 : 1);
JS
timeout 60 node finding.mjs
