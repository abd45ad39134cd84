package ledger

import (
	"encoding/binary"
	"errors"
	"math/bits"
	"slices"

	"github.com/klauspost/compress/huff0"
)

// Messages between agents are made of columns: a number of each message in turn, so that equal or
// similar numbers stand together. Columns of zeros are left out, and columns of codes for random
// durations are compressed with Huffman codes, whose tables are kept from message to message: they
// are as long as what they save in a small one.

// errMalformed is what is wrong with a message that an agent of this version cannot have written.
var errMalformed = errors.New("it is damaged, or of another version of this program")

// A packer writes messages.
type packer struct {
	b     []byte
	codes [codeColumns]*huff0.Scratch
	bytes []byte
}

// Columns of codes, each with tables of its own.
const (
	lagCodes = iota
	firstCodes
	lastCodes
	classCodes
	codeColumns
)

func (p *packer) uint(v uint64) { p.b = binary.AppendUvarint(p.b, v) }
func (p *packer) int(v int64)   { p.b = binary.AppendVarint(p.b, v) }

func (p *packer) text(s string) {
	p.uint(uint64(len(s)))
	p.b = append(p.b, s...)
}

// The forms of a column.
const (
	formZeros  = iota
	formSparse // places and numbers of what is not zero
	formDense
	forms
)

// columns writes columns, first the forms of all.
func (p *packer) columns(list ...[]uint64) {
	shape := uint64(0)
	for _, column := range slices.Backward(list) {
		shape = shape*forms + formOf(column)
	}
	p.uint(shape)
	for _, column := range list {
		switch formOf(column) {
		case formSparse:
			p.uint(uint64(filled(column)))
			was := -1
			for i, v := range column {
				if v != 0 {
					p.uint(uint64(i - was - 1))
					p.uint(v)
					was = i
				}
			}
		case formDense:
			for _, v := range column {
				p.uint(v)
			}
		}
	}
}

func filled(column []uint64) (n int) {
	for _, v := range column {
		if v != 0 {
			n++
		}
	}
	return n
}

func formOf(column []uint64) uint64 {
	switch n := filled(column); {
	case n == 0:
		return formZeros
	case 2*n+1 < len(column):
		return formSparse
	}
	return formDense
}

// The forms of a column of codes.
const (
	codesPlain = iota
	codesSame  // all are the same
	codesNewTable
	codesOldTable
)

// escape is a code that stands for itself and all larger ones, which follow.
const escape = 255

// fewCodes is how many codes are not worth a table.
const fewCodes = 16

// codeColumn writes a column of codes, most of which are small.
func (p *packer) codeColumn(which int, column []uint64) {
	p.bytes = p.bytes[:0]
	for _, v := range column {
		p.bytes = append(p.bytes, byte(min(v, escape)))
	}
	form, block := uint64(codesPlain), p.bytes
	if n := len(column); n > 1 && slices.Equal(column[1:], column[:n-1]) {
		p.uint(codesSame)
		p.uint(column[0])
		return
	}
	if len(column) >= fewCodes {
		if p.codes[which] == nil {
			p.codes[which] = &huff0.Scratch{}
		}
		out, reused, err := huff0.Compress1X(p.bytes, p.codes[which])
		switch {
		case err != nil: // it is not worth it
		case reused:
			form, block = codesOldTable, out
		default:
			form, block = codesNewTable, out
		}
	}
	p.uint(form)
	if form != codesPlain {
		p.uint(uint64(len(block)))
	}
	p.b = append(p.b, block...)
	for _, v := range column {
		if v >= escape {
			p.uint(v - escape)
		}
	}
}

// The first byte of a message.
const (
	kindSettlements  = 1 << iota // else an announcement
	announcedAll                 // no message comes after these
	announcedSpreads             // no message takes longer than was announced
	announcedFinal               // which messages may never have been written is announced
	settledAll                   // nothing is open any more
	allFlags         = 1<<iota - 1
)

// maxRows bounds the numbers of a column.
const maxRows = 1 << 16

// append appends the message to dst: its first byte, its number, and what was written.
func (p *packer) append(dst []byte, head byte, number uint64) []byte {
	dst = binary.AppendUvarint(append(dst, head), number)
	dst = append(dst, p.b...)
	p.b = p.b[:0]
	return dst
}

// An unpacker reads messages. After the first thing that it cannot read, everything is zero, and
// bad is set.
type unpacker struct {
	b     []byte
	bad   bool
	codes [codeColumns]*huff0.Scratch
	bytes []byte
}

// open reads a message's head, and makes the unpacker read the rest.
func (u *unpacker) open(b []byte) (head byte, number uint64, err error) {
	if len(b) == 0 || b[0]&^allFlags != 0 {
		return 0, 0, errMalformed
	}
	number, n := binary.Uvarint(b[1:])
	if n <= 0 {
		return 0, 0, errMalformed
	}
	u.b, u.bad = b[1+n:], false
	return b[0], number, nil
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

// take reads so many bytes.
func (u *unpacker) take(n uint64) []byte {
	if n > uint64(len(u.b)) {
		u.fail()
		return nil
	}
	b := u.b[:n]
	u.b = u.b[n:]
	return b
}

func (u *unpacker) text(limit int) string { return string(u.take(u.upTo(uint64(limit)))) }

func (u *unpacker) fail() { u.b, u.bad = nil, true }

// columns reads columns of a length.
func (u *unpacker) columns(n int, list ...*[]uint64) {
	shape := u.uint()
	for _, column := range list {
		*column = make([]uint64, n)
		switch shape % forms {
		case formSparse:
			u.sparse(*column)
		case formDense:
			for i := range *column {
				(*column)[i] = u.uint()
			}
		}
		shape /= forms
	}
	if shape != 0 {
		u.fail()
	}
}

func (u *unpacker) sparse(column []uint64) {
	at := uint64(0)
	for range u.upTo(uint64(len(column))) {
		if at += u.upTo(maxRows); at >= uint64(len(column)) {
			u.fail()
			return
		}
		column[at] = u.uint()
		at++
	}
}

// codeColumn reads a column of codes of a length.
func (u *unpacker) codeColumn(which, n int) []uint64 {
	column := make([]uint64, n)
	form := u.upTo(codesOldTable)
	if form == codesSame {
		v := u.uint()
		for i := range column {
			column[i] = v
		}
		return column
	}
	block := u.codeBlock(form, which, n)
	if len(block) != n {
		u.fail()
		return column
	}
	for i, b := range block {
		column[i] = uint64(b)
		if b == escape {
			column[i] += u.uint()
		}
	}
	return column
}

func (u *unpacker) codeBlock(form uint64, which, n int) []byte {
	if form == codesPlain {
		return u.take(uint64(n))
	}
	block := u.take(u.uint())
	var err error
	if form == codesNewTable {
		if u.codes[which], block, err = huff0.ReadTable(block, u.codes[which]); err != nil {
			u.codes[which] = nil
		}
	}
	if u.codes[which] == nil || u.bad {
		return nil
	}
	u.bytes = slices.Grow(u.bytes[:0], n)
	out, err := u.codes[which].Decoder().Decompress1X(u.bytes[:0:n], block)
	if err != nil {
		return nil
	}
	return out
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

// low is the beginning of a step, and middle its middle; that of the first step is 0. ok is false
// for what code does not return.
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
	if code == 0 {
		return 0, 0, true
	}
	return low, low + s.unit<<shift/2, true
}
