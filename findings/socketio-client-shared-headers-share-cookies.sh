#!/usr/bin/env bash
# socket.io 4.8.4, socket.io-client 4.8.4 with engine.io-client 6.6.8 (npm), `withCredentials` beside `extraHeaders`
#
# Guess: under Node.js, where `withCredentials: true` gives each connection a cookie jar of its own, a client sends the
#        cookies that its server gave to it. `extraHeaders` is read, never written.
# Seen:  the websocket transport appends the cookies of the jar to the object that was passed as `extraHeaders`, and the
#        next connection with this object sends them all. Three clients that share one options object upgrade with the
#        cookies of one, two and three sessions, the oldest first; the second client begins its first poll with the
#        session of the first. One client does the same to itself, one more cookie at each reconnection. With a header
#        object for each client and connection, or without `extraHeaders`, each sends its own cookie alone.
# Why:   a load test makes its clients from one options object, with a token in extraHeaders: behind a proxy that
#        balances by cookie they all go to the node of the first one, servers that take the first of several equal
#        names see one user, and the header grows until the upgrade is refused for its size. Copy the headers for each
#        client, and again before a reconnection.
#
# Exits with 0 while this is so, with 1 when it has changed.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm init -y >/dev/null
npm install --no-audit --no-fund --loglevel=error socket.io@4.8.4 socket.io-client@4.8.4 engine.io-client@6.6.8 >npm.log 2>&1 || { cat npm.log >&2; exit 2; }
cat >finding.mjs <<'JS'
import {createServer} from "node:http";
import {Server} from "socket.io";
import {io} from "socket.io-client";

const once = (emitter, event) => new Promise((done) => emitter.once(event, done));
const http = createServer();
const server = new Server(http);
let sessions = 0, polls = [], upgrades = [];
server.engine.on("initial_headers", (headers) => { headers["set-cookie"] = `session=${++sessions}`; });
http.prependListener("request", (request) => { if (!request.url.includes("sid=")) polls.push(request.headers.cookie ?? "none"); });
http.prependListener("upgrade", (request) => upgrades.push(request.headers.cookie ?? "none"));
await new Promise((done) => http.listen(0, "127.0.0.1", done));
const url = `http://127.0.0.1:${http.address().port}`;

// upgraded waits until the client has changed to a websocket.
async function upgraded(client) {
  await once(client, "connect");
  if (client.io.engine.transport.name !== "websocket") await once(client.io.engine, "upgrade");
}

// cookies runs the connections and returns the cookies of their first polls and of their upgrades.
async function cookies(run) {
  sessions = 0, polls = [], upgrades = [];
  await run();
  return {polls: polls.join(" | "), upgrades: upgrades.join(" | ")};
}

// three connects a client with each of the options.
const three = (options) => cookies(async () => {
  const clients = [];
  for (const i of [0, 1, 2]) {
    clients.push(io(url, options(i)));
    await upgraded(clients[i]);
  }
  for (const client of clients) client.close();
});

const settings = () => ({withCredentials: true, forceNew: true, reconnection: false, extraHeaders: {authorization: "Bearer token"}});
const shared = settings();
const together = await three(() => shared);
const apart = await three(settings);
const again = await cookies(async () => {
  const client = io(url, {...settings(), autoConnect: false});
  for (let i = 0; i < 3; i++) {
    client.connect();
    await upgraded(client);
    client.disconnect();
  }
});
console.log("three clients, one options object:");
console.log("  first polls:", together.polls);
console.log("  upgrades:   ", together.upgrades);
console.log("one client, connected three times:");
console.log("  first polls:", again.polls);
console.log("  upgrades:   ", again.upgrades);
console.log("three clients, options of their own:");
console.log("  first polls:", apart.polls);
console.log("  upgrades:   ", apart.upgrades);
const growing = "session=1 | session=1; session=2 | session=1; session=2; session=3";
const asSeen = together.upgrades === growing && together.polls === "none | session=1 | session=1; session=2" &&
  again.upgrades === growing && apart.upgrades === "session=1 | session=2 | session=3" && apart.polls === "none | none | none";
process.exit(asSeen ? 0 : 1);
JS
timeout 60 node finding.mjs
