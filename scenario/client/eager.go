package client

import (
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"syscall"
)

// eager is the way out of a connection under TLS for a sender that must not wait. What crypto/tls
// has encrypted has to leave, as a whole and in order: the rest of what the kernel does not take at
// once is kept here until drain, so crypto/tls finds every Write done. Without it each message
// would need a goroutine that may wait, though the kernel has room for nearly all of them.
type eager struct {
	net.Conn
	raw syscall.RawConn

	sends    atomic.Bool // a sender writes, and not crypto/tls by itself
	draining sync.Mutex  // held by drain

	mu      sync.Mutex
	write   rawWrite
	left    []byte // the first of it is being written while drain waits
	answers int    // bytes of left that crypto/tls has written by itself
	lost    error  // why nothing is taken any more
}

// maxAnswers is how many bytes of its own may wait. A server asks for one answer, of some 30 bytes,
// when it has sent very much (KeyUpdate: RFC 8446, section 4.6.3).
const maxAnswers = 64 << 10

var errUnanswered = errors.New("the server asks for new keys of TLS again and again, and reads no answer")

func newEager(c net.Conn, raw syscall.RawConn) *eager {
	e := &eager{Conn: c, raw: raw}
	e.write.try = e.write.attempt
	return e
}

// Write takes all of b without waiting.
func (e *eager) Write(b []byte) (int, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.lost != nil {
		return 0, e.lost
	}
	n := 0
	if len(e.left) == 0 {
		var err error
		if n, err = e.write.now(e.raw, b); err != nil {
			return n, err
		}
	}
	if rest := len(b) - n; rest > 0 && !e.sends.Load() {
		if e.answers += rest; e.answers > maxAnswers {
			e.lost = errUnanswered // not all of b has gone: nothing can follow
			return n, e.lost
		}
	}
	e.left = append(e.left, b[n:]...)
	return len(b), nil
}

// owes reports whether there is something for drain.
func (e *eager) owes() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return len(e.left) > 0
}

// drain waits until the kernel has taken everything. Where that fails, what is left is dropped, and
// nothing is written any more.
func (e *eager) drain() error {
	e.draining.Lock()
	defer e.draining.Unlock()
	for {
		e.mu.Lock()
		b, lost := e.left, e.lost // Write appends to what is left
		if len(b) == 0 {
			e.left, e.answers = nil, 0 // without its memory
		}
		e.mu.Unlock()
		if len(b) == 0 {
			return lost
		}
		n, err := e.Conn.Write(b)
		e.mu.Lock()
		if e.left = e.left[n:]; err != nil {
			e.left, e.lost = nil, err
		}
		e.mu.Unlock()
		if err != nil {
			return err
		}
	}
}
