#!/usr/bin/env bash
# socket.io 4.8.4 with engine.io 6.6.11 and ws 8.21.3 (npm), option `perMessageDeflate`
#
# Guess: with `perMessageDeflate: {threshold: 1024}` the server compresses messages of 1024 bytes and more, as the option
#        says, and `compress(false)` exempts an event.
# Seen:  as soon as the client offers the extension, which browsers do, every message is compressed, an event of eleven
#        bytes, one with compress(false), and the heartbeat "2", which goes out as a compressed frame of several bytes.
#        ws looks at the threshold only when the two sides have agreed to forget the context after each message; with
#        `serverNoContextTakeover: true` beside it the threshold holds. compress(false) has no effect in either case:
#        engine.io does not pass the flag to ws.
# Why:   the option is set to leave small events alone, and costs a pass of zlib for each of them and for each heartbeat
#        of each client, and its window of memory for each connection. A benchmark of compression with small
#        messages measures zlib, whatever the threshold says.
#
# Exits with 0 while this is so, with 1 when it has changed.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm init -y >/dev/null
npm install --no-audit --no-fund --loglevel=error socket.io@4.8.4 engine.io@6.6.11 ws@8.21.3 >npm.log 2>&1 || { cat npm.log >&2; exit 2; }
cat >finding.mjs <<'JS'
import {createServer} from "node:http";
import net from "node:net";
import {Server} from "socket.io";

// What the server sends, in this order.
const names = ["open packet", "connected", "small event", "small event, compress(false)", "event of 4 KB", "event of 4 KB, compress(false)", "heartbeat"];

// masked is a text frame of a client, whose mask is zero.
const masked = (text) => Buffer.concat([Buffer.from([0x81, 0x80 | text.length, 0, 0, 0, 0]), Buffer.from(text)]);

// frames reads what the bytes hold: for each whole frame its length and whether it is compressed (RSV1).
function frames(bytes) {
  const found = [];
  for (let at = 0; at + 2 <= bytes.length;) {
    let size = bytes[at + 1] & 0x7f, head = 2;
    if (size === 126) {
      if (at + 4 > bytes.length) break;
      size = bytes.readUInt16BE(at + 2);
      head = 4;
    }
    if (at + head + size > bytes.length) break;
    found.push({compressed: (bytes[at] & 0x40) !== 0, size});
    at += head + size;
  }
  return found;
}

// sent returns the frames that a server with the options sends.
async function sent(perMessageDeflate) {
  const http = createServer();
  const server = new Server(http, {perMessageDeflate, pingInterval: 3000});
  server.on("connection", (socket) => {
    for (const text of ["a", "a".repeat(4096)]) {
      socket.emit("e", text);
      socket.compress(false).emit("e", text);
    }
  });
  await new Promise((done) => http.listen(0, "127.0.0.1", done));
  const connection = net.connect(http.address().port, "127.0.0.1");
  connection.write("GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Extensions: permessage-deflate\r\n\r\n");
  let got = Buffer.alloc(0), answer = "", found = [];
  for await (const bytes of connection) {
    got = Buffer.concat([got, bytes]);
    const end = got.indexOf("\r\n\r\n");
    if (answer === "" && end >= 0) {
      answer = got.subarray(0, end).toString();
      got = got.subarray(end + 4);
      connection.write(masked("40"));
    }
    if (answer !== "" && (found = frames(got)).length >= names.length) break;
  }
  connection.destroy();
  server.close();
  return {extension: /Sec-WebSocket-Extensions: (.*)/i.exec(answer)?.[1], found};
}

const pattern = ({extension, found}) => {
  console.log(`agreed: ${extension}`);
  for (const [i, name] of names.entries()) console.log(`  ${name}: ${found[i].size} bytes${found[i].compressed ? ", compressed" : ""}`);
  return found.map(({compressed}) => Number(compressed)).join("");
};
const threshold = pattern(await sent({threshold: 1024}));
const forgetting = pattern(await sent({threshold: 1024, serverNoContextTakeover: true}));
process.exit(threshold === "1111111" && forgetting === "0000110" ? 0 : 1);
JS
timeout 60 node finding.mjs
