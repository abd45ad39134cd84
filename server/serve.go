package server

import (
	"context"
	"errors"
	"net"
	"time"

	"github.com/valyala/fasthttp"

	"github.com/throng-io/throng/server/internal/transport"
)

// idleTime bounds the time between two requests of a connection.
const idleTime = 75 * time.Second

// Serve answers connections of ln, with HTTP of its own around Handler, until Shutdown or an error
// of the listener. It returns nil after Shutdown. It may be called for several listeners.
func (s *Server) Serve(ln net.Listener) error {
	var h *fasthttp.Server
	// an error is the client's, and h has answered it
	serveConn := func(c net.Conn) { _ = h.ServeConn(c) }
	h = &fasthttp.Server{
		Handler: func(ctx *fasthttp.RequestCtx) {
			s.handle(ctx, serveConn)
			s.limitAnswer(ctx)
		},
		HeaderReceived:        s.received,
		ExpectHandler:         s.expect,
		NoDefaultServerHeader: true,
		StreamRequestBody:     true,
		// Or it would write forms of any size to disk before Handler is asked.
		DisablePreParseMultipartForm: true,
		// The part of a body that it reads before the handler is called. The rest is a stream,
		// which the handler bounds.
		MaxRequestBodySize: 1,
		ReadTimeout:        s.opts.Times.RequestTimeout,
		IdleTimeout:        idleTime,
		ReadBufferSize:     s.opts.Limits.MaxHeader, // which bounds the head of a request
		CloseOnShutdown:    true,
		Logger:             httpLog{s},
	}
	if t, ours := ln.(*transport.TLSListener); ours {
		if err := checkCertificate(t.Config); err != nil {
			_ = ln.Close()
			return err
		}
		ln = &transport.TLSListener{Listener: t.Listener, Config: s.guardTLS(t.Config)}
	}
	again := &retryListener{Listener: ln, logs: &s.logs, closed: make(chan struct{})}
	s.mu.Lock()
	if s.stopped {
		s.mu.Unlock()
		_ = ln.Close()
		return nil
	}
	s.http = append(s.http, httpServer{h, again})
	s.mu.Unlock()
	return h.Serve(again)
}

// An httpServer answers the connections of one listener.
type httpServer struct {
	*fasthttp.Server

	ln *retryListener
}

// shutdown ends it. A server that has not quite begun does not close its listener, and would then
// serve it for ever.
func (h *httpServer) shutdown(ctx context.Context) error {
	return errors.Join(h.ln.Close(), h.ShutdownWithContext(ctx))
}

// limitAnswer bounds how long the answer to a request may take to leave: its bytes have left the
// outbox, so the watch over that does not see a client that does not read them. The time runs from
// the end of the handler. Answers of the application have no limit.
//
// A deadline of the handler has another effect, which every answer needs: the HTTP server writes
// the answer now. Without it, one to a request with another one behind it would wait for the answer
// to that, and a poll is held for long.
func (s *Server) limitAnswer(ctx *fasthttp.RequestCtx) {
	var until time.Time
	if _, ours := s.below(string(ctx.Request.Header.RequestURI())); ours {
		until = time.Now().Add(s.opts.Times.WriteTimeout)
	}
	_ = ctx.SetWriteDeadline(until) // it fails on a connection that is closed
}

// received looks at the head of a request. A body that will be refused for its length is one that
// the client asks about (RFC 9110, section 10.1.1), whether it has said so or not: then expect is
// called before anything of the body has come.
func (s *Server) received(h *fasthttp.RequestHeader) (c fasthttp.RequestConfig) {
	if s.oversize(h) {
		h.Set(fasthttp.HeaderExpect, "100-continue")
	}
	return c
}

// expect answers a request whose body is refused. Other bodies may come.
func (s *Server) expect(ctx *fasthttp.RequestCtx) (status int) {
	if !s.oversize(&ctx.Request.Header) {
		return fasthttp.StatusContinue
	}
	s.handle(ctx, nil)
	return ctx.Response.StatusCode()
}

// oversize reports whether the body that a request announces is above MaxPayload. One for the
// application's other paths is the application's to judge.
func (s *Server) oversize(h *fasthttp.RequestHeader) bool {
	if h.ContentLength() <= s.opts.Limits.MaxPayload {
		return false
	}
	_, ours := s.below(string(h.RequestURI()))
	return ours || s.opts.Other == nil
}

// drained is the size of an unread body that the HTTP server drops by itself, to go on with the
// connection.
const drained = 256 << 10

// leftover ends the connection behind a request with a body that has not been read, and will not
// be. The rest must not be taken for the next request: behind a proxy, which sends the requests of
// many over one connection, the answer to what a client has hidden there would go to another one
// (CWE-444).
func (s *Server) leftover(ctx *fasthttp.RequestCtx) {
	in := &ctx.Request.Header
	length := in.ContentLength()
	unread := ctx.Request.IsBodyStream() && length != 0
	if s.oversize(in) || unread && (length > drained || in.ConnectionClose() || ctx.Response.ConnectionClose()) {
		s.engine.CloseAfter(ctx)
	}
}

// health reports to a load balancer whether the server accepts new clients.
func (s *Server) health(ctx *fasthttp.RequestCtx) {
	ctx.Response.Header.Set(fasthttp.HeaderCacheControl, "no-store")
	s.mu.RLock()
	stopped := s.stopped
	s.mu.RUnlock()
	switch {
	case !ctx.IsGet() && !ctx.IsHead() && !ctx.IsOptions():
		ctx.SetStatusCode(fasthttp.StatusMethodNotAllowed)
		ctx.Response.Header.Set(fasthttp.HeaderAllow, "GET, HEAD, OPTIONS")
	case stopped:
		ctx.SetStatusCode(fasthttp.StatusServiceUnavailable)
		ctx.SetBodyString("shutting down\n")
	default:
		ctx.SetBodyString("ok\n")
	}
}

func notFound(ctx *fasthttp.RequestCtx) {
	ctx.SetStatusCode(fasthttp.StatusNotFound)
	ctx.SetBodyString("not found\n")
}
