package result

import (
	"encoding/json"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// tenths are n samples of 1, 2, 3, ... ms.
func tenths(n int) Samples {
	s := Samples{Ended: NewHistogram(), Never: NewHistogram()}
	for i := range n {
		Record(s.Ended, time.Duration(i+1)*time.Millisecond)
	}
	return s
}

// Operations that never ended are slower than all others: percentiles rank all samples, and a
// percentile among the unended ones is higher than the timeout.
func TestPercentilesBeyondWhatEnded(t *testing.T) {
	for _, c := range []struct {
		name         string
		ended, never int
		p            float64
		ms           int64
		beyond       bool
	}{
		{"all ended", 100, 0, 99, 99, false},
		{"the slowest that ended", 95, 5, 95, 95, false},
		{"the first that did not", 95, 5, 95.1, 500, true},
		{"the median is of all", 50, 50, 50, 50, false},
		{"not of what ended", 40, 60, 50, 500, true},
		{"nothing ended", 0, 200, 50, 500, true},
		{"one did", 1, 199, 0, 1, false},
		{"the largest", 99, 1, 100, 500, true},
	} {
		s := tenths(c.ended)
		_ = s.Never.RecordValues(500_000, int64(c.never))
		us, beyond := s.Percentile(c.p)
		if got := (us + 500) / 1000; got != c.ms || beyond != c.beyond {
			t.Errorf("%s: %d ms, beyond %v; want %d, %v", c.name, got, beyond, c.ms, c.beyond)
		}
		if l := s.Latency(); l.Beyond(c.p) != c.beyond || l.N != int64(c.ended) || l.Never != int64(c.never) {
			t.Errorf("%s: %+v", c.name, l)
		}
	}
	if us, beyond := (Samples{}).Percentile(50); us != 0 || beyond {
		t.Errorf("of nothing: %d, %v", us, beyond)
	}
}

// Samples survive a result file, and merging.
func TestSamplesSurvive(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := tenths(rapid.IntRange(0, 50).Draw(t, "ended"))
		if n := rapid.Int64Range(0, 50).Draw(t, "never"); n > 0 {
			_ = s.Never.RecordValues(rapid.Int64Range(0, 1e6).Draw(t, "waited"), n)
		}
		text, err := json.Marshal(s.Latency())
		if err != nil {
			t.Fatal(err)
		}
		var l Latency
		if err := json.Unmarshal(text, &l); err != nil {
			t.Fatal(err)
		}
		twice, err := Merge(&l, nil, s.Latency())
		if err != nil {
			t.Fatal(err)
		}
		if twice.N != 2*s.Count() || twice.N+twice.Never != 2*s.Total() {
			t.Fatalf("%+v, want twice %+v", twice, l)
		}
		back, err := twice.Samples()
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range []float64{1, 50, 90, 99, 100} {
			want, beyond := s.Percentile(p)
			if got, gotBeyond := back.Percentile(p); got != want || gotBeyond != beyond {
				t.Fatalf("p%v is %d, %v; want %d, %v", p, got, gotBeyond, want, beyond)
			}
		}
		if want, _ := s.Percentile(99); l.P99us != want {
			t.Fatalf("the summary has a p99 of %d, want %d", l.P99us, want)
		}
	})
}
