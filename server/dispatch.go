package server

import (
	"log/slog"

	"github.com/throng-io/throng/protocol/socketio"
)

func (c *conn) dispatch(p *socketio.Packet) error {
	switch p.Type {
	case socketio.Connect:
		return c.join(p)
	case socketio.ConnectError:
		return errClientOnly
	}
	s := c.socket(p.Namespace)
	if s == nil && c.isRevision3() {
		// As the official server reads all packets of Socket.IO 2 (client.js of socket.io 4.8.4):
		// some clients name a namespace by what they have joined it with.
		p.Namespace, _ = cutQuery(p.Namespace)
		s = c.socket(p.Namespace)
	}
	if s == nil {
		if p.Type == socketio.Disconnect && c.cancelJoin(p.Namespace) {
			return nil
		}
		if c.wasRemoved(p.Namespace) {
			return nil // it was on its way when the server disconnected the socket
		}
		return errNotJoined
	}
	switch p.Type {
	case socketio.Event, socketio.BinaryEvent:
		err := c.emit(s, p)
		c.endEvent()
		return err
	case socketio.Ack, socketio.BinaryAck:
		c.ack(s, p)
		c.endEvent()
	case socketio.Disconnect:
		c.remove(s)
		if s.leave(nil, clientDisconnect) {
			s.gone(clientDisconnect)
		}
	}
	return nil
}

func (c *conn) emit(s *Socket, p *socketio.Packet) error {
	name, args, err := c.server.opts.Parser.SplitEvent(p.Data)
	if err != nil {
		return err
	}
	h := s.ns.handlers.Load()
	e := c.newEvent()
	*e = Event{socket: s, name: name, args: args, attachments: p.Binary, id: p.ID, wantsAck: p.HasID}
	for _, allow := range h.packet {
		if ok, err := c.call(h, allow, e); err != nil || !ok {
			return err
		}
	}
	for _, w := range h.watch {
		if w.Receive == nil {
			continue
		}
		if err := c.guard(func() { w.Receive(s, e) }); err != nil {
			return err
		}
	}
	for _, f := range h.any {
		if _, err := c.call(h, f, e); err != nil {
			return err
		}
	}
	b, ok := h.events[string(name)]
	if !ok || s.stage.Load() != inside || b.once && !s.first(string(name)) {
		return nil
	}
	_, err = c.call(h, b.handle, e)
	return err
}

// newEvent returns the connection's event.
func (c *conn) newEvent() *Event {
	if c.event == nil {
		c.event = &Event{}
	}
	return c.event
}

// endEvent ends the validity of the connection's event. A function that keeps it would work as long
// as no other comes, and else answer that one; and its bytes will soon be those of something else.
func (c *conn) endEvent() {
	if e := c.event; e != nil {
		e.name, e.args, e.attachments, e.over = nil, nil, nil, true
	}
}

// call runs a handler and reports whether it gave no error. Its error is its own affair; only a
// panic ends the connection.
func (c *conn) call(h *handlers, f Handler, e *Event) (ok bool, err error) {
	defer c.server.recovered(&err)
	failed := f(e.socket, e)
	if failed == nil {
		return true, nil
	}
	for _, tell := range h.failed {
		tell(e.socket, e, failed)
	}
	if len(h.failed) == 0 {
		c.server.logs.write(&c.logged, slog.LevelWarn, "event handler failed",
			"namespace", e.socket.ns.name, "event", clip(string(e.name)), "socket", e.socket.id, "error", clip(failed.Error()))
	}
	return false, nil
}

func (c *conn) ack(s *Socket, p *socketio.Packet) {
	if !p.HasID {
		return
	}
	pending := s.takeAck(p.ID)
	if pending == nil {
		return
	}
	e := c.newEvent()
	*e = Event{socket: s, args: c.server.opts.Parser.AckArgs(p.Data), attachments: p.Binary}
	_ = c.guard(func() { pending.done(s, e, nil) })
}
