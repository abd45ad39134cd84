// node server.js [--port N] [--nodes 1] [--behind nginx,haproxy] [--batch 0ms] [--token-life 1h]
//
// Prints a line with the address of each node, then of each proxy, and ends on SIGTERM, SIGINT, or
// the end of a piped standard input.
import cluster from 'node:cluster';
import { fstatSync } from 'node:fs';
import { createServer } from 'node:http';
import { parseArgs } from 'node:util';
import { createAdapter, setupPrimary } from '@socket.io/cluster-adapter';
import { Server } from 'socket.io';
import { chat, newAccount } from './chat.js';
import { behind } from './proxies.js';
import { site } from './site.js';

const string = (value) => ({ type: 'string', default: value });
const { values: flags } = parseArgs({
  options: { port: string('0'), nodes: string('1'), behind: string(''), batch: string('0ms'), 'token-life': string('1h') },
});

await (cluster.isPrimary ? lead() : serve(Number(process.env.SHOP_NODE)));

// serve is one node. Without its adapter, SHOP_LONE, it knows nothing of the others.
async function serve(node) {
  const account = newAccount(`node${node}`);
  const http = createServer(site({ node: account.node, tokenLife: flags['token-life'], account }));
  const io = new Server(http, { ...(process.env.SHOP_LONE !== String(node) && { adapter: createAdapter() }) });
  io.engine.on('initial_headers', (headers, req) => {
    if (!/(^|; *)node=/.test(req.headers.cookie ?? '')) headers['set-cookie'] = `node=${account.node}; Path=/; HttpOnly`;
  });
  chat(io, { account, batch: milliseconds(flags.batch) });
  // Each node has a port of its own; node:cluster would share one among them.
  http.listen({ port: Number(flags.port) && Number(flags.port) + node - 1, host: '127.0.0.1', exclusive: true }, () => process.send({ port: http.address().port }));
  process.on('SIGTERM', () => {}); // the primary says when
  process.on('SIGINT', () => {});
}

// lead starts the nodes and the proxies, and stops them.
async function lead() {
  newAccount(''); // a mistake in SHOP_FAULTS is told once, and now
  setupPrimary();
  const nodes = await Promise.all(Array.from({ length: Number(flags.nodes) }, (_, i) => new Promise((resolve, reject) => {
    const worker = cluster.fork({ SHOP_NODE: i + 1 });
    worker.on('message', (message) => message.port && resolve({ name: `node${i + 1}`, port: message.port }));
    worker.once('exit', () => reject(new Error(`node ${i + 1} ended before it listened`)));
  })));
  let proxies = [];
  let stopping = false;
  const stop = (code = 0) => {
    if (stopping) return;
    stopping = true;
    const ended = proxies.map((p) => p.stop());
    for (const worker of Object.values(cluster.workers)) {
      ended.push(new Promise((resolve) => { worker.on('exit', resolve); }));
      worker.process.kill('SIGKILL');
    }
    Promise.all(ended).then(() => process.exit(code));
  };
  const lost = (what) => {
    if (!stopping) console.error(`${what} ended`);
    stop(1);
  };
  cluster.on('exit', (worker) => lost(`node ${worker.id}`));
  proxies = await behind(flags.behind.split(',').filter(Boolean), nodes, lost);
  for (const { name, port } of [...nodes, ...proxies]) console.log(`${name} is listening on http://127.0.0.1:${port}`);

  process.once('SIGTERM', () => stop());
  process.once('SIGINT', () => stop());
  if (fstatSync(0).isFIFO() || fstatSync(0).isSocket()) process.stdin.on('end', () => stop()).resume();
}

function milliseconds(text) {
  return parseFloat(text) * (text.endsWith('ms') ? 1 : 1000);
}
