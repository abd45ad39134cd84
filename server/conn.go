package server

import (
	"bytes"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/valyala/fasthttp"

	"github.com/throng-io/throng/protocol/socketio"
	"github.com/throng-io/throng/server/internal/deadline"
	"github.com/throng-io/throng/server/internal/session"
)

// conn is a client's connection: it decodes what its session receives and brings it to the socket
// of the namespace that is meant. Its methods named by session.Handler run one at a time, but for
// Over.
type conn struct {
	server    *Server
	session   *session.Session
	handshake *Handshake
	event     *Event          // reused for each event; nil until the first
	idle      *deadline.Entry // runs until a namespace has been joined; then nil
	pending   *pending        // a packet of which attachments are missing; nil for none
	logged    *source         // nil until a line of the log is about it
	waiting   bool            // counts as a session without namespace
	over      atomic.Bool     // the client has left, or the session has ended
	closed    bool            // guarded by mu, as is what follows

	mu          sync.Mutex
	sockets     []*Socket    // joined; a client has few namespaces
	transitions *transitions // nil as long as it would hold nothing
}

// transitions are the namespaces that a connection is about to join, or was just removed from.
type transitions struct {
	joins    []joinRequest   // CONNECTs without an answer, which wait for middleware
	running  int             // joins, and middleware of joins that the client has cancelled
	removed  []string        // namespaces that the server has just removed the client from
	departed []*Socket       // that the server has removed, and OnDisconnect is to be called for
	hangUp   *deadline.Entry // the connection is closed afterwards, or when it is due; nil: it stays
}

// over reports whether the transitions hold nothing.
func (t *transitions) over() bool {
	return t.running == 0 && len(t.joins)+len(t.removed)+len(t.departed) == 0 && t.hangUp == nil
}

// openTransitions returns the transitions, and makes them if there are none; the lock is held.
func (c *conn) openTransitions() *transitions {
	if c.transitions == nil {
		c.transitions = &transitions{}
	}
	return c.transitions
}

func newConn(s *Server, sess *session.Session, ctx *fasthttp.RequestCtx) *conn {
	c := &conn{server: s, session: sess, handshake: s.newHandshake(ctx)}
	c.idle = &deadline.Entry{Fire: func() {
		c.mu.Lock()
		joined := len(c.sockets) > 0
		c.mu.Unlock()
		if !joined {
			sess.Shut(session.ForcedClose)
		}
	}}
	s.clock.Arm(c.idle, s.opts.Times.ConnectTimeout)
	c.waiting = true // as allow has counted it
	return c
}

var (
	errNotJoined  = errors.New("packet for a namespace that was not joined")
	errJoined     = errors.New("namespace is joined already")
	errPartial    = errors.New("incomplete messages of all clients exceed MaxPartial")
	errClientOnly = errors.New("only a server sends this packet")
)

// pending is a packet of which attachments are missing.
type pending struct {
	decoder *socketio.Decoder
	late    deadline.Entry // ends the wait for them
	held    int            // bytes that have come, taken from the server's budget
}

// decoders are lent to connections for a packet: an idle connection has none.
var decoders = sync.Pool{New: func() any { return new(socketio.Decoder) }}

// Message implements session.Handler. An error closes the connection.
func (c *conn) Message(data []byte, binary bool) error {
	var d *socketio.Decoder
	if c.pending != nil {
		d = c.pending.decoder
	} else {
		d = decoders.Get().(*socketio.Decoder)
		d.Parser = c.server.opts.Parser
		d.MaxAttachments = c.server.opts.Limits.MaxAttachments
		d.MaxBytes = c.server.opts.Limits.MaxAttachments * c.server.opts.Limits.MaxPayload
	}
	p, err := c.decode(d, data, binary)
	if err == nil && p == nil {
		return c.await(d, len(data))
	}
	c.forget()
	if err == nil {
		err = c.dispatch(p)
	}
	d.Reset()
	decoders.Put(d)
	return err
}

func (c *conn) decode(d *socketio.Decoder, data []byte, binary bool) (*socketio.Packet, error) {
	switch {
	case c.server.opts.Codec != nil:
		return c.decodeByCodec(d, data, binary)
	case binary:
		return d.Binary(data)
	}
	return d.Text(data)
}

// await notes that the rest of a packet is to come. The time for it is for all attachments.
func (c *conn) await(d *socketio.Decoder, size int) error {
	if c.pending == nil {
		c.pending = &pending{decoder: d}
		c.pending.late.Fire = func() { c.session.Shut(session.ForcedClose) }
		c.server.clock.Arm(&c.pending.late, c.server.opts.Times.AttachmentTimeout)
	}
	if !c.server.partial.Take(size) {
		return errPartial
	}
	c.pending.held += size
	return nil
}

// forget ends the wait for attachments, if there is one.
func (c *conn) forget() {
	if c.pending == nil {
		return
	}
	c.server.clock.Disarm(&c.pending.late)
	c.server.partial.Give(c.pending.held)
	c.pending = nil
}

// joined ends the wait for a namespace.
func (c *conn) joined() {
	if c.idle != nil {
		c.server.clock.Disarm(c.idle)
		c.idle = nil
	}
}

// settled counts the session among those with a namespace, or gone.
func (c *conn) settled() {
	if c.waiting {
		c.waiting = false
		c.server.pending.Add(-1)
	}
}

