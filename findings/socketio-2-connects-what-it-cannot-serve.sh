#!/usr/bin/env bash
# socket.io 2.5.1 with engine.io 3.6.2 (npm) as the server, socket.io-client 4.8.4 (npm)
#
# Guess: a server of Socket.IO 2 refuses the handshake of a client of version 4, whose request says EIO=4, as a server of
#        version 4 refuses EIO=3: with HTTP 400 and "unsupported protocol version".
# Seen:  it does not look at EIO. Every attempt is answered with 200 and a session of Engine.IO 3, and "connection" is
#        emitted for it, since the default namespace of version 2 needs no request. The client cannot read the answer,
#        says connect_error ("server error", no word of versions), leaves the session open, and tries again.
# Why:   in the middle of an upgrade the server counts connected clients, several for each user, until the heartbeat ends
#        them, while no user is connected. A load test that compares versions, or trusts what the server says of its
#        clients, sees a herd that came and was let in. Count at the client.
#
# Needs Node.js. Exits with 0 while this is so, with 1 when it has changed.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm init -y >/dev/null
npm install --no-audit --no-fund --loglevel=error socket.io@2.5.1 engine.io@3.6.2 client@npm:socket.io-client@4.8.4 >npm.log 2>&1 || { cat npm.log >&2; exit 2; }
cat >finding.cjs <<'JS'
const {createServer} = require("node:http");
const {once} = require("node:events");
const {io} = require("client");
const server2 = require("socket.io");

const attempts = 3;
(async () => {
  const http = createServer();
  const server = server2(http);
  let admitted = 0;
  server.on("connection", () => admitted++);
  http.listen(0, "127.0.0.1");
  await once(http, "listening");
  const url = `http://127.0.0.1:${http.address().port}`;
  const answer = await fetch(`${url}/socket.io/?EIO=4&transport=polling`);
  const body = await answer.text();
  const before = admitted;

  const client = io(url, {reconnectionDelay: 50, reconnectionDelayMax: 50, transports: ["polling"]});
  let connected = 0;
  const errors = [];
  client.on("connect", () => connected++);
  await new Promise((done) => client.on("connect_error", (error) => {
    if (errors.push(error.message) === attempts) { client.disconnect(); done(); }
  }));
  console.log(`a handshake with EIO=4: HTTP ${answer.status}, ${body.replace(/"sid":"[^"]*"/, '"sid":"..."')}`);
  console.log(`the client: ${attempts} attempts, connected ${connected} times; ${[...new Set(errors)].join(", ")}`);
  console.log(`the server: ${admitted - before} connections for them, ${server.engine.clientsCount} sessions in all`);
  const asSeen = answer.status === 200 && /^\d+:0\{/.test(body) && connected === 0 && admitted - before === attempts && server.engine.clientsCount === attempts + 1;
  process.exit(asSeen ? 0 : 1);
})();
JS
timeout 60 node finding.cjs
