package server

import (
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/valyala/fasthttp"

	"github.com/throng-io/throng/server/internal/transport"
)

// allow decides on a handshake, before anything is allocated for its session. It returns the
// message for the client if the handshake is refused, and whether it is accepted.
func (s *Server) allow(ctx *fasthttp.RequestCtx) (message string, ok bool) {
	if !ctx.IsConnect() { // handle recovers
		return s.decide(ctx)
	}
	if s.guard(func() { message, ok = s.decide(ctx) }) != nil {
		return "internal error", false
	}
	return message, ok
}

// decide is allow, and may panic: it calls functions of the application.
func (s *Server) decide(ctx *fasthttp.RequestCtx) (message string, ok bool) {
	if !s.originAllowed(ctx) {
		return "origin not allowed", false
	}
	if message := s.reserveSession(ctx); message != "" {
		return message, false
	}
	if s.opts.AllowRequest == nil {
		return "", true
	}
	if err := s.opts.AllowRequest(ctx); err != nil {
		return err.Error(), false
	}
	return "", true
}

// reservation is the key of the user value of a handshake that counts as a session before there is
// one: the address that it counts for.
type reservation struct{}

// reserveSession counts a session before there is one, so that handshakes that come together, and
// wait in AllowRequest, cannot all get the last place. It returns the message for the client if
// there is no place left.
func (s *Server) reserveSession(ctx *fasthttp.RequestCtx) (message string) {
	a := countedAs(s.clientAddress(ctx))
	sessions, pending := s.sessions.Add(1), s.addPending(1)
	switch limit := int64(s.opts.Limits.MaxSessions); {
	case limit > 0 && sessions > limit:
		message = "too many sessions"
	case pending > int64(s.opts.Limits.MaxPending):
		message = "too many sessions without a namespace"
	default:
		message = s.addresses.admit(a, time.Now())
	}
	if message != "" {
		s.sessions.Add(-1)
		s.addPending(-1)
		return message
	}
	ctx.SetUserValue(reservation{}, a)
	return ""
}

// takeReservation gives the reservation of a handshake to its session, and returns the address that
// it counts for.
func (s *Server) takeReservation(ctx *fasthttp.RequestCtx) netip.Addr {
	a, _ := ctx.UserValue(reservation{}).(netip.Addr)
	ctx.RemoveUserValue(reservation{})
	return a
}

// releaseReservation ends the reservation of a handshake for which no session was made.
func (s *Server) releaseReservation(ctx *fasthttp.RequestCtx) {
	if _, reserved := ctx.UserValue(reservation{}).(netip.Addr); reserved {
		s.sessions.Add(-1)
		s.addPending(-1)
		s.addresses.release(s.takeReservation(ctx))
	}
}

// addPending changes the number of sessions that have joined no namespace yet. A bare Engine.IO
// server has no namespaces, and none of them.
func (s *Server) addPending(by int64) int64 {
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
	return ctx.IsConnect() || transport.AsksForWebSocket(ctx) || ctx.QueryArgs().Has("j")
}
