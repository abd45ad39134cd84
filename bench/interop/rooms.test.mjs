// Rooms and broadcasts, by the benchmark contract.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ask, connected, serve, take, ways } from './kit.mjs';

// inbox collects what a socket receives, in order; what came before a marker cannot come later, so nothing has to be waited out.
function inbox(socket) {
  const got = [];
  socket.onAny((event, ...args) => got.push([event, ...args]));
  return got;
}

// settle has every socket receive one marker that was sent after all that came before it.
async function settle(sender, sockets) {
  const seen = sockets.map((socket) => take(socket, 'marker', 1));
  sender.emit('all', 'marker', null);
  await Promise.all(seen);
}

const without = (box) => box.filter(([event]) => event !== 'marker');

for (const [way, options] of Object.entries(ways)) {
  describe(way, () => {
    const trio = async (t, namespace = '/') => {
      const { url } = await serve(t, 'bench');
      return Promise.all([0, 1, 2].map(() => connected(t, url + namespace, options)));
    };

    for (const namespace of ['/', '/any']) {
      it(`broadcasts to rooms of ${namespace}`, async (t) => {
        const [a, b, c] = await trio(t, namespace);
        assert.deepEqual(await ask(a, 'join', 'r'), []);
        assert.deepEqual(await ask(b, 'join', 'r'), []);
        const boxes = [a, b, c].map(inbox);

        assert.deepEqual(await ask(a, 'room', 'r', 'm', { n: 1 }), []);
        assert.deepEqual(await ask(a, 'room', 'r', 'm', { n: 2 }, true), []);
        assert.deepEqual(await ask(a, 'room', 'r', 'm', { n: 3 }, false), []);
        assert.deepEqual(await ask(c, 'room', 'r', 'm', { n: 4 }), [], 'a sender need not be a member');
        assert.deepEqual(await ask(c, 'room', 'r', 'm', { n: 5 }, true), []);
        assert.deepEqual(await ask(b, 'leave', 'r'), []);
        assert.deepEqual(await ask(a, 'room', 'r', 'm', { n: 6 }), []);
        a.emit('room', 'nobody', 'm', { n: 7 });
        await settle(a, [a, b, c]);

        const events = (...numbers) => numbers.map((n) => ['m', { n }]);
        assert.deepEqual(boxes.map(without), [events(1, 3, 4, 5, 6), events(1, 2, 3, 4, 5), []]);
      });
    }

    it('broadcasts to all', async (t) => {
      const [a, b, c] = await trio(t);
      const boxes = [a, b, c].map(inbox);
      assert.deepEqual(await ask(a, 'all', 'm', 1), []);
      assert.deepEqual(await ask(a, 'all', 'm', 2, true), []);
      a.emit('all', 'm', 3, false);
      await settle(a, [a, b, c]);
      assert.deepEqual(boxes.map(without), [[['m', 1], ['m', 3]], [['m', 1], ['m', 2], ['m', 3]], [['m', 1], ['m', 2], ['m', 3]]]);
    });

    it('echoes', async (t) => {
      const [a] = await trio(t);
      assert.deepEqual(await ask(a, 'echo', 1, { two: [Buffer.from('3')] }), [1, { two: [Buffer.from('3')] }]);
      const back = take(a, 'echo', 1);
      a.emit('echo', 'no', 'ack');
      assert.deepEqual(await back, [['no', 'ack']]);
    });

    it('keeps the order of a burst of broadcasts for every receiver', async (t) => {
      const sockets = await trio(t);
      for (const socket of sockets) await ask(socket, 'join', 'r');
      const count = 500;
      const all = sockets.map((socket) => take(socket, 'm', count));
      for (let i = 0; i < count; i++) {
        if (i % 2) sockets[0].emit('room', 'r', 'm', i);
        else sockets[0].emit('all', 'm', i);
      }
      for (const got of await Promise.all(all)) assert.deepEqual(got, Array.from({ length: count }, (_, i) => [i]));
    });

    it('puts an echo between the broadcasts where it was asked', async (t) => {
      const [a] = await trio(t);
      await ask(a, 'join', 'r');
      const box = inbox(a);
      for (let i = 0; i < 200; i++) {
        a.emit('room', 'r', 'm', i);
        a.emit('echo', i);
        a.emit('all', 'm', i);
      }
      await settle(a, [a]);
      assert.deepEqual(without(box), Array.from({ length: 200 }, (_, i) => [['m', i], ['echo', i], ['m', i]]).flat());
    });
  });
}

describe('mixed', () => {
  it('broadcasts binary to clients of every transport at once', async (t) => {
    const { url } = await serve(t, 'bench');
    const sockets = await Promise.all([...Object.values(ways), ...Object.values(ways)].map((options) => connected(t, url, options)));
    const sent = Array.from({ length: 50 }, (_, i) => (i % 2 ? { n: i, b: [Buffer.from([i]), Buffer.alloc(i * 100, i)] } : { n: i }));
    const all = sockets.map((socket) => take(socket, 'm', sent.length));
    for (const data of sent) sockets[0].emit('all', 'm', data);
    for (const got of await Promise.all(all)) assert.deepEqual(got, sent.map((data) => [data]));
  });

  it('keeps namespaces apart', async (t) => {
    const { url } = await serve(t, 'bench');
    const main = await connected(t, url, ways.websocket);
    const other = await connected(t, `${url}/other`, ways.websocket);
    await Promise.all([ask(main, 'join', 'r'), ask(other, 'join', 'r')]);
    const boxes = [main, other].map(inbox);
    await ask(main, 'room', 'r', 'm', 'main');
    await ask(other, 'room', 'r', 'm', 'other');
    await settle(main, [main]);
    await settle(other, [other]);
    assert.deepEqual(boxes.map(without), [[['m', 'main']], [['m', 'other']]]);
  });

  it('forgets who has gone', async (t) => {
    const { url } = await serve(t, 'bench');
    const [stays, goes] = [await connected(t, url, ways.websocket), await connected(t, url, ways.websocket)];
    await ask(stays, 'join', 'r');
    await ask(goes, 'join', 'r');
    goes.disconnect();
    goes.connect();
    await ask(goes, 'echo', 'back');
    const box = inbox(goes);
    await ask(stays, 'room', 'r', 'm', 1);
    await settle(stays, [stays, goes]);
    assert.deepEqual(without(box), [], 'a new session is in no room');
  });
});
