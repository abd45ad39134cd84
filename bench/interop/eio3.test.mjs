// Socket.IO 2, whose clients speak Engine.IO 3, by its official client.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import io2 from 'socket.io-client-2';
import { connected as connected4, next, serve, take, within } from './kit.mjs';

const flags = ['--allow-eio3'];
const ways = {
  polling: { transports: ['polling'] },
  'polling in base64': { transports: ['polling'], forceBase64: true },
  websocket: { transports: ['websocket'] },
  'websocket in base64': { transports: ['websocket'], forceBase64: true },
  upgrade: { transports: ['polling', 'websocket'] },
};

function client(t, url, options) {
  const socket = io2(url, { forceNew: true, reconnection: false, ...options });
  t.after(() => socket.close());
  return socket;
}

async function connected(t, url, options) {
  const socket = client(t, url, options);
  await next(socket, 'connect');
  if (options.transports.length === 2 && socket.io.engine.transport.name !== 'websocket') await next(socket.io.engine, 'upgrade');
  return socket;
}

const ask = (socket, event, ...args) =>
  within(new Promise((resolve) => socket.emit(event, ...args, (...answer) => resolve(answer))), `the ack of "${event}"`);

for (const [way, options] of Object.entries(ways)) {
  describe(way, () => {
    it('carries text and binary, both ways, in order', async (t) => {
      const { url } = await serve(t, 'protocol', flags);
      const socket = await connected(t, url, options);
      const messages = [
        ['text'], ['é € 😀', 1, null, true], [{ a: [1, { b: 2 }] }], [Buffer.from([1, 2, 3])], [Buffer.alloc(0), 'and text'],
        [{ deep: { buffer: Buffer.alloc(70_000, 5) } }], ['x'.repeat(70_000)], ['last'],
      ];
      const back = take(socket, 'message-back', messages.length);
      for (const message of messages) socket.emit('message', ...message);
      assert.deepEqual(await back, messages);
    });

    it('acknowledges in both directions', async (t) => {
      const { url } = await serve(t, 'protocol', flags);
      const socket = await connected(t, url, options);
      assert.deepEqual(await ask(socket, 'message-with-ack', 1, Buffer.from([2]), 'three'), [1, Buffer.from([2]), 'three']);
      socket.on('question', (...args) => args.pop()('answered', ...args));
      const answer = next(socket, 'answer');
      socket.emit('ask', 'what', Buffer.from([5]));
      assert.deepEqual(await answer, ['answered', 'what', Buffer.from([5])]);
    });

    it('joins namespaces, with a query, and is refused', async (t) => {
      const { url } = await serve(t, 'protocol', flags);
      const main = await connected(t, url, options);
      const custom = main.io.socket('/custom', { query: { token: 'a b' } });
      assert.deepEqual(await next(custom, 'auth'), [{ token: 'a b' }]);
      assert.equal(custom.id, `/custom#${main.id}`);
      const refused = main.io.socket('/refused', { query: { why: 'x' } });
      assert.deepEqual(await next(refused, 'error'), [{ why: 'x' }]);
      const nowhere = main.io.socket('/nowhere');
      assert.deepEqual(await next(nowhere, 'error'), [{ message: 'Invalid namespace' }]);
      assert.deepEqual(await ask(main, 'message-with-ack', 1), [1]);
    });

    it('shares rooms with newer clients', async (t) => {
      const { url } = await serve(t, 'bench', flags);
      const all = [
        await connected(t, url, options),
        await connected4(t, url, { transports: ['websocket'] }),
        await connected4(t, url, { transports: ['polling'] }),
        await connected(t, url, ways.websocket),
      ];
      for (const socket of all) await ask(socket, 'join', 'room');
      const count = 100;
      const got = all.map((socket) => take(socket, 'news', 2 * count));
      for (let i = 0; i < count; i++) {
        all[0].emit('room', 'room', 'news', i);
        all[0].emit('room', 'room', 'news', Buffer.from([i]));
      }
      const want = Array.from({ length: 2 * count }, (_, i) => [i % 2 ? Buffer.from([i >> 1]) : i >> 1]);
      for (const news of await Promise.all(got)) assert.deepEqual(news, want);
    });

    it('lives on its own heartbeats', async (t) => {
      const { url } = await serve(t, 'protocol', [...flags, '--ping-interval', '100ms', '--ping-timeout', '20s']);
      const socket = await connected(t, url, options);
      await take(socket, 'pong', 5);
      assert.deepEqual(await ask(socket, 'message-with-ack', 'alive'), ['alive']);
    });

    it('is told when the server disconnects it', async (t) => {
      const { url } = await serve(t, 'protocol', flags);
      const socket = await connected(t, url, options);
      const gone = next(socket, 'disconnect');
      socket.emit('bye');
      assert.deepEqual(await gone, ['io server disconnect']);
    });
  });
}

it('refuses them when they are not allowed', async (t) => {
  const { url } = await serve(t, 'protocol');
  const [err] = await next(client(t, url, ways.polling), 'connect_error');
  assert.match(String(err), /xhr poll error|server error/);
});
