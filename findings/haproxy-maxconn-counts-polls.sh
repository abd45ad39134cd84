#!/usr/bin/env bash
# HAProxy 2.6.12 (Debian), socket.io 4.8.4, socket.io-client 4.8.4 (npm), long polling, `maxconn` of a server
#
# Guess: `server node ... maxconn 10` lets ten requests at a time work at the node; ten users of a chat, each with one
#        poll under way, are well within it. What is above it waits some milliseconds, as for any application.
# Seen:  a held poll is one of the ten, and it is held until the next event or ping. With ten clients over polling all
#        places are taken by waiting: what any of them sends stays in the queue of the proxy until a ping, of
#        pingInterval 25 s by default, ends the polls. With a pingInterval of 6 s ten acknowledgements take several
#        seconds, without `maxconn` a fraction of one, and over websockets the same ten clients have theirs at once in
#        spite of it.
# Why:   the limit that protects the node from too many clients stops the messages of those it has, and the node is idle
#        meanwhile: its processor and its own latencies say that all is well. Their pongs wait in the same queue. A load
#        test by websocket does not show it, and one by polling finds a cliff at `maxconn` clients. Set it far above the
#        number of clients, and limit requests by their rate.
#
# Needs haproxy and Node.js. Exits with 0 while this is so, with 1 when it has changed.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
haproxy=$(PATH=$PATH:/usr/sbin command -v haproxy) || { echo "haproxy is missing: apt-get install haproxy" >&2; exit 2; }
npm install --no-audit --no-fund --loglevel=error --prefix . socket.io@4.8.4 socket.io-client@4.8.4 >npm.log 2>&1 || { cat npm.log >&2; exit 2; }
cat >main.mjs <<'JS'
import { spawn } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { connect } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { Server } from "socket.io";
import { io } from "socket.io-client";

const [haproxy, dir] = process.argv.slice(2);
const clients = 10;
const listening = async (server) => { server.listen(0, "127.0.0.1"); await once(server, "listening"); return server.address().port; };
const free = async () => { const server = createServer(); const port = await listening(server); server.close(); await once(server, "close"); return port; };

const http = createServer();
const server = new Server(http, { pingInterval: 6000, pingTimeout: 20_000 });
server.on("connection", (socket) => socket.on("say", (_, answer) => answer()));
const port = await listening(http);
const [open, limited] = [await free(), await free()];
const proxied = (name, at, option) => `
listen ${name}
  bind 127.0.0.1:${at}
  server node 127.0.0.1:${port} ${option}
`;
writeFileSync(`${dir}/haproxy.cfg`, `
defaults
  mode http
  timeout connect 10s
  timeout client 90s
  timeout server 90s
  timeout queue 60s
${proxied("open", open, "")}${proxied("limited", limited, `maxconn ${clients}`)}`);
const proxy = spawn(haproxy, ["-f", `${dir}/haproxy.cfg`, "-db"], { stdio: ["ignore", "ignore", "inherit"] });
process.on("exit", () => proxy.kill("SIGKILL"));
process.on("SIGTERM", () => process.exit(1));
const opens = (at) => new Promise((done) => {
  const socket = connect(at, "127.0.0.1");
  socket.on("connect", () => (socket.destroy(), done(true))).on("error", () => done(false));
});
for (const at of [open, limited]) for (let i = 0; i < 200 && !await opens(at); i++) await sleep(50);

// measure connects the clients, lets each ask for an acknowledgement, and says in which milliseconds they came.
async function measure(what, at, transport) {
  const sockets = Array.from({ length: clients }, () => io(`http://127.0.0.1:${at}`, { transports: [transport], forceNew: true }));
  await Promise.all(sockets.map((socket) => new Promise((done) => socket.once("connect", done))));
  await sleep(1000); // all polls are held
  const start = Date.now();
  const times = await Promise.all(sockets.map((socket) => socket.timeout(20_000).emitWithAck("say", "hello").then(() => Date.now() - start)));
  console.log(`${what}: the first of ${clients} acknowledgements came after ${Math.min(...times)} ms, the last after ${Math.max(...times)} ms`);
  sockets.forEach((socket) => socket.close());
  await sleep(1000);
  return times;
}
const plain = await measure("polling, without maxconn", open, "polling");
const websocket = await measure(`websocket, maxconn ${clients}`, limited, "websocket");
const polling = await measure(`polling, maxconn ${clients}`, limited, "polling");
process.exit(Math.max(...plain, ...websocket) < 2000 && Math.min(...polling) > 2000 ? 0 : 1);
JS
timeout 90 node main.mjs "$haproxy" "$dir"
