// What a node did, message by message, for a test to compare with what was measured. Faults are
// planted by counting, never by chance, so that the account of them is exact.

const kinds = ['loss', 'duplicate', 'stranger', 'late'];

// Account is the state that GET /account tells, all numbers by operation: how many messages clients
// asked for, how many were written to the sockets of this node, how many volatile ones were not as
// the connection was busy (early: before the client had said `chat:ready`), and the deliveries that
// each fault hit.
export class Account {
  logins = 0;
  asked = {};
  delivered = {};
  dropped = {};
  early = {};
  planted = Object.fromEntries(kinds.map((kind) => [kind, {}]));
  #faults;

  // faults is the text of SHOP_FAULTS, such as "loss=say:7,late=whisper:5": of every 7th `say` one
  // receiver gets nothing, of every 5th `whisper` one gets it late. What it does not know is an
  // Error.
  constructor(node, operations, faults = '') {
    this.node = node;
    this.#faults = faults.split(',').filter(Boolean).map((text) => {
      const [, kind, op, every] = /^([a-z]+)=([a-z]+):([1-9]\d*)$/.exec(text.trim()) ?? [];
      if (!kinds.includes(kind) || !operations.includes(op)) {
        throw new Error(`SHOP_FAULTS: ${text.trim()}: write KIND=OPERATION:EVERY, with a kind of ${kinds.join(', ')}`
          + ` and an operation of ${operations.join(', ')}`);
      }
      return { kind, op, every: Number(every) };
    });
  }

  // ask counts a message that a client asked for, and returns the mistakes to make with it: who of
  // the members of its audience gets nothing, who gets it once more or without being a member, and
  // who gets it late.
  ask(op, members, everyone) {
    add(this.asked, op);
    const mistakes = { lost: [], again: [], late: [] };
    for (const { kind, op: of, every } of this.#faults) {
      if (of !== op || this.asked[op] % every !== 0) continue;
      const taken = Object.values(mistakes).flat();
      const from = kind === 'stranger' ? everyone.filter((id) => !members.includes(id)) : members;
      const hit = from.findLast((id) => !taken.includes(id)); // or two mistakes could cancel each other
      if (hit === undefined) continue;
      add(this.planted[kind], op);
      const list = { loss: 'lost', late: 'late' }[kind] ?? 'again';
      mistakes[list].push(hit);
    }
    return mistakes;
  }
}

export function add(counts, op, n = 1) {
  counts[op] = (counts[op] ?? 0) + n;
}
