#!/usr/bin/env bash
# socket.io 4.8.4, socket.io-client 4.8.4 with engine.io-client 6.6.8 and xmlhttprequest-ssl 2.1.2 (npm), long polling
#
# Guess: a client under Node.js keeps its TCP connection to the server between polls, as a browser does: http.get() and
#        fetch() of the same process do so, since the global agent of Node.js 19 and later has keepAlive.
# Seen:  each poll and each post opens a connection of its own and ends it: 45 requests, 45 connections. The
#        XMLHttpRequest below the client passes `agent: false` where no agent was given, which is not the global agent
#        but a new one for every request. With `agent: new http.Agent({keepAlive: true})` among the options of the
#        client they take two or three.
# Why:   a load test over polling measures a TCP handshake, and with https a TLS handshake, in each message, in latency
#        and in the processor of the server, that no browser causes. Tools on top of this client inherit it. Give
#        each client an agent of its own.
#
# Needs Node.js 19 or later. Exits with 0 while this is so, with 1 when it has changed.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm init -y >/dev/null
npm install --no-audit --no-fund --loglevel=error socket.io@4.8.4 socket.io-client@4.8.4 engine.io-client@6.6.8 xmlhttprequest-ssl@2.1.2 >npm.log 2>&1 || { cat npm.log >&2; exit 2; }
cat >finding.mjs <<'JS'
import {Agent, createServer, get, globalAgent} from "node:http";
import {Server} from "socket.io";
import {io} from "socket.io-client";

const http = createServer((request, response) => { if (request.url === "/plain") response.end("answer"); });
let connections = 0, requests = 0;
const server = new Server(http);
http.on("connection", () => connections++).on("request", () => requests++); // behind the server, which replaces the listeners
server.on("connection", (socket) => socket.on("ask", (acknowledge) => acknowledge()));
await new Promise((done) => http.listen(0, "127.0.0.1", done));
const url = `http://127.0.0.1:${http.address().port}`;

async function count(use) {
  connections = requests = 0;
  await use();
  return {connections, requests};
}

// ask lets a client that polls ask the server twenty times, one question after the other.
const ask = (agent) => async () => {
  const client = io(url, {transports: ["polling"], forceNew: true, agent});
  await new Promise((done) => client.once("connect", done));
  for (let i = 0; i < 20; i++) await client.emitWithAck("ask");
  const gone = new Promise((done) => server.sockets.sockets.get(client.id).once("disconnect", done));
  client.close();
  await gone;
};
const plain = await count(async () => {
  for (let i = 0; i < 20; i++) {
    await new Promise((done) => get(`${url}/plain`, (response) => response.resume().once("close", done)));
  }
});
const usual = await count(ask());
const agent = new Agent({keepAlive: true});
const kept = await count(ask(agent));
agent.destroy();
console.log(`Node.js ${process.version}, keepAlive of the global agent: ${globalAgent.keepAlive}`);
console.log(`http.get():             ${plain.requests} requests on ${plain.connections} connections`);
console.log(`the client:             ${usual.requests} requests on ${usual.connections} connections`);
console.log(`the client with agent:  ${kept.requests} requests on ${kept.connections} connections`);
process.exit(globalAgent.keepAlive && plain.connections < 3 && usual.connections === usual.requests && kept.connections < 5 ? 0 : 1);
JS
timeout 60 node finding.mjs
