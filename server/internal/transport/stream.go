package transport

import (
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/throng-io/throng/server/internal/frame"
	"github.com/throng-io/throng/server/internal/session"
)

const (
	// readBuffer is kept for each stream, so it is small: most messages that clients send are
	// shorter, and longer ones are read into their own buffer.
	readBuffer = 512
	// shortWrite is how long a stream may block for a few bytes that must not wait.
	shortWrite = 50 * time.Millisecond
)

// stream is a websocket on a connection that only its own goroutine can read: TLS that the poller
// does not know, such as of tls.NewListener, and every connection on systems without a poller. That
// goroutine is the one that the HTTP server gives to a hijacked connection, and it is the last to
// use it: it waits for the session's writers before it returns, since the HTTP server then closes
// the connection and reuses its wrapper for another client.
type stream struct {
	socket
	wrapped net.Conn      // the HTTP server's: what it has read beyond the request comes first
	conn    net.Conn      // under that wrapper
	raw     *rawWriter    // nil: writes can block, and go through a flusher
	written atomic.Uint64 // bytes, by WriteAll

	cutting sync.Mutex
	isCut   bool // the deadlines are over for good
}

// serveStream serves the connection of an upgraded request until its end.
func serveStream(e *Engine, nc net.Conn, form frame.Form, s *session.Session, h session.Handler) {
	defer nc.Close() // see poller.serve
	c := &stream{socket: socket{baseConn: baseConn{engine: e, session: s, form: form}}, wrapped: nc, conn: nc}
	c.link = c
	if w, ok := nc.(wrapper); ok {
		c.conn = w.UnsafeConn()
	}
	if raw := rawConn(c.conn); raw != nil {
		c.raw = newRawWriter(raw)
	}
	c.begin(h, nil)
	c.run()
	c.release()
}

// run reads until the end.
func (c *stream) run() {
	own := make([]byte, readBuffer)
	for {
		buf := c.readSpace(own)
		n, err := c.wrapped.Read(buf)
		if n > 0 {
			if err := c.consume(buf[:n]); err != nil && c.leave(err) {
				return
			}
		}
		if err != nil && c.leave(err) {
			return
		}
	}
}

// TryWrite implements session.Conn.
func (c *stream) TryWrite(b []byte) (int, error) {
	if c.raw == nil {
		return 0, nil
	}
	return c.raw.tryWrite(b)
}

// WriteAll implements link. It writes long messages in pieces, so that Progress sees them go.
func (c *stream) WriteAll(b []byte) error {
	for len(b) > 0 {
		n, err := c.conn.Write(b[:min(len(b), joined)])
		c.written.Add(uint64(n))
		if err != nil {
			return err
		}
		b = b[n:]
	}
	return nil
}

// Unread implements session.Conn: what TLS and the HTTP server hold cannot be seen.
func (c *stream) Unread() bool { return true }

// Progress implements session.Conn.
func (c *stream) Progress() uint64 {
	n := c.written.Load()
	if raw := watchable(c.conn); raw != nil {
		_ = raw.Control(func(fd uintptr) { n += acknowledged(fd) }) // an error: it is closed
	}
	return n
}

// writeControl implements link.
func (c *stream) writeControl(b []byte) bool {
	if c.raw != nil {
		n, err := c.raw.tryWrite(b)
		return err == nil && n == len(b)
	}
	if !c.writeUntil(time.Now().Add(shortWrite)) {
		return false
	}
	err := c.WriteAll(b)
	c.writeUntil(time.Time{})
	return err == nil
}

// writeUntil sets the deadline of writes, unless the connection is cut.
func (c *stream) writeUntil(t time.Time) bool {
	c.cutting.Lock()
	defer c.cutting.Unlock()
	return !c.isCut && c.conn.SetWriteDeadline(t) == nil
}

// Cut implements link.
func (c *stream) Cut() {
	c.cutting.Lock()
	defer c.cutting.Unlock()
	c.isCut = true
	_ = c.conn.SetDeadline(past) // an error: it is closed
}

// Close implements link: the HTTP server closes the connection.
func (c *stream) Close() {}
