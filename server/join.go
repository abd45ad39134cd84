package server

import (
	"errors"

	"github.com/throng-io/throng/protocol/socketio"
	"github.com/throng-io/throng/server/internal/session"
)

var errNoNamespace = errors.New("Invalid namespace") //nolint:staticcheck // the protocol's words

var errLate = errors.New("what the client missed is not there any more")

// join answers a CONNECT: PROTOCOL 5.3.
func (c *conn) join(p *socketio.Packet) error {
	var auth []byte
	var err error
	if c.old() {
		p.Namespace, auth = splitQuery(p.Namespace)
	} else if auth, err = c.server.payload(p.Data); err != nil {
		return err
	}
	if c.socket(p.Namespace) != nil {
		return errJoined
	}
	var ns *Namespace
	if err := c.guard(func() { ns = c.server.enter(p.Namespace, auth) }); err != nil {
		return err
	}
	if ns == nil {
		return c.refuse(string(p.Namespace), errNoNamespace)
	}
	s := &Socket{ns: ns, conn: c, auth: auth}
	if err := c.guard(func() { s.id = c.newID(ns) }); err != nil {
		ns.exit()
		return err
	}
	joined, err := c.admit(s)
	if !joined {
		ns.exit()
	}
	return err
}

// payload returns what a client joins with as JSON, nil if that is nothing.
func (s *Server) payload(data []byte) ([]byte, error) {
	if len(data) == 0 {
		return nil, nil
	}
	return s.opts.Parser.AppendJSON(nil, data)
}

// admit lets s in, or not. An error closes the connection.
func (c *conn) admit(s *Socket) (joined bool, err error) {
	ns := s.ns
	c.mu.Lock()
	n := len(c.sockets)
	c.mu.Unlock()
	if n >= c.server.opts.MaxNamespaces {
		return false, c.refuse(ns.name, errors.New("too many namespaces"))
	}
	h := ns.handlers.Load()
	before := s.restore()
	use := h.use
	if before != nil && !c.server.opts.Recovery.RunMiddleware {
		use = nil
	}
	for _, allow := range use {
		var refusal error
		if err := c.guard(func() { refusal = allow(s) }); err != nil {
			return false, err
		}
		if refusal != nil {
			return false, c.refuse(ns.name, refusal)
		}
	}
	c.mu.Lock()
	if c.closed {
		c.mu.Unlock()
		if before != nil { // it may try again
			ns.save(before)
		}
		return false, session.ErrClosed
	}
	c.kicked = without(c.kicked, ns.name)
	c.settled() // before the client is told
	if !ns.admit(s, before) {
		c.mu.Unlock()
		return false, errLate // it will come again, as a new socket
	}
	c.sockets = append(c.sockets, s)
	c.mu.Unlock()
	ns.tellRooms()
	c.server.clock.Disarm(&c.idle)
	for _, w := range h.watch {
		if w.Connect == nil {
			continue
		}
		if err := c.guard(func() { w.Connect(s) }); err != nil {
			return true, err
		}
	}
	for _, f := range h.connect {
		if err := c.guard(func() { f(s) }); err != nil {
			return true, err
		}
	}
	return true, nil
}

// restore makes s the socket that its client wants to be again, and returns what
// is known of that, if it can.
func (s *Socket) restore() *past {
	if s.ns.server.opts.Recovery == nil || s.conn.old() {
		return nil
	}
	pid, offset := recoveryRequest(s.auth)
	if pid == "" {
		return nil
	}
	p := s.ns.restore(pid, offset)
	if p != nil {
		s.id, s.pid, s.Data, s.recovered = p.sid, p.pid, p.data, true
	}
	return p
}
