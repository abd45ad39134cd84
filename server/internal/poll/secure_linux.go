package poll

import (
	"crypto/tls"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// This file puts TLS on a Conn. crypto/tls reads and writes a net.Conn and expects it to block. Two
// properties of it make it work on a descriptor that does not: an error of a read that is temporary
// leaves it as it was, with the part of a record that has come, so the next call goes on from
// there; and it is content with a Write that takes everything, so the records stay in a pooled
// buffer until the kernel has room.
//
// Kernel TLS would make this file and the copies superfluous, but few systems have it: it is a
// module that has to be loaded, and of the machines that this was written on none has it.

// Secure is a connection with TLS on it that a Poller can take over. Until then it is a net.Conn
// like any other.
type Secure struct {
	*tls.Conn // embedded, since HTTP servers look for its methods
	under     under
}

// under is the connection that carries the records: first of the runtime's poller, then ours.
type under struct {
	net.Conn                      // nil once its owner has closed it
	taken    atomic.Pointer[Conn] // nil as long as it is an owner's

	drained bool // the last read gave less than it could have: there is nothing more
	records records
	clear   bool  // crypto/tls holds nothing but a part of a record
	failed  error // what read returns from now on

	write sync.Mutex // held by tryWrite
	owed  bool       // see tryWrite

	// mu comes after write.
	mu   sync.Mutex
	left []net.Conn // what owners of it that was taken from them have still to close, the first first
	out  []byte     // records that wait for the kernel
	sent int        // bytes of out that it has taken
	from *[]byte    // where out's buffer comes from, nil for none
}

// NewSecure returns the server's end of a connection with TLS on it. The handshake comes with the
// first read or write.
func NewSecure(conn net.Conn, config *tls.Config) *Secure {
	s := &Secure{under: under{Conn: conn}}
	s.Conn = tls.Server(&s.under, config)
	return s
}

// Below returns the connection under the TLS, for its owner.
func (s *Secure) Below() net.Conn { return s.under.Conn }

// Close closes the connection, or, if it has been taken, what its owner still has of it. An owner
// may come to that so late that the connection has been given to another one meanwhile: as many
// calls as there were owners close what those had, and not the connection.
func (s *Secure) Close() error {
	s.under.mu.Lock()
	if len(s.under.left) == 0 {
		taken := s.under.taken.Load() != nil
		s.under.mu.Unlock()
		if taken {
			return net.ErrClosed
		}
		return s.Conn.Close()
	}
	below := s.under.left[0]
	s.under.left = s.under.left[1:]
	if s.under.Conn == below {
		s.under.Conn = nil
	}
	s.under.mu.Unlock()
	return below.Close()
}

// take makes s a connection of c.
func (s *Secure) take(c *Conn) {
	s.under.mu.Lock()
	s.under.left = append(s.under.left, s.under.Conn)
	s.under.taken.Store(c)
	s.under.clear = false
	s.under.mu.Unlock()
}

// errLater is why a read has nothing to return: a temporary error as crypto/tls understands it.
var errLater net.Error = later{}

type later struct{}

func (later) Error() string   { return "nothing to read now" }
func (later) Timeout() bool   { return true }
func (later) Temporary() bool { return true }

// Read implements net.Conn for crypto/tls.
func (u *under) Read(b []byte) (int, error) {
	c := u.taken.Load()
	if c == nil {
		n, err := u.Conn.Read(b)
		u.records.pass(b[:n])
		return n, err
	}
	if u.drained && !c.HungUp() {
		return 0, errLater
	}
	n, err := c.read(b)
	u.records.pass(b[:n])
	if u.drained = n < len(b); n == 0 && err == nil {
		err = errLater
	}
	return n, err
}

// Write implements net.Conn for crypto/tls.
func (u *under) Write(b []byte) (int, error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.taken.Load() == nil {
		if u.from != nil { // left behind, see give
			if _, err := u.Conn.Write(u.out[u.sent:]); err != nil {
				return 0, err
			}
			u.free()
		}
		return u.Conn.Write(b)
	}
	if u.from == nil {
		u.from = buffers.Get().(*[]byte)
		u.out = (*u.from)[:0]
	}
	u.out = append(u.out, b...)
	return len(b), nil
}

// records follows the records of a stream, whose headers are not encrypted (RFC 8446, section 5.1).
type records struct {
	head  [5]byte // type, version, length
	have  uint8   // bytes of head that have come
	left  uint16  // bytes of the record that have not come
	whole int     // records that have come whole, since somebody has set it to 0
}

// pass takes what comes next in the stream.
func (r *records) pass(b []byte) {
	for len(b) > 0 {
		if r.left == 0 {
			n := copy(r.head[r.have:], b)
			b = b[n:]
			if r.have += uint8(n); r.have < uint8(len(r.head)) {
				return
			}
			r.have, r.left = 0, binary.BigEndian.Uint16(r.head[3:])
		}
		n := min(len(b), int(r.left))
		b = b[n:]
		if r.left -= uint16(n); r.left == 0 {
			r.whole++
		}
	}
}

// between reports whether the next byte begins a record.
func (r *records) between() bool { return r.have == 0 && r.left == 0 }

// SetWriteDeadline implements net.Conn for crypto/tls, which wants one for its goodbye.
func (u *under) SetWriteDeadline(t time.Time) error {
	if u.taken.Load() == nil {
		return u.Conn.SetWriteDeadline(t)
	}
	return nil
}

// buffers are for encrypted records.
var buffers = sync.Pool{New: func() any { return new([]byte) }}

const (
	// maxRecord is the most that a record holds (RFC 8446, section 5.1).
	maxRecord = 16 << 10
	// keptRecords bounds the buffers that go back to the pool.
	keptRecords = 2 * maxRecord
)

// flush writes what waits, as far as the kernel takes it, and reports whether that was all.
func (u *under) flush() (done bool, err error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.from == nil {
		return true, nil
	}
	n, err := u.taken.Load().tryWrite(u.out[u.sent:])
	if u.sent += n; err == nil && u.sent < len(u.out) {
		return false, nil
	}
	u.free()
	return err == nil, err
}

// free gives the buffer back; the lock is held.
func (u *under) free() {
	if cap(u.out) <= keptRecords {
		*u.from = u.out
		buffers.Put(u.from)
	}
	u.out, u.from, u.sent = nil, nil, 0
}

// tryWrite is TryWrite for a connection with TLS. A record that the kernel takes in part is out of
// the caller's hands, but must be followed by its rest: then the last byte of b counts as not
// written, and the call that brings it again writes the rest instead. So no more than one record
// waits here, and the caller waits for room as it does without TLS.
func (s *Secure) tryWrite(b []byte) (n int, err error) {
	u := &s.under
	u.write.Lock()
	defer u.write.Unlock()
	if done, err := u.flush(); !done {
		return 0, err
	}
	if u.owed {
		u.owed, n = false, 1
	}
	for n < len(b) {
		piece := b[n:min(len(b), n+maxRecord)]
		if _, err := s.Write(piece); err != nil {
			return n, err
		}
		n += len(piece)
		done, err := u.flush()
		if err != nil {
			return n, err
		}
		if !done {
			u.owed = true
			return n - 1, nil
		}
	}
	return n, nil
}

// read is c's Read, for a connection with TLS: it gives what several records hold, and less than b
// has room for only if there is nothing more.
//
// As a rule one whole record has come, with one message. To call crypto/tls once more in order to
// hear that there is nothing else would cost half as much as the first time.
func (s *Secure) read(c *Conn, b []byte) (n int, err error) {
	u := &s.under
	if u.taken.Load() != c {
		return 0, os.ErrClosed // it has been given away
	}
	if u.failed != nil {
		return 0, u.failed
	}
	u.drained, u.records.whole = false, 0
	alone := u.clear && u.records.between()
	for n < len(b) && err == nil {
		var m int
		m, err = s.Read(b[n:])
		if n += m; alone && m > 0 && u.drained && u.records.whole == 1 && u.records.between() && !c.HungUp() {
			break
		}
	}
	u.clear = n < len(b)
	_, _ = u.flush() // an alert, or the answer to a new key; what fails will fail again
	c.more.Store(n == len(b))
	switch {
	case err == nil || errors.Is(err, errLater):
		return n, nil
	case errors.Is(err, io.ErrUnexpectedEOF):
		err = io.EOF // in the middle of a record, which is the end all the same
	}
	u.failed = err // crypto/tls forgets some: it would go on behind a message that it has refused
	if n > 0 {
		// The error is for the next call. As the end of a connection without TLS, it comes without
		// an event of its own.
		c.hungUp.Store(true)
		return n, nil
	}
	return 0, err
}

// sayGoodbye sends the alert that ends the stream, if nothing has to wait.
func (s *Secure) sayGoodbye() {
	s.under.write.Lock()
	owed := s.under.owed
	s.under.write.Unlock()
	if done, _ := s.under.flush(); done && !owed {
		_ = s.CloseWrite() // into the buffer
		_, _ = s.under.flush()
	}
}

// give makes s a connection of the runtime's poller again.
func (s *Secure) give(conn net.Conn) {
	s.under.mu.Lock()
	s.under.Conn = conn
	s.under.taken.Store(nil)
	s.under.mu.Unlock()
}
