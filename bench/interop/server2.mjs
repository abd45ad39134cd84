// node server2.mjs [--port N]: the benchmark contract of ../peers/node on the official server of Socket.IO 2. A middleware of the main
// namespace refuses clients with refuse in their query. It ends as the peers do: on SIGTERM, and at the end of its standard input.
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { parseArgs } from 'node:util';
import { contract } from '../peers/node/contract.js';

const attach = createRequire(new URL('../peers/node/', import.meta.url))('socket.io-2');
const { values } = parseArgs({ options: { port: { type: 'string', default: '0' } } });
const http = createServer();
const io = attach(http);
io.use((socket, next) => next(socket.handshake.query.refuse ? new Error('not you') : undefined));
contract(io);
http.listen(Number(values.port), '127.0.0.1', () => console.log(`listening on http://127.0.0.1:${http.address().port}`));

function stop() {
  io.close();
  setTimeout(() => process.exit(0), 100);
}
process.once('SIGTERM', stop);
process.stdin.on('end', stop).resume();
