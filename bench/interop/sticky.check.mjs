// The official client behind a proxy in front of several nodes: PEER holds the URL of the proxy, and for which clients it is. Without cookies
// they stay at a node only where the proxy goes by the sid; with withCredentials, which makes Node.js keep cookies, everywhere.
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { ask, client, connected, ways, within } from './kit.mjs';

const [url, clients] = JSON.parse(process.env.PEER);
const many = (t, options) => Promise.allSettled(Array.from({ length: 12 }, async () => {
  const client = await connected(t, url, options);
  assert.deepEqual(await ask(client, 'echo', 'x'), ['x']);
}));
const failed = (results) => results.filter((r) => r.status === 'rejected');

for (const [way, options] of Object.entries(ways)) {
  it(`${way} with cookies`, async (t) => {
    assert.deepEqual(failed(await many(t, { ...options, withCredentials: true })), []);
  });
}

it('polling without cookies', async (t) => {
  if (clients === 'all') {
    assert.deepEqual(failed(await many(t, ways.polling)), []);
    return;
  }
  const asked = Array.from({ length: 12 }, () => client(t, url, ways.polling));
  const refused = asked.map((c) => new Promise((resolve) => {
    c.once('connect_error', resolve);
    c.io.once('close', resolve); // after the answer that opened the session
  }));
  await within(Promise.race(refused), 'one of twelve clients to lose its node');
});
