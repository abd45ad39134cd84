// What a page does with the official client. Each check is a function of the address of a server and the options of a client, and throws
// what is wrong. It runs in Chromium, not in Node.
const patience = 60_000;

function within(promise, what) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`waited in vain for ${what}`)), patience);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

const next = (emitter, event) => within(new Promise((resolve) => emitter.once(event, (...args) => resolve(args))), `"${event}"`);

function same(got, want, what) {
  const [a, b] = [JSON.stringify(got), JSON.stringify(want)];
  if (a !== b) throw new Error(`${what}: got ${a}, want ${b}`);
}

async function open(url, options = {}) {
  const socket = io(url, { forceNew: true, reconnection: false, ...options });
  await within(new Promise((resolve, reject) => {
    socket.once('connect', resolve);
    socket.once('connect_error', (err) => reject(new Error(`connect_error: ${err.message}`)));
  }), 'the connection');
  if (socket.io.engine.transport.name !== options.transports.at(-1)) await next(socket.io.engine, 'upgrade');
  return socket;
}

const ask = (socket, event, ...args) => within(new Promise((resolve) => socket.emit(event, ...args, (...answer) => resolve(answer))), `the ack of "${event}"`);

async function bytes(value) {
  if (value instanceof Blob) value = await value.arrayBuffer();
  return [...new Uint8Array(value.buffer ?? value)];
}

// With the application "protocol".
const protocol = {
  async 'connects with auth'(url, options) {
    const socket = io(url, { forceNew: true, auth: { token: 'é' }, ...options });
    const [auth] = await next(socket, 'auth');
    same(auth, { token: 'é' }, 'auth');
    same(socket.connected, true, 'connected');
    socket.disconnect();
  },
  async 'echoes text'(url, options) {
    const socket = await open(url, options);
    const args = [1, 'é😀\u2028<b>', { a: [null, true, { b: '"\\\n' }] }, []];
    const back = next(socket, 'message-back');
    socket.emit('message', ...args);
    same(await back, args, 'echo');
    same(socket.io.engine.transport.name, options.transports.at(-1), 'transport');
    socket.disconnect();
  },
  async 'echoes binary'(url, options) {
    const socket = await open(url, options);
    const long = new Uint8Array(100_000).fill(7);
    for (const value of [new Uint8Array([0, 1, 255]).buffer, new Uint8Array([1, 2, 3]), new Blob(['blob']), long]) {
      const want = await bytes(value);
      const [got] = await ask(socket, 'message-with-ack', { value });
      if (!(got.value instanceof ArrayBuffer)) throw new Error(`got ${Object.prototype.toString.call(got.value)}`);
      same(await bytes(got.value), want, 'bytes');
    }
    socket.disconnect();
  },
  async 'acks both ways'(url, options) {
    const socket = await open(url, options);
    same(await ask(socket, 'message-with-ack', 1, 'two'), [1, 'two'], 'ack');
    socket.on('question', (what, done) => done(`because of ${what}`));
    const answer = next(socket, 'answer');
    socket.emit('ask', 'why');
    same(await answer, ['because of why'], 'answer');
    let failed = '';
    await socket.timeout(100).emitWithAck('nobody handles this').catch((err) => { failed = err.message; });
    same(failed, 'operation has timed out', 'timeout');
    socket.disconnect();
  },
  async 'is refused with data'(url, options) {
    const socket = io(`${url}/refused`, { forceNew: true, auth: { user: 1 }, ...options });
    const [err] = await next(socket, 'connect_error');
    same([err.message, err.data], ['not allowed', { user: 1 }], 'refusal');
    socket.disconnect();
  },
  async 'is disconnected, and disconnects'(url, options) {
    const socket = await open(url, options);
    const out = next(socket, 'disconnect');
    socket.emit('bye');
    same((await out)[0], 'io server disconnect', 'reason');
    const other = await open(url, options);
    const mine = next(other, 'disconnect');
    other.disconnect();
    same((await mine)[0], 'io client disconnect', 'reason');
  },
};

