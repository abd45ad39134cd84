//go:build unix

package client

import (
	"errors"
	"io"
	"net"
	"syscall"
)

// rawConn returns the raw connection of a TCP connection, nil if it has none.
func rawConn(c net.Conn) syscall.RawConn {
	s, ok := c.(syscall.Conn)
	if !ok {
		return nil
	}
	raw, err := s.SyscallConn()
	if err != nil {
		return nil
	}
	return raw
}

// attempt is the callback of RawConn.Write. It always answers true: whatever
// the kernel does not take now is the caller's affair.
func (w *rawWrite) attempt(fd uintptr) bool {
	for w.n < len(w.b) {
		n, err := syscall.Write(int(fd), w.b[w.n:])
		if n > 0 {
			w.n += n
		}
		switch err {
		case nil:
		case syscall.EINTR:
		case syscall.EAGAIN:
			return true
		default:
			w.err = err
			return true
		}
	}
	return true
}

// attempt is the callback of RawConn.Read: one read into the reader's buffer,
// which is borrowed for it. False, when there is nothing to read, parks the
// goroutine in the runtime's poller with no buffer in hand.
func (rd *reader) attempt(fd uintptr) bool {
	rd.src.waits.Store(false) // before the read takes anything from the socket
	if rd.buf == nil {
		rd.borrow()
	}
	for {
		b := rd.space()
		n, err := rd.take(fd, b)
		switch {
		case errors.Is(err, syscall.EINTR):
		case errors.Is(err, syscall.EAGAIN):
			if rd.once {
				rd.n, rd.err = 0, nil
				return true
			}
			if rd.stamped {
				rd.drained = Now()
			}
			rd.park()
			rd.src.waits.Store(true)
			return false
		case err != nil:
			rd.n, rd.err = 0, err
			return true
		case n == 0:
			rd.n, rd.err = 0, io.EOF
			return true
		default:
			rd.n, rd.err, rd.short = n, nil, n < len(b)
			return true
		}
	}
}

// take is one read, with the time of the arrival where the kernel notes it.
func (rd *reader) take(fd uintptr, b []byte) (n int, err error) {
	if !rd.stamped {
		return syscall.Read(int(fd), b)
	}
	n, rd.stamp, err = readStamped(fd, b)
	return n, err
}

// attempt is the callback of RawConn.Read: one read, into a buffer that is borrowed for it. False
// parks the goroutine until there is something to read.
func (t *beneath) attempt(fd uintptr) bool {
	if t.waits != nil {
		t.waits.Store(false) // before the read takes anything from the socket
	}
	if t.chunk == nil {
		t.chunk = dialPool.Get().(*[ownSize]byte)
	}
	for {
		n, stamp, err := readStamped(fd, t.chunk[:])
		switch {
		case errors.Is(err, syscall.EINTR):
			continue
		case errors.Is(err, syscall.EAGAIN):
			t.drained = Now()
			t.release()
			if t.waits != nil {
				t.waits.Store(true)
			}
			return false
		case err != nil:
			t.err = err
		case n == 0:
			t.err = io.EOF
		default:
			t.left, t.stamp, t.short = t.chunk[:n], stamp, n < len(t.chunk)
			return true
		}
		t.release()
		return true
	}
}
