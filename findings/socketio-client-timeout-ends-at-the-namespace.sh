#!/usr/bin/env bash
# socket.io 4.8.4, socket.io-client 4.8.4 (npm), option `timeout` of the client and `connectTimeout` of the server
#
# Guess: with `timeout: 500` a client is connected within half a second or has a connect_error: whatever the server
#        waits for, a database in its middleware, say, is part of the connection.
# Seen:  the option ends with the transport. A middleware that does not come back leaves the client without "connect"
#        and without connect_error. In its only namespace the server's `connectTimeout` (45 s by default) ends the
#        transport, and the client, which never was connected, says "disconnect", comes back and waits again. In a
#        second namespace, on a transport that has another one, no limit of either side counts: nothing is said for
#        ever.
# Why:   a sign-in service that stands still makes no errors: clients that never connected are seen as disconnected, or
#        not seen. A load test that counts "connect" and connect_error finds that some of its clients have neither, and
#        that its latencies of connecting, of those that came through, are good. Set a timer of your own for each
#        namespace, and let the middleware have a time limit.
#
# Needs Node.js. Exits with 0 while this is so, with 1 when it has changed.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm install --no-audit --no-fund --loglevel=error --prefix . socket.io@4.8.4 socket.io-client@4.8.4 >npm.log 2>&1 || { cat npm.log >&2; exit 2; }
cat >main.mjs <<'JS'
import { createServer } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { Server } from "socket.io";
import { io, Manager } from "socket.io-client";

const http = createServer();
const server = new Server(http, { connectTimeout: 3000 });
server.of("/slow").use(() => {}); // waits for something that does not come
await new Promise((done) => http.listen(0, "127.0.0.1", done));
const url = `http://127.0.0.1:${http.address().port}`;
const options = { transports: ["websocket"], timeout: 500, reconnectionDelay: 100, reconnectionDelayMax: 100 };

function watch(socket) {
  const seen = [];
  for (const name of ["connect", "connect_error", "disconnect"]) socket.on(name, (what) => seen.push(what ? `${name} (${what})` : name));
  return seen;
}
const alone = watch(io(`${url}/slow`, { ...options, forceNew: true }));
const manager = new Manager(url, options);
const main = watch(manager.socket("/")), second = watch(manager.socket("/slow"));
await sleep(2000);
const early = alone.length + second.length;
await sleep(6000);
console.log(`timeout 500 ms, after two seconds: ${early ? "something was said" : "nothing was said"}`);
console.log(`connectTimeout 3 s, after eight seconds: the only namespace: ${alone.join(", ") || "nothing"}; a second namespace: ${second.join(", ") || "nothing"}; the namespace beside it: ${main.join(", ")}`);
process.exit(early === 0 && alone.length > 0 && alone.every((what) => what === "disconnect (transport close)") && second.length === 0 && main.join() === "connect" ? 0 : 1);
JS
timeout 60 node main.mjs
