package transport

import (
	"bytes"
	"errors"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/throng-io/throng/protocol/engineio"
	"github.com/throng-io/throng/protocol/websocket"
	"github.com/throng-io/throng/server/internal/frame"
	"github.com/throng-io/throng/server/internal/session"
)

// goodbyeTime is how long the closing handshake may take.
const goodbyeTime = 2 * time.Second

var (
	errDeflate    = &websocket.Error{Code: websocket.CodeInvalidData, Text: "message that cannot be decompressed"}
	errTooBig     = &websocket.Error{Code: websocket.CodeTooBig, Text: "message above the limit"}
	errNoRoom     = &websocket.Error{Code: websocket.CodeTryAgainLater, Text: "incomplete messages of all clients exceed MaxPartial"}
	errPeerClosed = errors.New("websocket: closed by the peer")
)

// link is the connection under a socket. As a session.Conn it is the whole
// websocket: what it does not implement itself is the embedded socket's.
type link interface {
	session.Conn
	// WriteAll writes b and may block. Cut ends it.
	WriteAll(b []byte) error
	// tell writes the few bytes of a control frame, or of the answer to a probe,
	// while nothing else is being written, and blocks for a moment at most. It
	// returns false if not all of b could be written.
	tell(b []byte) bool
	// Cut ends the connection in both directions: the reader finds its end.
	Cut()
	// Close gives the connection back. Nobody uses it any more.
	Close()
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

// socket is a websocket after the opening handshake, whatever is under it: it
// makes messages of the bytes that come, in whatever pieces, and closes the
// connection as RFC 6455 says. It is embedded in the link that reads for it:
// polled on plain connections, stream on all others.
//
// All fields but those that mu guards belong to the reader. While nothing
// comes, a socket is this struct and nothing else.
type socket struct {
	link    link
	engine  *Engine
	session *session.Session // nil: an upgrade that was refused
	timeout *time.Timer      // of the upgrade
	in      *partial         // nil as long as all messages have come whole
	stage   stage
	form    frame.Form

	mu   sync.Mutex
	said bool           // the close frame has been sent
	more bool           // there are bytes behind the frame that is being handled
	code websocket.Code // that it has or had, 0 for none
	cut  *time.Timer    // ends the wait for the peer's answer
}

// partial is what has come of a message that is not whole.
type partial struct {
	rest      *bytes.Buffer // of a frame; nil: frames are whole
	message   *bytes.Buffer // of a fragmented message; nil: there is none
	fragments websocket.Message
	held      int         // bytes of both, taken from the engine's budget
	late      *time.Timer // cuts a message off that takes too long
	whole     bool        // a message has come since late was set
}

// begin makes c the connection of a new session, which has a handler, or of an
// upgrade.
func (c *socket) begin(h session.Handler) {
	e, s := c.engine, c.session
	switch {
	case h != nil:
		c.stage = open
		e.begin(s, h, c.link, frame.Packet(e.handshake(s, "websocket")))
	case s.Probe(c.link):
		c.timeout = time.AfterFunc(e.cfg.UpgradeTimeout, c.link.Cut)
	default:
		// A second upgrade at once, or of a session that did not begin with
		// polling, is accepted and then closed; the session is not touched.
		// (The official server lets the latter take it over.)
		c.session, c.stage = nil, draining
		c.Goodbye()
	}
}

// partly returns c.in, which it makes if there is none.
func (c *socket) partly() *partial {
	if c.in == nil {
		c.in = &partial{}
	}
	return c.in
}

// keep keeps the beginning of a frame for when the rest comes.
func (c *socket) keep(b []byte) {
	in := c.partly()
	if in.rest == nil {
		in.rest = newBuffer()
	}
	in.rest.Write(b)
}

// rest returns what has come of a frame that is not whole, nil for nothing.
func (c *socket) rest() *bytes.Buffer {
	if c.in == nil {
		return nil
	}
	return c.in.rest
}

// consume handles the frames in what has come before and in b, and keeps what is
// left. After an error the stream makes no sense any more.
func (c *socket) consume(b []byte) error {
	if c.stage == discarding {
		return nil
	}
	if rest := c.rest(); rest != nil {
		rest.Write(b)
		b = rest.Bytes()
	}
	size, more := len(b), false
	for len(b) > 0 {
		f, n, err := c.rules().Next(b)
		if err != nil {
			return err
		}
		if n == 0 {
			break
		}
		if b = b[n:]; more != (len(b) > 0) {
			more = !more
			c.setMore(more)
		}
		if err := c.frame(f); err != nil {
			return err
		}
	}
	if more { // a part of a frame
		c.setMore(false)
	}
	switch rest := c.rest(); {
	case rest == nil && len(b) > 0:
		c.keep(b)
	case rest != nil && len(b) == 0:
		freeBuffer(&c.in.rest)
	case rest != nil:
		rest.Next(size - len(b))
	}
	return c.account()
}

// setMore notes whether there are bytes behind the frame that is being handled, for unhandled.
func (c *socket) setMore(more bool) {
	c.mu.Lock()
	c.more = more
	c.mu.Unlock()
}

// unhandled reports whether something has been read that waits for the handler.
func (c *socket) unhandled() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.more
}

