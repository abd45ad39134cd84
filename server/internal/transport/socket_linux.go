package transport

import (
	"crypto/tls"
	"errors"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"syscall"

	"github.com/valyala/fasthttp"

	"github.com/throng-io/throng/server/internal/frame"
	"github.com/throng-io/throng/server/internal/poll"
	"github.com/throng-io/throng/server/internal/session"
)

// poller is the engine's, made with the first connection that needs it.
type poller struct {
	once sync.Once
	poll *poll.Poller // nil: the system refused, and every websocket is a stream

	mu      sync.Mutex
	polls   map[*pollConn]struct{}
	stopped atomic.Bool // set with mu held
	date    atomic.Pointer[date]
	head    atomic.Pointer[[]byte] // of the last answer, see shared
}

// get returns the poller, nil if the system refuses one: the operator is told, once.
func (p *poller) get(e *Engine) *poll.Poller {
	p.once.Do(func() {
		var err error
		if p.poll, err = poll.New(); err != nil {
			e.trouble("epoll is not available: each connection takes a goroutine and the buffers of the HTTP server", err)
		}
	})
	return p.poll
}

// trouble tells the operator what no client could.
func (e *Engine) trouble(message string, err error) {
	if e.cfg.Trouble != nil {
		e.cfg.Trouble(message, err)
	}
}

// notWatched tells the operator of a connection that is lost because the system has no descriptor
// or no memory for it; not of one that has been closed, or that comes to a poller that is.
func (e *Engine) notWatched(err error) {
	if !errors.Is(err, net.ErrClosed) && !errors.Is(err, os.ErrClosed) {
		e.trouble("a connection is lost: the system does not let it be watched; allow more open files if there are too many", err)
	}
}

// close ends the poller's goroutines. No connection is left.
func (p *poller) close() {
	p.once.Do(func() {})
	if p.poll != nil {
		p.poll.Close()
	}
}

// takes reports whether the connection of this request can be the poller's: a plain one, or one of
// a TLSListener.
func (p *poller) takes(e *Engine, ctx *fasthttp.RequestCtx) bool {
	_, raw := below(ctx.Conn())
	return raw != nil && p.get(e) != nil
}

// below returns what is under the connection that the HTTP server has: the TLS, nil for none, and
// the system's view of what is under that.
func below(nc net.Conn) (*poll.Secure, syscall.RawConn) {
	if s, ok := unwrap(nc).(*poll.Secure); ok {
		return s, rawConn(s.Below())
	}
	return nil, rawConn(nc)
}

// take takes over a connection of the HTTP server for which takes has returned true. The HTTP
// server is free to close it then. early is what that has read beyond the request.
func (p *poller) take(c *poll.Conn, nc net.Conn, owner poll.Handler) (early []byte, err error) {
	early = buffered(nc)
	s, raw := below(nc)
	if s != nil {
		return early, p.poll.TakeSecure(c, s, raw, owner)
	}
	return early, p.poll.Take(c, raw, owner)
}

// newTLS returns the server's end of a connection with TLS on it.
func newTLS(c net.Conn, config *tls.Config) net.Conn { return poll.NewSecure(c, config) }

// readsPerTurn is how many full buffers a socket may read before others have their turn.
const readsPerTurn = 4

// epollSocket is a websocket on the engine's poller. Its connection is a descriptor of its own: the
// HTTP server, whichever it is, gets its connection, its buffers and the request back at once, and
// closes what it has.
type epollSocket struct {
	poll.Conn
	socket
}

// serve takes over the connection of an upgraded request. It returns at once.
func (p *poller) serve(e *Engine, nc net.Conn, form frame.Form, s *session.Session, h session.Handler, head []byte) {
	// A server that leaves hijacked connections to their handlers does not close them; for any
	// other this does nothing.
	defer nc.Close()
	c := &epollSocket{socket: socket{baseConn: baseConn{engine: e, session: s, form: form}}}
	c.link = c
	early, err := p.take(&c.Conn, nc, c)
	if err != nil {
		e.notWatched(err)
		if h != nil {
			s.Abandon(h)
		} else {
			s.UpgradeFailed()
		}
		e.live.Done()
		return
	}
	if len(early) > 0 {
		c.keep(early)
	}
	c.begin(h, head)
	if err := c.Watch(len(early) > 0 || c.Secured()); err != nil {
		e.notWatched(err)
		c.leave(err)
		go c.release()
	}
}

// buffered returns what the HTTP server has read beyond the request: a client need not wait for the
// answer. With a deadline that is over, a read gives what is buffered and never asks the system.
func buffered(nc net.Conn) (early []byte) {
	_ = nc.SetReadDeadline(past)
	var b [512]byte
	for {
		n, err := nc.Read(b[:])
		early = append(early, b[:n]...)
		if err != nil || n == 0 {
			return early
		}
	}
}

// Ready implements poll.Handler: it reads what has come.
func (c *epollSocket) Ready(buf []byte) (again bool) {
	for range readsPerTurn {
		if c.stage == ended {
			return false
		}
		n, err := c.Read(buf)
		if err == nil {
			if c.HungUp() { // before a handler is at work for the last that came
				c.PeerLeft()
			}
			err = c.consume(buf[:n])
		}
		if err != nil && c.leave(err) {
			go c.release() // it waits for handlers
			return false
		}
		if n == 0 || n < len(buf) && !c.HungUp() {
			return false // that was all; what comes next is a new event
		}
	}
	return true
}

// writeControl implements link.
func (c *epollSocket) writeControl(b []byte) bool {
	n, err := c.TryWrite(b)
	return err == nil && n == len(b)
}

// Unread implements session.Conn.
func (c *epollSocket) Unread() bool { return c.unhandled() || c.Conn.Unread() }
