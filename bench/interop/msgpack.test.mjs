// Socket.IO with socket.io-msgpack-parser instead of JSON, by the official client.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import parser from 'socket.io-msgpack-parser';
import { ask, client, connected, next, serve, take, ways } from './kit.mjs';

const flags = ['--parser', 'msgpack'];

for (const [way, options] of Object.entries(ways)) {
  describe(way, () => {
    const open = (t, url, more = {}) => connected(t, url, { ...options, parser, ...more });

    it('carries every kind of value, both ways', async (t) => {
      const { url } = await serve(t, 'protocol', flags);
      const socket = await open(t, url);
      const values = [
        1, -1, 127, 128, 65_536, 2 ** 40, -(2 ** 40), 1.5, true, false, null, '', 'é € 😀', 'x'.repeat(70_000),
        [1, [2, ['three']]], { a: { b: [{ c: 1 }] } }, Buffer.from([1, 2, 3]), { deep: [Buffer.alloc(300, 7)] }, new Date(1e12),
      ];
      const back = next(socket, 'message-back');
      socket.emit('message', ...values);
      assert.deepEqual(await back, values);
    });

    it('acknowledges in both directions', async (t) => {
      const { url } = await serve(t, 'protocol', flags);
      const socket = await open(t, url);
      assert.deepEqual(await ask(socket, 'message-with-ack', 1, Buffer.from([4])), [1, Buffer.from([4])]);
      socket.on('question', (...args) => args.pop()('answered', ...args));
      const answer = next(socket, 'answer');
      socket.emit('ask', 'what', Buffer.from([5]));
      assert.deepEqual(await answer, ['answered', 'what', Buffer.from([5])]);
    });

    it('tells the auth payload and the data of a refusal', async (t) => {
      const { url } = await serve(t, 'protocol', flags);
      const socket = client(t, url, { ...options, parser, auth: { token: 'x', n: [1] } });
      assert.deepEqual(await next(socket, 'auth'), [{ token: 'x', n: [1] }]);
      const refused = client(t, `${url}/nothing-here`, { ...options, parser });
      const [err] = await next(refused, 'connect_error');
      assert.equal(err.message, 'Invalid namespace');
    });

    it('broadcasts to rooms in order', async (t) => {
      const { url } = await serve(t, 'bench', flags);
      const sockets = await Promise.all([1, 2, 3].map(() => open(t, url)));
      for (const socket of sockets) await ask(socket, 'join', 'room');
      const count = 300;
      const got = sockets.map((socket) => take(socket, 'news', count));
      for (let i = 0; i < count; i++) sockets[0].emit('room', 'room', 'news', { i, data: Buffer.from([i & 255]) });
      for (const news of await Promise.all(got)) {
        assert.deepEqual(news, Array.from({ length: count }, (_, i) => [{ i, data: Buffer.from([i & 255]) }]));
      }
    });
  });
}
