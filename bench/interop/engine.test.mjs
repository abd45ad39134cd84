// Bare Engine.IO: the official engine.io-client against the echo application.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Socket } from 'engine.io-client';
import { farewell, next, serve, take, ways } from './kit.mjs';

const path = '/engine.io/';

async function open(t, url, options) {
  const socket = new Socket(url, { path, ...options });
  socket.binaryType = 'nodebuffer';
  t.after(() => socket.close());
  await Promise.all([
    next(socket, 'open'),
    ...(options.transports.length === 2 ? [next(socket, 'upgrade', 'the upgrade to websocket')] : []),
  ]);
  return socket;
}

for (const [way, options] of Object.entries(ways)) {
  describe(way, () => {
    it('echoes text and binary', async (t) => {
      const { url } = await serve(t, 'engine');
      const socket = await open(t, url, options);
      const messages = ['text', 'é € 😀', '4', '2probe', Buffer.from([1, 2, 3]), Buffer.alloc(0), Buffer.alloc(70_000, 9), '', 'last'];
      const back = take(socket, 'message', messages.length);
      for (const message of messages) socket.send(message);
      // A packet without data decodes to undefined.
      assert.deepEqual((await back).map(([data]) => data ?? ''), messages);
    });

    it('keeps a burst in order', async (t) => {
      const { url } = await serve(t, 'engine');
      const socket = await open(t, url, options);
      const count = 2000;
      const back = take(socket, 'message', count);
      for (let i = 0; i < count; i++) socket.send(String(i));
      assert.deepEqual((await back).map(([data]) => data), Array.from({ length: count }, (_, i) => String(i)));
    });

    it('says what it allows in the handshake', async (t) => {
      const { url } = await serve(t, 'engine', ['--ping-interval', '1234ms', '--ping-timeout', '567ms', '--max-payload', '4321']);
      const socket = new Socket(url, { path, ...options });
      t.after(() => socket.close());
      const [handshake] = await next(socket, 'handshake');
      assert.match(handshake.sid, /^[\w-]{16,}$/);
      delete handshake.sid;
      const upgrades = way === 'websocket' ? [] : ['websocket'];
      assert.deepEqual(handshake, { upgrades, pingInterval: 1234, pingTimeout: 567, maxPayload: 4321 });
    });

    it('lives on heartbeats', async (t) => {
      const { url } = await serve(t, 'engine', ['--ping-interval', '100ms', '--ping-timeout', '20s']);
      const socket = await open(t, url, options);
      await take(socket, 'ping', 5);
      const back = next(socket, 'message');
      socket.send('alive');
      assert.deepEqual(await back, ['alive']);
    });

    it('ends by the client and by the server', async (t) => {
      const server = await serve(t, 'engine');
      const [a, b] = [await open(t, server.url, options), await open(t, server.url, options)];
      const closed = next(a, 'close');
      a.close();
      assert.equal((await closed)[0], 'forced close');
      const gone = next(b, 'close');
      await server.stop('SIGTERM');
      assert.match((await gone)[0], farewell[way === 'polling' ? 'polling' : 'websocket']);
    });
  });
}
