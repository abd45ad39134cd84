package transport

import (
	"bytes"
	"net"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/throng-io/throng/server/internal/deadline"
	"github.com/throng-io/throng/server/internal/frame"
	"github.com/throng-io/throng/server/internal/poll"
	"github.com/throng-io/throng/server/internal/session"
)

// pollConn is a connection of a client that polls, on the engine's poller from the first poll that
// is held. Such a request costs this struct, where the HTTP server would keep a goroutine and its
// buffers, and the sender of a message writes the answer at once.
//
// It needs no HTTP of its own. The polls of a client are all the same, but for a number that keeps
// caches away: a request that equals the one that the HTTP server and the engine have accepted is a
// poll, and its answer has the same head, but for date and length. With any other, or a part of
// one, the connection goes back to the HTTP server, as if those bytes were the first to come.
type pollConn struct {
	poll.Conn
	engine    *Engine
	session   *session.Session
	form      frame.Form
	request   pollRequest
	head      []byte // of an answer, without what differs and the empty line
	coding    string // that the client takes for compressed bodies, "" for none
	serveConn func(net.Conn)
	idle      deadline.Entry // see tick
	since     time.Duration  // by the clock: when it came

	// mu comes after the lock of the session.
	mu     sync.Mutex
	state  pollState
	unread bool    // something has come that could not be read yet
	used   bool    // since idle was armed
	first  *answer // that came before the connection did
	early  []byte  // read by the HTTP server beyond the first poll
}

type pollState uint8

const (
	coming  pollState = iota // from the HTTP server: a poll is held, and cannot be answered yet
	between                  // of two polls
	held
	answering // what the kernel did not take at once
	left
)

// arrive takes the connection over. nc is the HTTP server's again afterwards, which closes it.
func (c *pollConn) arrive(nc net.Conn) {
	p := &c.engine.poller
	early, err := p.take(&c.Conn, nc, c)
	if err != nil {
		c.engine.notWatched(err)
		c.lost()
		return
	}
	p.enter(c)
	c.arm(c.engine.cfg.IdleTime)
	if err := c.Watch(c.Secured()); err != nil {
		c.engine.notWatched(err)
		c.gone()
		return
	}
	c.mu.Lock()
	c.state, c.used = held, true
	c.early = early
	first := c.first
	c.first = nil
	c.mu.Unlock()
	switch {
	case first != nil:
		if !c.Answer(first.frames, first.err) {
			c.gone()
		}
	case c.HungUp(): // Ready may have been called before
		c.gone()
	}
}

// lost ends a poll whose connection has not arrived.
func (c *pollConn) lost() {
	c.session.LeavePoll(c)
	c.session.PollingBroke() // the answer may have come
	c.engine.live.Done()
}

// gone ends the connection, and the session: its client has left without the answer.
func (c *pollConn) gone() {
	c.session.LeavePoll(c)
	c.session.PollingBroke()
	c.end()
}

// arm has tick called after d.
func (c *pollConn) arm(d time.Duration) { c.engine.cfg.Session.Clock.Arm(&c.idle, d) }

// tick ends a connection on which nothing has happened for long, or an answer does not leave.
func (c *pollConn) tick() {
	c.mu.Lock()
	state, used := c.state, c.used
	c.used = false
	c.mu.Unlock()
	switch {
	case state == left:
	case state == held, used:
		c.arm(c.engine.cfg.IdleTime)
	default:
		c.Cut()
	}
}

// PeerLeft implements poll.Handler: Ready does not wait for anything.
func (c *pollConn) PeerLeft() {}

// Ready implements poll.Handler.
func (c *pollConn) Ready(buf []byte) (again bool) {
	c.mu.Lock()
	state := c.state
	if state == coming || state == answering || state == held && !c.HungUp() {
		c.unread = true
	}
	c.mu.Unlock()
	switch {
	case state == held && c.HungUp():
		c.session.LeavePoll(c)
		c.end()
		return false
	case state != between:
		return false
	}
	n, err := c.Read(buf)
	switch {
	case err != nil:
		c.end()
	case n == 0:
	case !c.request.matches(buf[:n]):
		c.giveBack(buf[:n])
	default:
		c.poll(buf[:n])
	}
	return false
}

