package transport

import (
	"bytes"
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"github.com/fasthttp/websocket"
	"github.com/valyala/fasthttp"

	"github.com/throng-io/throng/protocol/engineio"
	"github.com/throng-io/throng/server/internal/frame"
	"github.com/throng-io/throng/server/internal/poll"
	"github.com/throng-io/throng/server/internal/session"
)

// poller is the engine's, made with the first connection that needs it.
type poller struct {
	once sync.Once
	poll *poll.Poller // nil: the system refused, and the library reads instead

	mu      sync.Mutex
	polls   map[*pollConn]struct{}
	stopped atomic.Bool // set with mu held
	date    atomic.Pointer[date]
}

func (p *poller) get() *poll.Poller {
	p.once.Do(func() { p.poll, _ = poll.New() })
	return p.poll
}

// close ends the poller's goroutines. No connection is left.
func (p *poller) close() {
	p.once.Do(func() {})
	if p.poll != nil {
		p.poll.Close()
	}
}

// takes reports whether the websocket to come of this request can be read and
// written as it is: no TLS between.
func (p *poller) takes(ctx *fasthttp.RequestCtx) bool {
	return rawConn(ctx.Conn()) != nil && p.get() != nil
}

// stage is how far a socket's life has got.
type stage uint8

const (
	probing    stage = iota // belongs to no session yet: an upgrade
	open                    // carries its session
	draining                // awaits the peer's answer to the closing handshake
	discarding              // awaits the end of the stream: what comes makes no sense
	ended
)

// readsPerTurn is how many full buffers a socket may read before others have
// their turn.
const readsPerTurn = 4

// socket is a websocket on the engine's poller. The library has done the opening
// handshake; from then on the frames are read and written here, and the
// connection is a descriptor of its own: the HTTP server, whichever it is, gets
// its connection, its buffers and the request back at once, and closes what it
// has. While nothing comes, a socket is this struct and nothing else.
//
// What is not said to be guarded is used by Ready only, which the poller calls
// one at a time.
type socket struct {
	poll.Conn
	engine  *Engine
	session *session.Session // nil: an upgrade that was refused
	timeout *time.Timer      // of the upgrade
	rest    *bytes.Buffer    // what has come of a frame that is not whole
	message *bytes.Buffer    // what has come of a fragmented message
	held    int              // bytes of both, taken from the engine's budget
	late    *time.Timer      // cuts a message off that takes too long; nil while none is on its way
	pieces  int16            // frames of the fragmented message
	stage   stage
	form    frame.Form
	binary  bool // the fragmented message is
	packed  bool // and compressed
	whole   bool // a message has come since late was set

	mu   sync.Mutex
	said bool        // the close frame has been sent
	code int16       // that it has or had, 0 for none
	cut  *time.Timer // ends the wait for the peer's answer
}

// serve takes over the connection of an upgraded request. It returns at once.
func (p *poller) serve(e *Engine, nc net.Conn, form frame.Form, s *session.Session, h session.Handler) {
	// A server that leaves hijacked connections to their handlers does not close
	// them; for any other this does nothing.
	defer nc.Close()
	c := &socket{engine: e, session: s, form: form}
	if err := p.get().Take(&c.Conn, rawConn(nc), c); err != nil {
		if h != nil {
			s.Open(h, nil, nil)
			s.Close(session.TransportError)
		} else {
			s.NotComing()
		}
		e.live.Done()
		return
	}
	if early := buffered(nc); len(early) > 0 {
		c.keep(early)
	}
	switch {
	case h != nil:
		c.stage = open
		e.begin(s, h, c, frame.Packet(e.handshake(s, "websocket")))
	case s.Probe(c):
		c.timeout = time.AfterFunc(e.cfg.UpgradeTimeout, c.Cut)
	default: // see serveWebSocket
		c.session, c.stage = nil, draining
		c.Goodbye()
	}
	if c.Watch(c.rest != nil) != nil {
		c.finish()
	}
}

// buffered returns what the HTTP server has read beyond the request: a client
// need not wait for the answer. With a deadline that is over, a read gives what
// is buffered and never asks the system.
func buffered(nc net.Conn) (early []byte) {
	_ = nc.SetReadDeadline(past)
	var b [512]byte
	for {
		n, err := nc.Read(b[:])
		early = append(early, b[:n]...)
		if err != nil || n == 0 {
			return early
		}
	}
}

// keep appends to rest.
func (c *socket) keep(b []byte) {
	if c.rest == nil {
		c.rest = newBuffer()
	}
	c.rest.Write(b)
}

