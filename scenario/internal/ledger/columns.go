package ledger

import (
	"bytes"
	"compress/flate"
	"encoding/binary"
	"errors"
	"io"
	"math/bits"
)

// Messages between agents are made of columns: a number of each message in turn, so that equal or
// similar numbers stand together. Columns of zeros are left out, and the whole is compressed by
// Huffman codes, which is all that random durations have to give.

// errMalformed is what is wrong with a message that an agent of this version cannot have written.
var errMalformed = errors.New("it is damaged, or of another version of this program")

// A packer writes a message.
type packer struct {
	b       []byte
	deflate *flate.Writer
	out     bytes.Buffer
}

func (p *packer) uint(v uint64) { p.b = binary.AppendUvarint(p.b, v) }
func (p *packer) int(v int64)   { p.b = binary.AppendVarint(p.b, v) }

func (p *packer) text(s string) {
	p.uint(uint64(len(s)))
	p.b = append(p.b, s...)
}

// columns writes columns of equal length.
func (p *packer) columns(list ...[]uint64) {
	mask := uint64(0)
	for i, column := range list {
		for _, v := range column {
			if v != 0 {
				mask |= 1 << i
				break
			}
		}
	}
	p.uint(mask)
	for i, column := range list {
		if mask>>i&1 != 0 {
			for _, v := range column {
				p.uint(v)
			}
		}
	}
}

// The first byte of a message.
const (
	kindSettlements  = 1 << iota // else an announcement
	deflated                     // but for the first byte and the number
	announcedAll                 // no message comes after these
	announcedSpreads             // no message takes longer than was announced
	announcedFinal               // which messages may never have been written is announced
	settledAll                   // nothing is open any more
	allFlags         = 1<<iota - 1
)

// maxUnpacked bounds a message once it is not compressed any more, and maxRows the numbers of its
// columns.
const (
	maxUnpacked = 16 << 20
	maxRows     = 1 << 16
)

// worthwhile is the size from which messages are compressed.
const worthwhile = 64

// append appends the message to dst: its first byte, its number, and what was written.
func (p *packer) append(dst []byte, head byte, number uint64) []byte {
	body := p.b
	if len(body) >= worthwhile {
		p.out.Reset()
		if p.deflate == nil {
			p.deflate, _ = flate.NewWriter(&p.out, flate.HuffmanOnly) // the level is a valid one
		} else {
			p.deflate.Reset(&p.out)
		}
		_, _ = p.deflate.Write(body) // into memory
		_ = p.deflate.Close()
		if p.out.Len() < len(body) {
			head, body = head|deflated, p.out.Bytes()
		}
	}
	dst = binary.AppendUvarint(append(dst, head), number)
	dst = append(dst, body...)
	p.b = p.b[:0]
	return dst
}

// An unpacker reads a message. After the first thing that it cannot read, everything is zero, and
// bad is set.
type unpacker struct {
	b   []byte
	bad bool
}

// open reads a message's head, and makes the unpacker read the rest.
func (u *unpacker) open(b []byte) (head byte, number uint64, err error) {
	if len(b) == 0 || b[0]&^allFlags != 0 {
		return 0, 0, errMalformed
	}
	head = b[0]
	number, n := binary.Uvarint(b[1:])
	if n <= 0 {
		return 0, 0, errMalformed
	}
	u.b, u.bad = b[1+n:], false
	if head&deflated != 0 {
		r := flate.NewReader(bytes.NewReader(u.b))
		if u.b, err = io.ReadAll(io.LimitReader(r, maxUnpacked+1)); err != nil || len(u.b) > maxUnpacked {
			return 0, 0, errMalformed
		}
	}
	return head, number, nil
}

// close reports whether everything was read, and there is no more.
func (u *unpacker) close() error {
	if u.bad || len(u.b) > 0 {
		return errMalformed
	}
	return nil
}

func (u *unpacker) uint() uint64 {
	v, n := binary.Uvarint(u.b)
	if n <= 0 {
		u.fail()
		return 0
	}
	u.b = u.b[n:]
	return v
}

func (u *unpacker) int() int64 {
	v, n := binary.Varint(u.b)
	if n <= 0 {
		u.fail()
		return 0
	}
	u.b = u.b[n:]
	return v
}

// upTo reads a number that is at most a limit.
func (u *unpacker) upTo(limit uint64) uint64 {
	v := u.uint()
	if v > limit {
		u.fail()
		return 0
	}
	return v
}

func (u *unpacker) text(limit int) string {
	n := int(u.upTo(uint64(limit)))
	if n > len(u.b) {
		u.fail()
		return ""
	}
	s := string(u.b[:n])
	u.b = u.b[n:]
	return s
}

func (u *unpacker) fail() { u.b, u.bad = nil, true }

// columns reads columns of a length.
func (u *unpacker) columns(n int, list ...*[]uint64) {
	mask := u.upTo(1<<len(list) - 1)
	for i, column := range list {
		*column = make([]uint64, n)
		if mask>>i&1 == 0 {
			continue
		}
		for j := range *column {
			(*column)[j] = u.uint()
		}
	}
}

// A scale says how exact durations are written: in multiples of a unit up to 1<<digits of them, and
// above with so many binary digits.
type scale struct {
	unit   int64
	digits int
}

// code is the number of the step that a duration is in.
func (s scale) code(d int64) uint64 {
	v := uint64(max(d, 0) / s.unit)
	shift := max(0, bits.Len64(v)-s.digits-1)
	return uint64(shift)<<s.digits + v>>shift
}

// low is the beginning of a step, and middle its middle; a step of one unit counts as its
// beginning. ok is false for what code does not return.
func (s scale) low(code uint64) (low, middle int64, ok bool) {
	shift := 0
	if code >= 2<<s.digits {
		shift = int(code>>s.digits) - 1
	}
	if code > uint64(63-s.digits)<<s.digits {
		return 0, 0, false
	}
	v := (code - uint64(shift)<<s.digits) << shift
	hi, lo := bits.Mul64(v, uint64(s.unit))
	if hi != 0 || lo > 1<<62 {
		return 0, 0, false
	}
	low = int64(lo)
	return low, low + s.unit*(int64(1)<<shift>>1), true
}
