// The protocol of the Admin UI, as its page speaks it: by the official client, against throng serve --admin.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import bcrypt from 'bcryptjs';
import { ask, client, connected, next, serve, take, upgraded, ways, within } from './kit.mjs';

const hash = bcrypt.hashSync('secret', 4);
const locked = ['--admin', '--admin-user', 'root', '--admin-password-hash', hash];
const serverStats = (ui) => next(ui, 'server_stats').then(([stats]) => stats);

// login connects to the namespace of the UI as the page does, listening before anything can come.
async function login(t, at, auth, options = {}) {
  const ui = client(t, at, { auth, withCredentials: true, ...options });
  const seen = {};
  for (const event of ['session', 'config', 'all_sockets', 'server_stats']) ui.once(event, (arg) => (seen[event] = arg));
  const greeted = new Promise((resolve) => ui.once('server_stats', resolve)); // its time begins with the connection
  await within(new Promise((resolve, reject) => {
    ui.once('connect', resolve);
    ui.once('connect_error', reject);
  }), 'the Admin UI to connect');
  await within(greeted, 'the first "server_stats"');
  return { ui, seen };
}

// about resolves to the arguments of the first such event that the test holds for the right one.
const about = (ui, event, right) => within(new Promise((resolve) => {
  const listen = (...args) => {
    if (!right(...args)) return;
    ui.off(event, listen);
    resolve(args);
  };
  ui.on(event, listen);
}), `the right "${event}"`);

