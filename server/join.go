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

// join answers a CONNECT (Socket.IO protocol v5, "Connection to a namespace"). Middleware, and what
// takes long in the recovery of a socket, run on a goroutine of their own.
func (c *conn) join(p *socketio.Packet) error {
	if c.farewell(); !c.session.IsOpen() {
		return nil
	}
	var auth []byte
	var err error
	if c.isRevision3() {
		var query []byte
		p.Namespace, query = cutQuery(p.Namespace)
		auth = payloadOf(query)
	} else if auth, err = c.server.payload(p.Data); err != nil {
		return err
	}
	if c.socket(p.Namespace) != nil {
		return errJoined
	}
	c.cancelJoin(p.Namespace) // the official client asks twice if it has changed its mind in between
	var ns *Namespace
	if err := c.guard(func() { ns = c.server.enter(p.Namespace, auth) }); err != nil {
		return err
	}
	if ns == nil {
		return c.refuse(string(p.Namespace), errNoNamespace)
	}
	s := &Socket{ns: ns, conn: c, auth: auth, recoveryState: &noRecovery}
	if c.server.opts.Recovery != nil {
		s.recoveryState = &recoveryState{}
	}
	if err := c.guard(func() { s.id = c.newID(ns) }); err != nil {
		ns.exit()
		return err
	}
	if !c.addJoin(s) {
		ns.exit()
		return c.refuse(ns.name, errors.New("too many namespaces"))
	}
	h := ns.handlers.Load()
	asked := s.recoveryRequest()
	if len(h.use) == 0 && !asked.slow {
		return c.admit(s, h, c.decide(s, h, asked))
	}
	c.server.joins.Go(func() {
		d := c.decide(s, h, asked)
		c.session.Exclusive(func() {
			if c.admit(s, h, d) != nil {
				c.session.Shut(session.ForcedClose)
			}
		})
	})
	return nil
}

// joinRequest is a CONNECT that has no answer yet.
type joinRequest struct {
	socket *Socket
	rooms  []string // that its middleware has joined
}

// joinRequest returns the CONNECT of s, nil if it has been answered or cancelled; the lock is held.
func (c *conn) joinRequest(s *Socket) *joinRequest {
	if c.transitions == nil {
		return nil
	}
	for i := range c.transitions.joins {
		if c.transitions.joins[i].socket == s {
			return &c.transitions.joins[i]
		}
	}
	return nil
}

// addJoin notes that s is about to join. It returns false if the connection has too many
// namespaces.
func (c *conn) addJoin(s *Socket) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	t := c.openTransitions()
	if len(c.sockets)+t.running >= c.server.opts.Limits.MaxNamespaces {
		return false
	}
	t.running++
	t.joins = append(t.joins, joinRequest{socket: s})
	return true
}

// cancelJoin forgets a CONNECT that has no answer yet. It reports whether there was one.
func (c *conn) cancelJoin(namespace []byte) bool {
	var cancelled *Socket
	c.mu.Lock()
	if t := c.transitions; t != nil {
		t.joins = slices.DeleteFunc(t.joins, func(r joinRequest) bool {
			is := bytes.Equal(r.socket.ns.raw, namespace)
			if is { // there is one at most
				cancelled = r.socket
			}
			return is
		})
	}
	c.mu.Unlock()
	if cancelled == nil {
		return false
	}
	cancelled.endContext()
	return true
}

// decision is what became of a CONNECT.
type decision struct {
	before  *savedSocket // the socket that s recovers, nil if it is a new one
	refusal error        // sent to the client
	failure error        // ends the connection
}

// decide asks the middleware whether s may join.
func (c *conn) decide(s *Socket, h *handlers, asked recoveryRequest) (d decision) {
	d.before = c.restore(s, asked)
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
	c.farewell()
	if err := c.enter(s, d); err != nil {
		s.refused()
		s.ns.exit()
		switch {
		case errors.Is(err, errJoinCancelled):
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
	errJoinCancelled = errors.New("the client does not want to join any more")
	errRefused       = errors.New("refused by middleware")
)

// enter makes s a member of its namespace if that has been decided, and the client is still there
// and wants it.
func (c *conn) enter(s *Socket, d decision) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	t := c.transitions // as addJoin has made them
	t.running--
	wanted := c.joinRequest(s) != nil
	defer func() {
		t.joins = slices.DeleteFunc(t.joins, func(r joinRequest) bool { return r.socket == s })
		if t.over() { // as it is nearly always
			c.transitions = nil
		}
	}()
	switch {
	case d.failure != nil:
		return d.failure
	case c.closed, !wanted, !c.session.IsOpen():
		if d.before != nil && d.refusal == nil { // it may try again
			s.ns.save(d.before)
		}
		return errJoinCancelled
	case d.refusal != nil:
		return errRefused
	}
	t.removed = without(t.removed, s.ns.name)
	c.settled() // before the client gets the answer
	if !s.ns.admit(s, d.before) {
		return errLate // it will come again, as a new socket
	}
	c.sockets = append(c.sockets, s)
	return nil
}

// recoveryRequest is what a client sends in its CONNECT to recover a socket; without it, pid is "".
type recoveryRequest struct {
	pid, offset string
	slow        bool // it takes time to find out whether the socket can be recovered
}

// recoveryRequest returns what the client of s asks to recover.
func (s *Socket) recoveryRequest() (r recoveryRequest) {
	if s.ns.server.opts.Recovery == nil || s.conn.isRevision3() {
		return r
	}
	r.pid, r.offset = parseRecoveryRequest(s.auth)
	r.slow = r.pid != "" && (s.ns.recoverer != nil || s.ns.socketWithPID(r.pid) != nil)
	return r
}

// restore makes s the socket that its client asks to recover, and returns what was saved of that
// socket, nil if nothing was.
func (c *conn) restore(s *Socket, asked recoveryRequest) *savedSocket {
	if asked.pid == "" {
		return nil
	}
	if old := s.ns.socketWithPID(asked.pid); old != nil {
		old.endReplaced()
	}
	p := s.ns.restore(asked.pid, asked.offset)
	if p != nil {
		s.id, s.pid, s.seen, s.Data, s.recovered = p.sid, p.pid, p.seen, p.data, true
	}
	return p
}

// socketWithPID returns the connected socket with a private id, nil if there is none. Private ids
// end with the public ones.
func (n *Namespace) socketWithPID(pid string) *Socket {
	if len(pid) <= idLength {
		return nil
	}
	s := n.Socket(pid[idLength:])
	if s == nil || subtle.ConstantTimeCompare([]byte(s.pid), []byte(pid)) == 0 {
		return nil
	}
	return s
}

// endReplaced ends the connection of a socket whose client has come back on another one: the
// network has lost the old connection, and only the heartbeat would notice. It returns when the
// socket has left with the reason "transport close", or after PingTimeout: a handler may still be
// at work for it.
func (s *Socket) endReplaced() {
	s.conn.session.Close(session.TransportClose)
	late := time.NewTimer(s.ns.server.opts.Times.PingTimeout)
	defer late.Stop()
	select {
	case <-s.conn.session.Done():
	case <-late.C:
	}
}
