package client

import (
	"encoding/binary"
	"syscall"
)

// beneath reads the TCP connection under TLS and notes when the bytes came, which the reader above
// TLS cannot see. TLS asks for more bytes when it has no whole record left, takes what is there,
// and hands out one record after the other: the time of a record is exact when it was the only one
// to end in a read and its end was the end of the read. Otherwise its bytes came after the socket
// was last seen empty, and not after the last of them. The goroutine that reads from TLS owns it.
type beneath struct {
	times
	raw     syscall.RawConn
	try     func(fd uintptr) bool
	b       []byte
	n       int
	err     error
	records records
}

func newBeneath(raw syscall.RawConn) *beneath {
	t := &beneath{raw: raw, times: times{drained: Now()}}
	t.try = t.attempt
	return t
}

// read is a Read that waits for bytes.
func (t *beneath) read(b []byte) (int, error) {
	if len(b) == 0 {
		return 0, nil
	}
	t.b, t.n, t.err = b, 0, nil
	err := t.raw.Read(t.try)
	t.b = nil
	if err == nil {
		err = t.err
	}
	if t.n > 0 {
		t.note()
		ended := t.records.feed(b[:t.n])
		t.several = ended != 1 || !t.records.whole()
	}
	return t.n, err
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
