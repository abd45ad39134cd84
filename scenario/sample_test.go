package scenario

import (
	"testing"
	"time"
)

// A collector that looks late, and then several times at once, makes no process busier than it is.
func TestBusyOfALateCollector(t *testing.T) {
	b := busy{cores: 2, least: 250 * time.Millisecond}
	b.begin(10*time.Second, 100*time.Second)
	for i, look := range []struct {
		at, cpu time.Duration // since the beginning
		want    float64
	}{
		{time.Second, time.Second, 0.5},
		{5 * time.Second, 5 * time.Second, 0.5}, // held up for three seconds
		{5*time.Second + 10*time.Microsecond, 5*time.Second + 10*time.Millisecond, 0.5},
		{5*time.Second + 20*time.Microsecond, 5*time.Second + 20*time.Millisecond, 0.5},
		{6 * time.Second, 7 * time.Second, 1},
		{7 * time.Second, 7 * time.Second, 0},
	} {
		if got := b.look(10*time.Second+look.cpu, 100*time.Second+look.at); got != look.want {
			t.Errorf("look %d: %g of the cores, want %g", i, got, look.want)
		}
	}
}
