#!/usr/bin/env bash
# HAProxy 2.6.12 (Debian), socket.io 4.8.4, socket.io-client 4.8.4 (npm), long polling
#
# Guess: when the process of a polling client dies, the kernel closes its connection; the proxy sees it, closes its own
#        connection to the server, and the server has a "disconnect" at once, as without the proxy.
# Seen:  HAProxy keeps the held poll open (the closed side counts as half-closed): the server knows nothing until its
#        ping and the timeout behind it, 45 s by the usual settings. What it emits meanwhile is taken as delivered: it is
#        the answer to that poll, and HAProxy throws it away. With `option abortonclose` the server is told at once.
#        HAProxy 3.3 made this its default.
# Why:   behind such a proxy the number of clients is too high by the clients that left in the last 45 s, presence is
#        late by as much, and the messages that a client misses until it is back count as sent. A chaos test that kills
#        polling clients measures the proxy. A websocket ends at once in both cases.
#
# Needs haproxy and Node.js. Exits with 0 while this is so, with 1 when it has changed.
set -euo pipefail
haproxy=$(PATH=$PATH:/usr/sbin command -v haproxy) || { echo "haproxy is missing: apt-get install haproxy" >&2; exit 2; }
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm init -y >/dev/null
npm install --no-audit --no-fund --loglevel=error socket.io@4.8.4 socket.io-client@4.8.4 >npm.log 2>&1 || { cat npm.log >&2; exit 2; }
cat >client.mjs <<'JS'
import {io} from "socket.io-client";
io(process.argv[2], {transports: [process.argv[3]]});
JS
cat >finding.mjs <<'JS'
import {spawn} from "node:child_process";
import {once} from "node:events";
import {writeFileSync} from "node:fs";
import {createServer} from "node:http";
import {connect} from "node:net";
import {setTimeout as sleep} from "node:timers/promises";
import {Server} from "socket.io";

const [haproxy, dir] = process.argv.slice(2);
const listening = async (server) => { server.listen(0, "127.0.0.1"); await once(server, "listening"); return server.address().port; };
const free = async () => { const server = createServer(); const port = await listening(server); server.close(); await once(server, "close"); return port; };

const http = createServer();
const server = new Server(http);
const port = await listening(http);
const ways = {"without a proxy": port, "HAProxy": await free(), "HAProxy, option abortonclose": await free()};
const [, plain, aborting] = Object.values(ways);
const proxied = (name, option, listen) => `
defaults
  mode http
  timeout connect 10s
  timeout client 90s
  timeout server 90s
  timeout tunnel 1h
  ${option}
listen ${name}
  bind 127.0.0.1:${listen}
  server node 127.0.0.1:${port}
`;
writeFileSync(`${dir}/haproxy.cfg`, proxied("plain", "", plain) + proxied("aborting", "option abortonclose", aborting));
const proxy = spawn(haproxy, ["-f", `${dir}/haproxy.cfg`, "-db"], {stdio: ["ignore", "ignore", "inherit"]});
const children = new Set([proxy]);
process.on("exit", () => children.forEach((child) => child.kill("SIGKILL")));
process.on("SIGTERM", () => process.exit(1));
const opens = (at) => new Promise((done) => {
  const socket = connect(at, "127.0.0.1");
  socket.on("connect", () => (socket.destroy(), done(true))).on("error", () => done(false));
});
for (const at of [plain, aborting]) for (let i = 0; i < 200 && !await opens(at); i++) await sleep(50);

// killed connects a client in a process of its own, kills it, and says what the server knows of it afterwards.
async function killed(at, transport, patience) {
  const client = spawn(process.execPath, ["client.mjs", `http://127.0.0.1:${at}`, transport], {stdio: "inherit"});
  children.add(client);
  const [socket] = await once(server, "connection");
  await sleep(500);
  while (!socket.conn.transport.writable) await sleep(20); // its poll is held
  const disconnected = once(socket, "disconnect").then(([reason]) => reason);
  client.kill("SIGKILL");
  await once(client, "exit");
  children.delete(client);
  const told = await Promise.race([disconnected, sleep(patience, "")]);
  let taken = false;
  if (told === "") {
    socket.conn.once("drain", () => { taken = true; });
    socket.emit("news");
    await sleep(500);
  }
  const result = {told, taken, connected: socket.connected};
  socket.disconnect(true);
  return result;
}

const seen = {};
for (const [way, at] of Object.entries(ways)) {
  seen[way] = await killed(at, "polling", at === plain ? 5000 : 15_000);
  const {told, taken, connected} = seen[way];
  console.log(`${way}: ${told !== "" ? `disconnected at once (${told})` : `${connected ? "still connected" : "disconnected"} after 5 s, and an event for it was ${taken ? "sent" : "kept"}`}`);
}
const websocket = await killed(plain, "websocket", 15_000);
console.log(`HAProxy, websocket: ${websocket.told !== "" ? `disconnected at once (${websocket.told})` : "still connected"}`);
const [direct, kept, aborted] = Object.values(seen);
process.exit(direct.told !== "" && kept.told === "" && kept.taken && kept.connected && aborted.told !== "" && websocket.told !== "" ? 0 : 1);
JS
timeout 90 node finding.mjs "$haproxy" "$dir"
