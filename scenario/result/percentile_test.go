package result

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestRank(t *testing.T) {
	for _, c := range []struct {
		p    float64
		n    int64
		want int64
	}{
		{0, 5, 1},
		{50, 1, 1},
		{50, 2, 1},
		{50, 3, 2},
		{25, 5, 2}, // 1.25, which Go rounds to 1
		{90, 10, 9},
		{90, 11, 10},
		{99, 100, 99},
		{99, 101, 100},
		{99, 149, 148},
		{99, 151, 150}, // 149.49, which Go rounds to 149
		{99.9, 1000, 999},
		{99.9, 1001, 1000},
		{99.9, 1700, 1699}, // 1698.3, which Go rounds to 1698
		{100, 7, 7},
		{120, 7, 7},
		{99.99, 1 << 40, 1099401676614},
	} {
		if got := Rank(c.p, c.n); got != c.want {
			t.Errorf("p%v of %d samples: rank %d, want %d", c.p, c.n, got, c.want)
		}
	}
}

// The value equals the sample at the rank, wherever the samples lie.
func TestPercentilesAreOfTheirRank(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		vs := rapid.SliceOfN(rapid.Int64Range(0, MaxLatency.Microseconds()), 1, 300).Draw(t, "samples")
		thousandths := rapid.SliceOfN(rapid.IntRange(0, 100_000), 1, 8).Draw(t, "percentiles in thousandths")
		h, ps := NewHistogram(), make([]float64, len(thousandths))
		for _, v := range vs {
			Record(h, time.Duration(v)*time.Microsecond)
		}
		slices.Sort(vs)
		for i, k := range thousandths {
			ps[i] = float64(k) / 1000
		}
		got := Percentiles(h, ps...)
		for i, k := range thousandths {
			alone := NewHistogram()
			rank := max((k*len(vs)+99_999)/100_000, 1)
			Record(alone, time.Duration(vs[rank-1])*time.Microsecond)
			want := alone.Max()
			if k == 0 {
				want = alone.Min()
			}
			if got[i] != want || Percentile(h, ps[i]) != want {
				t.Fatalf("p%v of %v: %d and %d, want %d", ps[i], vs, got[i], Percentile(h, ps[i]), want)
			}
		}
	})
}

func TestPercentilesOfNothing(t *testing.T) {
	if got := Percentiles(nil, 50, 99); !slices.Equal(got, []int64{0, 0}) {
		t.Errorf("of no histogram: %v", got)
	}
	if got := Percentile(NewHistogram(), 99); got != 0 {
		t.Errorf("of no samples: %d", got)
	}
}
