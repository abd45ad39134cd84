// The life of a connection: heartbeat, limits, the reasons of its end, and what follows a restart of the server.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ask, client, connected, farewell, next, serve, take, ways } from './kit.mjs';

for (const [way, options] of Object.entries(ways)) {
  const final = way === 'polling' ? 'polling' : 'websocket'; // the transport that is in use when it ends

  describe(way, () => {
    it('lives on heartbeats', async (t) => {
      const { url } = await serve(t, 'protocol', ['--ping-interval', '100ms', '--ping-timeout', '20s']);
      const socket = await connected(t, url, options);
      await take(socket.io, 'ping', 5);
      assert.deepEqual(await ask(socket, 'message-with-ack', 'alive'), ['alive']);
    });

    it('notices a server that has gone silent', async (t) => {
      const server = await serve(t, 'protocol', ['--ping-interval', '1s', '--ping-timeout', '3s']);
      const socket = await connected(t, server.url, options);
      server.kill('SIGSTOP');
      assert.equal((await next(socket, 'disconnect'))[0], 'ping timeout');
    });

    it('ends by the client', async (t) => {
      const { url } = await serve(t, 'protocol');
      const socket = await connected(t, url, options);
      const reason = next(socket, 'disconnect');
      socket.disconnect();
      assert.equal((await reason)[0], 'io client disconnect');
      socket.connect();
      await next(socket, 'connect', 'the same socket to connect again');
    });

    it('ends by the server, one namespace or the connection', async (t) => {
      const { url } = await serve(t, 'protocol');
      const socket = await connected(t, url, options);
      const custom = socket.io.socket('/custom', {});
      await next(custom, 'connect');

      socket.emit('bye');
      assert.equal((await next(socket, 'disconnect'))[0], 'io server disconnect');
      assert.ok(custom.connected, 'the other namespace stays');
      socket.connect();
      await next(socket, 'connect');

      const others = next(custom, 'disconnect');
      socket.emit('bye', true);
      assert.equal((await next(socket, 'disconnect'))[0], 'io server disconnect');
      assert.equal((await others)[0], 'io server disconnect');
    });

    it('ends when the server shuts down', async (t) => {
      const server = await serve(t, 'protocol');
      const socket = await connected(t, server.url, options);
      const reason = next(socket, 'disconnect');
      assert.deepEqual(await server.stop('SIGTERM'), { code: 0, signal: null });
      assert.match((await reason)[0], farewell[final]);
    });

    it('ends when the server dies', async (t) => {
      const server = await serve(t, 'protocol');
      const socket = await connected(t, server.url, options);
      const reason = next(socket, 'disconnect');
      await server.stop('SIGKILL');
      assert.equal((await reason)[0], final === 'polling' ? 'transport error' : 'transport close');
    });

    it('reconnects when the server is back, and sends what waited', async (t) => {
      const first = await serve(t, 'protocol');
      const socket = client(t, first.url, { ...options, reconnection: true, reconnectionDelay: 50, reconnectionDelayMax: 100, auth: { n: 1 } });
      await Promise.all([next(socket, 'connect'), next(socket, 'auth')]);
      const id = socket.id;

      const lost = next(socket, 'disconnect');
      await first.stop('SIGTERM');
      await lost;
      const answers = take(socket, 'message-back', 100);
      for (let i = 0; i < 100; i++) socket.emit('message', i);
      const greeting = next(socket, 'auth');
      await serve(t, 'protocol', [], first.port);

      assert.deepEqual(await greeting, [{ n: 1 }]);
      assert.deepEqual(await answers, Array.from({ length: 100 }, (_, i) => [i]));
      assert.notEqual(socket.id, id, 'a new session has a new id');
    });

    it('takes a message of the largest size and no larger one', async (t) => {
      const limit = 20_000;
      const { url } = await serve(t, 'protocol', ['--max-payload', String(limit)]);
      const socket = await connected(t, url, options);
      const fill = 'x'.repeat(limit - '42["message",""]'.length);
      const bystander = await connected(t, url, options);

      socket.emit('message', fill);
      assert.deepEqual(await next(socket, 'message-back'), [fill]);

      const reason = next(socket, 'disconnect');
      socket.emit('message', `${fill}x`);
      assert.equal((await reason)[0], final === 'polling' ? 'transport error' : 'transport close');
      assert.deepEqual(await ask(bystander, 'message-with-ack', 1), [1], 'the others stay');
    });

    it('brings a megabyte there and back', async (t) => {
      const { url } = await serve(t, 'protocol', ['--max-payload', '3000000']);
      const socket = await connected(t, url, options);
      const args = ['é'.repeat(500_000), Buffer.alloc(1_000_000, 1)];
      socket.emit('message', ...args);
      assert.deepEqual(await next(socket, 'message-back'), args);
    });
  });
}
