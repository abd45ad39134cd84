package server

import (
	"context"
	"encoding/json"

	"github.com/throng-io/throng/protocol/socketio"
	"github.com/throng-io/throng/server/internal/fanout"
	"github.com/throng-io/throng/server/internal/frame"
)

// Adapter is where a namespace meets the sockets of all servers that serve it: every operation that
// may concern sockets elsewhere goes through it, and nothing above it knows which adapter it is.
// Operations of one socket of this server alone (a room joined, an event for it) do not.
//
// The default, for a server that is alone, reaches the sockets of this server. An adapter for
// several servers (Options.Adapter) gets that one, passes each call on to the other servers, and
// then to it. It carries out requests of other servers with the result of Target.Local, with
// Target.Ask, and with Namespace.ServerEvent. Embed the local Adapter for the methods that are left
// to it.
//
// All methods are called by several goroutines at once. Broadcast and ServerSideEmit must not wait
// for the network. The arguments of a Message are the caller's again when they return: a message
// that is sent later must be encoded before.
type Adapter interface {
	// Broadcast sends an event to the sockets of an audience. An error means that it cannot be
	// encoded.
	Broadcast(to Target, m Message) error
	// Ask sends an event that wants an answer of each socket. Answers from other servers are
	// reported to acks, which expects none before ExpectAnswers.
	Ask(to Target, m Message, acks *Acks) error
	// Fetch lists the sockets of an audience.
	Fetch(ctx context.Context, to Target) ([]RemoteSocket, error)
	// Apply changes the sockets of an audience.
	Apply(to Target, c Change) error
	// ServerSideEmit sends an event to the other servers. acks is nil if no answers are wanted.
	ServerSideEmit(m Message, acks *Acks) error
	// Close stops the adapter, and with it the adapter that it was given. The namespace is in use
	// no more.
	Close() error
}

// Recoverer is an Adapter that keeps what sockets may miss, so that their clients may come back to
// any server. It is used in place of the memory of this server if Options.Recovery is set. It gives
// each event that it keeps an offset (Message.WithOffset), here and on the other servers.
type Recoverer interface {
	Adapter
	// Save keeps a socket that has left, for Recovery.MaxDisconnection.
	Save(s Session)
	// Restore returns the socket with a private id, and forgets it; nil if it is not known, or if
	// not all is there that came after the offset, which is "" for a client that has got nothing
	// yet.
	Restore(pid, offset string) *Session
	// Enter calls join once, with what the socket missed, at a moment when nothing that it has seen
	// is delivered to this server's sockets twice or not at all, and with the offset from which on
	// the socket gets everything. A socket that has not been here before has an ID alone. Enter
	// returns false, without a call, if that is not possible any more. The client's connection
	// waits for it: what takes long is for Restore.
	Enter(s *Session, join func(missed []Message, offset string)) bool
	// After keeps in order what goes to sockets of this server alone. If broadcasts of this server
	// are still on their way to its own sockets, it returns true, and f is called behind them; f
	// must not wait. Otherwise it returns false.
	After(f func()) bool
	// Moving is called before a socket of this server enters or leaves a room, since broadcasts
	// that are on their way are for the members of the time when they were sent. rooms returns the
	// rooms that the socket is in.
	Moving(id, room string, rooms func() []string)
}

// Session is a socket that may come back.
type Session struct {
	ID, Private string
	Rooms       []string
	Data        any    // of Socket.Data; after Restore, as the adapter has kept it
	Offset      string // of the last event that the client is known to have received, or of one before
	State       any    // the adapter's own, from Restore to Enter or Save
}

// Change is what happens to the sockets of an audience.
type Change struct {
	Join, Leave []string // rooms
	Disconnect  bool
	HangUp      bool // with Disconnect: the whole connection, see Socket.Disconnect
	// Aside is for adapters that carry out what another server asks: sockets for which there are
	// functions of OnDisconnecting, which may wait for other servers, are disconnected on another
	// goroutine than the one that brings their answers.
	Aside bool
}

// memory is the adapter of a server that is alone: the local part of any.
type memory struct {
	ns  *Namespace
	hub fanout.Hub
	log *recoveryLog // nil without recovery
}

// Broadcast implements Adapter.
func (a *memory) Broadcast(to Target, msg Message) error {
	m := msg.m
	if m.flags = to.flags; m.flags != (flags{}) {
		m.frame = nil // it was prepared without them
	}
	if a.log != nil {
		return a.log.publish(&m, entryFor(to.audience), func(f *frame.Frame) {
			a.hub.Broadcast(to.audience, fanout.Message{Frame: f})
		})
	}
	f, err := a.ns.encode(&m)
	if err != nil {
		return err
	}
	a.hub.Broadcast(to.audience, fanout.Message{Frame: f, Encode: a.ns.encoder(&m)})
	return nil
}

// encoder returns what the naive strategy calls per receiver, and nil for the others: a closure
// would cost them an allocation.
func (n *Namespace) encoder(m *message) func() *frame.Frame {
	if n.server.opts.Fanout != "naive" || m.frame != nil {
		return nil
	}
	again := *m
	return func() *frame.Frame {
		f, _ := n.encode(&again) // it has been encoded once without error
		return f
	}
}

// emit sends an event to one socket of this server.
func (a *memory) emit(h *fanout.Handle, m message) error {
	if a.log != nil {
		e := entry{}
		e.to.Rooms = e.to.Rooms.With(h.ID())
		return a.log.publish(&m, e, func(f *frame.Frame) { a.hub.Emit(h, f) })
	}
	f, err := a.ns.encode(&m)
	if err != nil {
		return err
	}
	a.hub.Emit(h, f)
	return nil
}

