// One official server and two of ours keep together what clients miss, over Redis streams: a client comes back to any node, whichever it
// has left. The official server lives in this process; REDIS is the socket of a Redis server.
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { after, before, describe, it } from 'node:test';
import { contract } from '../peers/node/contract.js';
import { ask, connected, next, serve, ways, within } from './kit.mjs';

const need = createRequire(new URL('../peers/node/', import.meta.url));
const { Server } = need('socket.io');
const { createAdapter } = need('@socket.io/redis-streams-adapter');
const { createClient } = need('redis');
const socket = process.env.REDIS;
const flags = ['--adapter', `unix+streams://${socket}`, '--recovery', '60s'];

describe('recovery across nodes', () => {
  const later = [];
  const t = { after: (f) => later.push(f) };
  let io, redis, nodes, steady;

  const official = async () => {
    redis = createClient({ socket: { path: socket } });
    redis.on('error', () => {});
    await redis.connect();
    io = new Server({ adapter: createAdapter(redis), connectionStateRecovery: { maxDisconnectionDuration: 60_000 } });
    contract(io);
    io.on('connection', (s) => {
      if (!s.recovered) s.data = { user: 'Zoë' };
    });
    const http = createServer();
    io.attach(http);
    await within(new Promise((resolve) => http.listen(0, '127.0.0.1', resolve)), 'the official server');
    return { url: `http://127.0.0.1:${http.address().port}` };
  };
  before(async () => {
    nodes = [await official(), await serve(t, 'bench', flags), await serve(t, 'bench', flags)];
    steady = await Promise.all(nodes.map((n) => connected(t, n.url, ways.websocket)));
    await Promise.all(steady.map((c) => ask(c, 'join', 'r')));
  });
  after(async () => {
    for (const f of later.reverse()) await f();
    await io?.close();
    await redis?.close().catch(() => {});
  });

  // A client in the room that has received something, without which official servers do not take it back.
  const member = async (at) => {
    const c = await connected(t, nodes[at].url, ways.websocket);
    await ask(c, 'join', 'r');
    const first = next(c, 'first');
    c.emit('room', 'r', 'first', 0);
    await first;
    return c;
  };
  const cut = async (c) => {
    const gone = next(c, 'disconnect');
    c.io.engine.close();
    await gone;
  };
  const comeBack = async (c, to) => {
    const there = next(c, 'connect', `the connection to node ${to}`);
    c.io.uri = nodes[to].url;
    c.connect();
    await there;
  };
  // passed resolves when every node has delivered what its clients and the others have sent so far.
  let marks = 0;
  const passed = async () => {
    for (const from of steady) {
      const mark = `mark${marks++}`;
      const all = steady.map((c) => next(c, mark));
      from.emit('all', mark, 0);
      await Promise.all(all);
    }
  };
  // kept resolves when the session of a client is in Redis: from its beginning if it is on one of ours, else when it has left.
  const kept = (c) => within((async () => {
    while (!await redis.exists(`sio:session:${c._pid}`)) await new Promise((resolve) => setTimeout(resolve, 5));
  })(), 'the session to be kept');

  for (const from of [0, 1, 2]) {
    for (const to of [0, 1, 2]) {
      it(`from ${from ? 'ours' : 'official'} ${from} to ${to ? 'ours' : 'official'} ${to}`, async () => {
        const c = await member(from);
        const { id } = c;
        const got = [];
        c.onAny((event, ...args) => event.startsWith('m') && !event.startsWith('mark') && got.push([event, args[0]]));
        c.emit('room', 'r', 'mine', 0, true); // for the others
        await passed();
        await cut(c);
        await kept(c);
        const want = [];
        for (const [k, sender] of steady.entries()) {
          for (let n = 0; n < 5; n++) {
            await ask(sender, 'room', 'r', `m${k}`, n);
            await ask(sender, 'room', 'elsewhere', `m${k} not in it`, n);
            want.push([`m${k}`, n]);
          }
          await ask(sender, 'all', `m${k} binary`, { bin: Buffer.from([k, 255]) });
          want.push([`m${k} binary`, { bin: Buffer.from([k, 255]) }]);
          await passed();
        }
        io.to('r').except('r').emit('m left out');
        io.to(id).except(steady[0].id).emit('m by id', 1);
        io.volatile.emit('m volatile', 1);
        want.push(['m by id', 1]);
        await passed();
        await comeBack(c, to);
        assert.equal(c.recovered, true);
        assert.equal(c.id, id);
        const end = next(c, 'm end');
        steady[2].emit('room', 'r', 'm end', 'end'); // it is still in the room
        await end;
        got.pop();
        // The official server keeps volatile messages in the stream, and replays them.
        assert.deepEqual(got.filter(([event]) => to !== 0 || event !== 'm volatile'), want);
        const [remote] = (await io.in(id).fetchSockets());
        assert.deepEqual([...remote.rooms].sort(), [id, 'r'].sort());
        if (from === 0) assert.deepEqual(remote.data, { user: 'Zoë' });
        if (to === 0) assert.equal(await redis.exists(`sio:session:${c._pid}`), 0); // ours keeps it from now on
        c.disconnect();
      });
    }
  }

  it('1 000 numbered messages with cuts at any moment: each once and in order', async () => {
    const roamers = await Promise.all([0, 1, 2, 1].map(async (at) => {
      const r = { c: await member(at), seen: new Map(), bad: [], cuts: 0 };
      r.c.on('n', ({ from, n }) => {
        const due = r.seen.get(from) ?? 0;
        if (n !== due) r.bad.push(`${from}: ${n} where ${due} was due`);
        r.seen.set(from, n + 1);
      });
      return r;
    }));
    const sent = [0, 0, 0];
    const pause = (ms) => new Promise((resolve) => setTimeout(resolve, Math.random() * ms));
    const burst = async (k, count) => {
      for (let i = 0; i < count; i++) {
        const n = sent[k]++;
        await ask(steady[k], 'room', 'r', 'n', { from: k, n, ...(n % 7 === 0 && { bin: Buffer.from([n]) }) }, n % 2 === 0);
      }
    };
    for (let round = 0; round < 50; round++) {
      // An official server delivers its own broadcasts and those of others in another order than that of their offsets, and takes
      // clients back beside the reading of the stream: it sends by itself, and takes nobody back while others send.
      const sending = round % 3 === 0 ? [burst(0, 20)] : [burst(1, 10), burst(2, 10)];
      const late = [];
      const roam = roamers.map(async (r) => {
        if (Math.random() < 0.3) return;
        await pause(10);
        const to = Math.floor(Math.random() * 3);
        await cut(r.c);
        await kept(r.c);
        r.cuts++;
        if (to === 0) return void late.push(r);
        await pause(10);
        await comeBack(r.c, to);
        assert.equal(r.c.recovered, true);
      });
      await Promise.all([...sending, ...roam]);
      await passed();
      for (const r of late) {
        await comeBack(r.c, 0);
        assert.equal(r.c.recovered, true);
      }
    }
    const all = roamers.map((r) => within((async () => {
      while ([0, 1, 2].some((k) => (r.seen.get(k) ?? 0) < sent[k])) await new Promise((resolve) => setTimeout(resolve, 5));
    })(), 'the last message').catch((err) => assert.fail(`${err.message}: ${[...r.seen]} of ${sent}`)));
    await Promise.all(all);
    for (const r of roamers) {
      assert.deepEqual(r.bad, []);
      assert.ok(r.cuts > 10);
    }
    assert.equal(sent[0] + sent[1] + sent[2], 1000);
  });

  it('a trimmed stream: not recovered, and the client knows', async () => {
    for (const [from, to] of [[0, 1], [1, 0], [1, 2]]) {
      const c = await member(from);
      const { id } = c;
      await passed();
      await cut(c);
      await kept(c);
      await ask(steady[1], 'room', 'r', 'lost', 0);
      await redis.xTrim('socket.io', 'MAXLEN', 0);
      await comeBack(c, to);
      assert.equal(c.recovered, false);
      assert.notEqual(c.id, id);
      c.disconnect();
    }
  });

  for (const [name, signal] of [['ends', 'SIGTERM'], ['is killed', 'SIGKILL']]) it(`a node that ${name}: its clients come back to the others`, async () => {
    nodes[3] = await serve(t, 'bench', flags);
    const some = await Promise.all([3, 3].map(member));
    const ids = some.map((c) => c.id);
    const gone = some.map((c) => next(c, 'disconnect'));
    await Promise.all(some.map(kept));
    await nodes[3].stop(signal);
    await Promise.all(gone);
    await ask(steady[1], 'room', 'r', 'missed', 1);
    const missed = some.map((c) => next(c, 'missed'));
    await Promise.all(some.map((c, i) => comeBack(c, i)));
    for (const args of await Promise.all(missed)) assert.deepEqual(args.slice(0, 1), [1]);
    assert.deepEqual(some.map((c) => [c.recovered, c.id]), ids.map((id) => [true, id]));
  });
});