// rules says what the next frame may be.
func (c *socket) rules() websocket.Rules {
	r := websocket.Rules{Masked: true, Compress: c.form&frame.Deflated != 0, Room: c.engine.cfg.MaxPayload}
	if r.Compress {
		r.Room += r.Room/1024 + 64 // compressing makes random data longer
	}
	if c.in != nil && c.in.message != nil {
		r.Room -= c.in.message.Len()
	}
	return r
}

// account takes what is held of messages that have not come whole from the
// engine's budget, and sees to it that they come in time. Frames between the
// fragments of a message do not lengthen its time.
func (c *socket) account() error {
	in := c.in
	if in == nil {
		return nil
	}
	held := 0
	for _, b := range []*bytes.Buffer{in.rest, in.message} {
		if b != nil {
			held += b.Len()
		}
	}
	budget := c.engine.cfg.Partial
	switch {
	case held == 0 && in.message == nil:
		c.drop()
		return nil
	case held > in.held && !budget.Take(held-in.held):
		return errNoRoom
	case held < in.held:
		budget.Give(in.held - held)
	}
	in.held = held
	if d := c.engine.cfg.MessageTimeout; in.late == nil {
		in.late = time.AfterFunc(d, c.link.Cut)
	} else if in.whole {
		in.late.Reset(d)
	}
	in.whole = false
	return nil
}

// drop forgets what has come of a message.
func (c *socket) drop() {
	in := c.in
	if in == nil {
		return
	}
	c.in = nil
	freeBuffer(&in.rest)
	freeBuffer(&in.message)
	c.engine.cfg.Partial.Give(in.held)
	if in.late != nil {
		in.late.Stop()
	}
}

func (c *socket) frame(f websocket.Frame) error {
	switch f.Opcode {
	case websocket.Ping:
		c.pong(f.Payload)
		return nil
	case websocket.Pong:
		return nil
	case websocket.Close:
		code, _, err := websocket.ParseClose(f.Payload)
		if err != nil {
			return err
		}
		c.answerWith(code)
		if c.stage == probing { // no session ends that would say goodbye
			c.hangUp("")
		}
		return errPeerClosed
	}
	var single websocket.Message
	m := &single
	if c.in != nil {
		m = &c.in.fragments
	}
	begun := m.Open()
	whole, err := m.Add(f.Header, websocket.MaxFragments)
	switch {
	case err != nil:
		return err
	case whole && !begun:
		return c.complete(f.Payload, *m)
	}
	in := c.partly()
	if in.fragments = *m; in.message == nil {
		in.message = newBuffer()
	}
	in.message.Write(f.Payload)
	if !whole {
		return nil
	}
	err = c.complete(in.message.Bytes(), *m)
	freeBuffer(&in.message)
	return err
}

