// Compression: permessage-deflate on websockets, which the official client offers, and gzip of answers to polls.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ask, connected, next, serve, take, ways } from './kit.mjs';

const flags = ['--per-message-deflate'];

for (const [way, options] of Object.entries(ways)) {
  describe(way, () => {
    it('carries what is compressed and what is not', async (t) => {
      const { url } = await serve(t, 'protocol', flags);
      const socket = await connected(t, url, options);
      if (way !== 'polling') assert.match(socket.io.engine.transport.ws.extensions, /permessage-deflate/);
      const values = ['short', 'long '.repeat(20_000), Buffer.alloc(100_000, 7), { list: Array.from({ length: 5000 }, (_, i) => i) }, 'é€😀'.repeat(5000)];
      const back = next(socket, 'message-back');
      socket.emit('message', ...values);
      assert.deepEqual(await back, values);
    });

    it('keeps the order between members with and without it', async (t) => {
      const { url } = await serve(t, 'bench', flags);
      const all = [
        await connected(t, url, options),
        await connected(t, url, { transports: ['websocket'], perMessageDeflate: false }),
        await connected(t, url, { transports: ['websocket'] }),
        await connected(t, url, { transports: ['polling'] }),
      ];
      for (const socket of all) await ask(socket, 'join', 'room');
      const count = 200;
      const body = (i) => 'x'.repeat(i % 2 ? 10 : 3000);
      const got = all.map((socket) => take(socket, 'news', count));
      for (let i = 0; i < count; i++) all[0].emit('room', 'room', 'news', { i, body: body(i) });
      for (const news of await Promise.all(got)) assert.deepEqual(news, Array.from({ length: count }, (_, i) => [{ i, body: body(i) }]));
    });
  });
}
