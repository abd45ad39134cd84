package transport

import (
	"bytes"
	"crypto/tls"
	"io"
	"net"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/valyala/fasthttp"

	"github.com/throng-io/throng/server/internal/deadline"
	"github.com/throng-io/throng/server/internal/frame"
	"github.com/throng-io/throng/server/internal/poll"
	"github.com/throng-io/throng/server/internal/session"
)

// A client may send other requests on the connection of its polls. Giving the connection back and
// taking it again costs about 50 us, so one that was here for less than briefly stays with the HTTP
// server for some requests.
const (
	briefly = time.Second
	settled = 8
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
	engine  *Engine
	session *session.Session
	form    frame.Form
	request pollRequest
	head    []byte // of an answer, without what differs and the empty line
	coding  string // that the client takes for compressed bodies, "" for none
	back    func(net.Conn)
	idle    deadline.Entry // see tick
	since   time.Duration  // by the clock: when it came

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

// hold begins a poll. If it has to wait and its connection suits, the connection leaves the HTTP
// server for the engine's poller (held), and the answer is not the caller's affair any more. back
// serves it when it does not suit any more.
func (p *poller) hold(e *Engine, ctx *fasthttp.RequestCtx, s *session.Session, form frame.Form, back func(net.Conn)) (frames []*frame.Frame, held bool, err error) {
	if back == nil || !p.suits(e, ctx, form) || !e.enter() {
		frames, err = await(ctx, s)
		return frames, false, err
	}
	c := &pollConn{engine: e, session: s, form: form, back: back, since: e.cfg.Session.Clock.Now()}
	c.idle.Fire = c.tick
	if frames, err = s.StartPoll(c); frames != nil || err != nil {
		e.live.Done()
		return frames, false, err
	}
	textAnswer(ctx, textBody)
	in := &ctx.Request.Header
	c.request, c.head = requestOf(in), p.shared(headOf(&ctx.Response.Header))
	c.coding = coding(in.Peek(fasthttp.HeaderAcceptEncoding))
	way := e.expect(c.lost)
	ctx.HijackSetNoResponse(true)
	ctx.Hijack(func(nc net.Conn) {
		if way.arrived() {
			c.arrive(nc)
		}
	})
	return nil, true, nil
}

// suits reports whether all answers to polls on a connection have the same head.
func (p *poller) suits(e *Engine, ctx *fasthttp.RequestCtx, form frame.Form) bool {
	in := &ctx.Request.Header
	if r, again := ctx.Conn().(interface{ cameBackSoon() bool }); again && r.cameBackSoon() && ctx.ConnRequestNum() < settled {
		return false
	}
	switch {
	case form&(frame.Revision3|frame.JSONP) != 0, // the type of an answer, or the answer, differs
		// the application decides on each
		e.cfg.Headers != nil, e.cfg.CORS != nil && e.cfg.CORS.Match != nil,
		!in.IsHTTP11(), in.ConnectionClose(), ctx.Response.Header.ConnectionClose(), in.ContentLength() > 0,
		len(in.Peek(fasthttp.HeaderTransferEncoding)) > 0, len(in.Peek(fasthttp.HeaderExpect)) > 0:
		return false
	}
	return p.takes(ctx)
}

// shared returns head, or the same bytes of an earlier connection: clients are mostly alike.
func (p *poller) shared(head []byte) []byte {
	if last := p.head.Load(); last != nil && bytes.Equal(*last, head) {
		return *last
	}
	p.head.Store(&head)
	return head
}

// arrive takes the connection over. nc is the HTTP server's again afterwards, which closes it.
func (c *pollConn) arrive(nc net.Conn) {
	p := &c.engine.poller
	early, err := p.take(&c.Conn, nc, c)
	if err != nil {
		c.lost()
		return
	}
	p.enter(c)
	c.arm(c.engine.cfg.IdleTime)
	if c.Watch(c.Secured()) != nil {
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
	c.session.Close(session.TransportError) // the answer may have come
	c.engine.live.Done()
}

// gone ends the connection, and the session: its client has left without the answer.
func (c *pollConn) gone() {
	c.session.LeavePoll(c)
	c.session.Close(session.TransportError)
	c.end()
}

// enter notes c.
func (p *poller) enter(c *pollConn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.polls == nil {
		p.polls = map[*pollConn]struct{}{}
	}
	p.polls[c] = struct{}{}
}

// stop ends the connections that wait for a poll, and with all set every one. Held polls get their
// answers from their sessions.
func (p *poller) stop(all bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.stopped.Store(true)
	for c := range p.polls {
		c.mu.Lock()
		if all || c.state == between {
			c.Cut()
		}
		c.mu.Unlock()
	}
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
			c.session.Close(session.TransportError)
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
	c.state = between
	if len(c.early) > 0 {
		go c.giveBack(nil)
		return
	}
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

// date is a Date header, of one second.
type date struct {
	second int64
	line   []byte
}

// dateLine returns the header for an answer of now, which is written once a second and not for
// each.
func (p *poller) dateLine() []byte {
	now := time.Now()
	d := p.date.Load()
	if d == nil || d.second != now.Unix() {
		d = &date{now.Unix(), fasthttp.AppendHTTPDate([]byte("Date: "), now)}
		p.date.Store(d)
	}
	return d.line
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
		return // it has no descriptor left to go on with
	}
	soon := c.engine.cfg.Session.Clock.Now()-c.since < briefly
	r := resumed{Conn: nc, early: slices.Concat(read, c.early), poller: &c.engine.poller, soon: soon}
	if s, ok := nc.(*poll.Secure); ok {
		go c.back(&resumedSecure{r, s})
		return
	}
	go c.back(&r)
}

// resumedSecure is resumed for a connection with TLS, which HTTP servers know by these methods.
type resumedSecure struct {
	resumed
	secure *poll.Secure
}

func (r *resumedSecure) Handshake() error                     { return r.secure.Handshake() }
func (r *resumedSecure) ConnectionState() tls.ConnectionState { return r.secure.ConnectionState() }

// resumed is a connection of which something has been read already.
type resumed struct {
	net.Conn
	early  []byte
	poller *poller
	begun  bool
	soon   bool // it has been given back soon after it came
}

// Read implements io.Reader.
func (r *resumed) Read(b []byte) (int, error) {
	if !r.begun {
		// The HTTP server may have shut down before it got this connection.
		if r.begun = true; r.poller.stopped.Load() {
			return 0, io.EOF
		}
	}
	if len(r.early) > 0 {
		n := copy(b, r.early)
		r.early = r.early[n:]
		return n, nil
	}
	return r.Conn.Read(b)
}

func (r *resumed) cameBackSoon() bool { return r.soon }

// UnsafeConn implements wrapper.
func (r *resumed) UnsafeConn() net.Conn { return r.Conn }

// pollRequest is what the polls of a client look like: what comes before and after the value of the
// parameter t. Without that all is before it.
type pollRequest struct{ before, after []byte }

// maxNumber bounds the value of t.
const maxNumber = 64

// requestOf returns the request that has been parsed into h, as it was sent.
func requestOf(h *fasthttp.RequestHeader) pollRequest {
	target := h.RequestURI()
	raw := slices.Concat([]byte("GET "), target, []byte(" HTTP/1.1\r\n"), h.RawHeaders())
	end := len("GET ") + len(target)
	for _, name := range []string{"?t=", "&t="} {
		at := bytes.Index(raw[:end], []byte(name))
		if at < 0 {
			continue
		}
		at += len(name)
		to := end
		if more := bytes.IndexByte(raw[at:end], '&'); more >= 0 {
			to = at + more
		}
		return pollRequest{raw[:at:at], raw[to:]}
	}
	return pollRequest{before: raw}
}

// matches reports whether b is one such request, whole and alone.
func (r *pollRequest) matches(b []byte) bool {
	if !bytes.HasPrefix(b, r.before) {
		return false
	}
	b = b[len(r.before):]
	number := len(b) - len(r.after)
	if number < 0 || number > maxNumber || len(r.after) == 0 && number > 0 || !bytes.Equal(b[number:], r.after) {
		return false
	}
	for _, c := range b[:number] {
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '-', c == '_', c == '.':
		default:
			return false
		}
	}
	return true
}

// bytes returns such a request.
func (r *pollRequest) bytes() []byte { return slices.Concat(r.before, r.after) }

// headOf returns the lines of a head that are the same for all answers.
func headOf(h *fasthttp.ResponseHeader) []byte {
	var head []byte
	for line := range bytes.Lines(h.AppendBytes(nil)) {
		name, _, _ := bytes.Cut(line, []byte(":"))
		switch string(name) {
		case fasthttp.HeaderDate, fasthttp.HeaderContentLength, fasthttp.HeaderContentEncoding, "\r\n":
		default:
			head = append(head, line...)
		}
	}
	return slices.Clip(head)
}
