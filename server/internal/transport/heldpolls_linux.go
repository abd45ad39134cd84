package transport

import (
	"bytes"
	"net"
	"time"

	"github.com/valyala/fasthttp"

	"github.com/throng-io/throng/server/internal/frame"
	"github.com/throng-io/throng/server/internal/session"
)

// This file is the poller's part in held polls: which connections it takes over, which it has, and
// what their answers have in common. What becomes of one connection is in pollconn_linux.go.

// A client may send other requests on the connection of its polls. Giving the connection back and
// taking it again costs about 50 us, so one that was given back within shortStay stays with the
// HTTP server for settledRequests.
const (
	shortStay       = time.Second
	settledRequests = 8
)

// hold begins a poll. If it has to wait and its connection suits, the connection leaves the HTTP
// server for the engine's poller (held), and the caller must not answer. When the connection brings
// something else than polls, serveConn serves it.
func (p *poller) hold(e *Engine, ctx *fasthttp.RequestCtx, s *session.Session, form frame.Form, serveConn func(net.Conn)) (frames []*frame.Frame, held bool, err error) {
	if serveConn == nil || !p.suits(e, ctx, form) || !e.enter() {
		frames, err = await(ctx, s)
		return frames, false, err
	}
	c := &pollConn{engine: e, session: s, form: form, serveConn: serveConn, since: e.cfg.Session.Clock.Now()}
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
	if r, again := ctx.Conn().(interface{ resumedSoon() bool }); again && r.resumedSoon() && ctx.ConnRequestNum() < settledRequests {
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
	return p.takes(e, ctx)
}

// shared returns head, or the same bytes of an earlier connection: clients are mostly alike.
func (p *poller) shared(head []byte) []byte {
	if last := p.head.Load(); last != nil && bytes.Equal(*last, head) {
		return *last
	}
	p.head.Store(&head)
	return head
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
