#!/usr/bin/env bash
# nginx 1.22.1 (Debian), socket.io 4.8.4, socket.io-client 4.8.4 (npm), long polling, `keepalive` of the upstream group
#
# Guess: `keepalive 32` in the upstream group and HTTP/1.1 make nginx keep its connections to the nodes. The map of all
#        guides for websockets, "default upgrade; '' close", concerns requests that ask for an upgrade. The variant
#        without a map, which sends "Connection: upgrade" with everything, is the careless one.
# Seen:  the '' of the map is every request that is no websocket: each poll and each post goes to the node with
#        "Connection: close", on a connection of its own. 45 requests take 45 connections; with "'' ''" in the map
#        they take two, and with the careless variant not more. Websockets work with all three.
# Why:   the better configuration costs a TCP connection between proxy and node for each message of a polling client, in
#        latency and in the processor of both. The option that was set against it has no effect, and no test over
#        websockets shows it. Map '' to ''.
#
# Needs nginx and Node.js. Exits with 0 while this is so, with 1 when it has changed.
set -euo pipefail
PATH=$PATH:/usr/sbin
nginx=$(command -v nginx) || { echo "nginx is not installed" >&2; exit 2; }
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm init -y >/dev/null
npm install --no-audit --no-fund --loglevel=error socket.io@4.8.4 socket.io-client@4.8.4 >npm.log 2>&1 || { cat npm.log >&2; exit 2; }
cat >finding.mjs <<'JS'
import {spawn} from "node:child_process";
import {once} from "node:events";
import {writeFileSync} from "node:fs";
import {createServer} from "node:http";
import {connect} from "node:net";
import {setTimeout as sleep} from "node:timers/promises";
import {Server} from "socket.io";
import {io} from "socket.io-client";

const [nginx, dir] = process.argv.slice(2);
const listening = async (server) => { server.listen(0, "127.0.0.1"); await once(server, "listening"); return server.address().port; };
const free = async () => { const server = createServer(); const port = await listening(server); server.close(); await once(server, "close"); return port; };

const http = createServer();
const server = new Server(http);
server.on("connection", (socket) => socket.on("ask", (acknowledge) => acknowledge()));
let connections = 0, requests = 0;
http.on("connection", () => connections++).on("request", () => requests++);
const node = await listening(http);
const headers = {"map: default upgrade, '' close": "$closing", "map: default upgrade, '' ''": "$keeping", "upgrade, for all requests": "upgrade"};
const ports = [await free(), await free(), await free()];
writeFileSync(`${dir}/nginx.conf`, `
daemon off; master_process off; pid ${dir}/pid; error_log ${dir}/error.log; events { worker_connections 1024; }
http { access_log off; client_body_temp_path ${dir}/b; proxy_temp_path ${dir}/p; fastcgi_temp_path ${dir}/f; uwsgi_temp_path ${dir}/u; scgi_temp_path ${dir}/s;
map $http_upgrade $closing { default upgrade; '' close; }
map $http_upgrade $keeping { default upgrade; '' ''; }
${Object.values(headers).map((header, i) => `
upstream node${i} { server 127.0.0.1:${node}; keepalive 32; }
server {
  listen 127.0.0.1:${ports[i]};
  location / {
    proxy_pass http://node${i}; proxy_http_version 1.1;
    proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection ${header};
  }
}`).join("")} }`);
const proxy = spawn(nginx, ["-p", dir, "-c", `${dir}/nginx.conf`, "-e", `${dir}/error.log`], {stdio: "inherit"});
process.on("exit", () => proxy.kill("SIGTERM"));
process.on("SIGTERM", () => process.exit(1));
const opens = (port) => new Promise((done) => {
  const socket = connect(port, "127.0.0.1");
  socket.on("connect", () => (socket.destroy(), done(true))).on("error", () => done(false));
});
for (let i = 0; i < 200 && !await opens(ports[2]); i++) await sleep(50);

// ask lets a client ask twenty times, one question after the other.
async function ask(port, transport) {
  connections = requests = 0;
  const client = io(`http://127.0.0.1:${port}`, {transports: [transport], forceNew: true, reconnection: false});
  await once(client, "connect");
  for (let i = 0; i < 20; i++) await client.emitWithAck("ask");
  const gone = once(server.sockets.sockets.get(client.id), "disconnect");
  client.close();
  await gone;
  return {connections, requests};
}

const seen = [];
for (const [i, header] of Object.keys(headers).entries()) {
  const polling = await ask(ports[i], "polling");
  await ask(ports[i], "websocket"); // works in all cases
  seen.push(polling);
  console.log(`Connection by ${header}: ${polling.requests} requests of a polling client took ${polling.connections} connections` +
    ` to the node`);
}
const [closing, keeping, careless] = seen;
process.exit(closing.connections === closing.requests && closing.requests > 40 && keeping.connections < 5 && careless.connections < 5 ? 0 : 1);
JS
timeout 60 node finding.mjs "$nginx" "$dir"
