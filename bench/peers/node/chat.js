// A chat service with events of its own, to be measured by a scenario that says in contract: what they are. Nothing here knows Throng.
//
// room:join room, ack      puts the socket into a room
// room:leave room          takes it out
// chat:say {room, body}    emits chat:said {from, body} to the room, the sender too; acknowledged with {at}
//
// A client says who it is in auth.token; without one it may listen and not speak, with an empty one it is refused. GET /metrics tells what the process uses, for Prometheus.
export function chat(io) {
  io.use((socket, next) => next(socket.handshake.auth.token === '' ? new Error('no token') : undefined));
  io.httpServer.on('request', (request, response) => {
    if (request.url === '/metrics') response.setHeader('content-type', 'text/plain; version=0.0.4').end(metrics(io));
  });
  io.on('connection', (socket) => {
    const { token } = socket.handshake.auth;
    socket.on('room:join', (room, ack) => {
      socket.join(room);
      ack?.();
    });
    socket.on('room:leave', (room) => socket.leave(room));
    socket.on('chat:say', ({ room, body }, ack) => {
      if (!token) return;
      io.to(room).emit('chat:said', { body, from: token });
      ack?.({ at: Date.now() });
    });
  });
}

function metrics(io) {
  const { user, system } = process.cpuUsage();
  const families = [
    ['process_cpu_seconds_total', 'counter', (user + system) / 1e6],
    ['process_resident_memory_bytes', 'gauge', process.memoryUsage.rss()],
    ['chat_clients', 'gauge', io.engine.clientsCount],
  ];
  return families.map(([name, type, value]) => `# TYPE ${name} ${type}\n${name} ${value}\n`).join('');
}
