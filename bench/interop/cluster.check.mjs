// One official server and two of ours are one cluster over Redis, in all forms that the official adapters have. The official server lives in
// this process; REDIS is the socket of a Redis server.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { after, before, describe, it } from 'node:test';
import { isDeepStrictEqual, promisify } from 'node:util';
import { contract } from '../peers/node/contract.js';
import { ask, connected, next, serve, take, ways, within } from './kit.mjs';

const need = createRequire(new URL('../peers/node/', import.meta.url));
const { Server } = need('socket.io');
const { createAdapter, createShardedAdapter } = need('@socket.io/redis-adapter');
const { createAdapter: createStreamsAdapter } = need('@socket.io/redis-streams-adapter');
const { Emitter } = need('@socket.io/redis-emitter');
const { createClient, createCluster } = need('redis');
const socket = process.env.REDIS;
// REDIS_CLUSTER is the addresses of a Redis Cluster instead.
const masters = process.env.REDIS_CLUSTER?.split(',');
const broker = (scheme) => masters
  ? `${scheme.replace('unix', 'redis')}${masters[0]}?${masters.slice(1).map((m) => `addr=${m}`).join('&')}` : scheme + socket;
const throng = JSON.parse(process.env.PEER)[0];

const forms = {
  classic: { scheme: 'unix://', adapter: (a, b, key) => createAdapter(a, b, { key }) },
  'classic, answers on own channels': {
    scheme: 'unix://', adapter: (a, b, key) => createAdapter(a, b, { key, publishOnSpecificResponseChannel: true }),
  },
  'sharded, dynamic': { scheme: 'unix+sharded://', adapter: (a, b, channelPrefix) => createShardedAdapter(a, b, { channelPrefix }) },
  'sharded, dynamic-private': {
    scheme: 'unix+sharded://', flags: ['--adapter-rooms', 'dynamic-private'],
    adapter: (a, b, channelPrefix) => createShardedAdapter(a, b, { channelPrefix, subscriptionMode: 'dynamic-private' }),
  },
  streams: { scheme: 'unix+streams://', adapter: (a, b, channelPrefix) => createStreamsAdapter(a, { channelPrefix, streamName: channelPrefix }) },
};

// How many messages each of the long tests sends.
const messages = Number(process.env.CLUSTER_MESSAGES ?? 300);

