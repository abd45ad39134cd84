package judge

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/throng-io/throng/scenario/file"
	"github.com/throng-io/throng/scenario/internal/plan"
)

// during is the evidence of a trial with medians of deliveries and acknowledgements, in
// milliseconds, in the seconds of its last phase.
func during(deliveries, acks []float64, load file.Ramp) *Evidence {
	all := file.Ramp{From: 1, To: 1}
	n := max(len(deliveries), len(acks))
	tl := plan.NewTimeline([]file.Phase{
		{Name: "ramp", For: 2 * time.Second, Clients: file.Ramp{To: 1}, Load: all},
		{Name: "hold", For: time.Duration(n) * time.Second, Record: true, Clients: all, Load: load},
	})
	e := &Evidence{Timeline: tl, At: tl.End, End: tl.End}
	for i := range n + 2 {
		s := Second{Phase: tl.PhaseAt(int64(i)*1e9 + 5e8), Offered: 10, Held: 10}
		if i < 2 {
			s.Delays = [2]time.Duration{1, time.Hour} // phases that are not recorded do not count
		}
		for j, list := range [][]float64{deliveries, acks} {
			if i >= 2 && i-2 < len(list) {
				s.Delays[j] = time.Duration(list[i-2] * 1e6)
			}
		}
		e.Seconds = append(e.Seconds, s)
	}
	return e
}

func TestGrowingWithinATrial(t *testing.T) {
	constant := file.Ramp{From: 1, To: 1}
	for name, c := range map[string]struct {
		deliveries, acks []float64
		load             file.Ramp
		want             string
	}{
		"a queue with room for 100, asked for 104": {deliveries: []float64{210, 250, 290, 330}, load: constant, want: "p50(delivery) grew from 210 ms to 330 ms within hold"},
		"acknowledgements":                         {deliveries: []float64{5, 5, 5, 5, 5}, acks: []float64{1, 20, 40, 60, 85}, load: constant, want: "p50(ack) grew from"},
		"long behind already":                      {deliveries: []float64{4010, 4060, 4120, 4150, 4200, 4260}, load: constant, want: "p50(delivery) grew from"},
		"nothing comes any more":                   {deliveries: []float64{20, 40, 0, 0, 0}, load: constant, want: "p50(delivery) grew from"},
		"a little in a long trial":                 {deliveries: ramp(60, 20, 1), load: constant, want: "p50(delivery) grew from 20 ms to 79 ms"},
		"long behind, 11 ms a second for an hour":  {deliveries: ramp(3600, 400_000, 11), load: constant, want: "p50(delivery) grew from"},
		"long behind, 1 ms a second for an hour":   {deliveries: ramp(3600, 20_000, 1), load: constant},
		"flat":                                     {deliveries: []float64{210, 210, 210, 210}, load: constant},
		"noise":                                    {deliveries: []float64{210, 240, 205, 250, 220, 215}, load: constant},
		"grew, and levelled off":                   {deliveries: []float64{10, 60, 90, 110, 111, 112, 112, 113}, load: constant},
		"too little to matter":                     {deliveries: []float64{1, 2, 3, 4, 5}, load: constant},
		"too short":                                {deliveries: []float64{10, 100, 1000}, load: constant},
		"the load grows":                           {deliveries: []float64{210, 250, 290, 330}, load: file.Ramp{From: 1, To: 2}},
		"shrinks":                                  {deliveries: []float64{400, 300, 200, 100, 50}, load: constant},
		"nothing is due":                           {load: constant},
	} {
		got := during(c.deliveries, c.acks, c.load).Growing()
		if !strings.HasPrefix(got, c.want) || (c.want == "") != (got == "") {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

func ramp(n int, from, step float64) (out []float64) {
	for i := range n {
		out = append(out, from+step*float64(i))
	}
	return out
}

// TestSteadyQueuesDoNotGrow plays queues that work off one message in 10 ms, with arrivals by
// chance: below what they can do few trials are taken to grow, above it nearly all.
// What does not come to clients that have gone does not pile up.
func TestNothingGrowsWithoutClients(t *testing.T) {
	e := during([]float64{20, 21, 20, 0, 0, 0, 0}, nil, file.Ramp{From: 1, To: 1})
	if e.Growing() == "" {
		t.Error("nothing comes to clients that are there, and nothing grows")
	}
	for i := 5; i < len(e.Seconds); i++ {
		e.Seconds[i].Held = 0
	}
	if got := e.Growing(); got != "" {
		t.Errorf("the clients have gone: %s", got)
	}
}

func TestSteadyQueuesDoNotGrow(t *testing.T) {
	for _, c := range []struct {
		rate        float64
		seconds     int
		least, most int // of a hundred
	}{{50, 4, 0, 2}, {80, 4, 0, 8}, {80, 20, 0, 5}, {90, 20, 0, 10}, {115, 4, 80, 100}, {108, 20, 90, 100}} {
		rnd := rand.New(rand.NewPCG(7, uint64(c.rate)))
		const trials = 300
		grew := 0
		for range trials {
			var ms []float64
			now, free := 0.0, 0.0 // seconds
			var delays []float64
			for len(ms) < c.seconds+5 {
				now += rnd.ExpFloat64() / c.rate
				if now >= float64(len(ms)+1) {
					ms = append(ms, middle(delays)*1e3)
					delays = delays[:0]
				}
				free = math.Max(free, now) + 0.01
				delays = append(delays, free-now)
			}
			if during(ms[5:], nil, file.Ramp{From: 1, To: 1}).Growing() != "" {
				grew++
			}
		}
		if grew*100 < c.least*trials || grew*100 > c.most*trials {
			t.Errorf("at %v/s for %d s %d of %d trials grew, want %d to %d of a hundred", c.rate, c.seconds, grew, trials, c.least, c.most)
		}
		t.Logf("at %v/s for %d s %d of %d trials grew", c.rate, c.seconds, grew, trials)
	}
}
