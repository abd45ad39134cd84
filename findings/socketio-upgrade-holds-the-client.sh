#!/usr/bin/env bash
# socket.io 4.8.4, engine.io 6.6.11, socket.io-client 4.8.4, engine.io-client 6.6.8 (npm), a link of 10 ms each way
#
# Guess: the upgrade from polling to a websocket goes on beside the traffic: what a client emits meanwhile takes a
#        post, until the websocket takes over. Nothing waits longer than a round trip or two.
# Seen:  from the answer to its probe on the client sends nothing at all: it waits for its held poll to return, and the
#        server answers that on a timer of 100 ms that starts with the probe, unless it has a message for this client.
#        What a client emits then is on its way for about 110 ms, in each of ten upgrades, against some 15 ms over
#        polling alone. When the server emits anything at that moment, it is not held up.
# Why:   by default every client passes through this in the first moments of its life, which is when it sends what a
#        user waits for. It is 100 ms on any network, and only on an idle server: a load test with much coming and
#        going finds a second peak in its latencies that a busier server does not have. Begin the measurement after the
#        upgrade, or connect by websocket.
#
# Exits with 0 while this is so, with 1 when it has changed.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm init -y >/dev/null
npm install --no-audit --no-fund --loglevel=error socket.io@4.8.4 engine.io@6.6.11 ws@8.21.3 socket.io-client@4.8.4 engine.io-client@6.6.8 >npm.log 2>&1 || { cat npm.log >&2; exit 2; }
cat >finding.mjs <<'JS'
import {once} from "node:events";
import {createServer} from "node:http";
import net from "node:net";
import {setTimeout as sleep} from "node:timers/promises";
import {Server} from "socket.io";
import {io} from "socket.io-client";

const half = 10, clients = 10; // ms each way
const listening = async (s) => { s.listen(0, "127.0.0.1"); await once(s, "listening"); return s.address().port; };
const http = createServer();
const server = new Server(http);
const port = await listening(http);
const link = net.createServer((client) => {
  const connection = net.connect(port, "127.0.0.1");
  for (const [from, to] of [[client, connection], [connection, client]]) {
    from.setNoDelay();
    from.on("data", (data) => setTimeout(() => to.write(data), half));
    for (const end of ["end", "error", "close"]) from.on(end, () => setTimeout(() => to.end(), half));
  }
});
const through = await listening(link);

// took says how long an event of a client is on its way, in ms: one that is emitted in the middle of the upgrade, or some
// time after the connection over polling alone. With news the server emits when it has answered the probe.
async function took(upgrade, news) {
  const client = io(`http://127.0.0.1:${through}`, {transports: upgrade ? ["polling", "websocket"] : ["polling"], forceNew: true, reconnection: false});
  const arrived = new Promise((done) => server.once("connection", (socket) => {
    socket.on("event", (at) => done(performance.now() - at));
    if (news) socket.conn.once("upgrading", () => setTimeout(() => socket.emit("news"), half));
  }));
  const emit = () => client.emit("event", performance.now());
  client.io.on("open", () => upgrade && client.io.engine.once("upgrading", emit));
  await once(client, "connect");
  if (!upgrade) setTimeout(emit, 200);
  const delay = await Promise.race([arrived, sleep(20_000, Infinity)]);
  client.close();
  return delay;
}

async function measure(name, ...how) {
  const all = [];
  for (let i = 0; i < clients; i++) all.push(await took(...how));
  all.sort((a, b) => a - b);
  console.log(`${name}: an event arrives after ${all[0].toFixed(0)} to ${all.at(-1).toFixed(0)} ms, median ${all[clients / 2].toFixed(0)} ms`);
  return {least: all[0], median: all[clients / 2]};
}
const polling = await measure("polling alone", false, false);
const quiet = await measure("in the upgrade", true, false);
const busy = await measure("in the upgrade, while the server emits", true, true);
process.exit(quiet.median >= 90 && polling.least < 60 && busy.least < 60 ? 0 : 1);
JS
timeout 300 node finding.mjs
