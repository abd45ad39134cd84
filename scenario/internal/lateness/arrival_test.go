package lateness

import "testing"

// The last message of a read arrived at the kernel's time stamp; an earlier one arrived between two
// known times.
func TestCame(t *testing.T) {
	for name, c := range map[string]struct {
		transit Transit
		a       Arrival
		held    int64
		want    int64
		after   Transit
	}{
		"read at once":               {7, Arrival{Wrote: 100, From: 120, Until: 120, Read: 121}, 0, 120, 20},
		"the reader slept":           {7, Arrival{Wrote: 100, From: 120, Until: 120, Read: 900}, 780, 120, 20},
		"the first of a batch":       {20, Arrival{Wrote: 100, From: 50, Until: 400, Read: 500}, 450, 120, 20},
		"nobody was held up":         {20, Arrival{Wrote: 100, From: 50, Until: 490, Read: 500}, 15, 485, 20},
		"not before the empty look":  {20, Arrival{Wrote: 100, From: 300, Until: 400, Read: 500}, 450, 300, 20},
		"not after the last":         {900, Arrival{Wrote: 100, From: 50, Until: 400, Read: 500}, 450, 400, 900},
		"nothing known of the route": {0, Arrival{Wrote: 100, From: 50, Until: 400, Read: 500}, 450, 100, 0},
	} {
		transit := c.transit
		if got := transit.Came(c.a, c.held); got != c.want || transit != c.after {
			t.Errorf("%s: came at %d and is %d on its way, want %d and %d", name, got, transit, c.want, c.after)
		}
	}
}

// A reader that sleeps for 50 ms while a message comes each 5 ms finds ten at once: each has its
// own arrival.
func TestCameOfABatch(t *testing.T) {
	const ms = 1_000_000
	transit := Transit(2 * ms)
	for i := range int64(10) {
		a := Arrival{Wrote: i * 5 * ms, From: -5 * ms, Until: 47 * ms, Read: 60 * ms}
		if i == 9 {
			a.From = a.Until
		}
		if got := transit.Came(a, 60*ms); got != a.Wrote+2*ms {
			t.Errorf("message %d came at %d ms, want %d", i, got/ms, a.Wrote/ms+2)
		}
	}
}
