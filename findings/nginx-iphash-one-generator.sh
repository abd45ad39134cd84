#!/usr/bin/env bash
# nginx 1.22.1 (Debian), socket.io 4.8.4 (npm)
#
# Guess: `ip_hash`, the sticky method that is recommended for Socket.IO behind nginx, spreads clients of many addresses
#        over the nodes; a load generator only has to use some hundred addresses of its own network.
# Seen:  200 clients of 200 addresses that differ in their last number all reach one node of three: ip_hash takes the
#        first three numbers of an IPv4 address. Addresses that differ in the third are spread, and so is
#        `hash $remote_addr` for both.
# Why:   a capacity measured from one subnet, as from a cluster's generator nodes, is that of a single node, with the
#        others idle, and an office behind one address block is one node's load, too.
#
# Needs nginx and Node.js. Exits with 0 while this is so, with 1 when it has changed.
set -euo pipefail
nginx=$(PATH=$PATH:/usr/sbin command -v nginx) || { echo "nginx is missing: apt-get install nginx-light" >&2; exit 2; }
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm init -y >/dev/null
npm install --no-audit --no-fund --loglevel=error socket.io@4.8.4 >npm.log 2>&1 || { cat npm.log >&2; exit 2; }
cat >finding.mjs <<'JS'
import {spawn} from "node:child_process";
import {once} from "node:events";
import {writeFileSync} from "node:fs";
import http from "node:http";
import {connect} from "node:net";
import {Server} from "socket.io";

const [nginx, dir] = process.argv.slice(2);
const listening = async (server) => { server.listen(0, "127.0.0.1"); await once(server, "listening"); return server.address().port; };
const free = async () => { const server = http.createServer(); const port = await listening(server); server.close(); await once(server, "close"); return port; };

const clients = [0, 0, 0], nodes = [];
for (const i of clients.keys()) {
  const server = http.createServer();
  new Server(server).engine.on("connection", () => clients[i]++);
  nodes.push(await listening(server));
}
const ports = {ip_hash: await free(), "hash $remote_addr": await free()};
writeFileSync(`${dir}/nginx.conf`, `
daemon off; master_process off; pid ${dir}/pid; error_log ${dir}/error.log; events { worker_connections 1024; }
http { access_log off; client_body_temp_path ${dir}/b; proxy_temp_path ${dir}/p; fastcgi_temp_path ${dir}/f; uwsgi_temp_path ${dir}/u; scgi_temp_path ${dir}/s;
${Object.entries(ports).map(([method, port], i) => `
upstream nodes${i} { ${method}; ${nodes.map((node) => `server 127.0.0.1:${node};`).join(" ")} }
server { listen 127.0.0.1:${port}; location / { proxy_pass http://nodes${i}; } }`).join("")} }`);
const proxy = spawn(nginx, ["-p", dir, "-c", `${dir}/nginx.conf`, "-e", `${dir}/error.log`], {stdio: "inherit"});
for (const port of Object.values(ports)) {
  for (let open = false; !open;) {
    const socket = connect(port, "127.0.0.1");
    open = await Promise.race([once(socket, "connect").then(() => true), once(socket, "error").then(() => false)]).catch(() => false);
    socket.destroy();
    if (!open) await new Promise((done) => setTimeout(done, 50));
  }
}

// spread opens a session from each address and returns how many reached each node.
async function spread(port, addresses) {
  clients.fill(0);
  for (const localAddress of addresses) {
    await new Promise((done, fail) => http.get({host: "127.0.0.1", port, localAddress, agent: false, path: "/socket.io/?EIO=4&transport=polling"},
      (answer) => answer.resume().on("end", done)).on("error", fail));
  }
  return [...clients];
}

const oneSubnet = Array.from({length: 200}, (_, i) => `127.0.7.${i + 1}`), many = Array.from({length: 200}, (_, i) => `127.0.${i + 1}.7`);
let asSeen = true;
for (const [method, port] of Object.entries(ports)) {
  const one = await spread(port, oneSubnet), other = await spread(port, many);
  console.log(`${method}: addresses of one subnet ${one.join(" / ")}, of 200 subnets ${other.join(" / ")} on the three nodes`);
  asSeen &&= (one.filter(Boolean).length === 1) === (method === "ip_hash") && other.filter(Boolean).length === 3;
}
proxy.kill("SIGTERM");
await once(proxy, "exit");
process.exit(asSeen ? 0 : 1);
JS
timeout 60 node finding.mjs "$nginx" "$dir"
