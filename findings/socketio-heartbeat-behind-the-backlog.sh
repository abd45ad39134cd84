#!/usr/bin/env bash
# socket.io 4.8.4 with engine.io 6.6.11, socket.io-client 4.8.4 (npm), websocket, a link of 1 MB/s
#
# Guess: a client that gets, or sends, several megabytes over a slow link stays connected: bytes flow all the time,
#        both ends see them, and the heartbeat is for connections over which nothing comes.
# Seen:  a ping is a message in the same line. Behind six megabytes of events it reaches the client after six seconds,
#        and its pong waits behind what the client sends. With pingInterval 1 s and pingTimeout 2 s the server gives
#        the client up as "ping timeout" in the middle of the transfer, whether it is one event or 120 of 50 kB, and
#        the client gives up, too. A packet of the client buys it one more timeout, an event that is still on its way
#        does not. The same 120 events, each emitted when the one before has been acknowledged, arrive.
# Why:   what waits in either direction when a ping is due must pass within pingTimeout, by default 20 s: 1.2 MB at 500
#        kbit/s, whatever maxHttpBufferSize allows. A history that is sent at every connect to a phone ends the
#        connection, is sent again, and never arrives; what is counted are losses of the network. Send large things in
#        pieces, each after the answer to the one before.
#
# Exits with 0 while this is so, with 1 when it has changed.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm init -y >/dev/null
npm install --no-audit --no-fund --loglevel=error socket.io@4.8.4 engine.io@6.6.11 ws@8.21.3 socket.io-client@4.8.4 >npm.log 2>&1 || { cat npm.log >&2; exit 2; }
cat >finding.mjs <<'JS'
import {once} from "node:events";
import {createServer} from "node:http";
import net from "node:net";
import {setTimeout as sleep} from "node:timers/promises";
import {Server} from "socket.io";
import {io} from "socket.io-client";

const rate = 1e6, events = 120, piece = 50_000; // bytes per second; six megabytes
const listening = async (s) => { s.listen(0, "127.0.0.1"); await once(s, "listening"); return s.address().port; };
const http = createServer();
const server = new Server(http, {pingInterval: 1000, pingTimeout: 2000, maxHttpBufferSize: 1e8});
const port = await listening(http);

let passed; // what the link has passed on of the newest connection
function slow(from, to, passed) {
  from.on("data", async (data) => {
    from.pause();
    to.write(data);
    passed.bytes += data.length;
    await sleep(1000 * data.length / rate);
    from.resume();
  });
  from.on("end", () => to.end());
  for (const end of ["error", "close"]) from.on(end, () => to.destroy());
}
const link = net.createServer((client) => {
  const connection = net.connect(port, "127.0.0.1");
  passed = {bytes: 0};
  slow(client, connection, passed);
  slow(connection, client, passed);
});
const through = await listening(link);

// transfer connects a client, runs send, and says how many events arrived and how the connection ended.
async function transfer(name, wanted, send) {
  const client = io(`http://127.0.0.1:${through}`, {transports: ["websocket"], forceNew: true, reconnection: false});
  const [socket] = await once(server, "connection");
  while (!client.connected) await sleep(10);
  let arrived = 0, reason = "";
  for (const end of [client, socket]) end.on("data", (_, answer) => { arrived++; answer?.(); });
  socket.on("disconnect", (why) => { reason = why; });
  const begin = performance.now();
  const sent = send(client, socket).catch(() => {});
  while (arrived < wanted && reason === "" && performance.now() - begin < 60_000) await sleep(20);
  console.log(`${name}: ${arrived} of ${wanted} events after ${((performance.now() - begin) / 1000).toFixed(1)} s, ${(passed.bytes / 1e6).toFixed(1)} MB passed, ${reason || "connected"}`);
  client.close();
  await sent;
  return {arrived, reason};
}

const data = (size) => "x".repeat(size);
const seen = [
  await transfer("one event to the client", 1, async (client, socket) => socket.emit("data", data(events * piece))),
  await transfer("many events to the client", events, async (client, socket) => { for (let i = 0; i < events; i++) socket.emit("data", data(piece)); }),
  await transfer("one event to the server", 1, async (client) => client.emit("data", data(events * piece))),
];
const paced = await transfer("one after another to the client", events, async (client, socket) => {
  for (let i = 0; i < events; i++) await socket.timeout(30_000).emitWithAck("data", data(piece));
});
const [one, many, up] = seen;
const given = seen.every(({reason}) => reason === "ping timeout");
process.exit(given && one.arrived === 0 && many.arrived < events && up.arrived === 0 && paced.arrived === events && paced.reason === "" ? 0 : 1);
JS
timeout 200 node finding.mjs
