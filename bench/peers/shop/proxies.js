// nginx and HAProxy in front of the nodes. Each session stays at its node by a cookie: nginx reads
// the one that the application sets, HAProxy sets its own.
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

// The listening socket is given to the proxy as descriptor 3, so that no other process can take its
// port in between.
const proxies = {
  nginx: {
    conf: (nodes) => ({
      servers: nodes.map((n) => `server 127.0.0.1:${n.port};`),
      routes: nodes.map((n) => `${n.name} 127.0.0.1:${n.port};`),
    }),
    command: (dir, file) => ['nginx', '-p', dir, '-c', file, '-e', 'stderr'],
    env: { NGINX: '3;' },
    ends: 'SIGTERM',
  },
  haproxy: {
    conf: (nodes) => ({ servers: nodes.map((n) => `server ${n.name} 127.0.0.1:${n.port} cookie ${n.name}`) }),
    command: (dir, file) => ['haproxy', '-db', '-q', '-f', file],
    env: {},
    ends: 'SIGTERM',
  },
};

// behind starts the named proxies in front of nodes, [{name, port}], and returns what they are
// called, their ports and how to stop them. It calls lost when one of them ends.
export async function behind(names, nodes, lost) {
  return Promise.all(names.map(async (name) => {
    const proxy = proxies[name];
    if (!proxy) throw new Error(`--behind ${name}: use ${Object.keys(proxies).join(' or ')}`);
    const dir = mkdtempSync(join(tmpdir(), `shop-${name}-`));
    const listener = await new Promise((resolve, reject) => {
      const server = createServer().once('error', reject).listen(0, '127.0.0.1', () => resolve(server));
    });
    const { port } = listener.address();
    const filled = { port, ...proxy.conf(nodes) };
    const template = readFileSync(new URL(`${name}.conf`, import.meta.url), 'utf8');
    const file = join(dir, 'conf');
    writeFileSync(file, template.replace(/^( *)\{(\w+)\}|\{(\w+)\}/gm, (_, indent = '', line, word) =>
      [filled[line ?? word]].flat().map((text) => indent + text).join('\n')));
    const [command, ...args] = proxy.command(dir, file);
    const child = spawn(command, args, {
      stdio: ['ignore', 'ignore', 'inherit', listener._handle.fd],
      env: { ...process.env, ...proxy.env, PATH: `${process.env.PATH}:/usr/sbin:/sbin` },
    });
    listener.close();
    const ended = new Promise((resolve) => { child.once('exit', resolve).once('error', resolve); });
    child.once('error', (err) => console.error(`${name}: ${err.message}; apt-get install ${name}`));
    ended.then(() => lost(name));
    const stop = async () => {
      child.kill(proxy.ends);
      await ended;
      rmSync(dir, { recursive: true, force: true });
    };
    return { name, port, stop };
  }));
}