const (
	clientDisconnect = "client namespace disconnect"
	serverDisconnect = "server namespace disconnect"
)

func (c *conn) socket(namespace []byte) *Socket {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, s := range c.sockets {
		if bytes.Equal(s.ns.raw, namespace) {
			return s
		}
	}
	return nil
}

func (c *conn) remove(s *Socket) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i, other := range c.sockets {
		if other == s {
			c.sockets = append(c.sockets[:i], c.sockets[i+1:]...)
			return
		}
	}
}

func (c *conn) wasRemoved(namespace []byte) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.transitions != nil && slices.Contains(c.transitions.removed, string(namespace))
}

// without returns the names but one. It reuses their memory.
func without(names []string, name string) []string {
	return slices.DeleteFunc(names, func(n string) bool { return n == name })
}

// refuse answers a CONNECT. The text of why and its data are the application's, and so may be the
// methods that make them: what they fail to say is left out.
func (c *conn) refuse(namespace string, why error) error {
	message, old := errRefused.Error(), c.isRevision3() && c.server.opts.Parser == socketio.JSON
	var b []byte
	var failed error
	err := c.guard(func() {
		old = old && !errors.Is(why, errNoNamespace) // which has the new form in both protocols
		message = why.Error()
		var data any
		if structured, ok := errors.AsType[*ConnectError](why); ok {
			data = structured.Data
		}
		b, failed = c.refusal(namespace, message, data, old)
	})
	if err = errors.Join(err, failed); err != nil {
		c.server.logs.write(&c.logged, slog.LevelError, "connect error cannot be encoded", "namespace", clip(namespace), "error", clip(err.Error()))
		b, _ = c.refusal(namespace, message, nil, old) // a text: nothing to fail
	}
	c.session.Send(c.server.packet(b))
	return nil
}

// refusal encodes a connect error, in the form of Socket.IO 2 if old is set.
func (c *conn) refusal(namespace, message string, data any, old bool) ([]byte, error) {
	if old {
		return appendErrorV4(namespace, message, data)
	}
	return c.server.opts.Parser.AppendConnectError(nil, namespace, message, data)
}

// guard runs a function of the application. It returns an error if that panics.
func (c *conn) guard(f func()) error { return c.server.guard(f) }

// disconnect takes the client out of one namespace.
func (c *conn) disconnect(s *Socket) {
	if s.stage.Load() == joining {
		return // in middleware: there is nothing to leave yet
	}
	c.mu.Lock()
	t := c.openTransitions()
	t.removed = append(without(t.removed, s.ns.name), s.ns.name)
	if len(t.removed) > c.server.opts.Limits.MaxNamespaces { // a client may join ever new ones
		t.removed = slices.Delete(t.removed, 0, 1)
	}
	c.mu.Unlock()
	c.remove(s)
	last := c.server.packet(c.server.opts.Parser.AppendDisconnect(nil, s.ns.name))
	if s.leave(last, serverDisconnect) {
		c.depart(func(t *transitions) { t.departed = append(t.departed, s) })
	}
}

// depart notes something for farewell, and has it called.
func (c *conn) depart(note func(*transitions)) {
	c.mu.Lock()
	note(c.openTransitions())
	c.mu.Unlock()
	c.session.Do(c.farewell)
}

// farewell tells the application of the sockets that the server has removed, and then closes the
// connection if it is to be. It is called when no handler of the connection is at work, and before
// a CONNECT is handled: the client of such a socket may be back at once.
func (c *conn) farewell() {
	c.mu.Lock()
	t := c.transitions
	if t == nil {
		c.mu.Unlock()
		return
	}
	departed, hangUp := t.departed, t.hangUp
	t.departed, t.hangUp = nil, nil
	c.mu.Unlock()
	if hangUp != nil {
		c.server.clock.Disarm(hangUp) // no handler is at work
	}
	for _, s := range departed {
		s.gone(serverDisconnect)
	}
	if hangUp != nil {
		c.session.Shut(session.ForcedClose)
	}
}

// disconnectAll takes the client out of all namespaces and hangs up.
func (c *conn) disconnectAll() {
	c.mu.Lock()
	all := append([]*Socket(nil), c.sockets...)
	c.mu.Unlock()
	for _, s := range all {
		c.disconnect(s)
	}
	for _, s := range all { // a session that closes takes nothing more
		s.ns.hub.Settle(s.handle)
	}
	c.depart(func(t *transitions) {
		if t.hangUp == nil {
			t.hangUp = &deadline.Entry{Fire: func() { c.session.Shut(session.ForcedClose) }}
			c.server.clock.Arm(t.hangUp, hangUpTime)
		}
	})
}

// hangUpTime is how long a connection that is to be closed waits for a handler that is at work, so
// that OnDisconnect comes first. A client that does not leave by itself could use it to stay.
const hangUpTime = time.Second

// Closed implements session.Handler.
func (c *conn) Closed(reason session.Reason) {
	c.server.sessions.Add(-1)
	c.joined()
	c.forget()
	c.settled()
	defer c.server.logs.end(&c.logged)
	c.farewell()
	c.mu.Lock()
	all := c.sockets
	c.sockets, c.closed = nil, true
	c.mu.Unlock()
	for _, s := range all {
		if s.leave(nil, string(reason)) {
			s.gone(string(reason))
		}
	}
	c.farewell() // of those that the application has disconnected meanwhile
}
