package transport

import (
	"net"

	"github.com/fasthttp/websocket"
	"github.com/valyala/fasthttp"

	"github.com/throng-io/throng/server/internal/frame"
	"github.com/throng-io/throng/server/internal/session"
)

func (e *Engine) serveWebSocket(ctx *fasthttp.RequestCtx, q query, s *session.Session) {
	fresh := s == nil
	if e.refusesHandshake(ctx) {
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
	ctx.Request.Header.SetBytesV(fasthttp.HeaderConnection, upgradeToken) // see AsksForWebSocket
	ctx.Request.Header.SetBytesV(fasthttp.HeaderUpgrade, websocketToken)
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
