// The benchmark contract of ../peers/node on the servers of Socket.IO 2, 3 and 4, by official clients.
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { describe, it } from 'node:test';
import { io } from 'socket.io-client';
import { contract } from '../peers/node/contract.js';
import { ask, next, take, within } from './kit.mjs';

const require = createRequire(import.meta.url);
const fromPeer = createRequire(new URL('../peers/node/', import.meta.url));
const versions = {
  'socket.io 2': [(http) => fromPeer('socket.io-2')(http), require('socket.io-client-2')],
  'socket.io 3': [(http) => new (fromPeer('socket.io-3').Server)(http), io],
  'socket.io 4': [(http) => new (fromPeer('socket.io').Server)(http), io],
};

for (const [version, [attach, connect]] of Object.entries(versions)) {
  describe(version, () => {
    it('keeps the contract, and lives on when clients leave', async (t) => {
      const http = createServer();
      const server = attach(http);
      contract(server);
      await within(new Promise((resolve) => http.listen(0, '127.0.0.1', resolve)), 'the server to listen');
      t.after(() => server.close());
      const url = `http://127.0.0.1:${http.address().port}`;
      const open = async (nsp) => {
        const socket = connect(url + nsp, { forceNew: true, reconnection: false, transports: ['websocket'] });
        t.after(() => socket.disconnect());
        await next(socket, 'connect');
        return socket;
      };

      for (const nsp of ['/', '/other']) {
        const [a, b] = [await open(nsp), await open(nsp)];
        assert.deepEqual(await ask(a, 'echo', 1, { two: 2 }), [1, { two: 2 }]);
        const echoed = next(a, 'echo');
        a.emit('echo', 'back');
        assert.deepEqual(await echoed, ['back']);

        await ask(a, 'join', 'r');
        await ask(b, 'join', 'r');
        const [own, others] = [take(a, 'm', 2), take(b, 'm', 3)];
        await ask(a, 'room', 'r', 'm', 1);
        await ask(a, 'room', 'r', 'm', 2, true);
        await ask(a, 'all', 'm', 3);
        assert.deepEqual(await own, [[1], [3]]);
        assert.deepEqual(await others, [[1], [2], [3]]);
        await ask(b, 'leave', 'r');
        const last = next(b, 'm');
        await ask(a, 'room', 'r', 'm', 4);
        await ask(a, 'all', 'm', 5, true);
        assert.deepEqual(await last, [5]);

        const ticks = take(a, 'tock', 3);
        await ask(a, 'tick', 'tock', 'x', 5, 3);
        assert.deepEqual(await ticks, [['x'], ['x'], ['x']]);
        await ask(b, 'tick', 'tock', 'x', 5, 1000); // and leaves before they are through
        b.disconnect();
        const c = await open(nsp);
        assert.deepEqual(await ask(c, 'echo', 'alive'), ['alive']);
      }
    });
  });
}
