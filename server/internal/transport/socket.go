package transport

import (
	"errors"
	"time"
	"unicode/utf8"

	"github.com/throng-io/throng/protocol/engineio"
	"github.com/throng-io/throng/protocol/websocket"
	"github.com/throng-io/throng/server/internal/frame"
	"github.com/throng-io/throng/server/internal/session"
)

// goodbyeTime is how long the closing handshake may take.
const goodbyeTime = 2 * time.Second

// socket is a websocket after the opening handshake, over any connection: it makes messages of the
// bytes that come, and closes the connection as RFC 6455 says. It is embedded in the link that
// reads for it: epollSocket where there is epoll, stream everywhere else.
type socket struct {
	baseConn
	code websocket.Code // of the close frame that it has or had, 0 for none; guarded by mu
}

var (
	errDeflate    = &websocket.Error{Code: websocket.CodeInvalidData, Text: "message that cannot be decompressed"}
	errTooBig     = &websocket.Error{Code: websocket.CodeTooBig, Text: "message above the limit"}
	errPeerClosed = errors.New("websocket: closed by the peer")
)

// pong answers a ping. The answer goes through the session, so as not to get into the middle of a
// message that the kernel has taken only a part of.
func (c *socket) pong(data []byte) {
	answer := frame.Control(websocket.Pong, data)
	switch c.stage {
	case open:
		c.session.Send(answer)
	case probing:
		c.writeUpgrade(answer)
	}
}

// next implements link.
func (c *socket) next(b []byte) (n int, err error) {
	f, n, err := c.rules().Next(b)
	if n == 0 || err != nil {
		return 0, err
	}
	c.setUnhandled(n < len(b))
	return n, c.frame(f)
}

// rules says what the next frame may be.
func (c *socket) rules() websocket.Rules {
	r := websocket.Rules{Masked: true, Compress: c.form&frame.Deflated != 0, MaxPayload: c.engine.cfg.MaxPayload}
	if r.Compress {
		r.MaxPayload += r.MaxPayload/1024 + 64 // compressing makes random data longer
	}
	if c.in != nil && c.in.message != nil {
		r.MaxPayload -= c.in.message.Len()
	}
	return r
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
	in := c.ensurePartial()
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
		if err := websocket.Inflate(buf, data, nil, limit); errors.Is(err, websocket.ErrInflated) {
			return errTooBig
		} else if err != nil {
			return errDeflate
		}
		data = buf.Bytes()
	case len(data) > limit:
		return errTooBig // the room was for a compressed one
	}
	c.message(data, m.Opcode == websocket.Binary)
	return nil
}

// message handles a whole message.
func (c *socket) message(data []byte, binary bool) {
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
	c.packet(p)
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
	c.endOfStream()
	return true
}

// answerWith sets the code of the close frame, unless that has been sent.
func (c *socket) answerWith(code websocket.Code) {
	c.mu.Lock()
	if code != websocket.CodeNoStatus {
		c.code = code
	}
	c.mu.Unlock()
}

// Goodbye implements session.Conn: a close frame without a code, as the official server sends,
// unless there is something to say.
func (c *socket) Goodbye() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closeSent {
		return
	}
	c.closeSent = true
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
	closeWritten := make(chan struct{})
	c.closeWritten = closeWritten
	go func() {
		defer close(closeWritten)
		_ = c.link.WriteAll(b[n:]) // an error: it was cut
	}()
}
