#!/usr/bin/env bash
# socket.io 4.8.4, socket.io-client 4.8.4 (npm), ws below both
#
# Guess: a Socket.IO server that never mentions websocket subprotocols ignores what a client offers in
#        Sec-WebSocket-Protocol; Socket.IO has a protocol of its own, and no option of the server names one.
# Seen:  the server chooses the first of the client's list, whatever it is, and answers with it. A client that
#        offers protocols fails the opening handshake when a server or a proxy of another make leaves the
#        header out: "Server sent no subprotocol".
# Why:   a compatible server has to echo a word it knows nothing about, or clients of the official option
#        `protocols` cannot connect by websocket (they stay on polling, silently, when both are allowed).
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
import net from "node:net";
import {Server} from "socket.io";
import {io} from "socket.io-client";

const listen = (s) => new Promise((done) => s.listen(0, "127.0.0.1", () => done(s.address().port)));

// chosen connects with two protocols offered and returns the chosen one, or the error.
function chosen(port) {
  return new Promise((done) => {
    const client = io(`http://127.0.0.1:${port}`, {transports: ["websocket"], protocols: ["beta", "alpha"], reconnection: false});
    client.on("connect", () => (done(client.io.engine.transport.ws.protocol), client.close()));
    client.on("connect_error", (e) => done(`error: ${e.description?.message ?? e.message}`));
  });
}

const http = createServer();
const server = new Server(http);
const port = await listen(http);
// A bridge that takes the line out of the server's answer, as a server does that does not know subprotocols.
const bridge = net.createServer((client) => {
  const up = net.connect(port, "127.0.0.1");
  client.on("error", () => {}).pipe(up).on("error", () => {});
  up.on("data", (b) => client.write(b.toString("latin1").replace(/Sec-WebSocket-Protocol: .*\r\n/i, ""), "latin1"));
  up.on("end", () => client.end());
});
const direct = await chosen(port);
const without = await chosen(await listen(bridge));
console.log("official server:          ", direct);
console.log("the same without the line:", without);
server.close();
bridge.close();
process.exit(direct === "beta" && /subprotocol/i.test(without) ? 0 : 1);
JS
timeout 60 node finding.mjs
