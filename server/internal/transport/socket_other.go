//go:build !linux

package transport

import (
	"crypto/tls"
	"net"

	"github.com/valyala/fasthttp"

	"github.com/throng-io/throng/server/internal/frame"
	"github.com/throng-io/throng/server/internal/session"
)

// poller is for systems with epoll. Elsewhere every websocket is a stream, and the HTTP server
// holds all polls.
type poller struct{}

// newTLS returns the server's end of a connection with TLS on it.
func newTLS(c net.Conn, config *tls.Config) net.Conn { return tls.Server(c, config) }

func (*poller) takes(*Engine, *fasthttp.RequestCtx) bool { return false }

func (*poller) serve(*Engine, net.Conn, frame.Form, *session.Session, session.Handler, []byte) {}

func (*poller) hold(_ *Engine, ctx *fasthttp.RequestCtx, s *session.Session, _ frame.Form, _ func(net.Conn)) (frames []*frame.Frame, held bool, err error) {
	frames, err = await(ctx, s)
	return frames, false, err
}

func (*poller) stop(bool) {}

func (*poller) close() {}
