#!/usr/bin/env bash
# socket.io 4.8.4, socket.io-client 4.8.4 with engine.io-client 6.6.8 (npm), option `rememberUpgrade`
#
# Guess: with `rememberUpgrade: true` a client whose upgrade to a websocket succeeded begins by websocket when it comes
#        back to this server. Clients that are new begin by polling, as they would without the option.
# Seen:  what is remembered belongs to the process: of twenty clients that connect one after the other the first one
#        begins by polling and the nineteen others by websocket, though each connects for the first time. A client of
#        another server, which serves polling alone, begins by websocket, too, has a connect_error, and with that
#        everything is forgotten for all: the next client of the first server begins by polling again.
# Why:   a page has one client, and there it is as one thinks. In a load generator the option turns all users but one
#        into websocket-only clients: no handshakes over polling, no upgrades, a fraction of the requests that browsers
#        would make, and one failure among thousands changes how the following ones connect. Leave it out, or run a
#        process for each client.
#
# Needs Node.js. Exits with 0 while this is so, with 1 when it has changed.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm install --no-audit --no-fund --loglevel=error --prefix . socket.io@4.8.4 socket.io-client@4.8.4 engine.io-client@6.6.8 >npm.log 2>&1 || { cat npm.log >&2; exit 2; }
cat >main.mjs <<'JS'
import { createServer } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { Server } from "socket.io";
import { io } from "socket.io-client";

async function serve(options) {
  const http = createServer();
  const server = new Server(http, options);
  const begun = [];
  server.engine.on("connection", (session) => begun.push(session.transport.name));
  await new Promise((done) => http.listen(0, "127.0.0.1", done));
  return { url: `http://127.0.0.1:${http.address().port}`, begun };
}

// meet connects a client, waits for its upgrade, and ends it; it returns the errors that came before the connection.
async function meet({ url }, rememberUpgrade) {
  const client = io(url, { rememberUpgrade, forceNew: true, reconnectionDelay: 100, reconnectionDelayMax: 100 });
  let errors = 0;
  client.on("connect_error", () => errors++);
  await new Promise((done) => client.once("connect", done));
  for (let i = 0; i < 100 && client.io.engine.transport.name !== "websocket" && !errors; i++) await sleep(20);
  client.close();
  return errors;
}
const plain = await serve({}), whole = await serve({}), pollingOnly = await serve({ transports: ["polling"] });
for (let i = 0; i < 20; i++) await meet(whole, true);
for (let i = 0; i < 20; i++) await meet(plain, false);
const count = ({ begun }, name) => begun.filter((transport) => transport === name).length;
const [withoutOption, polling, websocket] = [count(plain, "polling"), count(whole, "polling"), count(whole, "websocket")];
const errors = await meet(pollingOnly, true);
await meet(whole, true);
const again = whole.begun.at(-1);
console.log(`of 20 new clients ${withoutOption} began by polling without the option; with it ${polling} by polling and ${websocket} by websocket`);
console.log(`a new client of a server without websockets had ${errors} connect_error; the next new one of the first server began by ${again}`);
process.exit(withoutOption === 20 && polling === 1 && websocket === 19 && errors > 0 && again === "polling" ? 0 : 1);
JS
timeout 60 node main.mjs
