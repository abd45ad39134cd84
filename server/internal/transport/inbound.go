package transport

import (
	"bytes"
	"errors"
	"time"

	"github.com/throng-io/throng/protocol/websocket"
	"github.com/throng-io/throng/server/internal/frame"
)

// This file makes messages of the bytes that a socket reads, in any pieces they come; what becomes
// of a message is in socket.go.

var (
	errDeflate    = &websocket.Error{Code: websocket.CodeInvalidData, Text: "message that cannot be decompressed"}
	errTooBig     = &websocket.Error{Code: websocket.CodeTooBig, Text: "message above the limit"}
	errNoRoom     = &websocket.Error{Code: websocket.CodeTryAgainLater, Text: "incomplete messages of all clients exceed MaxPartial"}
	errPeerClosed = errors.New("websocket: closed by the peer")
)

// partial is the received part of an incomplete message.
type partial struct {
	rest      *bytes.Buffer // of a frame; nil: frames are whole
	message   *bytes.Buffer // of a fragmented message; nil: there is none
	fragments websocket.Message
	held      int         // bytes of both, taken from the engine's budget
	late      *time.Timer // cuts a message off that takes too long
	whole     bool        // a message has come since late was set
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

// rest returns the received part of an incomplete frame, nil for nothing.
func (c *socket) rest() *bytes.Buffer {
	if c.in == nil {
		return nil
	}
	return c.in.rest
}

// consume handles the frames in what has come before and in b, and keeps what is left. After an
// error the stream makes no sense any more.
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

// account takes the size of incomplete messages from the engine's budget, and sees to it that they
// come in time. Frames between the fragments of a message do not lengthen its time.
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

// drop forgets the received part of a message.
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
