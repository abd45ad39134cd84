// What a node did, message by message, for a test to compare with what was measured. Faults are planted by counting, never
// by chance, so that the account of them is exact.

const events = { 'chat:said': 'say', 'chat:typing': 'typing', pm: 'whisper', announcement: 'announce' };
const kinds = ['loss', 'duplicate', 'stranger', 'late'];

// Account is the state that GET /account tells, all numbers by operation: how many messages clients asked for, how many
// were written to the sockets of this node, how many volatile ones were not as the connection was busy, and the deliveries
// that each fault hit.
export class Account {
  node;
  logins = 0;
  asked = {};
  delivered = {};
  dropped = {};
  planted = Object.fromEntries(kinds.map((kind) => [kind, {}]));

  constructor(node) {
    this.node = node;
  }

  // watch counts what is written to a socket. A volatile message is dropped when the transport cannot take it, which
  // Socket.IO decides right after its listeners for outgoing packets were called.
  watch(socket) {
    socket.onAnyOutgoing((event, data) => {
      const op = events[event];
      if (!op) return;
      const missed = op === 'typing' && !socket.conn.transport.writable;
      add(missed ? this.dropped : this.delivered, op, Array.isArray(data) ? data.length : 1);
    });
  }
}

export function add(counts, op, n = 1) {
  counts[op] = (counts[op] ?? 0) + n;
}

// parseFaults reads SHOP_FAULTS, such as "loss=say:7,late=whisper:5": one receiver of every 7th message gets nothing, and so
// on. It throws an Error for what it does not know.
export function parseFaults(text = '') {
  const faults = {};
  for (const part of text.split(',').filter(Boolean)) {
    const [, kind, op, every] = /^([a-z]+)=([a-z]+):([1-9]\d*)$/.exec(part.trim()) ?? [];
    if (!kinds.includes(kind) || !Object.values(events).includes(op)) {
      throw new Error(`SHOP_FAULTS: ${part.trim()}: write KIND=OPERATION:EVERY, with a kind of ${kinds.join(', ')}`
        + ` and an operation of ${Object.values(events).join(', ')}`);
    }
    faults[op] ??= [];
    faults[op].push({ kind, every: Number(every) });
  }
  return faults;
}
