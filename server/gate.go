package server

import (
	"bytes"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/valyala/fasthttp"

	"github.com/throng-io/throng/server/internal/session"
	"github.com/throng-io/throng/server/internal/transport"
)

// counted is the handler of a session that counts for its address.
type counted struct {
	session.Handler
	gate    *gate
	address netip.Addr
}

// Closed implements session.Handler.
func (c *counted) Closed(reason session.Reason) {
	c.gate.left(c.address)
	c.Handler.Closed(reason)
}

// allow decides on a handshake. It returns the message for the client if it is refused, and whether
// it is accepted.
func (s *Server) allow(ctx *fasthttp.RequestCtx) (message string, ok bool) {
	if !s.originAllowed(ctx) {
		return "origin not allowed", false
	}
	if message := s.reserve(ctx); message != "" {
		return message, false
	}
	if s.opts.AllowRequest == nil {
		return "", true
	}
	if !ctx.IsConnect() { // handle recovers
		return because(s.opts.AllowRequest(ctx))
	}
	var err error
	if s.guard(func() { err = s.opts.AllowRequest(ctx) }) != nil {
		return "internal error", false
	}
	return because(err)
}

// because is the answer of allow for one of AllowRequest.
func because(err error) (message string, ok bool) {
	if err != nil {
		return err.Error(), false
	}
	return "", true
}

// reserved is the user value of a handshake that holds a place: the address that it counts for.
type reserved struct{}

// reserve takes the place of a session before there is one, so that handshakes that come together,
// and wait in AllowRequest, cannot all get the last one. It returns the message for the client if
// there is none.
func (s *Server) reserve(ctx *fasthttp.RequestCtx) (message string) {
	a := addressOf(ctx)
	sessions, pending := s.sessions.Add(1), s.wait(1)
	switch limit := int64(s.opts.Limits.MaxSessions); {
	case limit > 0 && sessions > limit:
		message = "too many sessions"
	case pending > int64(s.opts.Limits.MaxPending):
		message = "too many sessions without a namespace"
	default:
		message = s.gate.knock(a, time.Now())
	}
	if message != "" {
		s.sessions.Add(-1)
		s.wait(-1)
		return message
	}
	ctx.SetUserValue(reserved{}, a)
	return ""
}

// settle gives the place that a handshake holds to its session, and vacate gives it back if there
// is none.
func (s *Server) settle(ctx *fasthttp.RequestCtx) netip.Addr {
	a, _ := ctx.UserValue(reserved{}).(netip.Addr)
	ctx.RemoveUserValue(reserved{})
	return a
}

func (s *Server) vacate(ctx *fasthttp.RequestCtx) {
	if _, some := ctx.UserValue(reserved{}).(netip.Addr); some {
		s.sessions.Add(-1)
		s.wait(-1)
		s.gate.left(s.settle(ctx))
	}
}

// wait changes the number of sessions that have joined no namespace yet, where there are
// namespaces.
func (s *Server) wait(by int64) int64 {
	if s.opts.Engine != nil {
		return 0
	}
	return s.pending.Add(by)
}

// originAllowed is the check of websockets and WebTransport that browsers leave to the server: a
// page of any origin may open one, a websocket with the cookies of its visitor.
func (s *Server) originAllowed(ctx *fasthttp.RequestCtx) bool {
	cors := (*transport.CORS)(s.opts.CORS)
	named := cors != nil && (len(cors.Origins) > 0 || cors.Match != nil)
	origin := originOf(ctx)
	switch {
	case !s.opts.CheckOrigin && !named, origin == "", cors != nil && cors.Allows(origin):
		return true
	case !readable(ctx):
		return true // the browser itself keeps the answer from the page
	}
	u, err := url.Parse(origin)
	return err == nil && strings.EqualFold(u.Host, string(ctx.Host()))
}

// originOf returns the origin of the page that sent a request, "" if that was no page. Browsers
// send none with the script of a JSONP poll, but the address of the page, unless that hides it.
func originOf(ctx *fasthttp.RequestCtx) string {
	h := &ctx.Request.Header
	if origin := h.Peek(fasthttp.HeaderOrigin); len(origin) > 0 || string(h.Peek("Sec-Fetch-Dest")) != "script" {
		return string(origin)
	}
	if site := string(h.Peek("Sec-Fetch-Site")); site != "cross-site" && site != "same-site" {
		return ""
	}
	u, err := url.Parse(string(h.Peek(fasthttp.HeaderReferer)))
	if err != nil || u.Host == "" {
		return "null"
	}
	return u.Scheme + "://" + u.Host
}

// readable reports whether a page of another origin could read the answer: of a websocket, of
// WebTransport, or of a script.
func readable(ctx *fasthttp.RequestCtx) bool {
	return ctx.IsConnect() || bytes.EqualFold(ctx.Request.Header.Peek(fasthttp.HeaderUpgrade), []byte("websocket")) || ctx.QueryArgs().Has("j")
}

// addressOf returns the address that limits count by: of IPv6 the network, for which a single
// client has all addresses.
func addressOf(ctx *fasthttp.RequestCtx) netip.Addr {
	a, _ := netip.AddrFromSlice(ctx.RemoteIP())
	if a = a.Unmap(); a.Is6() {
		if p, err := a.WithZone("").Prefix(64); err == nil {
			return p.Addr()
		}
	}
	return a
}

// gate counts sessions and handshakes by address. Without limits it does nothing.
type gate struct {
	sessions int // per address; 0 is no limit
	rate     int // handshakes per second and address; 0 is no limit

	mu    sync.Mutex
	hosts map[netip.Addr]*host
	sweep int // how many hosts there are when the idle ones are looked for
}

type host struct {
	sessions int
	tokens   float64 // handshakes that it may make at once, as of then
	then     time.Time
}

func (g *gate) limited() bool { return g.sessions > 0 || g.rate > 0 }

// knock counts one handshake, and the session that it is for, and returns why it is refused, or "".
func (g *gate) knock(a netip.Addr, now time.Time) string {
	if !g.limited() {
		return ""
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	h := g.host(a, now)
	if g.rate > 0 {
		g.refill(h, now)
		if h.tokens < 1 {
			return "too many handshakes"
		}
		h.tokens--
	}
	if g.sessions > 0 && h.sessions >= g.sessions {
		return "too many sessions"
	}
	h.sessions++
	return ""
}

func (g *gate) refill(h *host, now time.Time) {
	h.tokens = min(float64(g.rate), h.tokens+now.Sub(h.then).Seconds()*float64(g.rate))
	h.then = now
}

// host returns the entry of an address, and from time to time forgets those that are as good as
// new.
func (g *gate) host(a netip.Addr, now time.Time) *host {
	if h := g.hosts[a]; h != nil {
		return h
	}
	if len(g.hosts) >= g.sweep {
		for b, h := range g.hosts {
			if g.refill(h, now); h.sessions == 0 && h.tokens >= float64(g.rate) {
				delete(g.hosts, b)
			}
		}
		g.sweep = max(1024, 2*len(g.hosts))
	}
	h := &host{tokens: float64(g.rate), then: now}
	if g.hosts == nil {
		g.hosts = map[netip.Addr]*host{}
	}
	g.hosts[a] = h
	return h
}

// left counts one session less of an address.
func (g *gate) left(a netip.Addr) {
	if !g.limited() {
		return
	}
	g.mu.Lock()
	g.host(a, time.Now()).sessions--
	g.mu.Unlock()
}
