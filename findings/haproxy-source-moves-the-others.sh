#!/usr/bin/env bash
# HAProxy 2.6.12 (Debian), socket.io 4.8.4, socket.io-client 4.8.4 (npm), long polling, four nodes, `balance source`
#
# Guess: `balance source` is sticky by address: when one of four nodes ends, its clients go to the other three, and the
#        clients of those stay where they are, as with `ip_hash` of nginx.
# Seen:  the hash is taken modulo the number of nodes that are up, and with three most addresses fall to another node
#        than with four. When the health check has noticed the end of one node, most clients of the three that live are
#        sent to a node that does not know their session, and are refused ("Session ID unknown"). `hash-type
#        consistent` moves the clients of the ended node alone.
# Why:   in a rolling restart each node that goes ends most sessions of the others, and their clients all connect anew
#        at once: one node of four costs the cluster more than half of its sessions instead of a quarter. Websockets
#        that are open stay where they are, so a test over websockets alone does not show it.
#
# Needs haproxy and Node.js. Exits with 0 while this is so, with 1 when it has changed.
set -euo pipefail
haproxy=$(PATH=$PATH:/usr/sbin command -v haproxy) || { echo "haproxy is missing: apt-get install haproxy" >&2; exit 2; }
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm init -y >/dev/null
npm install --no-audit --no-fund --loglevel=error socket.io@4.8.4 socket.io-client@4.8.4 >npm.log 2>&1 || { cat npm.log >&2; exit 2; }
cat >finding.mjs <<'JS'
import {spawn} from "node:child_process";
import {once} from "node:events";
import {writeFileSync} from "node:fs";
import {createServer, get} from "node:http";
import net from "node:net";
import {setTimeout as sleep} from "node:timers/promises";
import {Server} from "socket.io";
import {io} from "socket.io-client";

const [haproxy, dir] = process.argv.slice(2);
process.on("SIGTERM", () => process.exit(1));
const nodes = 4, clients = 32;
const listening = async (s) => { s.listen(0, "127.0.0.1"); await once(s, "listening"); return s.address().port; };
const free = async () => { const s = net.createServer(); const port = await listening(s); s.close(); await once(s, "close"); return port; };
const until = async (what) => { for (let i = 0; i < 300; i++) { if (await what()) return; await sleep(100); } };

// bridge listens for one client, and connects to the proxy from that client's own address.
async function bridge(port, localAddress) {
  const server = net.createServer((client) => {
    const proxied = net.connect({port, host: "127.0.0.1", localAddress});
    client.pipe(proxied).pipe(client);
    client.on("error", () => proxied.destroy());
    proxied.on("error", () => client.destroy());
  });
  return {server, port: await listening(server)};
}
const status = (port) => new Promise((done) => get({port, host: "127.0.0.1", agent: false, path: "/socket.io/?EIO=4&transport=polling"},
  (answer) => (answer.resume(), done(answer.statusCode))).on("error", () => done(0)));

// lost ends one node of four, and says for the others and for the ended one how many clients were connected and how many
// of them lost their sessions.
async function lost(name, option) {
  const servers = [], at = await free();
  for (let n = 0; n < nodes; n++) {
    const http = createServer();
    servers.push({server: new Server(http), port: await listening(http)});
  }
  writeFileSync(`${dir}/haproxy.cfg`, `
defaults
  mode http
  timeout connect 10s
  timeout client 90s
  timeout server 90s
  timeout check 10s
listen cluster
  bind 127.0.0.1:${at}
  balance source
  ${option}
${servers.map(({port}, n) => `  server n${n} 127.0.0.1:${port} check inter 500 fall 2`).join("\n")}
`);
  const proxy = spawn(haproxy, ["-f", `${dir}/haproxy.cfg`, "-db"], {stdio: "ignore"});
  const kill = () => proxy.kill("SIGKILL");
  process.on("exit", kill);
  await until(async () => await status(at) === 200);
  const node = new Map();
  servers.forEach(({server}, n) => server.on("connection", (socket) => { node.set(socket.id, n); socket.on("ask", (answer) => answer()); }));
  const all = [];
  for (let i = 1; i <= clients; i++) {
    const own = await bridge(at, `127.0.7.${i}`);
    const client = io(`http://127.0.0.1:${own.port}`, {transports: ["polling"], reconnection: false});
    all.push({client, own});
  }
  await until(() => all.every(({client}) => client.connected));
  for (const one of all) {
    one.node = node.get(one.client.id);
    one.client.on("disconnect", () => { one.lost = true; });
  }
  const ended = nodes - 1;
  servers[ended].server.close();
  const orphan = all.find((one) => one.node === ended); // whoever asks from there is served again when the end is known
  await until(async () => await status(orphan.own.port) === 200);
  await Promise.all(all.map(({client}) => client.timeout(10_000).emitWithAck("ask").catch(() => {})));
  const count = (which) => { const some = all.filter(which); return {of: some.length, lost: some.filter((one) => one.lost).length}; };
  const others = count((one) => one.node !== ended), own = count((one) => one.node === ended);
  console.log(`${name}: one node of ${nodes} ended; of its ${own.of} clients ${own.lost} lost the session, of the ${others.of} of the other nodes ${others.lost}`);
  for (const {client, own} of all) { client.close(); own.server.close(); }
  kill();
  for (const {server} of servers) server.close();
  return {others, own};
}

const plain = await lost("balance source", "");
const consistent = await lost("balance source, hash-type consistent", "hash-type consistent");
const served = [plain, consistent].every(({own, others}) => own.of + others.of === clients && own.lost === own.of);
process.exit(served && plain.others.lost > plain.others.of / 2 && consistent.others.lost === 0 ? 0 : 1);
JS
timeout 200 node finding.mjs "$haproxy" "$dir"
