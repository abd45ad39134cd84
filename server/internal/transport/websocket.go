package transport

import (
	"encoding/base64"
	"net"

	"github.com/fasthttp/websocket"
	"github.com/valyala/fasthttp"

	"github.com/throng-io/throng/protocol/engineio"
	"github.com/throng-io/throng/server/internal/frame"
	"github.com/throng-io/throng/server/internal/session"
)

// chunked is the length of a body that comes in chunks.
const chunked = -1

// version is the version of the websocket protocol that is spoken here (RFC 6455, section 4.4).
const version = "13"

// checkHandshake returns what is wrong with a request for a websocket and the status of the answer,
// or "". Order and words are the official server's (ws 8.21.3, handleUpgrade). The library would
// take every key.
func checkHandshake(ctx *fasthttp.RequestCtx) (problem string, status int) {
	h := &ctx.Request.Header
	switch {
	case !ctx.IsGet():
		return "Invalid HTTP method", fasthttp.StatusMethodNotAllowed
	case !isKey(h.Peek("Sec-WebSocket-Key")):
		return "Missing or invalid Sec-WebSocket-Key header", fasthttp.StatusBadRequest
	case string(h.Peek("Sec-WebSocket-Version")) != version:
		return "Missing or invalid Sec-WebSocket-Version header", fasthttp.StatusBadRequest
	}
	return "", 0
}

// isKey reports whether b is 16 bytes in base64 (RFC 6455, section 4.2.1).
func isKey(b []byte) bool {
	const size, encoded = 16, 24
	var key [encoded]byte
	if len(b) != encoded {
		return false
	}
	n, err := base64.StdEncoding.Decode(key[:], b)
	return err == nil && n == size
}

func (e *Engine) serveWebSocket(ctx *fasthttp.RequestCtx, q query, s *session.Session) {
	fresh := s == nil
	h := &ctx.Request.Header
	// Beside "upgrade" the HTTP server would do both; and a body would be taken for frames.
	if length := h.ContentLength(); h.ConnectionClose() || length > 0 || length == chunked {
		e.refuse(ctx, &Refusal{Code: engineio.BadRequest, Context: "TRANSPORT_HANDSHAKE_ERROR"}, true)
		return
	}
	if problem, status := checkHandshake(ctx); problem != "" {
		e.refuse(ctx, &Refusal{Code: engineio.BadRequest, Message: problem, Context: "TRANSPORT_HANDSHAKE_ERROR"}, true)
		ctx.SetStatusCode(status)
		ctx.Response.Header.Set("Sec-WebSocket-Version", version)
		return
	}
	if !e.chooseSubprotocol(ctx) {
		e.refuse(ctx, &Refusal{Code: engineio.BadRequest, Message: "Invalid Sec-WebSocket-Protocol header"}, true)
		return
	}
	var above session.Handler
	if fresh {
		if s, above = e.create(ctx, q.websocket()); s == nil {
			e.refuse(ctx, stopping, true)
			return
		}
	}
	e.live.Add(1)
	if !fresh {
		s.UpgradeBegins()
	}
	lost := func() {
		e.live.Done()
		if fresh {
			s.Abandon(above)
		} else {
			s.UpgradeFailed()
		}
	}
	form, upgrader := q.websocket(), &e.upgrader
	if e.cfg.Deflate && offersDeflate(ctx) {
		form, upgrader = form|frame.Deflated, &e.deflater
		// The library would look for its own favourite among several offers.
		ctx.Request.Header.Set("Sec-WebSocket-Extensions", deflateName)
	}
	// The library only does the opening handshake: its own handler, which would make a connection
	// with its buffers, is replaced.
	if err := upgrader.Upgrade(ctx, func(*websocket.Conn) {}); err != nil {
		lost()
		return
	}
	polled := e.poller.takes(e, ctx)
	// The head of the answer goes out with the first packet of a new session, in one write. The
	// HTTP server would make two, and wake the client twice.
	joined := polled && fresh
	ctx.HijackSetNoResponse(joined)
	way := e.expect(lost)
	ctx.Hijack(func(nc net.Conn) {
		switch {
		case !way.arrived():
			_ = nc.Close()
		case !polled:
			serveStream(e, nc, form, s, above)
		case !joined:
			e.poller.serve(e, nc, form, s, above, nil)
		case ctx.Response.ConnectionClose(): // the HTTP server is shutting down
			_ = nc.Close()
			lost()
		default:
			head := newBuffer()
			_, _ = ctx.Response.WriteTo(head) // into memory
			e.poller.serve(e, nc, form, s, above, head.Bytes())
			freeBuffer(&head)
		}
	})
}
