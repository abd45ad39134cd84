// The benchmark contract: what a server offers so that Throng's clients can join, echo and broadcast on it.
// README.md says it in words; any server that answers these events can be measured.
export function contract(io) {
  const serve = (socket) => {
    const nsp = socket.nsp;
    let timer; // not in socket.data, which Socket.IO has since version 4 only

    socket.on('join', (room, ack) => {
      socket.join(room);
      ack?.();
    });

    socket.on('leave', (room, ack) => {
      socket.leave(room);
      ack?.();
    });

    socket.on('echo', (...args) => {
      const ack = typeof args.at(-1) === 'function' ? args.pop() : undefined;
      if (ack) ack(...args);
      else socket.emit('echo', ...args);
    });

    // What an application does with its arguments; here nothing is passed on undecoded anyway.
    socket.on('typed', (data, ack) => ack?.({ p: data.p }));

    // others: true leaves the sender out, even when it is in the room; volatile: true lets slow receivers miss it.
    socket.on('room', (room, event, data, ...rest) => {
      const { others, volatile, ack } = tail(rest);
      const to = (others ? socket : nsp).to(room);
      (volatile ? to.volatile : to).emit(event, data);
      ack?.();
    });

    socket.on('all', (event, data, ...rest) => {
      const { others, volatile, ack } = tail(rest);
      const to = others ? socket.broadcast : nsp;
      (volatile ? to.volatile : to).emit(event, data);
      ack?.();
    });

    // What a page with a clock does: one message to one client every so many milliseconds.
    socket.on('tick', (event, data, milliseconds, count, ack) => {
      clearInterval(timer);
      timer = setInterval(() => {
        socket.emit(event, data);
        if (--count <= 0) clearInterval(timer);
      }, milliseconds);
      ack?.();
    });
    socket.on('disconnect', () => clearInterval(timer));
  };
  io.on('connection', serve);
  io.of(/^\/./).on('connection', serve);
}

// The optional booleans and the optional acknowledgement at the end of an event's arguments.
function tail(rest) {
  const ack = typeof rest.at(-1) === 'function' ? rest.pop() : undefined;
  return { others: rest[0] === true, volatile: rest[1] === true, ack };
}
