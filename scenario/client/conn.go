package client

import (
	"net"
	"sync/atomic"
	"syscall"
)

// traffic counts the bytes of all connections of one client, above TCP, and how long they waited to
// be read.
type traffic struct {
	in, out atomic.Uint64
	// nanoseconds that bytes lay in the sockets before they were read, where the system tells
	waited atomic.Int64
}

// note adds the time that what a read has brought had waited in the socket.
func (t *traffic) note(read *times) {
	if read.came > 0 {
		t.waited.Add(int64(read.at - read.came))
	}
}

// counted is a TCP connection that counts its bytes. It lies below TLS, so it counts TLS records as
// the wire carries them.
type counted struct {
	net.Conn
	bytes *traffic
	below *beneath // where the kernel notes arrivals and TLS hides them from the reader; or nil
	out   *eager   // of TLS after its handshake, where the system has non-blocking writes; or nil
}

func (c *counted) Read(b []byte) (n int, err error) {
	if c.below != nil {
		n, err = c.below.read(b)
	} else {
		n, err = c.Conn.Read(b)
	}
	c.bytes.in.Add(uint64(n))
	return n, err
}

func (c *counted) Write(b []byte) (n int, err error) {
	if c.out != nil {
		n, err = c.out.Write(b)
	} else {
		n, err = c.Conn.Write(b)
	}
	c.bytes.out.Add(uint64(n))
	return n, err
}

// noting is what is beneath a stream, TLS or QUIC, and notes when its bytes came.
type noting interface {
	// latest is when the bytes came that were read last, but for at.
	latest() times
}

// conn is one connection of a client, counted, with the non-blocking ways of
// the raw descriptor where there is one: on plain TCP under Unix.
type conn struct {
	net.Conn
	raw   syscall.RawConn // nil: only the ordinary Read and Write
	out   *eager          // of TLS: what Write passes its records to; nil: Write waits
	moved *descriptor     // Readers read it, and it is Conn too; nil: a goroutine of its own does
	below noting          // what the bytes come through, where it notes arrivals; or nil
	waits atomic.Bool     // its reader waits, with all that came before handled; not of Readers
	bytes *traffic
	write *rawWrite // of raw
}

// newConn wraps c, which is a counted TCP connection or TLS over one. raw is
// nil for TLS.
func newConn(c net.Conn, raw syscall.RawConn, bytes *traffic) *conn {
	n := &conn{Conn: c, raw: raw, bytes: bytes}
	if raw != nil {
		n.write = &rawWrite{}
		n.write.try = n.write.attempt
	}
	return n
}

// borrows reports whether it can be tried for bytes with a buffer that is not its own.
func (c *conn) borrows() bool { return c.raw != nil || c.moved != nil }

// lends reports whether its reader has a buffer only while there are bytes in it.
func (c *conn) lends() bool { return c.borrows() || c.secure() != nil }

// secure is what is beneath TLS, which awaits bytes without a buffer; nil where there is none.
func (c *conn) secure() *beneath {
	t, _ := c.below.(*beneath)
	return t
}

// writeNow writes what the kernel takes of b without waiting. The caller serializes the calls. Over
// TLS it takes all of b, of which something may wait for drain; see owes. Over WebTransport it
// takes all of b or nothing, and nothing where there is no raw connection.
func (c *conn) writeNow(b []byte) (int, error) {
	switch {
	case c.moved != nil:
		return c.moved.tryWrite(b)
	case c.out != nil:
		return c.encrypt(b)
	case c.raw == nil:
		if q, ok := c.Conn.(*quicConn); ok {
			return q.tryWrite(b), nil
		}
		return 0, nil
	}
	n, err := c.write.now(c.raw, b)
	c.bytes.out.Add(uint64(n))
	return n, err
}

// owes reports whether something that was written still waits for the kernel.
func (c *conn) owes() bool { return c.out != nil && c.out.owes() }

// Write waits until the kernel has taken b, and all that was written before. Over TLS it goes by
// pieces: b would be there twice, as records of TLS too, for as long as the peer reads nothing.
func (c *conn) Write(b []byte) (int, error) {
	if c.out == nil {
		return c.Conn.Write(b)
	}
	for n := 0; ; {
		taken, err := c.encrypt(b[n:min(len(b), n+maxPiece)])
		if n += taken; err == nil {
			err = c.out.drain()
		}
		if err != nil || n == len(b) {
			return n, err
		}
	}
}

// encrypt gives b to TLS, which passes its records to out. It is a sender's.
func (c *conn) encrypt(b []byte) (int, error) {
	c.out.sends.Store(true)
	defer c.out.sends.Store(false)
	return c.Conn.Write(b)
}

// maxPiece is how many bytes of a Write are encrypted at once.
const maxPiece = 64 << 10

// rawWrite holds the arguments and results of one call of RawConn.Write, so
// that its callback is made once for a connection and not once for a write.
type rawWrite struct {
	try func(fd uintptr) bool
	b   []byte
	n   int
	err error
}

// now writes what the kernel takes of b without waiting.
func (w *rawWrite) now(raw syscall.RawConn, b []byte) (int, error) {
	w.b, w.n, w.err = b, 0, nil
	err := raw.Write(w.try)
	w.b = nil
	if err == nil {
		err = w.err
	}
	return w.n, err
}

// hardClose closes the TCP connection under c at once. tls.Conn.Close could
// wait seconds for a peer that does not read.
func (c *conn) hardClose() error {
	if s, ok := c.Conn.(interface{ NetConn() net.Conn }); ok {
		return s.NetConn().Close()
	}
	return c.Close()
}
