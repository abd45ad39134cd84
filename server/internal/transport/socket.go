package transport

import (
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

// link is the connection under a socket. As a session.Conn it is the whole websocket: what it does
// not implement itself is the embedded socket's.
type link interface {
	session.Conn
	// WriteAll writes b and may block. Cut ends it.
	WriteAll(b []byte) error
	// tell writes the few bytes of a control frame, or of the answer to a probe, while nothing else
	// is being written, and blocks for a moment at most. It returns false if not all of b could be
	// written.
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

// socket is a websocket after the opening handshake, over any connection: it makes messages of the
// bytes that come, in any pieces, and closes the connection as RFC 6455 says. It is embedded in the
// link that reads for it: polled on plain connections, stream on all others.
//
// All fields that mu does not guard belong to the reader. While nothing comes, a socket is this
// struct and nothing else.
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
	bye  chan struct{}  // closed when a goodbye that had to wait for room is over; nil: none had to
}

// begin makes c the connection of a new session, which has a handler, or of an upgrade.
func (c *socket) begin(h session.Handler) {
	e, s := c.engine, c.session
	switch {
	case h != nil:
		c.stage = open
		e.begin(s, h, c.link, frame.Packet(e.handshake(s, "websocket")))
	case s.Probe(c.link):
		c.timeout = time.AfterFunc(e.cfg.UpgradeTimeout, c.link.Cut)
	default:
		// A second upgrade at once, or of a session that did not begin with polling, is accepted
		// and then closed; the session is not touched. (The official server lets the latter take it
		// over.)
		c.session, c.stage = nil, draining
		c.Goodbye()
	}
}

// pong answers a ping. The answer goes through the session, so as not to get into the middle of a
// message that the kernel has taken only a part of.
func (c *socket) pong(data []byte) {
	answer := frame.Control(websocket.Pong, data)
	switch c.stage {
	case open:
		c.session.Send(answer)
	case probing:
		c.say(answer)
	}
}

// say writes the few bytes that an upgrade has to say: a peer that has not even room for them is
// cut off.
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

// upgrade answers the probe of a polling session, and makes c the session's connection when the
// client says so.
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

// leave is called when the stream cannot be read any further, and reports whether it has ended. If
// not, the reader goes on, and what comes is discarded.
func (c *socket) leave(err error) (gone bool) {
	if violation, ok := errors.AsType[*websocket.Error](err); ok {
		c.answerWith(violation.Code)
		c.hangUp(session.TransportError)
		// Where the next frame begins is not known any more. The rest is read all the same: closing
		// a connection with unread bytes would reset it, and the peer would never learn why.
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

// release waits until the connection is unused, and gives it back.
func (c *socket) release() {
	if c.session != nil {
		c.session.Close(session.TransportClose)
		c.session.WaitWriters()
		<-c.session.Done()
	}
	c.mu.Lock()
	cut, bye := c.cut, c.bye
	c.mu.Unlock()
	if bye != nil {
		<-bye
	}
	if cut != nil {
		cut.Stop()
	}
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

// Goodbye implements session.Conn: a close frame without a code, as the official server sends,
// unless there is something to say.
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
	c.cut = time.AfterFunc(goodbyeTime, c.link.Cut)
	b := frame.Control(websocket.Close, websocket.AppendClose(nil, code, "")).Wire()
	n, err := c.link.TryWrite(b)
	if err != nil || n == len(b) {
		return // an error: the peer cannot be reached any more
	}
	// The peer has not read all that was sent before. The goodbye must still be the end of it.
	bye := make(chan struct{})
	c.bye = bye
	go func() {
		defer close(bye)
		_ = c.link.WriteAll(b[n:]) // an error: it was cut
	}()
}

// Interrupt implements session.Conn.
func (c *socket) Interrupt() { c.link.Cut() }
