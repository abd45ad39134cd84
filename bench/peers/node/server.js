// node server.js [--app bench|chat|protocol|engine] [--port N] [--path PATH] [--ping-interval 25s] [--ping-timeout 20s] [--max-payload BYTES] [--recovery 120s]
// [--parser json|msgpack] [--allow-eio3] [--per-message-deflate] [--tls-cert FILE --tls-key FILE]
// [--adapter redis://HOST:PORT|unix:///PATH, with +sharded or +streams] [--session-prefix a]
//
// Prints one line with its address when it accepts connections. Ends on SIGTERM, SIGINT, or the end of a piped standard input,
// so that it never outlives whoever started it.
import { randomBytes } from 'node:crypto';
import { fstatSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import { createRequire } from 'node:module';
import { parseArgs } from 'node:util';
import { Server as EngineServer } from 'engine.io';
import { Server } from 'socket.io';
import { adapterOf } from './adapter.js';
import { chat } from './chat.js';
import { contract } from './contract.js';
import { engine, protocol } from './playground.js';

const string = (value) => ({ type: 'string', ...(value && { default: value }) });
const { values: flags } = parseArgs({
  options: {
    app: string('bench'), port: string('0'), path: string(),
    'ping-interval': string('25s'), 'ping-timeout': string('20s'), 'max-payload': string('1000000'), recovery: string(),
    parser: string('json'), 'allow-eio3': { type: 'boolean' }, 'per-message-deflate': { type: 'boolean' },
    'tls-cert': string(), 'tls-key': string(), adapter: string(), 'session-prefix': string(),
  },
});
const milliseconds = (text) => parseFloat(text) * (text.endsWith('ms') ? 1 : 1000);
const options = {
  pingInterval: milliseconds(flags['ping-interval']),
  pingTimeout: milliseconds(flags['ping-timeout']),
  maxHttpBufferSize: Number(flags['max-payload']),
  ...(flags.parser === 'msgpack' && { parser: createRequire(new URL('../../interop/', import.meta.url))('socket.io-msgpack-parser') }),
  allowEIO3: flags['allow-eio3'],
  perMessageDeflate: flags['per-message-deflate'],
  ...(flags.adapter && { adapter: await adapterOf(flags.adapter) }),
  ...(flags.recovery && { connectionStateRecovery: { maxDisconnectionDuration: milliseconds(flags.recovery) } }),
};

const apps = { bench: contract, chat, protocol, engine };
if (!apps[flags.app]) {
  console.error(`unknown --app ${flags.app}; use one of ${Object.keys(apps).join(', ')}`);
  process.exit(2);
}

const secure = flags['tls-cert'] && { cert: readFileSync(flags['tls-cert']), key: readFileSync(flags['tls-key']) };
// What is not the server's path is answered to health checks of proxies; an application may answer more, such as its metrics.
const other = (req, res) => setImmediate(() => res.headersSent || res.writeHead(req.url === '/health' ? 200 : 404).end());
const http = secure ? createSecureServer(secure, other) : createServer(other);
let server;
if (flags.app === 'engine') {
  server = new EngineServer(options);
  server.attach(http, { path: flags.path ?? '/engine.io/' });
} else {
  server = new Server(http, { ...options, path: flags.path ?? '/socket.io/' });
}
apps[flags.app](server);
if (flags['session-prefix']) {
  const prefix = flags['session-prefix'];
  (server.engine ?? server).generateId = () => prefix + randomBytes(15).toString('base64url').slice(prefix.length);
}

http.on('error', (err) => {
  console.error(`cannot listen: ${err.message}`);
  process.exit(1);
});
http.listen(Number(flags.port), '127.0.0.1', () => console.log(`listening on ${secure ? 'https' : 'http'}://127.0.0.1:${http.address().port}`));

function stop() {
  server.close();
  http.close();
  http.closeIdleConnections();
  setTimeout(() => process.exit(0), 200); // what the close flushed has left by then
}
process.once('SIGTERM', stop);
process.once('SIGINT', stop);
if (fstatSync(0).isFIFO() || fstatSync(0).isSocket()) process.stdin.on('end', stop).resume();
