// node plain.js [--port N]: a chat without Socket.IO, its own JSON over websockets.
//
// POST /login {"user": NAME} gives {"token": TOKEN}, without which ws://.../ws?token=TOKEN is
// refused.
//
// {"type": "join", "id": 1, "room": ROOM}              {"type": "ok", "id": 1}
// {"type": "leave", "id": 2, "room": ROOM}             {"type": "ok", "id": 2}
// {"type": "say", "id": 3, "room": ROOM, "text": ...}  {"type": "said", "room", "from", "text"} to the room, then "ok"
// {"type": "typing", "room": ROOM, "draft": ...}       {"type": "typing", "room", "from", "draft"} to the others in the room
// {"type": "whisper", "to": NAME, "text": ...}         {"type": "whispered", "from", "text"} to all connections of that user
// {"type": "announce", "text": ...}                    {"type": "announced", "text"} to everybody
//
// SHOP_FAULTS plants mistakes and GET /account tells of them, as in ../shop.
import { createServer } from 'node:http';
import { WebSocketServer } from 'ws';
import { Account, add } from '../shop/account.js';
import { listen, login } from './login.js';

const rooms = new Map(); // name: Set of connections
const everyone = new Set();
const account = new Account('plain', ['say', 'typing', 'whisper', 'announce'], process.env.SHOP_FAULTS);
const http = createServer(login(account));
const server = new WebSocketServer({ noServer: true });

http.on('upgrade', (request, socket, head) => {
  const url = new URL(request.url, 'http://localhost');
  const name = login.user(url.searchParams.get('token'));
  if (url.pathname !== '/ws' || !name) return socket.end('HTTP/1.1 401 Unauthorized\r\nConnection: close\r\nContent-Length: 0\r\n\r\n');
  return server.handleUpgrade(request, socket, head, (ws) => serve(ws, name));
});

function serve(ws, name) {
  ws.name = name;
  everyone.add(ws);
  ws.on('close', () => {
    everyone.delete(ws);
    for (const members of rooms.values()) members.delete(ws);
  });
  ws.on('message', (frame) => {
    const message = JSON.parse(frame);
    handlers[message.type]?.(ws, message);
    if (message.id !== undefined) ws.send(JSON.stringify({ type: 'ok', id: message.id }));
  });
}

const members = (room) => rooms.get(room) ?? rooms.set(room, new Set()).get(room);

const handlers = {
  join: (ws, { room }) => members(room).add(ws),
  leave: (ws, { room }) => members(room).delete(ws),
  say: (ws, { room, text }) => deliver('say', [...members(room)], { type: 'said', room, from: ws.name, text }),
  typing: (ws, { room, draft }) => deliver('typing', [...members(room)].filter((m) => m !== ws), { type: 'typing', room, from: ws.name, draft }),
  whisper: (ws, { to, text }) => deliver('whisper', [...everyone].filter((m) => m.name === to), { type: 'whispered', from: ws.name, text }),
  announce: (ws, { text }) => deliver('announce', [...everyone], { type: 'announced', text }),
};

function deliver(op, audience, data) {
  const { lost, again, late } = account.ask(op, audience, [...everyone]);
  const frame = JSON.stringify(data);
  const send = (ws) => {
    if (!everyone.has(ws)) return;
    add(account.delivered, op);
    ws.send(frame);
  };
  audience.filter((ws) => !lost.includes(ws) && !late.includes(ws)).concat(again).forEach(send);
  for (const ws of late) setTimeout(send, Number(process.env.SHOP_LATE ?? 5000), ws);
}

listen(http, () => {
  for (const ws of everyone) ws.close(1001);
});
