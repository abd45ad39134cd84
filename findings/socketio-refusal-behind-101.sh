#!/usr/bin/env bash
# socket.io 4.8.4 (npm), engine.io and ws below it
#
# Guess: a server that does not serve Engine.IO 3 refuses a websocket handshake with EIO=3 as it refuses a
#        poll: with HTTP 400 in place of 101.
# Seen:  it first answers 101 Switching Protocols, and then writes the 400 with its JSON into the connection
#        that is a websocket now. A client reads "HTTP" as a frame: 'H' is 0x48, a first byte with a reserved
#        bit set, so the error is one of frames ("reserved bits", "invalid opcode"), not of versions. A poll gets
#        the plain 400.
# Why:   a client that wants to say "this server speaks another version" over a websocket finds the reason only
#        behind the handshake that succeeded, in bytes that are no frame; a proxy counts a successful upgrade.
#
# Exits with 0 while this is so, with 1 when it has changed.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm init -y >/dev/null
npm install --no-audit --no-fund --loglevel=error socket.io@4.8.4 >npm.log 2>&1 || { cat npm.log >&2; exit 2; }
cat >finding.mjs <<'JS'
import {createServer} from "node:http";
import net from "node:net";
import {Server} from "socket.io";

const http = createServer();
const server = new Server(http);
await new Promise((done) => http.listen(0, "127.0.0.1", done));
const port = http.address().port;

const poll = await fetch(`http://127.0.0.1:${port}/socket.io/?EIO=3&transport=polling`);
console.log("poll:     ", poll.status, await poll.text());

const bytes = await new Promise((done) => {
  let got = "";
  const c = net.connect(port, "127.0.0.1", () => c.write(
    "GET /socket.io/?EIO=3&transport=websocket HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"));
  c.on("data", (b) => (got += b.toString("latin1")));
  c.on("close", () => done(got));
  setTimeout(() => c.destroy(), 5000);
});
const behind = bytes.slice(bytes.indexOf("\r\n\r\n") + 4);
console.log("websocket:", bytes.split("\r\n")[0]);
console.log("behind it:", JSON.stringify(behind.slice(0, 40)), "first byte 0x" + behind.charCodeAt(0).toString(16));
server.close();
process.exit(poll.status === 400 && bytes.startsWith("HTTP/1.1 101") && behind.startsWith("HTTP/1.1 400") ? 0 : 1);
JS
timeout 60 node finding.mjs
