package plan

import (
	"testing"
	"time"

	"github.com/throng-io/throng/scenario/file"
)

// The ranges are the official client's with its defaults: the first attempt after 500 to 1500 ms,
// and so on, never after more than 5 s.
func TestBackoffIsTheOfficialClients(t *testing.T) {
	t.Parallel()
	p := &file.Reconnect{Min: time.Second, Max: 5 * time.Second, Jitter: 0.5}
	for n, want := range [][2]time.Duration{
		{500 * time.Millisecond, 1500 * time.Millisecond},
		{time.Second, 3 * time.Second},
		{2 * time.Second, 5 * time.Second},
		{4 * time.Second, 5 * time.Second},
		{5 * time.Second, 5 * time.Second},
	} {
		least, most := time.Hour, time.Duration(0)
		for i := range 1000 {
			d := Backoff(p, n, float64(i)/1000)
			least, most = min(least, d), max(most, d)
		}
		if least < want[0] || most > want[1] || least > want[0]+want[0]/8 || most < want[1]-want[1]/10 {
			t.Errorf("attempt %d: %s to %s, want %s to %s", n, least, most, want[0], want[1])
		}
	}
	if slow := (&file.Reconnect{Min: 30 * time.Second, Max: 5 * time.Minute}); Backoff(slow, 1<<20, 0.5) != slow.Max {
		t.Errorf("after a long time: %v, want %v", Backoff(slow, 1<<20, 0.5), slow.Max)
	}
	if d := Backoff(p, 1<<20, 0.1); d != p.Max {
		t.Errorf("attempt 1<<20 after %s", d)
	}
	if d := Backoff(&file.Reconnect{Min: time.Second, Max: time.Minute}, 3, 0.7); d != 8*time.Second {
		t.Errorf("without jitter %s, want 8s", d)
	}
}