// Ready implements poll.Handler: it reads what has come.
func (c *socket) Ready(buf []byte) (again bool) {
	for range readsPerTurn {
		if c.stage == ended {
			return false
		}
		n, err := c.Read(buf)
		if err != nil {
			c.leave(err)
			return false
		}
		if err := c.consume(buf[:n]); err != nil {
			c.leave(err)
		}
		if n == 0 || n < len(buf) && !c.HungUp() {
			return false // that was all; what comes next is a new event
		}
	}
	return true
}

// consume handles the frames in what has come before and in b, and keeps what is
// left.
func (c *socket) consume(b []byte) error {
	if c.stage == discarding {
		return nil
	}
	if c.rest != nil {
		c.rest.Write(b)
		b = c.rest.Bytes()
	}
	size := len(b)
	for len(b) > 0 {
		deflate := c.form&frame.Deflated != 0
		room := c.engine.cfg.MaxPayload
		if deflate {
			room += room/1024 + 64 // compressing makes random data longer
		}
		if c.message != nil {
			room -= c.message.Len()
		}
		f, n, err := nextFrame(b, room, deflate)
		if err != nil {
			return err
		}
		if n == 0 {
			break
		}
		if err := c.frame(f); err != nil {
			return err
		}
		b = b[n:]
	}
	switch {
	case c.rest == nil && len(b) > 0:
		c.keep(b)
	case c.rest != nil && len(b) == 0:
		freeBuffer(&c.rest)
	case c.rest != nil:
		c.rest.Next(size - len(b))
	}
	return c.account()
}

// account takes what is held of messages that have not come whole from the
// engine's budget, and sees to it that they come in time. Frames between the
// fragments of a message do not lengthen its time.
func (c *socket) account() error {
	held := 0
	if c.rest != nil {
		held = c.rest.Len()
	}
	if c.message != nil {
		held += c.message.Len()
	}
	if c.held == 0 && held == 0 && c.message == nil {
		return nil
	}
	if held > c.held && !c.engine.cfg.Partial.Take(held-c.held) {
		return errNoRoom
	}
	if held < c.held {
		c.engine.cfg.Partial.Give(c.held - held)
	}
	c.held = held
	switch {
	case held == 0 && c.message == nil:
		c.punctual()
	case c.late == nil:
		c.late = time.AfterFunc(c.engine.cfg.MessageTimeout, c.Cut)
	case c.whole:
		c.late.Reset(c.engine.cfg.MessageTimeout)
	}
	c.whole = false
	return nil
}

// punctual ends the wait for the rest of a message.
func (c *socket) punctual() {
	if c.late != nil {
		c.late.Stop()
		c.late = nil
	}
}

// drop forgets what has come of a message.
func (c *socket) drop() {
	freeBuffer(&c.rest)
	freeBuffer(&c.message)
	c.engine.cfg.Partial.Give(c.held)
	c.held = 0
	c.punctual()
}

func (c *socket) frame(f wsFrame) error {
	switch f.op {
	case websocket.PingMessage:
		c.pong(f.payload)
		return nil
	case websocket.PongMessage:
		return nil
	case websocket.CloseMessage:
		code, err := closeCode(f.payload)
		if err != nil {
			return err
		}
		c.answerWith(code)
		if c.stage == probing { // no session ends that would say goodbye
			c.hangUp("")
		}
		return errPeerClosed
	case opContinuation:
		if c.message == nil {
			return errSequence
		}
		if c.pieces++; c.pieces > maxPieces {
			return errPieces
		}
		c.message.Write(f.payload)
		if !f.fin {
			return nil
		}
		err := c.complete(c.message.Bytes(), c.binary, c.packed)
		freeBuffer(&c.message)
		return err
	}
	binary := f.op == websocket.BinaryMessage
	switch {
	case c.message != nil:
		return errSequence
	case f.fin:
		return c.complete(f.payload, binary, f.deflated)
	default:
		c.message, c.binary, c.packed, c.pieces = newBuffer(), binary, f.deflated, 1
		c.message.Write(f.payload)
	}
	return nil
}

// complete handles a message that has come whole, as it came.
func (c *socket) complete(data []byte, binary, deflated bool) error {
	c.whole = true
	limit := c.engine.cfg.MaxPayload
	switch {
	case deflated:
		buf := newBuffer()
		defer freeBuffer(&buf)
		if err := frame.Inflate(buf, data, limit); errors.Is(err, frame.ErrInflated) {
			return errTooBig
		} else if err != nil {
			return errDeflate
		}
		data = buf.Bytes()
	case len(data) > limit:
		return errTooBig // the room was for a compressed one
	}
	c.packet(data, binary)
	return nil
}

