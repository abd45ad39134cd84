// Connecting, events and acknowledgements on the protocol playground.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ask, client, connected, next, serve, take, upgraded, ways } from './kit.mjs';

const nested = [
  1, -0.5, 1e21, Number.MAX_SAFE_INTEGER, 'text', '', 'quote " backslash \\ newline \n nul \u0000 separator \u001e',
  'é € 😀 \u2028', '<script>&amp;</script>', true, false, null, [], {}, [[[]]],
  { deep: { er: [{ list: [1, [2, { three: 3 }]] }] }, 'key with "quotes"': 1, '': 'empty key', '😀': '😀' },
  { _placeholder: true, num: 0 },
];

// Binary values at the top, in a map, in a list, empty, and larger than one read.
const binary = [
  Buffer.from([1, 2, 3, 0, 255]),
  { inside: [Buffer.from('nested'), { deeper: Buffer.alloc(100_000, 7) }], beside: 'text' },
  Buffer.alloc(0),
  'between',
  Buffer.from([0x1e, 0x62]),
];

for (const [way, options] of Object.entries(ways)) {
  describe(way, () => {
    it('connects with an auth payload', async (t) => {
      const { url } = await serve(t, 'protocol');
      for (const namespace of ['/', '/custom']) {
        const auth = { token: '123', nested: { list: [1, 'é😀'] } };
        const socket = client(t, url + namespace, { ...options, auth });
        const [greeting] = await Promise.all([next(socket, 'auth'), next(socket, 'connect')]);
        assert.deepEqual(greeting, [auth], namespace);
        assert.ok(socket.id, 'the server names the socket');
      }
    });

    it('connects without an auth payload', async (t) => {
      const { url } = await serve(t, 'protocol');
      const socket = client(t, url, options);
      assert.deepEqual(await next(socket, 'auth'), [{}]);
    });

    it('ends on the transport that was asked for', async (t) => {
      const { url } = await serve(t, 'protocol');
      const socket = await connected(t, url, options);
      assert.equal(socket.io.engine.transport.name, way === 'upgrade' ? 'websocket' : way);
    });

    it('refuses an unknown namespace and keeps the connection', async (t) => {
      const { url } = await serve(t, 'protocol');
      const socket = await connected(t, url, options);
      const [err] = await next(socket.io.socket('/nowhere'), 'connect_error');
      assert.equal(err.message, 'Invalid namespace');
      assert.deepEqual(await ask(socket, 'message-with-ack', 'still here'), ['still here']);
    });

    it('says why a middleware refused', async (t) => {
      const { url } = await serve(t, 'protocol');
      const socket = client(t, `${url}/refused`, { ...options, auth: { user: 'x' } });
      const [err] = await next(socket, 'connect_error');
      assert.equal(err.message, 'not allowed');
      assert.deepEqual(err.data, { user: 'x' });
    });

    it('carries two namespaces on one connection', async (t) => {
      const { url } = await serve(t, 'protocol');
      const main = await connected(t, url, options);
      const custom = main.io.socket('/custom', {});
      await next(custom, 'connect');
      assert.notEqual(custom.id, main.id);
      custom.disconnect();
      assert.deepEqual(await ask(main, 'message-with-ack', 1), [1]);
      custom.connect();
      await next(custom, 'connect');
    });

    it('brings events there and back', async (t) => {
      const { url } = await serve(t, 'protocol');
      const socket = await connected(t, url, options);
      for (const args of [nested, [], ['one'], [nested]]) {
        socket.emit('message', ...args);
        assert.deepEqual(await next(socket, 'message-back'), args);
      }
    });

    it('brings binary attachments there and back', async (t) => {
      const { url } = await serve(t, 'protocol');
      const socket = await connected(t, url, options);
      socket.emit('message', ...binary);
      assert.deepEqual(await next(socket, 'message-back'), binary);
    });

    it('acknowledges', async (t) => {
      const { url } = await serve(t, 'protocol');
      const socket = await connected(t, url, options);
      assert.deepEqual(await ask(socket, 'message-with-ack', ...nested), nested);
      assert.deepEqual(await ask(socket, 'message-with-ack', ...binary), binary);
      assert.deepEqual(await ask(socket, 'message-with-ack'), []);
    });

    it('asks for acknowledgements', async (t) => {
      const { url } = await serve(t, 'protocol');
      const socket = await connected(t, url, options);
      socket.on('question', (...args) => args.pop()(...args));
      for (const args of [nested, binary, []]) {
        socket.emit('ask', ...args);
        assert.deepEqual(await next(socket, 'answer'), args);
      }
    });

    it('keeps a burst of events whole and in order', async (t) => {
      const { url } = await serve(t, 'protocol');
      const socket = await connected(t, url, options);
      const count = 2000;
      const back = take(socket, 'message-back', count);
      const acks = [];
      for (let i = 0; i < count; i++) {
        socket.emit('message', i);
        if (i % 10 === 0) acks.push(ask(socket, 'message-with-ack', i));
      }
      assert.deepEqual(await back, Array.from({ length: count }, (_, i) => [i]));
      assert.deepEqual(await Promise.all(acks), Array.from({ length: count / 10 }, (_, i) => [i * 10]));
    });

    it('keeps binary and text events in order', async (t) => {
      const { url } = await serve(t, 'protocol');
      const socket = await connected(t, url, options);
      const sent = Array.from({ length: 300 }, (_, i) => (i % 3 ? [i, 'text'] : [i, Buffer.from([i % 256]), Buffer.from('second')]));
      const back = take(socket, 'message-back', sent.length);
      for (const args of sent) socket.emit('message', ...args);
      assert.deepEqual(await back, sent);
    });

    it('serves fifty clients at once', async (t) => {
      const { url } = await serve(t, 'protocol');
      await Promise.all(Array.from({ length: 50 }, async (_, i) => {
        const socket = await connected(t, url, options);
        for (let k = 0; k < 20; k++) assert.deepEqual(await ask(socket, 'message-with-ack', i, k), [i, k]);
        socket.emit('message', i);
        assert.deepEqual(await next(socket, 'message-back'), [i]);
      }));
    });
  });
}

describe('upgrade', () => {
  it('loses and reorders nothing that is sent meanwhile', async (t) => {
    const { url } = await serve(t, 'protocol');
    const socket = client(t, url, ways.upgrade);
    await next(socket, 'connect');
    const back = [];
    socket.on('message-back', (n) => back.push(n));
    // Some every millisecond, so that events are on their way in every state of the upgrade.
    let sent = 0;
    const pump = setInterval(() => {
      for (let i = 0; i < 5; i++) socket.emit('message', sent++);
    }, 1);
    await upgraded(socket).finally(() => clearInterval(pump));
    socket.emit('message', sent++);
    await ask(socket, 'message-with-ack');
    assert.deepEqual(back, Array.from({ length: sent }, (_, i) => i));
  });
});
