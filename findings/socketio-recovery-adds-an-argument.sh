#!/usr/bin/env bash
# socket.io 4.8.4 (npm) with connectionStateRecovery, socket.io-client 4.8.4 (npm), python-socketio 5.7.2 (Debian)
#
# Guess: connectionStateRecovery is about what happens at a reconnection. What listeners of an event get, and what is on
#        the wire until then, is the same with it and without.
# Seen:  every event that may have to be sent again has one argument more, a string, and neither client takes it away: a
#        listener (room, name = "somebody") is called with "Q8jfMr6" as the name, in JavaScript and in Python. A handler
#        in Python with exactly the arguments that the server emits is not run at all: a TypeError, and the client goes
#        on. Volatile events are as before.
# Why:   an optional argument is taken for given in every message, and a client that is not of JavaScript loses every
#        event, at the moment at which the server switches on an option that has nothing to do with it. A load test that
#        compares payloads sees each message changed, and its bytes grow by some ten each. Give listeners one object as
#        their only argument, and let handlers in Python take *args.
#
# Needs Node.js and Debian's python3-socketio and python3-aiohttp.
# Exits with 0 while this is so, with 1 when it has changed.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
/usr/bin/python3 -c 'import aiohttp, socketio' 2>/dev/null || { echo "apt-get install python3-socketio python3-aiohttp" >&2; exit 2; }
npm install --no-audit --no-fund --loglevel=error --prefix . socket.io@4.8.4 socket.io-client@4.8.4 socket.io-adapter@2.5.9 >npm.log 2>&1 || { cat npm.log >&2; exit 2; }
cat >client.py <<'PY'
import asyncio, json, sys
import socketio

async def main():
    client, seen, end = socketio.AsyncClient(), {"typing": "", "exact": 0}, asyncio.Event()

    @client.on("typing")
    def typing(room, name="somebody"):
        seen["typing"] = name

    @client.on("exact")
    def exact(number):
        seen["exact"] += 1

    @client.on("end")
    def done(*args):
        end.set()

    await client.connect(sys.argv[1], transports=["websocket"])
    await client.emit("ready")
    await asyncio.wait_for(end.wait(), 20)
    await client.disconnect()
    print(json.dumps(seen))

asyncio.run(main())
PY
cat >main.mjs <<'JS'
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:http";
import { Server } from "socket.io";
import { io } from "socket.io-client";

const children = new Set();
process.on("exit", () => children.forEach((child) => child.kill("SIGKILL")));
process.on("SIGTERM", () => process.exit(1));

// measure says how the listeners of a client of JavaScript and of one of Python were called.
async function measure(options) {
  const http = createServer();
  const server = new Server(http, options);
  server.on("connection", (socket) => socket.on("ready", () => {
    socket.volatile.emit("light", 1);
    setTimeout(() => {
      socket.emit("typing", "lobby");
      socket.emit("exact", 1);
      socket.emit("end");
    }, 200);
  }));
  await new Promise((done) => http.listen(0, "127.0.0.1", done));
  const url = `http://127.0.0.1:${http.address().port}`;

  const script = {};
  const client = io(url, { transports: ["websocket"], forceNew: true });
  client.on("typing", (room, name = "somebody") => { script.typing = name; });
  client.on("exact", (...args) => { script.exact = args.length; });
  client.on("light", (...args) => { script.light = args.length; });
  client.emit("ready");
  await new Promise((done) => client.once("end", done));
  client.close();

  const child = spawn("/usr/bin/python3", ["client.py", url], { stdio: ["ignore", "pipe", "ignore"] });
  children.add(child);
  let text = "";
  child.stdout.on("data", (data) => { text += data; });
  await once(child, "close");
  children.delete(child);
  server.close();
  return { script, python: JSON.parse(text) };
}
const plain = await measure({}), recovering = await measure({ connectionStateRecovery: {} });
for (const [what, { script, python }] of Object.entries({ plain, "with connectionStateRecovery": recovering })) {
  console.log(`${what}: in JavaScript the optional name is "${script.typing}", arguments of an event and of a volatile one: ${script.exact} and ${script.light}`);
  console.log(`${what}: in Python the optional name is "${python.typing}", the handler of one argument was called ${python.exact} times`);
}
const { script, python } = recovering;
process.exit(plain.script.typing === "somebody" && plain.script.exact === 1 && plain.python.typing === "somebody" && plain.python.exact === 1 &&
  script.typing !== "somebody" && script.exact === 2 && script.light === 1 && python.typing !== "somebody" && python.exact === 0 ? 0 : 1);
JS
timeout 60 node main.mjs
