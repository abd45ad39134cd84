// A client that comes back while the server still takes its broken connection for alive, by the official client. The official server
// does not give it its socket back, so there is one peer only.
import assert from 'node:assert/strict';
import { connect, createServer } from 'node:net';
import { describe, it } from 'node:test';
import { ask, connected, next, serve, take, ways, within } from './kit.mjs';

// A way to the server that can break on the client's side alone: the server's side stays open, and silent.
async function bridge(t, port) {
  const pairs = new Set();
  let broken = false; // until heal: a client between two polls would not notice otherwise
  const server = createServer((near) => {
    if (broken) return near.destroy();
    const far = connect(port, '127.0.0.1');
    const pair = { near, far };
    pairs.add(pair);
    for (const socket of [near, far]) socket.on('error', () => {});
    near.pipe(far, { end: false });
    far.pipe(near);
    near.on('end', () => pair.broken || far.end());
  });
  await within(new Promise((resolve) => server.listen(0, '127.0.0.1', resolve)), 'the bridge');
  t.after(() => {
    server.close();
    for (const { near, far } of pairs) { near.destroy(); far.destroy(); }
  });
  const heal = () => (broken = false);
  const cut = () => {
    broken = true;
    for (const pair of pairs) {
      pair.broken = true;
      pair.near.unpipe(pair.far);
      pair.far.unpipe(pair.near);
      pair.far.resume(); // and what the server sends is lost
      pair.near.destroy();
    }
  };
  return { url: `http://127.0.0.1:${server.address().port}`, cut, heal };
}

for (const [way, options] of Object.entries(ways)) {
  describe(way, () => {
    it('is the same socket again before the server has missed it', async (t) => {
      const { url, port } = await serve(t, 'bench', ['--recovery', '60s']);
      const way = await bridge(t, port);
      const other = await connected(t, url);
      const socket = await connected(t, way.url, {
        ...options, reconnection: true, reconnectionDelay: 300, reconnectionDelayMax: 300, randomizationFactor: 0,
      });
      const got = take(socket, 'm', 4);
      await ask(socket, 'join', 'r');
      const first = next(socket, 'first');
      await ask(other, 'room', 'r', 'first', 0);
      await first;
      const { id } = socket;
      assert.equal(socket.recovered, false);

      const back = next(socket, 'connect', 'the connection to come back');
      socket.once('disconnect', way.heal);
      way.cut();
      await ask(other, 'room', 'r', 'm', 1);
      await ask(other, 'all', 'm', 2);
      await back;
      assert.equal(socket.recovered, true);
      assert.equal(socket.id, id);
      await ask(other, 'room', 'r', 'm', 3); // it is still in the room
      await ask(other, 'room', 'elsewhere', 'm', 0);
      await ask(other, 'all', 'm', 4);
      assert.deepEqual((await got).map(([n]) => n), [1, 2, 3, 4]); // without the offsets
    });
  });
}
