// The official adapters, by the addresses that throng serve --adapter takes.
import { createAdapter, createShardedAdapter } from '@socket.io/redis-adapter';
import { createAdapter as createStreamsAdapter } from '@socket.io/redis-streams-adapter';
import { createClient } from 'redis';

const kinds = {
  '': (a, b) => createAdapter(a, b),
  '+sharded': (a, b) => createShardedAdapter(a, b),
  '+streams': (a) => createStreamsAdapter(a),
};

// adapterOf connects to Redis, and returns what the option adapter of a server takes. The process ends when the connection does.
export async function adapterOf(address) {
  const [, scheme, kind, where] = address.match(/^(redis|unix)(\+\w+)?:\/\/(.+)$/) ?? [];
  if (!kinds[kind ?? '']) throw new Error(`--adapter ${address}: write redis://HOST:PORT or unix:///PATH, with +sharded or +streams behind the first word`);
  const client = () => createClient(scheme === 'unix' ? { socket: { path: where } } : { url: `redis://${where}` })
    .on('error', (err) => {
      console.error(`Redis: ${err.message}`);
      process.exit(1);
    })
    .connect();
  return kinds[kind ?? ''](await client(), kind === '+streams' ? undefined : await client());
}
