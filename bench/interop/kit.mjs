// What every test here needs: a server process that ends with the test, clients over each transport, and waiting that says what it
// waited for.
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { io } from 'socket.io-client';

// PEER is the command of the server under test, as a JSON list; {app} and {port} in it are replaced.
const peer = JSON.parse(process.env.PEER ?? 'null');
if (!peer) throw new Error('PEER holds no server command; run these tests through go test -tags interop ./bench/interop');

const patience = 60_000; // for what should take milliseconds, unless the machine has much else to do

// The three ways to be connected, as options of the official clients.
export const ways = {
  polling: { transports: ['polling'] },
  websocket: { transports: ['websocket'] },
  upgrade: { transports: ['polling', 'websocket'] },
};

// What a client says when the server shuts down in good order. A polling client whose next request was still on its way finds nobody there.
export const farewell = { polling: /^transport (close|error)$/, websocket: /^transport close$/ };

// within rejects when the promise takes too long, and says what did not happen.
export function within(promise, what, ms = patience) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`waited ${ms} ms for ${what}`)), ms);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

// next is the next event of that name, as the list of its arguments.
export function next(emitter, event, what = `"${event}"`) {
  return within(new Promise((resolve) => emitter.once(event, (...args) => resolve(args))), what);
}

// take collects the first count events of that name, and fails when they stop coming.
export function take(emitter, event, count) {
  const got = [];
  const all = new Promise((resolve) => {
    emitter.on(event, (...args) => {
      if (got.push(args) === count) resolve(got);
    });
  });
  return within(all, `${count} x "${event}"`).catch((err) => {
    throw new Error(`${err.message}: only ${got.length} came`);
  });
}

// serve starts the server under test and resolves when it accepts connections.
export async function serve(t, app, flags = [], port = 0) {
  const [command, ...args] = peer.map((part) => part.replace('{app}', app).replace('{port}', port));
  const child = spawn(command, [...args, ...flags], { stdio: ['pipe', 'pipe', 'pipe'] });
  let stderr = '';
  child.stderr.on('data', (chunk) => (stderr += chunk));
  const exited = new Promise((resolve) => child.once('exit', (code, signal) => resolve({ code, signal })));
  const stop = async (signal = 'SIGTERM') => {
    child.kill(signal);
    return within(exited, `the server to end on ${signal}`);
  };
  t.after(async () => {
    child.kill('SIGCONT');
    await stop('SIGKILL');
  });

  // The addresses by what the server says they are for: "listening" first, with --admin "admin" as well.
  const told = new Map();
  let next = () => {};
  createInterface({ input: child.stdout }).on('line', (line) => {
    const [, what, url] = line.match(/^(?:(\w+) on )?.*?(https?:\/\/\S+)/) ?? [];
    if (url && !told.has(what)) told.set(what ?? 'listening', url);
    next();
  });
  const address = (what) => within(new Promise((resolve, reject) => {
    next = () => told.has(what) && resolve(told.get(what));
    next();
    exited.then(({ code }) => reject(new Error(`the server ended with ${code}: ${stderr.trim()}`)));
  }), `the line with the address for ${what}`);
  const url = await address('listening');
  return { url, port: new URL(url).port, kill: (signal) => child.kill(signal), stop, admin: () => address('admin') };
}

// client makes a connection of its own that lives as long as the test; it has not connected yet when this returns.
export function client(t, url, options = {}) {
  const socket = io(url, { forceNew: true, reconnection: false, ...options });
  t.after(() => socket.disconnect());
  return socket;
}

// connected resolves to a client that is connected and, where the way is an upgrade, has been upgraded.
export async function connected(t, url, options = {}) {
  const socket = client(t, url, options);
  await within(new Promise((resolve, reject) => {
    socket.once('connect', resolve);
    socket.once('connect_error', (err) => reject(new Error(`connect_error: ${err.message}`, { cause: err })));
  }), `connect to ${url}`);
  if (options.transports?.length === 2) await upgraded(socket);
  return socket;
}

// upgraded resolves when the connection of a socket has reached websocket.
export async function upgraded(socket) {
  const engine = socket.io.engine;
  if (engine.transport.name !== 'websocket') await next(engine, 'upgrade', 'the upgrade to websocket');
}

// ask emits with an acknowledgement and resolves to its arguments.
export function ask(socket, event, ...args) {
  return within(new Promise((resolve) => socket.emit(event, ...args, (...answer) => resolve(answer))), `the ack of "${event}"`);
}
