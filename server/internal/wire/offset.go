package wire

import (
	"cmp"
	"strconv"
	"strings"
)

// Offset is a place in a log of events: of a Redis stream the id of an entry, milliseconds and a
// number. The zero Offset is before all.
type Offset struct{ Time, Number uint64 }

// ParseOffset reads what String writes.
func ParseOffset(s string) (o Offset, ok bool) {
	high, low, _ := strings.Cut(s, "-")
	if o.Time, ok = digits(high); !ok {
		return Offset{}, false
	}
	if o.Number, ok = digits(low); !ok {
		return Offset{}, false
	}
	return o, true
}

// digits reads a number of digits alone.
func digits(s string) (uint64, bool) {
	n, err := strconv.ParseUint(s, 10, 64)
	return n, err == nil
}

// String is the offset as clients get it; "" for the zero Offset.
func (o Offset) String() string {
	if o == (Offset{}) {
		return ""
	}
	b := strconv.AppendUint(make([]byte, 0, 24), o.Time, 10)
	return string(strconv.AppendUint(append(b, '-'), o.Number, 10))
}

// Next is the smallest offset behind o.
func (o Offset) Next() Offset { return Offset{o.Time, o.Number + 1} }

// Compare is below 0 if o is before p, and above 0 if it is behind.
func (o Offset) Compare(p Offset) int {
	return cmp.Or(cmp.Compare(o.Time, p.Time), cmp.Compare(o.Number, p.Number))
}
