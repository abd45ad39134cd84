// node old.js [--port N]: a chat on Socket.IO 2, in the namespace /chat.
//
// POST /login {"user": NAME} gives {"token": TOKEN}; without it in the query of the handshake the
// connection is refused.
//
// join room, ack                 puts the socket into a room
// leave room, ack                takes it out
// say {room, text}, ack          emits said {room, from, text} to the room
// typing {room, draft}           emits typing {room, from, draft} to the others in the room
// whisper {to, text}, ack        emits whispered {from, text} to all sockets of that user
// announce text                  emits announced text to the namespace
//
// SHOP_FAULTS plants mistakes and GET /account tells of them, as in ../shop.
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { Account, add } from '../shop/account.js';
import { listen, login } from './login.js';

const attach = createRequire(import.meta.url)('socket.io-2');
const account = new Account('old', ['say', 'typing', 'whisper', 'announce'], process.env.SHOP_FAULTS);
const http = createServer(login(account));
const io = attach(http);
const chat = io.of('/chat');

chat.use((socket, next) => {
  socket.user = login.user(socket.handshake.query.token);
  next(socket.user ? undefined : new Error('log in first'));
});

chat.on('connection', (socket) => {
  const from = socket.user;
  socket.join(`user:${from}`);
  socket.on('join', (room, ack) => socket.join(`room:${room}`, () => ack?.()));
  socket.on('leave', (room, ack) => socket.leave(`room:${room}`, () => ack?.()));
  socket.on('say', ({ room, text }, ack) => {
    deliver('say', members(`room:${room}`), 'said', { room, from, text });
    ack?.({ ok: true });
  });
  socket.on('typing', ({ room, draft }) => {
    deliver('typing', members(`room:${room}`).filter((id) => id !== socket.id), 'typing', { room, from, draft });
  });
  socket.on('whisper', ({ to, text }, ack) => {
    deliver('whisper', members(`user:${to}`), 'whispered', { from, text });
    ack?.({ ok: true });
  });
  socket.on('announce', (text) => deliver('announce', Object.keys(chat.connected), 'announced', text));
});

const members = (room) => Object.keys(chat.adapter.rooms[room]?.sockets ?? {});

function deliver(op, audience, event, data) {
  const { lost, again, late } = account.ask(op, audience, Object.keys(chat.connected));
  const send = (id) => {
    if (!chat.connected[id]) return;
    add(account.delivered, op);
    chat.connected[id].emit(event, data);
  };
  audience.filter((id) => !lost.includes(id) && !late.includes(id)).concat(again).forEach(send);
  for (const id of late) setTimeout(send, Number(process.env.SHOP_LATE ?? 5000), id);
}

listen(http, () => io.close());
