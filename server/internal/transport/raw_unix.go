//go:build unix

package transport

import (
	"errors"
	"syscall"

	"golang.org/x/sys/unix"
)

// System calls that do not block, on connections of the runtime's poller. Where there is a poller
// of our own (package poll), plain websockets are on it and are written there; what is left for
// here is the watch over held polls, and the websockets of systems without one.
//
// net.Conn.Write would park the goroutine when the kernel's buffer is full, and one slow reader
// would then stop a broadcast to all the others. RawConn keeps what matters of it: the descriptor
// cannot be closed, and so not be reused for another client, while a callback runs.

const canPeek = true

// rawWriter writes to one connection without blocking. One goroutine uses it at a time.
type rawWriter struct {
	raw   syscall.RawConn
	write func(fd uintptr) bool // kept, since a new one for each call would be garbage
	b     []byte
	n     int
	err   error
}

func newRawWriter(raw syscall.RawConn) *rawWriter {
	w := &rawWriter{raw: raw}
	w.write = func(fd uintptr) bool {
		for {
			w.n, w.err = unix.Write(int(fd), w.b)
			if !errors.Is(w.err, unix.EINTR) {
				return true // in any case: do not wait
			}
		}
	}
	return w
}

// tryWrite writes what the kernel takes at once.
func (w *rawWriter) tryWrite(b []byte) (int, error) {
	w.b = b
	err := w.raw.Write(w.write)
	w.b = nil
	switch {
	case err != nil:
		return 0, err
	case errors.Is(w.err, unix.EAGAIN):
		return 0, nil
	case w.err != nil:
		return 0, w.err
	}
	return w.n, nil
}

// awaitClose blocks until the peer has closed the connection (true), or until the read deadline
// passes. Data of the peer stays unread meanwhile: with TLS it says goodbye before it closes.
func awaitClose(raw syscall.RawConn) bool {
	closed := false
	_ = raw.Read(func(fd uintptr) bool {
		closed = peerGone(fd)
		return closed
	})
	return closed
}

// isClosed reports whether the peer has closed the connection, as far as is known.
func isClosed(raw syscall.RawConn) bool {
	closed := false
	_ = raw.Control(func(fd uintptr) { closed = peerGone(fd) })
	return closed
}

// peerGone looks whether the stream that the peer sends has ended.
func peerGone(fd uintptr) bool {
	var b [1]byte
	n, _, err := unix.Recvfrom(int(fd), b[:], unix.MSG_PEEK|unix.MSG_DONTWAIT)
	switch {
	case errors.Is(err, unix.EAGAIN), errors.Is(err, unix.EINTR):
		return false
	case err == nil && n > 0:
		return hungUp(fd)
	}
	return true
}
