// The Admin UI with the parser for MessagePack, which its page offers as well.
import assert from 'node:assert/strict';
import { it } from 'node:test';
import parser from 'socket.io-msgpack-parser';
import { ask, connected, next, serve, within } from './kit.mjs';

it('speaks MessagePack', async (t) => {
  const options = { parser, transports: ['websocket'] };
  const { url, admin } = await serve(t, 'bench', ['--admin', '--parser', 'msgpack']);
  const socket = await connected(t, url, options);
  const ui = await connected(t, await admin(), options);
  await next(ui, 'server_stats');
  const about = (event, name) => within(new Promise((resolve) => {
    ui.on(event, (nsp, id, args) => args[0] === name && resolve([nsp, id, args]));
  }), `"${event}" of "${name}"`);

  const received = about('event_received', 'all');
  const sent = about('event_sent', 'm');
  await ask(socket, 'all', 'm', { text: 'é', bytes: Buffer.from('bytes'), n: 2 ** 40 });
  const data = { text: 'é', bytes: Buffer.from('bytes'), n: 2 ** 40 };
  assert.deepEqual(await received, ['/', socket.id, ['all', 'm', data]]);
  assert.deepEqual(await sent, ['/', socket.id, ['m', data]]);

  const news = next(socket, 'news');
  ui.emit('emit', '/', undefined, 'news', 1, Buffer.from('two'));
  assert.deepEqual(await news, [1, Buffer.from('two')]);
  const out = next(socket, 'disconnect');
  ui.emit('_disconnect', '/', false, socket.id);
  assert.equal((await out)[0], 'io server disconnect');
});
