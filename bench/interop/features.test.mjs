// Volatile events, answers with a timeout, broadcasts that collect answers, and connection state recovery.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ask, connected, next, serve, take, upgraded, ways } from './kit.mjs';

for (const [way, options] of Object.entries(ways)) {
  describe(way, () => {
    it('speaks the subprotocol that it offers first', async (t) => {
      const { url } = await serve(t, 'protocol');
      const socket = await connected(t, url, { ...options, protocols: ['second', 'first'] });
      const { transport } = socket.io.engine;
      assert.equal(transport.ws?.protocol, transport.name === 'websocket' ? 'second' : undefined);
      assert.deepEqual(await ask(socket, 'message-with-ack', 1), [1]);
    });

    it('is in the room of a slow middleware, which holds up nothing else', async (t) => {
      const { url } = await serve(t, 'protocol', ['--ping-interval', '100ms', '--ping-timeout', '20s']);
      const socket = await connected(t, url, options);
      const slow = socket.io.socket('/slow', { auth: { wait: 3000 } });
      t.after(() => slow.disconnect());
      const joined = next(slow, 'joined');
      const answers = take(socket.io, 'ping', 5);
      assert.deepEqual(await ask(socket, 'message-with-ack', 1), [1]);
      await answers;
      assert.equal(slow.connected, false, 'the middleware is at work');
      await joined;
      assert.ok(slow.connected && socket.connected);
    });

    it('does not join a namespace that it leaves before it is let in', async (t) => {
      const { url } = await serve(t, 'protocol');
      const socket = await connected(t, url, options);
      const slow = socket.io.socket('/slow', { auth: { wait: 200 } });
      await ask(socket, 'message-with-ack', 1);
      slow.disconnect();
      const again = next(slow, 'connect');
      slow.connect();
      await again;
      assert.deepEqual(await ask(socket, 'message-with-ack', 2), [2], 'the connection stays');
    });

    it('gets volatile events, binary too, when it listens', async (t) => {
      const { url } = await serve(t, 'protocol');
      const socket = await connected(t, url, options);
      // A polling client has its request on the way at some moment, and at others not: it asks until one gets through.
      const got = next(socket, 'message-back');
      const timer = setInterval(() => socket.emit('volatile', 1, Buffer.from('two')), 20);
      t.after(() => clearInterval(timer));
      assert.deepEqual(await got, [1, Buffer.from('two')]);
    });

    it('gives up on an answer that does not come', async (t) => {
      const { url } = await serve(t, 'protocol');
      const socket = await connected(t, url, options);
      await assert.rejects(socket.timeout(50).emitWithAck('nobody handles this'), /operation has timed out/);
      assert.deepEqual(await socket.timeout(10_000).emitWithAck('message-with-ack', 1), 1);
    });

    it('answers a broadcast', async (t) => {
      const { url } = await serve(t, 'protocol');
      const sockets = await Promise.all([0, 1, 2].map(() => connected(t, url, options)));
      sockets.forEach((socket, i) => socket.on('question', (arg, done) => done({ i, arg })));
      const [answers, complete] = await ask(sockets[0], 'survey', 10_000, Buffer.from('why'));
      assert.equal(complete, true);
      assert.deepEqual(answers.sort((a, b) => a.i - b.i), [0, 1, 2].map((i) => ({ i, arg: Buffer.from('why') })));

      sockets[1].off('question'); // and does not answer any more
      for (let patience = 300; ; patience *= 4) { // which the others need on a slow machine
        const [some, all] = await ask(sockets[0], 'survey', patience, 1);
        assert.equal(all, false);
        if (some.length < 2 && patience < 30_000) continue;
        assert.deepEqual(some.map(({ i }) => i).sort(), [0, 2]);
        break;
      }
    });

    it('comes back to what it missed', async (t) => {
      const { url } = await serve(t, 'bench', ['--recovery', '60s']);
      const other = await connected(t, url, options);
      const socket = await connected(t, url, { ...options, reconnection: true, reconnectionDelay: 300, reconnectionDelayMax: 300, randomizationFactor: 0 });
      const got = [];
      socket.onAny((event, data) => got.push([event, data]));
      await ask(socket, 'join', 'r');
      const first = next(socket, 'first');
      await ask(other, 'all', 'first', { n: 0 });
      await first; // without any event, the official server has nothing to go by
      const id = socket.id;
      assert.equal(socket.recovered, false);

      const back = next(socket, 'connect', 'the connection to come back');
      socket.io.engine.close();
      await ask(other, 'all', 'm', { n: 1 });
      await ask(other, 'room', 'r', 'm', { n: 2 });
      await ask(other, 'room', 'elsewhere', 'm', { n: 3 });
      await ask(other, 'all', 'b', Buffer.from('four'));
      await back;
      assert.equal(socket.recovered, true);
      assert.equal(socket.id, id);
      if (options.transports.length === 2) await upgraded(socket);

      const last = take(socket, 'last', 1);
      await ask(other, 'room', 'r', 'last', { n: 5 }); // it is still in the room
      await last;
      assert.deepEqual(got, [
        ['first', { n: 0 }], ['m', { n: 1 }], ['m', { n: 2 }], ['b', Buffer.from('four')], ['last', { n: 5 }],
      ]);
    });

    it('begins anew when the server does not know it', async (t) => {
      const first = await serve(t, 'bench', ['--recovery', '60s']);
      const socket = await connected(t, first.url, { ...options, reconnection: true, reconnectionDelay: 50, reconnectionDelayMax: 50 });
      const event = next(socket, 'm');
      await ask(socket, 'all', 'm', {});
      await event;
      const id = socket.id;
      const back = next(socket, 'connect', 'the connection to come back');
      await first.stop();
      await serve(t, 'bench', ['--recovery', '60s'], first.port);
      await back;
      assert.equal(socket.recovered, false);
      assert.notEqual(socket.id, id);
      assert.deepEqual(await ask(socket, 'echo', 1), [1]);
    });
  });
}
