package ledger

import (
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// A scale returns no duration that is off by more than half of its step.
func TestScales(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := scale{unit: rapid.Int64Range(1, 1<<20).Draw(t, "unit"), digits: rapid.IntRange(1, 12).Draw(t, "digits")}
		d := rapid.Int64Range(0, farthest).Draw(t, "duration") >> rapid.IntRange(0, 60).Draw(t, "shift")
		low, middle, ok := s.low(s.code(d))
		step := max(s.unit, d>>s.digits+1)
		if !ok || low > d || d-low > step || middle < low || max(middle-d, d-middle) > step {
			t.Fatalf("%+v: %d is between %d and twice %d", s, d, low, middle)
		}
		if next, _, ok := s.low(s.code(d) + 1); ok && next <= d {
			t.Fatalf("%+v: %d belongs to the next step, from %d", s, d, next)
		}
	})
	for _, code := range []uint64{1 << 63, 1<<64 - 1, 64 << 3} {
		if _, _, ok := (scale{unit: 1 << 30, digits: 3}).low(code); ok {
			t.Errorf("%d is the code of a duration", code)
		}
	}
}

// Columns are read as they were written, message after message.
func TestColumns(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var p packer
		var u unpacker
		for number := range uint64(rapid.IntRange(1, 6).Draw(t, "messages")) {
			n := rapid.IntRange(0, 300).Draw(t, "rows")
			some := rapid.SliceOfN(rapid.SampledFrom([]uint64{0, 0, 0, 0, 0, 1, 300}), n, n).Draw(t, "some")
			most := rapid.Uint64Range(0, 300).Draw(t, "most")
			small := rapid.SliceOfN(rapid.Uint64Range(0, most), n, n).Draw(t, "codes")
			p.columns(some, make([]uint64, n), small)
			p.codeColumn(firstCodes, small)
			p.text("end")
			head, count, err := u.open(p.append(nil, announcedAll, number))
			var a, b, c []uint64
			u.columns(n, &a, &b, &c)
			d := u.codeColumn(firstCodes, n)
			if u.text(3) != "end" || err != nil || u.close() != nil || head != announcedAll || count != number {
				t.Fatalf("cannot be read: %v", err)
			}
			if !slices.Equal(a, some) || slices.ContainsFunc(b, func(v uint64) bool { return v != 0 }) || !slices.Equal(c, small) || !slices.Equal(d, small) {
				t.Fatal("it is not what was written")
			}
		}
	})
}
