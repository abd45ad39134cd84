package client

import (
	"encoding/binary"
	"net"
	"sync/atomic"
	"syscall"
)

// beneath reads the TCP connection under TLS and notes when the bytes came, which the reader above
// TLS cannot see. TLS takes what one read has brought by pieces, and hands out one record after the
// other: the time of a record is exact when it was the only one to end in a read and its end was
// the end of the read. Otherwise its bytes came after the socket was last seen empty, and not after
// the last of them. The goroutine that reads from TLS owns it.
//
// After the handshake TLS never waits here, where it would keep the buffer that it reads for: it
// finds an error that is temporary, and the reader gives the buffer back and awaits bytes.
type beneath struct {
	times
	raw     syscall.RawConn
	bytes   *traffic
	waits   *atomic.Bool // of the conn; nil before the end of the handshake
	try     func(fd uintptr) bool
	chunk   *[ownSize]byte // borrowed; nil: nothing is left
	left    []byte         // of chunk, that TLS has not taken
	err     error          // that ended the reading
	records records
}

func newBeneath(raw syscall.RawConn, bytes *traffic) *beneath {
	t := &beneath{raw: raw, bytes: bytes, times: times{drained: Now()}}
	t.try = t.attempt
	return t
}

// errLater is a temporary error, which leaves TLS as it was.
var errLater net.Error = later{}

type later struct{}

func (later) Error() string   { return "nothing to read now" }
func (later) Timeout() bool   { return true }
func (later) Temporary() bool { return true }

// read is a Read that waits for bytes only during the handshake.
func (t *beneath) read(b []byte) (int, error) {
	if len(t.left) == 0 && t.err == nil {
		if t.waits != nil {
			return 0, errLater
		}
		if err := t.await(); err != nil {
			return 0, err
		}
	}
	if len(t.left) == 0 {
		return 0, t.err
	}
	n := copy(b, t.left)
	if t.left = t.left[n:]; len(t.left) == 0 {
		t.release()
	}
	return n, nil
}

// await waits until there is something for read: bytes, or the error of a read.
func (t *beneath) await() error {
	err := t.raw.Read(t.try)
	if len(t.left) > 0 {
		t.note()
		t.bytes.note(&t.times)
		ended := t.records.feed(t.left)
		t.several = ended != 1 || !t.records.whole()
	}
	return err
}

func (t *beneath) release() {
	if t.chunk != nil {
		dialPool.Put(t.chunk)
		t.chunk, t.left = nil, nil
	}
}

// latest implements noting.
func (t *beneath) latest() times { return t.times }

// records finds the ends of TLS records in a stream.
type records struct {
	header [recordHeader]byte
	have   int // bytes of the header
	left   int // bytes of the body
}

const recordHeader = 5 // type, version, length

// feed takes the next bytes and returns how many records end in them.
func (r *records) feed(b []byte) (ended int) {
	for len(b) > 0 {
		if r.have < recordHeader {
			n := copy(r.header[r.have:], b)
			r.have += n
			b = b[n:]
			if r.have < recordHeader {
				return ended
			}
			r.left = int(binary.BigEndian.Uint16(r.header[3:]))
		}
		n := min(r.left, len(b))
		r.left -= n
		b = b[n:]
		if r.left == 0 {
			r.have = 0
			ended++
		}
	}
	return ended
}

// whole reports whether the last byte was the end of a record.
func (r *records) whole() bool { return r.have == 0 }
