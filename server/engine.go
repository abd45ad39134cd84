package server

import (
	"fmt"
	"log/slog"

	"github.com/valyala/fasthttp"

	"github.com/throng-io/throng/protocol/engineio"
	"github.com/throng-io/throng/server/internal/frame"
	"github.com/throng-io/throng/server/internal/session"
)

// EngineSession is a client of a bare Engine.IO server; see Options.Engine. Its methods are safe
// for concurrent use.
type EngineSession struct {
	session *session.Session
	deflate int32
}

// ID returns the id of the session. It is a secret: with it, the session can be taken over.
func (s *EngineSession) ID() string { return s.session.ID }

// Transport names what carries the session now: "polling", "websocket" or "webtransport".
func (s *EngineSession) Transport() string { return s.session.Transport() }

// Send sends a message, text or binary. data is copied. Text must be UTF-8. Text with U+001E
// reaches clients of Engine.IO 4 on polling as binary, as that character separates packets there.
func (s *EngineSession) Send(data []byte, binary bool) {
	s.session.Send(frame.Message(engineio.Packet{Type: engineio.Message, Binary: binary, Data: data}, s.deflate))
}

// Close ends the session when its queue has gone out.
func (s *EngineSession) Close() { s.session.Shut(session.ForcedClose) }

// engineHandler is a session of a bare Engine.IO server as the session sees it.
type engineHandler struct {
	EngineSession
	server    *Server
	handshake *Handshake // for EngineOpen, until that has been called
	opened    bool       // EngineOpen has been called, if there is one
}

func newEngineHandler(s *Server, sess *session.Session, ctx *fasthttp.RequestCtx) *engineHandler {
	h := &engineHandler{EngineSession: EngineSession{sess, s.deflate}, server: s, opened: s.opts.EngineOpen == nil}
	if !h.opened {
		h.handshake = s.newHandshake(ctx)
	}
	return h
}

// Message implements session.Handler.
func (h *engineHandler) Message(data []byte, binary bool) error {
	return h.server.guard(func() { h.server.opts.Engine(&h.EngineSession, data, binary) })
}

// Upgraded implements session.Handler.
func (h *engineHandler) Upgraded() {}

// WantsOpened implements session.Handler.
func (h *engineHandler) WantsOpened(bool) bool { return h.server.opts.EngineOpen != nil }

// Opened implements session.Handler.
func (h *engineHandler) Opened() {
	if h.server.opts.EngineOpen == nil {
		return
	}
	h.opened = true
	handshake := h.handshake
	h.handshake = nil
	if h.server.guard(func() { h.server.opts.EngineOpen(&h.EngineSession, handshake) }) != nil {
		h.session.Shut(session.ForcedClose)
	}
}

// Over implements session.Handler.
func (h *engineHandler) Over() {}

// Closed implements session.Handler.
func (h *engineHandler) Closed(reason session.Reason) {
	h.server.sessions.Add(-1)
	if h.opened && h.server.opts.EngineClose != nil {
		_ = h.server.guard(func() { h.server.opts.EngineClose(&h.EngineSession, string(reason)) })
	}
}

// httpLog takes what the HTTP server logs: mostly clients that went away or sent no HTTP, of which
// an operator wants to hear only when looking for it.
type httpLog struct{ server *Server }

func (q httpLog) Printf(format string, args ...any) {
	if s := q.server; s.logs.enabled(slog.LevelDebug) {
		s.logs.write(nil, slog.LevelDebug, "http", "message", clip(fmt.Sprintf(format, args...)))
	}
}