// pong answers a ping. The answer goes through the session, so as not to get
// into the middle of a message that the kernel has taken only a part of.
func (c *socket) pong(data []byte) {
	answer := frame.Control(websocket.PongMessage, data)
	switch c.stage {
	case open:
		c.session.Send(answer)
	case probing:
		c.say(answer)
	}
}

// say writes the few bytes that an upgrade has to say: a peer that has not even
// room for them is cut off.
func (c *socket) say(f *frame.Frame) {
	if n, err := c.TryWrite(f.Wire()); err != nil || n < len(f.Wire()) {
		c.Cut()
	}
}

// packet handles a whole message.
func (c *socket) packet(data []byte, binary bool) {
	if c.stage >= draining {
		return
	}
	if !binary && !utf8.Valid(data) {
		c.answerWith(errNotUTF8.code)
		c.hangUp(session.TransportError)
		return
	}
	p, err := parse(c.form, data, binary)
	if err != nil {
		c.hangUp(session.ParseError)
		return
	}
	if c.stage == probing {
		c.upgrade(p)
		return
	}
	if c.session.Receive(p) != nil {
		c.stage = draining // the session has ended, and has said goodbye if it could
	}
}

// upgrade answers the probe of a polling session, and makes c the session's
// connection when the client says so.
func (c *socket) upgrade(p engineio.Packet) {
	switch {
	case p.Type == engineio.Ping && string(p.Data) == "probe":
		c.say(probeAnswer)
		c.session.Probed(c)
	case p.Type == engineio.Upgrade:
		if c.timeout.Stop() && c.session.Upgraded(c) {
			c.timeout, c.stage = nil, open
			c.engine.upgraded()
			return
		}
		c.giveUp()
		c.Cut()
	default:
		c.hangUp("") // only this connection: polling goes on
	}
}

// giveUp ends an upgrade: the session goes on polling.
func (c *socket) giveUp() {
	c.timeout.Stop()
	c.session.ProbeLost(c)
	c.session, c.timeout, c.stage = nil, nil, draining
}

// hangUp ends the session, or the upgrade, and says goodbye.
func (c *socket) hangUp(why session.Reason) {
	if c.stage == probing {
		c.giveUp()
		c.Goodbye()
		return
	}
	if c.session != nil {
		c.session.Close(why)
	}
	c.stage = max(c.stage, draining)
}

// leave is called when the stream cannot be read any further.
func (c *socket) leave(err error) {
	if violation, ok := errors.AsType[*wsError](err); ok {
		c.answerWith(violation.code)
		c.hangUp(session.TransportError)
		// Where the next frame begins is not known any more. The rest is read
		// all the same: closing a connection with unread bytes would reset it,
		// and the peer would never learn why.
		c.stage = discarding
		c.drop()
		return
	}
	c.finish()
}

// finish ends the connection when nobody uses it any more.
func (c *socket) finish() {
	if c.stage == probing {
		c.giveUp()
	}
	c.stage = ended
	c.drop()
	go func() {
		if c.session != nil {
			c.session.Close(session.TransportClose)
			c.session.WaitWriters()
			<-c.session.Done()
		}
		c.mu.Lock()
		if c.cut != nil {
			c.cut.Stop()
		}
		c.mu.Unlock()
		c.Close()
		c.engine.live.Done()
	}()
}

// answerWith sets the code of the close frame, unless that has been sent.
func (c *socket) answerWith(code int) {
	c.mu.Lock()
	if code != websocket.CloseNoStatusReceived {
		c.code = int16(code)
	}
	c.mu.Unlock()
}

// Form implements session.Conn.
func (c *socket) Form() frame.Form { return c.form }

// Write implements session.Conn.
func (c *socket) Write(frames []*frame.Frame, skip int) error {
	return writeJoined(c.WriteAll, c.form, frames, skip)
}

// Goodbye implements session.Conn: a close frame without a code, as the
// official server sends, unless there is something to say.
func (c *socket) Goodbye() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.said {
		return
	}
	c.said = true
	code := int(c.code)
	if code == 0 {
		code = websocket.CloseNoStatusReceived
	}
	// An error means that the peer cannot be told any more.
	_, _ = c.TryWrite(frame.Control(websocket.CloseMessage, websocket.FormatCloseMessage(code, "")).Wire())
	c.cut = time.AfterFunc(goodbyeTime, c.Cut)
}

// Interrupt implements session.Conn.
func (c *socket) Interrupt() { c.Cut() }
