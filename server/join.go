package server

import (
	"bytes"
	"crypto/subtle"
	"errors"
	"slices"
	"time"

	"github.com/throng-io/throng/protocol/socketio"
	"github.com/throng-io/throng/server/internal/session"
)

var errNoNamespace = errors.New("Invalid namespace") //nolint:staticcheck // the protocol's words

var errLate = errors.New("what the client missed is not there any more")

// join answers a CONNECT (Socket.IO protocol v5, "Connection to a namespace"). Middleware and the
// end of a socket that the client wants to be again, is left to a goroutine.
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
	c.forsake(p.Namespace) // the official client asks twice if it has changed its mind in between
	var ns *Namespace
	if err := c.guard(func() { ns = c.server.enter(p.Namespace, auth) }); err != nil {
		return err
	}
	if ns == nil {
		return c.refuse(string(p.Namespace), errNoNamespace)
	}
	s := &Socket{ns: ns, conn: c, auth: auth, ticket: &noTicket}
	if c.server.opts.Recovery != nil {
		s.ticket = &ticket{}
	}
	if err := c.guard(func() { s.id = c.newID(ns) }); err != nil {
		ns.exit()
		return err
	}
	if !c.ask(s) {
		ns.exit()
		return c.refuse(ns.name, errors.New("too many namespaces"))
	}
	h := ns.handlers.Load()
	again := s.comeback()
	if len(h.use) == 0 && !again.slow {
		return c.admit(s, h, c.decide(s, h, again))
	}
	c.server.joins.Go(func() {
		d := c.decide(s, h, again)
		c.session.Exclusive(func() {
			if c.admit(s, h, d) != nil {
				c.session.Shut(session.ForcedClose)
			}
		})
	})
	return nil
}

// request is a CONNECT that has no answer yet.
type request struct {
	socket *Socket
	rooms  []string // that its middleware has joined
}

// request returns what s waits for, nil if that is nothing; the lock is held.
func (c *conn) request(s *Socket) *request {
	if c.door == nil {
		return nil
	}
	for i := range c.door.joins {
		if c.door.joins[i].socket == s {
			return &c.door.joins[i]
		}
	}
	return nil
}

// ask notes that s is about to join, if it may be one more.
func (c *conn) ask(s *Socket) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	d := c.open()
	if len(c.sockets)+d.asked >= c.server.opts.Limits.MaxNamespaces {
		return false
	}
	d.asked++
	d.joins = append(d.joins, request{socket: s})
	return true
}

// forsake forgets a CONNECT that has no answer yet. It reports whether there was one.
func (c *conn) forsake(namespace []byte) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	d := c.door
	if d == nil {
		return false
	}
	n := len(d.joins)
	d.joins = slices.DeleteFunc(d.joins, func(r request) bool { return bytes.Equal(r.socket.ns.raw, namespace) })
	return len(d.joins) < n
}

// decision is what became of a CONNECT.
type decision struct {
	before  *past // what is known of a socket that comes back
	refusal error // sent to the client
	failure error // ends the connection
}

// decide asks the middleware whether s may join.
func (c *conn) decide(s *Socket, h *handlers, again comeback) (d decision) {
	d.before = c.restore(s, again)
	if d.before != nil && !c.server.opts.Recovery.RunMiddleware {
		return d
	}
	for _, allow := range h.use {
		if d.failure = c.guard(func() { d.refusal = allow(s) }); d.failure != nil || d.refusal != nil {
			return d
		}
	}
	return d
}

// payload returns what a client joins with as JSON, nil if that is nothing.
func (s *Server) payload(data []byte) ([]byte, error) {
	if len(data) == 0 {
		return nil, nil
	}
	return s.opts.Parser.AppendJSON(nil, data)
}

// admit lets s in, or not. It is called when no handler of the connection is at work. An error
// closes the connection.
func (c *conn) admit(s *Socket, h *handlers, d decision) error {
	if err := c.enter(s, d); err != nil {
		s.refused()
		s.ns.exit()
		switch {
		case errors.Is(err, errForsaken):
			return nil
		case errors.Is(err, errRefused):
			return c.refuse(s.ns.name, d.refusal)
		}
		return err
	}
	s.ns.tellRooms()
	c.joined()
	for _, w := range h.watch {
		if w.Connect == nil {
			continue
		}
		if err := c.guard(func() { w.Connect(s) }); err != nil {
			return err
		}
	}
	for _, f := range h.connect {
		if err := c.guard(func() { f(s) }); err != nil {
			return err
		}
	}
	return nil
}

var (
	errForsaken = errors.New("the client does not want to join any more")
	errRefused  = errors.New("refused by middleware")
)

// enter makes s a member of its namespace if that has been decided, and the client is still there
// and wants it.
func (c *conn) enter(s *Socket, d decision) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	at := c.door // as ask has made it
	at.asked--
	wanted := c.request(s) != nil
	defer func() {
		at.joins = slices.DeleteFunc(at.joins, func(r request) bool { return r.socket == s })
		if at.asked == 0 && len(at.joins)+len(at.kicked) == 0 { // as it is nearly always
			c.door = nil
		}
	}()
	switch {
	case d.failure != nil:
		return d.failure
	case c.closed, !wanted, !c.session.IsOpen():
		if d.before != nil && d.refusal == nil { // it may try again
			s.ns.save(d.before)
		}
		return errForsaken
	case d.refusal != nil:
		return errRefused
	}
	at.kicked = without(at.kicked, s.ns.name)
	c.settled() // before the client gets the answer
	if !s.ns.admit(s, d.before) {
		return errLate // it will come again, as a new socket
	}
	c.sockets = append(c.sockets, s)
	return nil
}

// comeback is what a client says that wants to be a socket again which it has been before.
type comeback struct {
	pid, offset string
	slow        bool // it takes time to find out whether it can
}

// comeback reads the request of the client of s.
func (s *Socket) comeback() (again comeback) {
	if s.ns.server.opts.Recovery == nil || s.conn.old() {
		return again
	}
	again.pid, again.offset = recoveryRequest(s.auth)
	again.slow = again.pid != "" && (s.ns.recoverer != nil || s.ns.holder(again.pid) != nil)
	return again
}

// restore makes s the socket that its client wants to be again, and returns what is known of that,
// if it can.
func (c *conn) restore(s *Socket, again comeback) *past {
	if again.pid == "" {
		return nil
	}
	if old := s.ns.holder(again.pid); old != nil {
		old.yield()
	}
	p := s.ns.restore(again.pid, again.offset)
	if p != nil {
		s.id, s.pid, s.seen, s.Data, s.recovered = p.sid, p.pid, p.seen, p.data, true
	}
	return p
}

// holder returns the connected socket with a private id, nil if there is none. Private ids end with
// the public ones.
func (n *Namespace) holder(pid string) *Socket {
	if len(pid) <= secret {
		return nil
	}
	s := n.Socket(pid[secret:])
	if s == nil || subtle.ConstantTimeCompare([]byte(s.pid), []byte(pid)) == 0 {
		return nil
	}
	return s
}

// yield ends the connection of a socket whose client has come back on another one: the network has
// lost the old one, and only the heartbeat would notice. It returns when the socket has left, as
// any does that loses its connection, or after PingTimeout: a handler may still be at work for it.
func (s *Socket) yield() {
	s.conn.session.Close(session.TransportClose)
	late := time.NewTimer(s.ns.server.opts.Times.PingTimeout)
	defer late.Stop()
	select {
	case <-s.conn.session.Done():
	case <-late.C:
	}
}