// Ask implements Adapter.
func (a *memory) Ask(to Target, msg Message, acks *Acks) error {
	m := msg.m
	m.flags = to.flags
	id := a.ns.ackIDs.Add(1) - 1
	f, err := a.ns.question(id, &m)
	if err != nil {
		return err
	}
	if s := to.early(); s != nil {
		acks.ask(s, id, f)
		return nil
	}
	a.hub.Each(to.audience, func(h *fanout.Handle) { acks.ask(socketOf(h), id, f) })
	return nil
}

// sockets lists the sockets of an audience that are on this server.
func (a *memory) sockets(to fanout.Audience) []*Socket {
	var all []*Socket
	a.hub.Each(to, func(h *fanout.Handle) { all = append(all, socketOf(h)) })
	return all
}

// Fetch implements Adapter.
func (a *memory) Fetch(_ context.Context, to Target) ([]RemoteSocket, error) {
	sockets := a.sockets(to.audience)
	all := make([]RemoteSocket, 0, len(sockets))
	for _, s := range sockets {
		all = append(all, RemoteSocket{
			Target: s.self(), ID: s.id, Handshake: s.Handshake(), Auth: s.auth, Rooms: s.Rooms(), Data: s.Data, Socket: s,
		})
	}
	return all, nil
}

// Apply implements Adapter. A target that is one socket, as Socket.Compress returns it, is no other
// one of that id.
func (a *memory) Apply(to Target, c Change) error {
	all := []*Socket{to.alone}
	if to.alone == nil {
		all = a.sockets(to.audience)
	}
	for _, s := range all {
		for _, room := range c.Join {
			s.Join(room)
		}
		for _, room := range c.Leave {
			s.Leave(room)
		}
		switch {
		case c.Disconnect && c.Aside && s.hasDisconnecting(c.HangUp):
			s.aside(func() { s.Disconnect(c.HangUp) })
		case c.Disconnect:
			s.Disconnect(c.HangUp)
		}
	}
	return nil
}

// ServerSideEmit implements Adapter: there are no others.
func (a *memory) ServerSideEmit(m Message, _ *Acks) error {
	_, err := a.ns.encode(&m.m)
	return err
}

// restore returns what is known of a socket that wants to come back, and forgets it; nil if nothing
// is.
func (n *Namespace) restore(pid, offset string) *savedSocket {
	if n.recoverer != nil {
		if s := n.recoverer.Restore(pid, offset); s != nil {
			return &savedSocket{sid: s.ID, pid: s.Private, rooms: s.Rooms, data: s.Data, offset: s.Offset, session: s}
		}
		return nil
	}
	if n.local.log == nil {
		return nil
	}
	return n.local.log.restore(pid, offset)
}

// save keeps what restore will return.
func (n *Namespace) save(p *savedSocket) {
	switch {
	case p.session != nil:
		n.recoverer.Save(*p.session)
	case n.recoverer != nil:
		n.recoverer.Save(Session{ID: p.sid, Private: p.pid, Rooms: p.rooms, Data: p.data, Offset: p.offset})
	case n.local.log != nil:
		n.local.log.save(p)
	}
}

// admit makes s a member of the hub, after it has been sent what it missed; p is nil for a new
// socket. It returns false if that is not there any more.
func (n *Namespace) admit(s *Socket, p *savedSocket) bool {
	switch {
	case n.local.log != nil:
		return n.local.log.enter(s, p)
	case n.recoverer == nil:
		s.enter(nil)
		return true
	case p == nil:
		if !s.conn.isRevision3() {
			s.pid = newID() + s.id
		}
		return n.recoverer.Enter(&Session{ID: s.id}, func(_ []Message, offset string) {
			s.offset = offset
			s.enter(nil)
		})
	}
	entered := false
	return n.recoverer.Enter(p.session, func(missed []Message, offset string) {
		frames, all := n.replay(missed)
		if !all || n.hub.Lookup(p.sid) != nil {
			return
		}
		s.offset, entered = offset, true
		for _, f := range frames {
			s.conn.session.Send(f)
		}
		s.enter(p.rooms)
	}) && entered
}

// replay makes the frames of what a socket missed, and reports whether they fit the queue of its
// connection.
func (n *Namespace) replay(missed []Message) (frames []*frame.Frame, all bool) {
	size, limits := 0, &n.server.opts.Limits
	for i := range missed {
		f, err := n.encode(&missed[i].m)
		if err != nil {
			continue // a value that another server's parser could say, and this one's cannot
		}
		frames = append(frames, f)
		size += len(f.Wire())
	}
	return frames, len(frames) < limits.QueuePackets && size < limits.QueueBytes
}

// connectPacket is the answer to the CONNECT of s.
func (s *Socket) connectPacket() *frame.Frame {
	if server := s.ns.server; s.conn.isRevision3() {
		b, _ := server.opts.Parser.AppendConnect(nil, s.ns.name, nil)
		return server.packet(b)
	}
	data := append(append([]byte(`{"sid":"`), s.id...), '"')
	if s.pid != "" {
		data = append(append(append(data, `,"pid":"`...), s.pid...), '"')
	}
	data = append(data, '}')
	server := s.ns.server
	if server.opts.Parser == socketio.JSON {
		p := socketio.Packet{Type: socketio.Connect, Namespace: s.ns.raw, Data: data}
		return server.packet(p.Append(nil))
	}
	// ids are plain: nothing to fail
	b, _ := server.opts.Parser.AppendConnect(nil, s.ns.name, json.RawMessage(data))
	return server.packet(b)
}

// Close implements Adapter.
func (a *memory) Close() error {
	if a.log != nil {
		a.log.close()
	}
	a.hub.Close()
	return nil
}
