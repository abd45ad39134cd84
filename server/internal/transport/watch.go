package transport

import (
	"crypto/tls"
	"net"
	"slices"
	"syscall"
	"time"

	"github.com/valyala/fasthttp"

	"github.com/throng-io/throng/server/internal/frame"
	"github.com/throng-io/throng/server/internal/session"
)

// watcher makes a request wait for its answer, or for its client to leave.
//
// fasthttp does not inform a handler that its client has gone, and an answer that is written to
// nobody is lost. So the waiting goroutine watches the connection itself: it blocks until there is
// something to read, peeks, and the end of the stream means that the client has left. The sender of
// an answer wakes it by moving the read deadline into the past, which needs no second goroutine.
type watcher struct {
	conn   net.Conn
	raw    syscall.RawConn // nil: the connection cannot be peeked at
	answer chan answer
}

type answer struct {
	frames []*frame.Frame
	err    error
}

// A past deadline ends reads at once.
var past = time.Unix(1, 0)

// await begins a poll and waits for its answer on the request's own goroutine.
func await(ctx *fasthttp.RequestCtx, s *session.Session) ([]*frame.Frame, error) {
	w := watch(ctx.Conn())
	frames, err := s.StartPoll(w)
	if err != nil || frames != nil {
		return frames, err
	}
	a, gone := w.wait(s)
	if gone {
		ctx.SetConnectionClose()
	}
	return a.frames, a.err
}

func watch(conn net.Conn) *watcher {
	w := &watcher{conn: conn, raw: watchable(conn), answer: make(chan answer, 1)}
	if w.raw != nil {
		_ = conn.SetReadDeadline(time.Time{}) // the HTTP server's, for the request
	}
	return w
}

// Answer implements session.Poll.
func (w *watcher) Answer(frames []*frame.Frame, err error) bool {
	w.answer <- answer{slices.Clone(frames), err}
	if w.raw != nil {
		_ = w.conn.SetReadDeadline(past)
	}
	return true
}

// wait returns the answer to the poll that s holds, or the end of the session when the client has
// left.
func (w *watcher) wait(s *session.Session) (a answer, gone bool) {
	if w.raw == nil {
		return <-w.answer, false
	}
	// The answer may come too late as well: one that nobody reads is lost.
	gone = awaitClose(w.raw) || isClosed(w.raw)
	if gone && s.LeavePoll(w) {
		return answer{err: session.ErrClosed}, true
	}
	a = <-w.answer
	_ = w.conn.SetReadDeadline(time.Time{}) // for reading the next request
	if gone {
		s.PollingBroke()
	}
	return a, gone
}

// watchable returns the connection whose end is also the end of conn: for TLS the one under it.
func watchable(conn net.Conn) syscall.RawConn {
	switch t := unwrap(conn).(type) {
	case interface{ Below() net.Conn }: // of a TLSListener
		conn = t.Below()
	case *tls.Conn:
		conn = t.NetConn()
	}
	return rawConn(conn)
}

// wrapper is a connection around another one, such as fasthttp's and resumed.
type wrapper interface{ UnsafeConn() net.Conn }

// rawConn returns the system's view of a plain connection, or nil where the bytes on the wire are
// not the ones that are read and written, as with TLS.
func rawConn(conn net.Conn) syscall.RawConn {
	switch c := unwrap(conn).(type) {
	case *net.TCPConn:
		return raw(c)
	case *net.UnixConn:
		return raw(c)
	}
	return nil
}

// unwrap returns the connection under the wrappers.
func unwrap(conn net.Conn) net.Conn {
	for w, ok := conn.(wrapper); ok; w, ok = conn.(wrapper) {
		conn = w.UnsafeConn()
	}
	return conn
}

func raw(c syscall.Conn) syscall.RawConn {
	if !canPeek {
		return nil
	}
	r, err := c.SyscallConn()
	if err != nil {
		return nil
	}
	return r
}
