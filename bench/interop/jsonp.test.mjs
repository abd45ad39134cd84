// JSONP, the polling of browsers without cross-origin requests, by the official client of Socket.IO 2. Of a browser it needs scripts that are
// fetched and run, and forms that are sent; both are here, on top of fetch.
import assert from 'node:assert/strict';
import { it } from 'node:test';
import vm from 'node:vm';
import io2 from 'socket.io-client-2';
import { connected as connected4, next, serve, take, within } from './kit.mjs';

class Element {
  style = {};
  children = [];
  setAttribute() {}
  appendChild(child) {
    child.parentNode = this;
    this.children.push(child);
    if (child.src?.startsWith('http')) child.load();
  }
  removeChild(child) {
    this.children = this.children.filter((c) => c !== child);
    child.controller?.abort();
  }
  // load runs a script.
  async load() {
    this.controller = new AbortController();
    try {
      const answer = await fetch(this.src, { signal: this.controller.signal });
      assert.ok(answer.ok, `${answer.status} for a script`);
      vm.runInThisContext(await answer.text());
    } catch (err) {
      if (err.name !== 'AbortError') this.onerror(err);
    }
  }
  // submit sends a form: the browser turns line ends into CR LF.
  async submit() {
    const [area] = this.children;
    const value = area.value.replace(/\r?\n/g, '\r\n');
    const sent = fetch(this.action, {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: new URLSearchParams({ [area.name]: value }),
    });
    if (!(await sent.catch(() => null))) return; // a form that fails tells nobody; at the end of the test the server is gone
    this.children.at(-1).onload?.();
  }
}

const body = new Element();
globalThis.document = { createElement: () => new Element(), getElementsByTagName: () => [], head: body, body };

it('carries text and binary, both ways, beside newer clients', async (t) => {
  const { url } = await serve(t, 'bench', ['--allow-eio3']);
  const socket = io2(url, { forceNew: true, reconnection: false, transports: ['polling'], forceJSONP: true });
  t.after(() => socket.close());
  await next(socket, 'connect');
  assert.equal(typeof socket.io.engine.transport.index, 'number', 'the transport is not JSONP');
  const ask = (event, ...args) =>
    within(new Promise((resolve) => socket.emit(event, ...args, (...answer) => resolve(answer))), `the ack of "${event}"`);

  const values = ['plain', 'line\nend \\n and \\\\n, "quotes" & = % +', 'é € 😀 \u2028\u2029', { a: [1, null, true] }, Buffer.from([0, 1, 255])];
  assert.deepEqual(await ask('echo', ...values), values);

  const newer = await connected4(t, url, { transports: ['websocket'] });
  await ask('join', 'room');
  await within(new Promise((resolve) => newer.emit('join', 'room', resolve)), 'the ack of "join"');
  const got = [take(socket, 'news', 50), take(newer, 'news', 50)];
  for (let i = 0; i < 50; i++) newer.emit('room', 'room', 'news', { i });
  for (const news of await Promise.all(got)) assert.deepEqual(news, Array.from({ length: 50 }, (_, i) => [{ i }]));
});
