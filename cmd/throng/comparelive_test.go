package main

import (
	"strings"
	"testing"
	"time"

	"github.com/throng-io/throng/reports/compare"
)

// Trials of both sides that were valid in different pairs are no comparison, and it is said.
func TestNoPairIsWhole(t *testing.T) {
	for _, tt := range []struct {
		base, new int // valid trials
		want      string
	}{{1, 1, "In no pair of trials both were valid"}, {0, 1, ""}} { // of the second the comparison says it
		c := &compare.Comparison{Pairs: []compare.Pair{{BaseTrials: compare.Trials{Valid: tt.base}, NewTrials: compare.Trials{Valid: tt.new}}}}
		(&liveComparison{}).conclude(c, time.Minute)
		if got := strings.Join(c.Notes, "\n"); (got == "") != (tt.want == "") || !strings.HasPrefix(got, tt.want) {
			t.Errorf("of %d and %d valid trials: %q, want %q", tt.base, tt.new, got, tt.want)
		}
	}
}
