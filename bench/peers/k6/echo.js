// k6 run echo.js: clients that ask a Socket.IO server for echoes, in frames made by hand, since k6 knows no Socket.IO.
// The environment says TARGET (host:port), CLIENTS, RATE (echoes a second and client), SECONDS and OUT (a file).
import { WebSocket } from 'k6/websockets';
import { Trend } from 'k6/metrics';

const clients = Number(__ENV.CLIENTS);
const rate = Number(__ENV.RATE);
const seconds = Number(__ENV.SECONDS);
const data = JSON.stringify({ p: 'x'.repeat(92) });
const took = new Trend('echo', true);

export const options = {
  scenarios: { clients: { executor: 'per-vu-iterations', vus: clients, iterations: 1, maxDuration: `${seconds + 60}s` } },
  summaryTrendStats: ['count', 'med', 'p(99)'],
};

export default function () {
  const ws = new WebSocket(`ws://${__ENV.TARGET}/socket.io/?EIO=4&transport=websocket`);
  const sent = {};
  let id = 0;
  const begin = () => {
    const timer = setInterval(() => {
      sent[++id] = Date.now();
      ws.send(`42${id}["echo",${data}]`);
    }, 1000 / rate);
    setTimeout(() => {
      clearInterval(timer);
      setTimeout(() => ws.close(), 500);
    }, seconds * 1000);
  };
  ws.onmessage = ({ data: packet }) => {
    if (packet === '2') ws.send('3');
    else if (packet[0] === '0') ws.send('40');
    else if (packet.startsWith('40')) setTimeout(begin, 1500 + (Math.random() * 1000) / rate);
    else if (packet.startsWith('43')) {
      const n = parseInt(packet.slice(2), 10);
      took.add(Date.now() - sent[n]);
      delete sent[n];
    }
  };
}

export function handleSummary(summary) {
  return { [__ENV.OUT]: JSON.stringify(summary.metrics.echo.values) };
}
