package judge

import (
	"testing"

	"github.com/throng-io/throng/scenario/internal/ledger"
	"github.com/throng-io/throng/scenario/internal/record"
	"github.com/throng-io/throng/scenario/result"
)

// Before anything was recorded nothing is claimed.
func TestChecksBeforeTheFirstSample(t *testing.T) {
	e, rules := known(t, "p99(delivery) < 1s, loss(delivery) == 0, errors(connect) == 0", "max(cpu) < 80%")
	empty := &Evidence{
		Timeline: e.Timeline, Groups: []Group{{Name: "people", Attempts: []int64{0, 0}}}, Classes: e.Classes, Streams: e.Streams,
		Totals: record.NewTotals(nil, 0), Ledger: make([][]ledger.Row, len(e.Streams)),
	}
	checks, _ := NewLive(rules).Look(empty)
	if len(checks) != 4 {
		t.Errorf("%d checks, want 4", len(checks))
	}
	for _, k := range checks {
		if !k.NoData || k.Pass {
			t.Errorf("%s: %+v, want no data", k.Text, k)
		}
	}
}

// A rule ends the trial when it has been broken for as long as it says, without a pause.
func TestLiveAborts(t *testing.T) {
	e, rules := known(t, "{check: max(cpu) < 50%, abort: 3s}", "max(rss) < 1GiB")
	l := NewLive(rules)
	for i, step := range []struct {
		cpu   float64
		abort bool
	}{{0.6, false}, {0.6, false}, {0.4, false}, {0.6, false}, {0.6, false}, {0.6, false}, {0.6, true}} {
		e.At = int64(i+1) * 1e9
		e.Seconds[1].CPU = step.cpu
		_, err := l.Look(e)
		if (err != nil) != step.abort {
			t.Errorf("second %d: %v", i+1, err)
		}
		if err != nil && err.Error() != "max(cpu) < 50% was broken for 3 s" {
			t.Errorf("%v", err)
		}
	}
}

// A window over values kept by the second counts once, when it is full, and messages count when
// they are settled.
func TestLiveWindows(t *testing.T) {
	e, rules := known(t, "loss(delivery) <= 5 over 1s, max(cpu) < 50% over 1s", "max(rss) < 1GiB")
	l := NewLive(rules)
	stands := func(at int64) (loss, cpu result.Check) {
		e.At = at
		checks, _ := l.Look(e)
		return checks[1], checks[2]
	}
	loss, cpu := stands(2e9)
	if !loss.NoData || cpu.NoData || cpu.Value != 0.3 {
		t.Errorf("when the second is over: %+v, %+v", loss, cpu)
	}
	e.Seconds = append(e.Seconds, Second{Phase: -1, CPU: 0.99})
	loss, cpu = stands(3e9) // a second later the messages have passed their limit
	if loss.NoData || loss.Value != 10 || loss.Pass || cpu.Value != 0.3 {
		t.Errorf("when the messages are settled: %+v, %+v", loss, cpu)
	}
}
