package scenario

import (
	"regexp"
	"slices"
	"strings"
	"testing"
)

// Losses under a fault, which no implied rule counts while it lasts, are reported: lost and
// expected deliveries, and when after the fault's beginning they were due.
func TestFaultLossesAreTold(t *testing.T) {
	// Fifty broadcasts a second begin with the load at 0.4 s, and the fault at 1 s.
	lose := func(broadcasts ...int) *fakeServer {
		return &fakeServer{mangle: func(n int, _ *fakeConn, packet []byte) []fakePacket {
			if slices.Contains(broadcasts, n) {
				return nil
			}
			return []fakePacket{{text: packet}}
		}}
	}
	says := regexp.MustCompile(`^([1-9][0-9 ]*) of [0-9 ]+ deliveries that were due after the fault in cut began were lost: the first was due 0 s after it, half by 1 s, the last 1 s after it$`)
	c := play(t, lose(5, 40, 85, 90), withFault("{drop: 10%, within: 10ms}", ""))
	i := slices.IndexFunc(c.Warnings, func(w string) bool { return strings.Contains(w, "after the fault") })
	if i < 0 || !says.MatchString(strings.ReplaceAll(c.Warnings[i], "\u00a0", " ")) || c.Ledger.Lost < 130 || c.Ledger.Lost > 150 {
		t.Errorf("%d lost: %q", c.Ledger.Lost, c.Warnings)
	}
	c = play(t, lose(5), withFault("{drop: 10%, within: 10ms}", ""))
	if slices.ContainsFunc(c.Warnings, func(w string) bool { return strings.Contains(w, "after the fault") }) {
		t.Errorf("nothing was lost after it, and yet: %q", c.Warnings)
	}
}

func TestSpreadOfLosses(t *testing.T) {
	for _, test := range []struct {
		by   map[int]int64
		want [3]int
	}{
		{map[int]int64{0: 1}, [3]int{0, 0, 0}},
		{map[int]int64{3: 76, 4: 100, 7: 400}, [3]int{3, 7, 7}},
		{map[int]int64{0: 300, 9: 276}, [3]int{0, 0, 9}},
	} {
		all := int64(0)
		for _, n := range test.by {
			all += n
		}
		if first, half, last := spread(test.by, all); [3]int{first, half, last} != test.want {
			t.Errorf("%v: %d, %d, %d; want %v", test.by, first, half, last, test.want)
		}
	}
}