// complete handles a message that has come whole, as it came.
func (c *socket) complete(data []byte, m websocket.Message) error {
	if c.in != nil {
		c.in.whole = true
	}
	limit := c.engine.cfg.MaxPayload
	switch {
	case m.Compressed:
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
	c.packet(data, m.Opcode == websocket.Binary)
	return nil
}

// pong answers a ping. The answer goes through the session, so as not to get
// into the middle of a message that the kernel has taken only a part of.
func (c *socket) pong(data []byte) {
	answer := frame.Control(websocket.Pong, data)
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
	if !c.link.tell(f.Wire()) {
		c.link.Cut()
	}
}

// packet handles a whole message.
func (c *socket) packet(data []byte, binary bool) {
	if c.stage >= draining {
		return
	}
	if !binary && !utf8.Valid(data) {
		c.answerWith(websocket.CodeInvalidData)
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

// parse decodes the packet that is a websocket message.
func parse(form frame.Form, data []byte, binary bool) (engineio.Packet, error) {
	three := form&frame.Revision3 != 0
	switch {
	case binary && three:
		return engineio.ParseBinaryV3(data)
	case binary:
		return engineio.Packet{Type: engineio.Message, Binary: true, Data: data}, nil
	case three:
		return engineio.ParseV3(data)
	}
	return engineio.Parse(data)
}

var probeAnswer = frame.Packet(engineio.Packet{Type: engineio.Pong, Data: []byte("probe")})

// upgrade answers the probe of a polling session, and makes c the session's
// connection when the client says so.
func (c *socket) upgrade(p engineio.Packet) {
	switch {
	case p.Type == engineio.Ping && string(p.Data) == "probe":
		c.say(probeAnswer)
		c.session.Probed(c.link)
	case p.Type == engineio.Upgrade:
		if c.timeout.Stop() && c.session.Upgraded(c.link) {
			c.timeout, c.stage = nil, open
			c.engine.upgraded()
			return
		}
		c.giveUp()
		c.link.Cut()
	default:
		c.hangUp("") // only this connection: polling goes on
	}
}

// giveUp ends an upgrade: the session goes on polling.
func (c *socket) giveUp() {
	c.timeout.Stop()
	c.session.ProbeLost(c.link)
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

// leave is called when the stream cannot be read any further, and reports
// whether it has ended. If not, the reader goes on, and what comes is discarded.
func (c *socket) leave(err error) (gone bool) {
	if violation, ok := errors.AsType[*websocket.Error](err); ok {
		c.answerWith(violation.Code)
		c.hangUp(session.TransportError)
		// Where the next frame begins is not known any more. The rest is read
		// all the same: closing a connection with unread bytes would reset it,
		// and the peer would never learn why.
		c.stage = discarding
		c.drop()
		return false
	}
	if c.stage == probing {
		c.giveUp()
	}
	c.stage = ended
	c.drop()
	return true
}

// release waits until nobody uses the connection any more, and gives it back.
func (c *socket) release() {
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
	c.link.Close()
	c.engine.live.Done()
}

// answerWith sets the code of the close frame, unless that has been sent.
func (c *socket) answerWith(code websocket.Code) {
	c.mu.Lock()
	if code != websocket.CodeNoStatus {
		c.code = code
	}
	c.mu.Unlock()
}

// Form implements session.Conn.
func (c *socket) Form() frame.Form { return c.form }

// joined bounds the bytes that a flusher copies together for one write.
const joined = 64 << 10

// Write implements session.Conn: it writes several frames at once.
func (c *socket) Write(frames []*frame.Frame, skip int) error {
	if len(frames) == 1 {
		return c.link.WriteAll(frames[0].In(c.form)[skip:])
	}
	buf := newBuffer()
	defer freeBuffer(&buf)
	for i, f := range frames {
		buf.Write(f.In(c.form)[skip:])
		skip = 0
		if i == len(frames)-1 || buf.Len()+len(frames[i+1].In(c.form)) > joined {
			if err := c.link.WriteAll(buf.Bytes()); err != nil {
				return err
			}
			buf.Reset()
		}
	}
	return nil
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
	code := c.code
	if code == 0 {
		code = websocket.CodeNoStatus
	}
	// If it cannot be written, the peer cannot be told any more.
	c.link.tell(frame.Control(websocket.Close, websocket.AppendClose(nil, code, "")).Wire())
	c.cut = time.AfterFunc(goodbyeTime, c.link.Cut)
}

// Interrupt implements session.Conn.
func (c *socket) Interrupt() { c.link.Cut() }
