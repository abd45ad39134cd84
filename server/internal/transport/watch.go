package transport

import (
	"crypto/tls"
	"net"
	"syscall"
	"time"
)

// watcher makes a request wait for its answer, or for its client to leave.
//
// fasthttp does not tell a handler that its client has gone, and what is
// answered to nobody is lost. So the waiting goroutine watches the connection
// itself: it blocks until there is something to read, peeks, and the end of
// the stream means that the client has left. Whoever has an answer wakes it by
// moving the read deadline into the past, which needs no second goroutine and
// no channel.
type watcher struct {
	conn net.Conn
	raw  syscall.RawConn // nil: the connection cannot be peeked at
	woke chan struct{}   // used when raw is nil
}

// A past deadline ends reads at once.
var past = time.Unix(1, 0)

func watch(conn net.Conn) *watcher {
	w := &watcher{conn: conn}
	if w.raw = watchable(conn); w.raw == nil {
		w.woke = make(chan struct{}, 1)
	}
	return w
}

// wake ends wait, whether it has begun or not. It does not block, and is called
// at most once.
func (w *watcher) wake() {
	if w.raw == nil {
		w.woke <- struct{}{}
		return
	}
	_ = w.conn.SetReadDeadline(past)
}

// wait returns when wake is called, or with true when the client has left.
func (w *watcher) wait() (gone bool) {
	if w.raw == nil {
		<-w.woke
		return false
	}
	// Who wakes it may be too late as well: what is answered to nobody is lost.
	return awaitClose(w.raw) || isClosed(w.raw)
}

// end makes the connection readable again. No wake may follow.
func (w *watcher) end() {
	if w.raw != nil {
		_ = w.conn.SetReadDeadline(time.Time{})
	}
}

// watchable returns the connection whose end is that of conn: of TLS what is under
// it.
func watchable(conn net.Conn) syscall.RawConn {
	if t, ok := conn.(*tls.Conn); ok {
		conn = t.NetConn()
	}
	return rawConn(conn)
}

// rawConn returns the system's view of a plain connection, or nil where the
// bytes on the wire are not the ones that are read and written, as with TLS.
func rawConn(conn net.Conn) syscall.RawConn {
	if w, ok := conn.(interface{ UnsafeConn() net.Conn }); ok {
		conn = w.UnsafeConn()
	}
	switch c := conn.(type) {
	case *net.TCPConn:
		return raw(c)
	case *net.UnixConn:
		return raw(c)
	}
	return nil
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
