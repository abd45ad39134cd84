// The chat of a node: channels, private messages, typing notices, and announcements of
// administrators.
import escapeHTML from 'escape-html';
import { Account, add } from './account.js';
import { identify, session } from './site.js';

const events = { 'chat:said': 'say', 'chat:typing': 'typing', pm: 'whisper', announcement: 'announce' };

// newAccount returns the account of a node; it throws an Error for faults that it does not know.
export const newAccount = (node) => new Account(node, Object.values(events), process.env.SHOP_FAULTS);

export function chat(io, { account, batch }) {
  const { env } = process;
  const shop = { chat: io.of('/chat'), account, delay: Number(env.SHOP_LATE ?? 5000), messages: 0 };
  const text = env.SHOP_ESCAPE ? escapeHTML : String;
  const stamp = () => ({ id: `${account.node}-${++shop.messages}`, at: Date.now() });
  const waiting = new Batches(batch, (room, messages) => shop.chat.to(room).emit('chat:said', messages));

  shop.chat.use(authenticate);
  shop.chat.on('connection', (socket) => {
    const { user } = socket.data;
    watch(shop, socket);
    socket.join(`user:${user.id}`);
    socket.emit('welcome', { user });

    socket.on('chat:ready', () => {
      socket.data.ready = true;
    });
    socket.on('room:join', (room, ack) => {
      socket.join(`room:${room}`);
      ack?.({ ok: true });
    });
    socket.on('room:leave', (room, ack) => {
      socket.leave(`room:${room}`);
      ack?.({ ok: true });
    });
    socket.on('chat:say', (message, ack) => {
      const room = `room:${message?.room}`;
      if (!socket.rooms.has(room)) return ack?.({ ok: false, error: 'join the channel first' });
      const said = { ...stamp(), room: message.room, by: user, text: text(message.text) };
      if (batch > 0) {
        add(account.asked, 'say');
        waiting.add(room, said);
      } else {
        deliver(shop, 'say', [room], 'chat:said', said);
      }
      return ack?.({ ok: true, id: said.id });
    });
    socket.on('chat:typing', (notice) => {
      const room = `room:${notice?.room}`;
      if (!socket.rooms.has(room)) return;
      deliver(shop, 'typing', [room], 'chat:typing', { room: notice.room, by: user.id, draft: notice.draft }, { but: socket.id, volatile: true });
    });
    socket.on('pm', (message, ack) => {
      const pm = { ...stamp(), from: user.id, text: text(message?.text) };
      deliver(shop, 'whisper', [`user:${message?.to}`], 'pm', pm);
      ack?.({ ok: true, id: pm.id });
    });
  });

  const admin = io.of('/admin');
  admin.use(authenticate);
  admin.use((socket, next) => next(socket.data.user.role === 'admin' ? undefined : new Error('only administrators may come in')));
  admin.on('connection', (socket) => {
    socket.on('announce', (message, ack) => {
      deliver(shop, 'announce', [], 'announcement', { ...stamp(), by: socket.data.user.name, text: text(message) });
      ack?.({ ok: true });
    });
  });
}

// A socket belongs to the user of the token in `auth`, or of the session's cookie.
function authenticate(socket, next) {
  try {
    socket.data.user = identify(socket.handshake.auth.token ?? session(socket.handshake.headers.cookie));
    next();
  } catch (err) {
    next(Object.assign(new Error('unauthorized'), { data: { reason: err.message } }));
  }
}

// watch counts what is written to a socket. A volatile message is dropped when the transport cannot
// take it, which Socket.IO decides right after its listeners for outgoing packets were called. Of one
// that is dropped before its client knows that it is in a channel, the client's side has no trace.
function watch(shop, socket) {
  const { account } = shop;
  socket.onAnyOutgoing((event, data) => {
    const op = events[event];
    if (!op) return;
    const missed = op === 'typing' && !shop.extra && !socket.conn.transport.writable;
    const counts = !missed ? account.delivered : socket.data.ready ? account.dropped : account.early;
    add(counts, op, Array.isArray(data) ? data.length : 1);
  });
}

// deliver sends an event to rooms, none for everybody in /chat, and makes the mistakes that are
// planted for this message.
function deliver(shop, op, rooms, event, data, { but, volatile } = {}) {
  const { chat: to, account, delay } = shop;
  const everyone = [...to.sockets.keys()];
  const members = rooms.length > 0 ? [...(to.adapter.rooms.get(rooms[0]) ?? [])] : everyone;
  const { lost, again, late } = account.ask(op, members.filter((id) => id !== but), everyone);
  let out = to.to(rooms).except([...lost, ...late]);
  if (but) out = out.except(but);
  if (volatile) out = out.volatile;
  out.emit(event, data);
  const extra = (id) => { // not volatile, and at once: without local, it waits for the other nodes
    shop.extra = true;
    to.local.to(id).emit(event, data);
    shop.extra = false;
  };
  again.forEach(extra);
  for (const id of late) setTimeout(extra, delay, id);
}

// Batches holds the messages of a room for a while and sends them together.
class Batches {
  #rooms = new Map();
  #every;
  #send;

  constructor(every, send) {
    this.#every = every;
    this.#send = send;
  }

  add(room, message) {
    const held = this.#rooms.get(room);
    if (held) return held.push(message);
    this.#rooms.set(room, [message]);
    return setTimeout(() => {
      const messages = this.#rooms.get(room);
      this.#rooms.delete(room);
      this.#send(room, messages);
    }, this.#every);
  }
}
