package server

import (
	"encoding/json"

	"github.com/throng-io/throng/protocol/socketio"
	"github.com/throng-io/throng/server/internal/fanout"
	"github.com/throng-io/throng/server/internal/frame"
)

// adapter is where a namespace meets its sockets: everything that may concern
// sockets of other servers, or that is to be kept for sockets that come back,
// goes through it, and nothing above knows which adapter it is. What a socket of
// this server does alone (a room joined, a frame for it) goes to the hub, which
// every adapter delivers through.
//
// The memory adapter is the only one so far. One for several servers wraps it:
// it passes each call on to the others, and to the memory adapter for its own
// sockets.
//
//nolint:interfacebloat // the whole of a namespace's outside; each method has one caller
type adapter interface {
	// broadcast sends an event to the sockets of an audience. An error means that
	// it cannot be encoded.
	broadcast(to fanout.Audience, m message) error
	// emit sends an event to one socket of this server.
	emit(h *fanout.Handle, m message) error
	// ask sends an event that wants an answer, and tells c each socket that was
	// asked, before it returns.
	ask(to fanout.Audience, c *collection, id uint64, f *frame.Frame)
	// sockets lists the sockets of an audience that are on this server.
	sockets(to fanout.Audience) []*Socket
	// apply changes the sockets of an audience.
	apply(to fanout.Audience, c change)
	// restore returns what is known of a socket that wants to come back, and
	// forgets it; nil if nothing is.
	restore(pid, offset string) *past
	// enter makes s a member of the hub, after it has been sent what it missed.
	// It returns false if that is not there any more.
	enter(s *Socket, p *past) bool
	// save keeps what restore will return.
	save(p *past)
	close()
}

// change is what happens to the sockets of an audience.
type change struct {
	join, leave        string // rooms; "" is none
	disconnect, hangUp bool
}

// memory is the adapter of a server that is alone.
type memory struct {
	ns  *Namespace
	hub fanout.Hub
	log *recoveryLog // nil without recovery
}

func (a *memory) broadcast(to fanout.Audience, m message) error {
	if a.log != nil {
		return a.log.publish(&m, entryFor(to), func(f *frame.Frame) {
			a.hub.Broadcast(to, fanout.Message{Frame: f})
		})
	}
	f, err := a.ns.encode(&m, nil)
	if err != nil {
		return err
	}
	a.hub.Broadcast(to, fanout.Message{Frame: f, Encode: a.ns.encoder(&m)})
	return nil
}

// encoder returns what the naive strategy calls per receiver, and nil for the
// others: a closure would cost them an allocation.
func (n *Namespace) encoder(m *message) func() *frame.Frame {
	if n.server.opts.Fanout != "naive" || m.frame != nil {
		return nil
	}
	again := *m
	return func() *frame.Frame {
		f, _ := n.encode(&again, nil) // it has been encoded once without error
		return f
	}
}

func (a *memory) emit(h *fanout.Handle, m message) error {
	if a.log != nil {
		e := entry{}
		e.to.Rooms = e.to.Rooms.With(h.ID())
		return a.log.publish(&m, e, func(f *frame.Frame) { a.hub.Emit(h, f) })
	}
	f, err := a.ns.encode(&m, nil)
	if err != nil {
		return err
	}
	a.hub.Emit(h, f)
	return nil
}

func (a *memory) ask(to fanout.Audience, c *collection, id uint64, f *frame.Frame) {
	a.hub.Each(to, func(h *fanout.Handle) { c.ask(socketOf(h), id, f) })
}

func (a *memory) sockets(to fanout.Audience) []*Socket {
	var all []*Socket
	a.hub.Each(to, func(h *fanout.Handle) { all = append(all, socketOf(h)) })
	return all
}

func (a *memory) apply(to fanout.Audience, c change) {
	for _, s := range a.sockets(to) {
		switch {
		case c.disconnect:
			s.Disconnect(c.hangUp)
		case c.join != "":
			s.Join(c.join)
		case c.leave != "":
			s.Leave(c.leave)
		}
	}
}

func (a *memory) restore(pid, offset string) *past {
	if a.log == nil {
		return nil
	}
	return a.log.restore(pid, offset)
}

func (a *memory) enter(s *Socket, p *past) bool {
	add := func() {
		s.handle = a.hub.Add(s.id, (*member)(s), s.hello())
	}
	if a.log == nil {
		add()
		return true
	}
	return a.log.enter(s, p, add)
}

// hello is the answer to the CONNECT of s.
func (s *Socket) hello() *frame.Frame {
	if server := s.ns.server; s.conn.old() {
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
	b, _ := server.opts.Parser.AppendConnect(nil, s.ns.name, json.RawMessage(data)) // ids are plain: nothing to fail
	return server.packet(b)
}

func (a *memory) save(p *past) {
	if a.log != nil {
		a.log.save(p)
	}
}

func (a *memory) close() {
	if a.log != nil {
		a.log.close()
	}
	a.hub.Close()
}