// until repeats a step until it yields true: for what servers do beside the test, as they subscribe to the channels of new rooms.
async function until(what, step) {
  for (const end = Date.now() + 60_000; Date.now() < end;) {
    if (await step()) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  assert.fail(`waited in vain for ${what}`);
}

// inTurns does something count times, so many at once.
async function inTurns(count, f, atOnce = 100) {
  for (let n = 0; n < count; n += atOnce) await Promise.all(Array.from({ length: Math.min(atOnce, count - n) }, (_, i) => f(n + i)));
}

// counted waits until so many messages [from, n] of each sender have come; each once, and in the order of the sender, unless the official
// one, which is 0, publishes through several servers of a Redis Cluster.
function counted(c, event, wanted, ordered = true) {
  const counts = wanted.map(() => 0);
  const seen = new Set();
  const done = new Promise((resolve, reject) => c.on(event, ([from, n]) => {
    if (n !== counts[from] && (ordered || from > 0)) reject(new Error(`message ${n} of ${from} came after ${counts[from]}`));
    if (seen.has(`${from} ${n}`)) reject(new Error(`message ${n} of ${from} came twice`));
    seen.add(`${from} ${n}`);
    counts[from]++;
    if (counts.every((k, i) => k === wanted[i])) resolve();
  }));
  return within(done, 'all messages').catch((err) => assert.fail(`${err.message}: ${counts}`));
}

for (const [name, form] of Object.entries(forms)) {
  describe(name, () => {
    const prefix = `throng ${name}`;
    const spread = masters && name.startsWith('classic');
    const redis = [];
    const later = []; // to be undone
    const t = { after: (f) => later.push(f) };
    let io, clients, nodes;
    const client = async () => {
      const c = masters ? createCluster({ rootNodes: masters.map((m) => ({ url: `redis://${m}` })) }) : createClient({ socket: { path: socket } });
      c.on('error', () => {});
      redis.push(c);
      return c.connect();
    };
    before(async () => {
      io = new Server({ adapter: form.adapter(await client(), await client(), prefix) });
      contract(io);
      io.on('connection', (s) => (s.data = { user: 7 }));
      const http = createServer();
      io.attach(http);
      await within(new Promise((resolve) => http.listen(0, '127.0.0.1', resolve)), 'the official server');
      const flags = ['--adapter', broker(form.scheme), '--adapter-prefix', prefix, ...(form.flags ?? [])];
      nodes = [{ url: `http://127.0.0.1:${http.address().port}` }, await serve(t, 'bench', flags), await serve(t, 'bench', flags)];
      clients = await Promise.all(nodes.map((n) => connected(t, n.url, ways.websocket)));
    });
    after(async () => {
      if (masters) { // the official adapters go on using their clients of a Redis Cluster, and do not look at the errors
        process.removeAllListeners('unhandledRejection');
        process.on('unhandledRejection', (err) => assert.match(err.message, /closed/));
      }
      for (const f of later.reverse()) await f();
      await io?.close();
      await Promise.all(redis.map((c) => c.close().catch(() => {}))); // after what the adapter still sends
    });

    it('broadcasts to all, from each', async () => {
      for (const [i, from] of clients.entries()) {
        const got = clients.map((c) => next(c, `all${i}`));
        await ask(from, 'all', `all${i}`, { text: 'é<>', list: [1, null, 1.5], bin: Buffer.from([1, 2]) });
        for (const [data] of await Promise.all(got)) {
          assert.deepEqual({ ...data, bin: [...new Uint8Array(data.bin)] }, { text: 'é<>', list: [1, null, 1.5], bin: [1, 2] });
        }
      }
    });

    it(`${messages} messages to a room, each once and in order`, async () => {
      const heard = clients.map(() => new Set());
      await Promise.all(clients.map((c, i) => {
        c.on('probe', ([from]) => heard[i].add(from));
        return ask(c, 'join', 'r');
      }));
      await until('the room to reach all from each', async () => {
        await Promise.all(clients.map((c, from) => ask(c, 'room', 'r', 'probe', [from])));
        return heard.every((from) => from.size === clients.length);
      });
      const each = Math.ceil(messages / 3);
      const seen = clients.map((c) => counted(c, 'm', [each, each, each], !spread));
      await Promise.all(clients.map((c, from) => inTurns(each, (n) => ask(c, 'room', 'r', 'm', [from, n]))));
      await Promise.all(seen);
    });

    // playground is another cluster: an official server, two of ours with the application protocol, and a client of each.
    const playground = async (key) => {
      const flags = ['--adapter', broker(form.scheme), '--adapter-prefix', key, ...(form.flags ?? [])];
      const other = new Server({ adapter: form.adapter(await client(), await client(), key) });
      const http = createServer();
      other.attach(http);
      later.push(() => other.close());
      other.on('connection', (s) => s.on('join', (room, ack) => {
        s.join(room);
        ack();
      }));
      await within(new Promise((resolve) => http.listen(0, '127.0.0.1', resolve)), 'the official server');
      const urls = [`http://127.0.0.1:${http.address().port}`, (await serve(t, 'protocol', flags)).url, (await serve(t, 'protocol', flags)).url];
      return { other, asked: await Promise.all(urls.map((url) => connected(t, url, ways.websocket))) };
    };

    it(`${messages} questions to a room, each answered once by each client`, async () => {
      const { other, asked } = await playground(`${prefix} q`);
      const each = Math.ceil(messages / 3);
      const got = asked.map((c, i) => {
        const seen = new Set();
        c.on('question', (from, n, ack) => {
          if (n < 0) return void ack([i, from, n]); // whether it is reached
          assert.ok(!seen.has(`${from} ${n}`), `question ${n} of ${from} came twice to client ${i}`);
          seen.add(`${from} ${n}`);
          ack([i, from, n]);
        });
        return seen;
      });
      await Promise.all(asked.map((c) => ask(c, 'join', 'r')));
      await until('all to be asked by each', async () => {
        const answers = await Promise.all([
          other.to('r').timeout(1000).emitWithAck('question', 0, -1).catch(() => []), // too late
          ...[1, 2].map((from) => ask(asked[from], 'survey-room', 'r', 1000, from, -1).then(([some]) => some)),
        ]);
        return answers.every((some) => some.length === asked.length);
      });
      const all = (answers, from, n) => assert.deepEqual(answers.map(String).sort(), [0, 1, 2].map((i) => `${i},${from},${n}`));
      await Promise.all([
        inTurns(each, async (n) => all(await other.to('r').timeout(10_000).emitWithAck('question', 0, n), 0, n)),
        ...[1, 2].map((from) => inTurns(each, async (n) => {
          const [answers, complete] = await ask(asked[from], 'survey-room', 'r', 10_000, from, n);
          assert.ok(complete, `question ${n} of ${from} is not answered by all: ${answers}`);
          all(answers, from, n);
        })),
      ]);
      assert.deepEqual(got.map((seen) => seen.size), [3 * each, 3 * each, 3 * each]);
    });

    it('events between servers, from each, with and without answers', async () => {
      const { other, asked } = await playground(`${prefix} s`);
      other.on('question', (...args) => {
        if (typeof args.at(-1) === 'function') args.pop()(args[0]);
        other.local.emit('told', ...args);
      });
      const answers = [
        (...args) => other.serverSideEmitWithAck('question', ...args).catch(() => []), // too late
        ...[1, 2].map((from) => (...args) => ask(asked[from], 'servers', 10_000, ...args).then(([some, complete]) => complete && some)),
      ];
      await until('all servers to hear each', async () => (await Promise.all(answers.map((put) => put('first')))).every((some) => some.length === 2));
      // told resolves when the clients of all servers but one have heard of an event; those of the tries above may still come.
      const told = (from, ...want) => Promise.all(asked.map((c, to) => to !== from && within(new Promise((resolve) => {
        c.on('told', (...args) => isDeepStrictEqual(args, want) && resolve());
      }), `what server ${from} has told to reach client ${to}`)));
      const value = { text: 'é<>', list: [1, null, 1.5] };
      for (const [from, put] of answers.entries()) {
        const all = told(from, value, from);
        assert.deepEqual(await put(value, from), [value, value]);
        await all;
      }
      for (const from of [0, 1]) { // no answers are asked for
        const all = told(from, 'quietly', from);
        if (from === 0) other.serverSideEmit('question', 'quietly', from);
        else await ask(asked[from], 'servers', 0, 'quietly', from);
        await all;
      }
    });

    it('lists sockets, and changes their rooms, from ours', async () => {
      const { other, asked } = await playground(`${prefix} f`);
      const [theirs, , own] = asked;
      for (const s of other.sockets.sockets.values()) s.data = { user: 'Zoë' };
      await ask(theirs, 'join', 'r');
      let listed;
      await until('ours to know the others', async () => {
        [listed] = await ask(own, 'sockets', theirs.id);
        return listed.length > 0;
      });
      assert.deepEqual(listed, [[theirs.id, ['r'], { user: 'Zoë' }]]);
      await Promise.all(asked.slice(1).map((c) => ask(c, 'join', 'r')));
      await until('all to be listed', async () => (await ask(own, 'sockets', 'r'))[0].length === 3);
      await ask(own, 'move', 'r', 'there');
      theirs.on('question', (ack) => ack('official'));
      await until('the move', () => ask(own, 'survey-room', 'there', 1000).then(([answers]) => answers.includes('official')));
      const gone = asked.slice(0, 2).map((c) => next(c, 'disconnect'));
      own.emit('part', 'there', own.id);
      for (const [reason] of await Promise.all(gone)) assert.equal(reason, 'io server disconnect');
      assert.equal((await ask(own, 'sockets', 'r'))[0].length, 1);
    });

    it('questions to all, from the official server', async () => {
      clients.forEach((c, i) => c.on('q', (n, ack) => ack(n + i)));
      assert.deepEqual((await within(io.timeout(10000).emitWithAck('q', 10), 'answers')).sort(), [10, 11, 12]);
    });

    it('lists sockets, and changes their rooms', async () => {
      const all = await within(io.fetchSockets(), 'sockets');
      assert.deepEqual(all.map((s) => s.id).sort(), clients.map((c) => c.id).sort());
      const far = all.find((s) => s.id === clients[1].id);
      assert.deepEqual(Object.keys(far.handshake).sort(), ['address', 'auth', 'headers', 'issued', 'query', 'secure', 'time', 'url', 'xdomain']);
      assert.deepEqual([...far.rooms].sort(), [far.id, 'r'].sort());
      const one = next(clients[2], 'one');
      io.to(clients[2].id).emit('one', 1);
      assert.deepEqual(await one, [1]);
      io.in(clients[1].id).socketsJoin('far');
      let there = false;
      clients[1].once('to far', () => (there = true));
      await until('the socket to be in the room', () => {
        io.to('far').emit('to far');
        return there;
      });
      io.in('far').socketsLeave('far');
    });

    it(`takes ${messages} messages of an emitter, theirs and ours`, async () => {
      if (name.startsWith('classic')) {
        const emitter = new Emitter(await client(), { key: prefix });
        const bin = clients.map((c) => next(c, 'out'));
        emitter.to('r').emit('out', 'side', Buffer.from([9]));
        for (const [text, bytes] of await Promise.all(bin)) assert.deepEqual([text, ...new Uint8Array(bytes)], ['side', 9]);
        const got = clients.map((c) => counted(c, 'theirs', [messages], !spread));
        for (let n = 0; n < messages; n++) emitter.to('r').emit('theirs', [0, n]);
        await Promise.all(got);
      }
      const got = clients.map((c) => counted(c, 'ours', [messages]));
      const to = ['--redis', broker(form.scheme), '--prefix', prefix, '--room', 'r'];
      const emit = execFile(throng, ['emit', ...to, 'ours', '-']);
      emit.stdin.end(Array.from({ length: messages }, (_, n) => `[[0,${n}]]\n`).join(''));
      const [code] = await within(once(emit, 'exit'), 'throng emit to end');
      assert.equal(code, 0);
      await Promise.all(got);
      const one = clients.map((c) => next(c, 'one'));
      await promisify(execFile)(throng, ['emit', ...to, 'one', '{"a":1}']);
      for (const args of await Promise.all(one)) assert.deepEqual(args, [{ a: 1 }]);
    });

    it('disconnects sockets elsewhere', async () => {
      const gone = clients.slice(1).map((c) => next(c, 'disconnect'));
      io.except(clients[0].id).disconnectSockets(true);
      for (const [reason] of await Promise.all(gone)) assert.match(reason, /server disconnect|transport close/);
    });
  });
}
