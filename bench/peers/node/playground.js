// Applications for protocol tests, the same as `throng serve --app protocol` and `--app engine` offer, apart from what clusters are
// tested with: rooms, and the events for other servers.

export function protocol(io) {
  const greet = (socket) => socket.emit('auth', socket.handshake.auth);

  io.on('connection', (socket) => {
    greet(socket);
    socket.on('message', (...args) => socket.emit('message-back', ...args));
    socket.on('message-with-ack', (...args) => args.pop()(...args));
    // ask: the server asks the client for an acknowledgement, and tells it what came back.
    socket.on('ask', (...args) => socket.emit('question', ...args, (...answer) => socket.emit('answer', ...answer)));
    socket.on('volatile', (...args) => socket.volatile.emit('message-back', ...args));
    // survey: the server asks all clients, and tells what was answered in so many milliseconds, and whether that is all.
    socket.on('survey', (patience, ...args) => {
      const done = args.pop();
      io.timeout(patience).emit('question', ...args, (err, answers) => done(answers, !err));
    });
    // bye: the server leaves this namespace; bye true: it closes the whole connection.
    socket.on('bye', (close) => socket.disconnect(close === true));
  });

  io.of('/custom').on('connection', greet);

  // The middleware joins a room, and takes as long as the client says in milliseconds.
  const slow = io.of('/slow');
  slow.use((socket, next) => {
    socket.join('early');
    setTimeout(next, socket.handshake.auth.wait ?? 0);
  });
  slow.on('connection', () => slow.to('early').emit('joined'));

  // Every connection is refused, with what the client sent to authenticate itself as the error's data.
  io.of('/refused').use((socket, next) => {
    next(Object.assign(new Error('not allowed'), { data: socket.handshake.auth }));
  });
}

export function engine(server) {
  server.on('connection', (socket) => socket.on('message', (data) => socket.send(data)));
}
