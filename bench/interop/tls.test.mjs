// https and wss, over polling, websocket and the upgrade, by the official client, which trusts the certificate of the test and no other.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { ask, client, connected, next, serve, take, ways } from './kit.mjs';

const { TLS_CERT, TLS_KEY } = process.env;
const flags = ['--tls-cert', TLS_CERT, '--tls-key', TLS_KEY];
const ca = readFileSync(TLS_CERT);

for (const [way, options] of Object.entries(ways)) {
  describe(way, () => {
    it('carries text and binary in order', async (t) => {
      const { url } = await serve(t, 'bench', [...flags, '--per-message-deflate']);
      assert.match(url, /^https:/);
      const socket = await connected(t, url, { ...options, ca });
      assert.deepEqual(await ask(socket, 'echo', 'é€😀', Buffer.alloc(100_000, 3)), ['é€😀', Buffer.alloc(100_000, 3)]);
      await ask(socket, 'join', 'room');
      const count = 300;
      const got = take(socket, 'news', count);
      for (let i = 0; i < count; i++) socket.emit('room', 'room', 'news', { i, data: Buffer.alloc(i, 1) });
      assert.deepEqual(await got, Array.from({ length: count }, (_, i) => [{ i, data: Buffer.alloc(i, 1) }]));
    });

    it('is not reached by a client that does not trust it', async (t) => {
      const { url } = await serve(t, 'bench', flags);
      const [err] = await next(client(t, url, options), 'connect_error');
      assert.match(err.message, /poll error|websocket error/);
    });
  });
}
