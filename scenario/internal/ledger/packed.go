package ledger

import (
	"encoding/binary"

	"github.com/throng-io/throng/scenario/result"
)

// packed is rows in some bytes each, where a Row takes more than a hundred: a long run has one for
// each second, class and decile, and what grows with the time of a run is a part of what it
// measures of this process.
type packed struct {
	b     []byte
	kinds []rowKey // of the rows, without their seconds
	kind  map[rowKey]int
	last  int // second
}

// fields are the counts of a row.
func fields(l *result.Ledger) [11]*int64 {
	return [...]*int64{
		&l.Due, &l.Held, &l.Dropped, &l.Sent, &l.Expected, &l.Received, &l.Lost, &l.Duplicate, &l.Disorder, &l.Late, &l.Undecided,
	}
}

// add appends a row: its kind, its second after that of the row before, which of its counts are not
// zero, and those. What was received counts from what was expected: that is mostly the same.
func (p *packed) add(r *Row) {
	k := r.key()
	k.second = 0
	kind, known := p.kind[k]
	if !known {
		if p.kind == nil {
			p.kind = map[rowKey]int{}
		}
		kind = len(p.kinds)
		p.kind[k] = kind
		p.kinds = append(p.kinds, k)
	}
	l := r.Ledger
	l.Received -= l.Expected
	there := uint64(0)
	for i, n := range fields(&l) {
		if *n != 0 {
			there |= 1 << i
		}
	}
	p.b = binary.AppendUvarint(p.b, uint64(kind))
	p.b = binary.AppendVarint(p.b, int64(r.Second-p.last))
	p.b = binary.AppendUvarint(p.b, there)
	for _, n := range fields(&l) {
		if *n != 0 {
			p.b = binary.AppendVarint(p.b, *n)
		}
	}
	p.last = r.Second
}

// each calls f for each row, in the order in which they were added. The row is good for one call.
func (p *packed) each(f func(*Row)) {
	rest, second := p.b, 0
	signed := func() int64 {
		v, n := binary.Varint(rest)
		rest = rest[n:]
		return v
	}
	unsigned := func() uint64 {
		v, n := binary.Uvarint(rest)
		rest = rest[n:]
		return v
	}
	for len(rest) > 0 {
		r := p.kinds[unsigned()].empty()
		second += int(signed())
		r.Second = second
		there := unsigned()
		for i, to := range fields(&r.Ledger) {
			if there>>i&1 != 0 {
				*to = signed()
			}
		}
		r.Received += r.Expected
		f(&r)
	}
}
