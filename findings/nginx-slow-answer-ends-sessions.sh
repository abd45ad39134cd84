#!/usr/bin/env bash
# nginx 1.22.1 (Debian), socket.io 4.8.4, socket.io-client 4.8.4 (npm), long polling, sticky by `ip_hash`
#
# Guess: a route of the application that answers later than `proxy_read_timeout` costs its own caller a 504 or, for a
#        GET, a second try at another node. The Socket.IO clients of the same node do not notice it.
# Seen:  that one late answer counts as a failure of the node, and one failure takes the node out of the group for ten
#        seconds (max_fails=1 and fail_timeout=10s, by default). ip_hash sends its clients to another node meanwhile,
#        which does not know their sessions and refuses them with 400: all polling clients of the node lose their
#        connection. The caller of the slow route has its answer, from another node. With `max_fails=0` at each server
#        of the group nothing happens to them.
# Why:   one slow report ends some thousand sessions, whose reconnections then come all at once to the nodes that are
#        left. In a load test it looks like a crash of the node, whose log says nothing: it never was away.
#
# Needs nginx and Node.js. Exits with 0 while this is so, with 1 when it has changed.
set -euo pipefail
nginx=$(PATH=$PATH:/usr/sbin command -v nginx) || { echo "nginx is missing: apt-get install nginx-light" >&2; exit 2; }
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
const many = 20;
const listening = async (server) => { server.listen(0, "127.0.0.1"); await once(server, "listening"); return server.address().port; };
const free = async () => { const server = createServer(); const port = await listening(server); server.close(); await once(server, "close"); return port; };

// Two nodes; the one that the clients are on takes three seconds for its report, the other one answers at once.
const nodes = [], onNode = [0, 0];
for (const i of [0, 1]) {
  const http = createServer((request, response) => {
    if (request.url === "/report") setTimeout(() => response.end(`report of node ${i}`), onNode[i] > 0 ? 3000 : 0);
  });
  new Server(http).on("connection", (socket) => {
    onNode[i]++;
    socket.on("ask", (acknowledge) => acknowledge());
  });
  nodes.push(await listening(http));
}
const ports = {"max_fails=1, the default": await free(), "max_fails=0": await free()};
writeFileSync(`${dir}/nginx.conf`, `
daemon off; master_process off; pid ${dir}/pid; error_log ${dir}/error.log; events { worker_connections 1024; }
http { access_log off; client_body_temp_path ${dir}/b; proxy_temp_path ${dir}/p; fastcgi_temp_path ${dir}/f; uwsgi_temp_path ${dir}/u; scgi_temp_path ${dir}/s;
${Object.values(ports).map((port, i) => `
upstream nodes${i} { ip_hash; ${nodes.map((node) => `server 127.0.0.1:${node}${i === 1 ? " max_fails=0" : ""};`).join(" ")} }
server {
  listen 127.0.0.1:${port};
  location / { proxy_pass http://nodes${i}; }
  location = /report { proxy_pass http://nodes${i}; proxy_read_timeout 1s; }
}`).join("")} }`);
const proxy = spawn(nginx, ["-p", dir, "-c", `${dir}/nginx.conf`, "-e", `${dir}/error.log`], {stdio: "inherit"});
process.on("exit", () => proxy.kill("SIGTERM"));
process.on("SIGTERM", () => process.exit(1));
const event = (client, name) => new Promise((done) => client.once(name, done));
const opens = (port) => new Promise((done) => {
  const socket = connect(port, "127.0.0.1");
  socket.on("connect", () => (socket.destroy(), done(true))).on("error", () => done(false));
});
for (const port of Object.values(ports)) for (let i = 0; i < 200 && !await opens(port); i++) await sleep(50);

// lost connects clients, fetches the slow report, lets each client ask its server, and says how many lost their connection.
async function lost(url) {
  onNode.fill(0);
  const clients = Array.from({length: many}, () => io(url, {transports: ["polling"], forceNew: true, reconnection: false}));
  await Promise.all(clients.map((client) => event(client, "connect")));
  const reasons = [];
  for (const client of clients) client.on("disconnect", (reason) => reasons.push(reason));
  await Promise.all(clients.map((client) => client.emitWithAck("ask")));
  const before = reasons.length;
  const answer = await fetch(`${url}/report`);
  const report = `${answer.status} ${answer.ok ? await answer.text() : ""}`;
  await Promise.all(clients.map((client) => Promise.race([client.emitWithAck("ask"), event(client, "disconnect")]).catch(() => {})));
  const result = {before, after: reasons.length, reasons: [...new Set(reasons)].join(), report};
  for (const client of clients) client.close();
  return result;
}

const seen = [];
for (const [option, port] of Object.entries(ports)) {
  const result = await lost(`http://127.0.0.1:${port}`);
  seen.push(result);
  console.log(`${option}: the slow report was answered with ${result.report}; of ${many} polling clients ${result.after} lost their connection ${result.reasons}`);
}
const [one, none] = seen;
process.exit(one.before === 0 && one.after === many && one.report.startsWith("200") && none.after === 0 ? 0 : 1);
JS
timeout 90 node finding.mjs "$nginx" "$dir"