for (const [way, options] of Object.entries(ways)) {
  describe(way, () => {
    it('asks for a password, and takes a session id instead', async (t) => {
      const { url } = await serve(t, 'bench', locked);
      for (const auth of [{}, { username: 'root', password: 'wrong' }, { username: 'x', password: 'secret' }, { sessionId: '1234567890123456' }]) {
        await assert.rejects(login(t, `${url}/admin`, auth, options), /^Error: invalid credentials$/);
      }
      const { seen } = await login(t, `${url}/admin`, { username: 'root', password: 'secret' }, options);
      assert.match(seen.session, /^[0-9a-f]{16,}$/);
      const again = await login(t, `${url}/admin`, { sessionId: seen.session }, options);
      assert.equal(again.seen.session, undefined);
      assert.ok(again.seen.config);
    });

    it('asks for the secret that is printed, in the address or as the password', async (t) => {
      const { url, admin } = await serve(t, 'bench', ['--admin']);
      const at = await admin();
      const secret = new URL(at).searchParams.get('secret');
      for (const [address, auth] of [[`${url}/admin`, {}], [`${url}/admin?secret=`, {}], [`${at}x`, { username: secret, password: 'wrong' }]]) {
        await assert.rejects(login(t, address, auth, options), /^Error: invalid credentials$/);
      }
      const { seen } = await login(t, at, {}, options);
      for (const auth of [{ username: 'any', password: secret }, { sessionId: seen.session }]) {
        assert.ok((await login(t, `${url}/admin`, auth, options)).seen.config);
      }
    });

    it('tells what happens', async (t) => {
      const { url, admin } = await serve(t, 'bench', ['--admin']);
      const at = await admin();
      const early = await connected(t, url, options);
      const { ui, seen } = await login(t, at, {}, options);
      assert.deepEqual(seen.config.supportedFeatures, ['EMIT', 'JOIN', 'LEAVE', 'DISCONNECT', 'MJOIN', 'MLEAVE', 'MDISCONNECT', 'AGGREGATED_EVENTS', 'ALL_EVENTS']);
      assert.deepEqual(seen.all_sockets.map(({ id }) => id).sort(), [early.id, ui.id].sort());
      const [shown] = seen.all_sockets.filter(({ id }) => id === early.id);
      assert.deepEqual(Object.keys(shown).sort(), ['clientId', 'data', 'handshake', 'id', 'nsp', 'rooms', 'transport']);
      assert.deepEqual(Object.keys(shown.handshake).sort(), ['address', 'headers', 'issued', 'query', 'secure', 'time', 'url', 'xdomain']);
      assert.equal(shown.nsp, '/');
      assert.deepEqual(shown.rooms, [early.id]);
      assert.equal(shown.handshake.query.EIO, '4');
      assert.ok(Math.abs(Date.now() - shown.handshake.issued) < 60_000);
      assert.ok(Math.abs(Date.parse(shown.handshake.time) - shown.handshake.issued) < 1000);

      const arrival = about(ui, 'socket_connected', (s) => s.nsp === '/');
      const upgrade = options.transports.length === 2 && about(ui, 'socket_updated', (s) => s.transport === 'websocket' && s.nsp === '/');
      const socket = await connected(t, url, { ...options, query: { token: 't' } });
      const [{ id, handshake, data }, when] = await arrival;
      assert.equal(id, socket.id);
      assert.equal(handshake.query.token, 't');
      assert.deepEqual(data, {});
      assert.ok(Math.abs(Date.now() - Date.parse(when)) < 60_000);
      if (upgrade) assert.equal((await upgrade)[0].id, id);

      const joined = about(ui, 'room_joined', (nsp, room) => room === 'r');
      const received = about(ui, 'event_received', (nsp, who, [event]) => event === 'join');
      await ask(socket, 'join', 'r');
      assert.deepEqual((await joined).slice(0, 3), ['/', 'r', id]);
      assert.deepEqual((await received).slice(0, 3), ['/', id, ['join', 'r']]);

      const sent = about(ui, 'event_sent', (nsp, who, [event]) => event === 'm' && who === id);
      const binary = about(ui, 'event_received', (nsp, who, [event]) => event === 'all');
      await ask(early, 'all', 'm', Buffer.from('bytes'));
      assert.deepEqual((await sent)[2], ['m', Buffer.from('bytes')]);
      assert.deepEqual((await binary)[2], ['all', 'm', Buffer.from('bytes')]);

      const left = about(ui, 'room_left', (nsp, room) => room === 'r');
      const gone = about(ui, 'socket_disconnected', (nsp, who) => who === id);
      socket.disconnect();
      assert.deepEqual((await left).slice(0, 3), ['/', 'r', id]);
      assert.equal((await gone)[2], 'client namespace disconnect');
    });

    it('shows who is who in the chat', async (t) => {
      const { url, admin } = await serve(t, 'chat', ['--admin']);
      const at = await admin();
      const { ui } = await login(t, at, {}, options);
      const socket = await connected(t, url, options);
      const named = about(ui, 'socket_updated', ({ id, data }) => id === socket.id && data?.name === 'Ada');
      await ask(socket, 'login', { name: 'Ada' });
      assert.deepEqual((await named)[0], { id: socket.id, nsp: '/', data: { name: 'Ada' } });
      const later = await login(t, at, {}, options);
      assert.ok(later.seen.all_sockets.some(({ id, data }) => id === socket.id && data.name === 'Ada'));
    });

    it('tells numbers every two seconds', async (t) => {
      const { url, admin } = await serve(t, 'bench', ['--admin', '--admin-server-id', 'one']);
      const at = await admin();
      const { ui } = await login(t, at, {}, options);
      const socket = await connected(t, url, options);
      await ask(socket, 'echo', 1);
      const total = {};
      const uptimes = [];
      for (let n = 0; n < 3; n++) {
        const stats = await serverStats(ui);
        uptimes.push(stats.uptime);
        assert.equal(stats.serverId, 'one');
        assert.ok(stats.uptime > 0 && stats.pid > 0 && stats.hostname);
        assert.equal(stats.clientsCount, 2);
        assert.equal(stats.pollingClientsCount, way === 'polling' ? 2 : 0);
        assert.deepEqual(stats.namespaces, [{ name: '/', socketsCount: 1 }, { name: '/admin', socketsCount: 1 }]);
        for (const { timestamp, type, count } of stats.aggregatedEvents) {
          assert.equal(timestamp % 1000, 0);
          total[type] = (total[type] ?? 0) + count;
        }
      }
      assert.ok(uptimes[2] > 5.9, `three at ${uptimes} s`); // none comes early, and the server is older than its statistics
      assert.ok(total.rawConnection <= 1 && total.packetsIn >= 1 && total.bytesIn > 10 && total.packetsOut > 1 && total.bytesOut > 10, JSON.stringify(total));
    });

    it('acts', async (t) => {
      const { url, admin } = await serve(t, 'bench', ['--admin']);
      const at = await admin();
      const [a, b] = await Promise.all([0, 1].map(() => connected(t, url, options)));
      const { ui } = await login(t, at, {}, options);
      const both = Promise.all([a, b].map((s) => next(s, 'news')));
      ui.emit('emit', '/', undefined, 'news', 1, Buffer.from('two'));
      assert.deepEqual(await both, [[1, Buffer.from('two')], [1, Buffer.from('two')]]);
      const one = next(a, 'mine');
      ui.emit('emit', '/', a.id, 'mine');
      assert.deepEqual(await one, []);
      const joined = about(ui, 'room_joined', (nsp, room, id) => room === 'r' && id === b.id);
      ui.emit('join', '/', 'r', b.id);
      await joined;
      const room = take(b, 'in the room', 1);
      await ask(a, 'room', 'r', 'in the room', 1);
      assert.deepEqual(await room, [[1]]);
      const left = about(ui, 'room_left', (nsp, name) => name === 'r');
      ui.emit('leave', '/', 'r', undefined);
      await left;
      const out = next(b, 'disconnect');
      ui.emit('_disconnect', '/', false, b.id);
      assert.equal((await out)[0], 'io server disconnect');
      const cut = next(a, 'disconnect');
      ui.emit('_disconnect', '/', true);
      assert.match((await cut)[0], /io server disconnect|transport close/);
    });

    it('shows no socket in production, and does nothing when read-only', async (t) => {
      const { url, admin } = await serve(t, 'bench', ['--admin', '--admin-mode', 'production', '--admin-readonly']);
      const at = await admin();
      const { ui, seen } = await login(t, at, {}, options);
      const others = [];
      ui.onAny((event) => event !== 'server_stats' && others.push(event));
      assert.deepEqual(seen.config.supportedFeatures, ['AGGREGATED_EVENTS']);
      const socket = await connected(t, url, options);
      if (options.transports.length === 2) await upgraded(socket);
      ui.emit('_disconnect', '/', true);
      ui.emit('join', '/', 'r');
      assert.deepEqual(await ask(socket, 'echo', 1), [1]);
      await serverStats(ui);
      assert.equal(socket.connected, true);
      assert.deepEqual(others, []);
      assert.equal(seen.all_sockets, undefined);
    });
  });
}