// poll begins a poll.
func (c *pollConn) poll(request []byte) {
	c.mu.Lock()
	c.state, c.used = held, true
	c.mu.Unlock()
	frames, err := c.session.StartPoll(c)
	switch {
	case err != nil:
		c.giveBack(request) // for an answer that says so
	case frames != nil:
		if !c.Answer(frames, nil) {
			c.session.PollingBroke()
			c.end() // as below
		}
	case c.HungUp(): // it came with the request: there will be no other event
		c.session.LeavePoll(c)
		c.end()
	}
}

// answers are buffers for answers.
var answers = sync.Pool{New: func() any { return new([]byte) }}

// Answer implements session.Poll.
func (c *pollConn) Answer(frames []*frame.Frame, err error) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.state == coming {
		c.first = &answer{slices.Clone(frames), err}
		return true
	}
	if err != nil {
		go c.giveBack(c.request.bytes())
		return true
	}
	if c.state == left || c.HungUp() {
		return false
	}
	buf := answers.Get().(*[]byte)
	defer answers.Put(buf)
	body, _ := frame.Body((*buf)[:0], c.form, frames)
	if c.coding != "" && c.engine.compresses(body, frames) {
		c.slow() // it takes longer than a sender should wait
		body = bytes.Clone(body)
		go func() {
			c.finish(c.response(nil, c.coding, compress(c.coding, body)))
		}()
		return true
	}
	whole := c.response(body, "", body) // behind the body, in one buffer
	if *buf = whole; cap(whole) > keptMessage {
		*buf = nil
	}
	response := whole[len(body):]
	n, err := c.TryWrite(response)
	switch {
	case err != nil:
		c.state = between // to read the end
		return false
	case n < len(response):
		c.slow()
		rest := bytes.Clone(response[n:])
		go c.finish(rest)
	default:
		c.answered()
	}
	return true
}

// slow is for an answer that finish will write; the lock is held. It has as long for it as one of
// the HTTP server's.
func (c *pollConn) slow() {
	c.state, c.used = answering, false
	c.arm(c.engine.cfg.Session.WriteTimeout)
}

// finish writes what could not be written at once.
func (c *pollConn) finish(rest []byte) {
	err := c.WriteAll(rest)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.state == left {
		return
	}
	c.arm(c.engine.cfg.IdleTime)
	if err != nil {
		c.unread = true // the end
	}
	c.answered()
}

// answered makes c ready for the next poll; the lock is held.
func (c *pollConn) answered() {
	if len(c.early) > 0 {
		c.state = answering // what comes is not to be read here any more
		go c.giveBack(nil)
		return
	}
	c.state = between
	if c.unread {
		c.unread = false
		c.Wake()
	}
	if c.engine.poller.stopped.Load() {
		c.Cut()
	}
}

// response appends an answer to dst.
func (c *pollConn) response(dst []byte, coding string, body []byte) []byte {
	dst = append(append(dst, c.head...), c.engine.poller.dateLine()...)
	dst = strconv.AppendInt(append(dst, "\r\nContent-Length: "...), int64(len(body)), 10)
	if coding != "" {
		dst = append(append(dst, "\r\nContent-Encoding: "...), coding...)
	}
	if c.engine.poller.stopped.Load() {
		dst = append(dst, "\r\nConnection: close"...)
	}
	return append(append(dst, "\r\n\r\n"...), body...)
}

// leave takes c out of the engine. It returns false if that has been done.
func (c *pollConn) leave() bool {
	c.mu.Lock()
	first := c.state != left
	c.state = left
	c.mu.Unlock()
	if first {
		c.engine.cfg.Session.Clock.Disarm(&c.idle)
		p := &c.engine.poller
		p.mu.Lock()
		delete(p.polls, c)
		p.mu.Unlock()
	}
	return first
}

// end closes the connection.
func (c *pollConn) end() {
	if c.leave() {
		c.Close()
		c.engine.live.Done()
	}
}

// giveBack lets the HTTP server go on with the connection, and with what has been read of it. read
// is not kept.
func (c *pollConn) giveBack(read []byte) {
	if !c.leave() {
		return
	}
	defer c.engine.live.Done()
	nc, err := c.Give()
	if err != nil {
		c.engine.notWatched(err)
		return
	}
	soon := c.engine.cfg.Session.Clock.Now()-c.since < shortStay
	r := resumed{Conn: nc, early: slices.Concat(read, c.early), poller: &c.engine.poller, soon: soon}
	if s, ok := nc.(*poll.Secure); ok {
		go c.serveConn(&resumedSecure{r, s})
		return
	}
	go c.serveConn(&r)
}
