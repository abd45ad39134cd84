package transport

import (
	"bytes"
	"time"

	"github.com/throng-io/throng/protocol/websocket"
)

// This file gives a baseConn's link the bytes that come, in any pieces, until it can make a message
// of them.

var errPartial = &websocket.Error{Code: websocket.CodeTryAgainLater, Text: "incomplete messages of all clients exceed MaxPartial"}

// partial is the received part of an incomplete message.
type partial struct {
	rest      *bytes.Buffer // of a frame; nil: frames are whole
	message   *bytes.Buffer // of a fragmented message; nil: there is none
	fragments websocket.Message
	held      int         // bytes of both, taken from the engine's budget
	late      *time.Timer // cuts a message off that takes too long
	whole     bool        // a message has come since late was set
}

// ensurePartial returns c.in, which it makes if there is none.
func (c *baseConn) ensurePartial() *partial {
	if c.in == nil {
		c.in = &partial{}
	}
	return c.in
}

// keep keeps the beginning of a frame for when the rest comes.
func (c *baseConn) keep(b []byte) {
	in := c.ensurePartial()
	if in.rest == nil {
		in.rest = newBuffer()
	}
	in.rest.Write(b)
}

// rest returns the received part of an incomplete frame, nil for nothing.
func (c *baseConn) rest() *bytes.Buffer {
	if c.in == nil {
		return nil
	}
	return c.in.rest
}

// readSpace returns where to read to: own, or behind the received part of an incomplete frame,
// which consume then need not copy.
func (c *baseConn) readSpace(own []byte) []byte {
	rest := c.rest()
	if rest == nil {
		return own
	}
	rest.Grow(bytes.MinRead)
	behind := rest.AvailableBuffer()
	return behind[:cap(behind)]
}

// consume handles the frames in what has come before and in b, and keeps what is left. After an
// error the stream makes no sense any more.
func (c *baseConn) consume(b []byte) error {
	if c.stage == discarding {
		return nil
	}
	if rest := c.rest(); rest != nil {
		rest.Write(b)
		b = rest.Bytes()
	}
	size := len(b)
	for len(b) > 0 {
		n, err := c.link.next(b)
		if err != nil {
			return err
		}
		if n == 0 {
			break
		}
		b = b[n:]
	}
	c.setUnhandled(false) // at most a part of a frame is
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

// setUnhandled notes whether there are bytes behind the frame that is about to be handled, for
// unhandled.
func (c *baseConn) setUnhandled(more bool) {
	if c.more == more { // which only the reader changes
		return
	}
	c.mu.Lock()
	c.more = more
	c.mu.Unlock()
}

// unhandled reports whether something has been read that waits for the handler.
func (c *baseConn) unhandled() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.more
}

// account takes the size of incomplete messages from the engine's budget, and sees to it that they
// come in time. Frames between the fragments of a message do not lengthen its time.
func (c *baseConn) account() error {
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
		return errPartial
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
func (c *baseConn) drop() {
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