// With the application "bench".
const bench = {
  async 'is in rooms'(url, options) {
    const [a, b, c] = await Promise.all([0, 1, 2].map(() => open(url, options)));
    await ask(a, 'join', 'r');
    await ask(b, 'join', 'r');
    const seen = [];
    c.onAny((event) => seen.push(event));
    const both = Promise.all([next(a, 'm'), next(b, 'm')]);
    await ask(c, 'room', 'r', 'm', { n: 1 });
    // With recovery, the offset of the event is its last argument.
    same((await both).map(([m]) => m), [{ n: 1 }, { n: 1 }], 'in the room');
    await ask(b, 'leave', 'r');
    const others = next(a, 'last');
    await ask(c, 'room', 'r', 'last', 2);
    await others;
    await ask(c, 'echo');
    same(seen, [], 'outside of the room');
    [a, b, c].forEach((socket) => socket.disconnect());
  },
  async 'keeps the order of a burst'(url, options) {
    const socket = await open(url, options);
    const got = [];
    const all = new Promise((resolve) => socket.on('n', (n) => got.push(n) === 500 && resolve()));
    for (let n = 0; n < 500; n++) socket.emit('all', 'n', n);
    await within(all, '500 events');
    same(got.every((n, i) => n === i), true, 'order');
    socket.disconnect();
  },
  async 'reconnects and recovers'(url, options) {
    const other = await open(url, options);
    const socket = await open(url, { ...options, reconnection: true, reconnectionDelay: 200, reconnectionDelayMax: 200 });
    await ask(socket, 'join', 'r');
    const first = next(socket, 'm');
    await ask(other, 'all', 'm', 1);
    await first;
    const { id } = socket;
    const missed = next(socket, 'missed');
    const back = next(socket, 'connect');
    socket.io.engine.close();
    await ask(other, 'room', 'r', 'missed', 2);
    await back;
    same([socket.recovered, socket.id === id], [true, true], 'recovered');
    same((await missed)[0], 2, 'what was missed');
    [other, socket].forEach((s) => s.disconnect());
  },
  async 'sends cookies to another origin'(url, options) {
    if (new URL(url).origin === location.origin) throw new Error('this is no other origin');
    const first = await open(url, { ...options, withCredentials: true });
    const second = await open(url, { ...options, withCredentials: true });
    const admin = io(`${url}/admin`, { forceNew: true, withCredentials: true, auth: { username: 'root', password: 'secret' }, ...options });
    const [all] = await next(admin, 'all_sockets');
    const { handshake } = all.find(({ id }) => id === second.id);
    same(handshake.xdomain, true, 'another origin');
    same(handshake.headers.origin, location.origin, 'origin');
    // The cookie comes with the answer to a poll.
    if (options.transports[0] === 'polling') same(/\bio=/.test(handshake.headers.cookie), true, `cookie in ${JSON.stringify(handshake.headers)}`);
    [first, second, admin].forEach((s) => s.disconnect());
  },
};

// With a page that the server does not know.
const stranger = {
  async 'is kept out'(url, options) {
    const socket = io(url, { forceNew: true, reconnection: false, withCredentials: true, ...options });
    const which = await within(new Promise((resolve) => {
      socket.once('connect', () => resolve('connected'));
      socket.once('connect_error', () => resolve('refused'));
    }), 'an end');
    same(which, 'refused', 'the connection');
    socket.disconnect();
  },
};

const suites = { protocol, bench, stranger };

// hash is of the certificate for WebTransport, in base64.
async function check(suite, name, url, transports, hash) {
  const value = Uint8Array.from(atob(hash), (c) => c.charCodeAt(0));
  const transportOptions = { webtransport: { serverCertificateHashes: [{ algorithm: 'sha-256', value }] } };
  try {
    await suites[suite][name](url, { transports, transportOptions });
    return '';
  } catch (err) {
    return String(err.stack ?? err);
  }
}

// How a client ends that accepts the certificate of a hash alone: over which transport, or with which error.
async function ends(url, transports, hash, tryAllTransports) {
  const value = Uint8Array.from(atob(hash), (c) => c.charCodeAt(0));
  const transportOptions = { webtransport: { serverCertificateHashes: [{ algorithm: 'sha-256', value }] } };
  const socket = io(url, { forceNew: true, reconnection: false, transports, tryAllTransports, transportOptions });
  try {
    return await within(new Promise((resolve) => {
      socket.once('connect_error', (err) => resolve(`error: ${err.message}`));
      socket.once('connect', () => {
        const { engine } = socket.io;
        const tell = () => resolve(`connected over ${engine.transport.name}`);
        if (transports[0] === 'polling' && engine.transport.name === 'polling') engine.once('upgrade', tell);
        else tell();
      });
    }), 'an end');
  } finally {
    socket.disconnect();
  }
}
