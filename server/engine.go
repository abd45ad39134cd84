package server

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/throng-io/throng/protocol/engineio"
	"github.com/throng-io/throng/server/internal/frame"
	"github.com/throng-io/throng/server/internal/session"
)

// EngineSession is a client of a bare Engine.IO server; see Options.Engine. Its
// methods are safe for concurrent use.
type EngineSession struct {
	session *session.Session
	deflate int32
}

// engineHandler is a session of a bare Engine.IO server as the session sees it.
type engineHandler struct {
	EngineSession
	server *Server
}

// Send sends a message, text or binary. data is copied.
func (s *EngineSession) Send(data []byte, binary bool) {
	s.session.Send(frame.Message(engineio.Packet{Type: engineio.Message, Binary: binary, Data: data}, s.deflate))
}

// Close ends the session when what is queued has gone out.
func (s *EngineSession) Close() { s.session.Shut(session.ForcedClose) }

func (h *engineHandler) Message(data []byte, binary bool) error {
	return h.server.guard(func() { h.server.opts.Engine(&h.EngineSession, data, binary) })
}

func (h *engineHandler) Upgraded() {}

// Opened implements session.Handler.
func (h *engineHandler) Opened() {}

func (h *engineHandler) Closed(session.Reason) {}

// quiet takes what the HTTP server logs: mostly clients that went away or sent
// no HTTP, of which an operator wants to hear only when looking for it.
type quiet struct{ server *Server }

func (q quiet) Printf(format string, args ...any) {
	if s := q.server; s.opts.Logger.Enabled(context.Background(), slog.LevelDebug) {
		s.logs.write(nil, slog.LevelDebug, "http", "message", clip(fmt.Sprintf(format, args...)))
	}
}
