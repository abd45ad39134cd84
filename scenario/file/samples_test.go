package file

import (
	"math"
	"strings"
	"testing"
)

const sampled = `
version: 1
name: t
groups:
  people: {count: 10, rooms: {of: 2}, send: [{op: room, rate: 2/s, per: client}, {op: echo, rate: 3/s, ack: 1s}]}
  audience: {count: 20}
  speaker: {count: 1, send: [{op: all, event: tick, rate: 5/s, expect: others}]}
phases:
  - {name: ramp, for: 4s, clients: 0%..100%, record: false}
  - {name: hold, for: 10s}
  - {name: half, for: 2s, load: 100%..0%}
slo: [RULE]
`

// How many samples a rule will have follows from the plan: ten people send twice a second to rooms
// of five and call three times a second each, and 30 clients get five ticks a second.
func TestExpectedSamples(t *testing.T) {
	const seconds = 10 + 2.0/2 // at full load
	for rule, want := range map[string]float64{
		"p99(delivery) < 1s":                          (20*5 + 5*30) * seconds,
		"p99(delivery{op=room}) < 1s":                 20 * 5 * seconds,
		"p99(delivery{event=tick}) < 1s":              5 * 30 * seconds,
		"p99(delivery{from=speaker}) < 1s":            5 * 30 * seconds,
		"p99(delivery{group=audience}) < 1s":          5 * 20 * seconds,
		"p99(delivery{group=speaker}) < 1s":           0,
		"p99(delivery{group=people}) < 1s":            (20*5 + 5*10) * seconds,
		"p99(delivery) < 1s in hold":                  (20*5 + 5*30) * 10,
		"p99(delivery) < 1s over 2s":                  (20*5 + 5*30) * 2,
		"p99(delivery) < 1s over 2s in half":          (20*5 + 5*30) * 2,
		"p99(ack) < 1s":                               30 * seconds,
		"p99(ack.service{op=echo,group=people}) < 1s": 30 * seconds,
		"p99(ack) < 1s in ramp":                       30 * 4 / 2,
		"p99(fanout.last) < 1s":                       (20 + 5) * seconds,
		"p99(fanout.first{group=speaker}) < 1s":       5 * seconds,
		"p99(delivery{transport=websocket}) < 1s":     math.NaN(),
		"p99(connect) < 1s":                           math.NaN(),
	} {
		f, err := Parse("t.yaml", []byte(strings.Replace(sampled, "RULE", "\""+rule+"\"", 1)), nil)
		if err != nil {
			t.Fatal(err)
		}
		n, ok := f.Spec.Expected(&f.Spec.SLO[0])
		if ok == math.IsNaN(want) || ok && math.Abs(n-want) > 1e-6 {
			t.Errorf("%s: %v samples (%v), want %v", rule, n, ok, want)
		}
	}
}

func TestSamplesThatAPercentileTakes(t *testing.T) {
	for rule, want := range map[string]int64{
		"p50(delivery) < 1s": 20, "p90(delivery) < 1s": 100, "p99(delivery) < 1s": 1000, "p99.9(ack) < 1s": 10_000, "p99.99(ack) < 1s": 100_000,
		"max(delivery) < 1s": 0, "loss(delivery) < 1%": 0,
	} {
		f, err := Parse("t.yaml", []byte(strings.Replace(sampled, "RULE", rule, 1)), nil)
		if err != nil {
			t.Fatal(err)
		}
		if n := f.Spec.SLO[0].Takes(); n != want {
			t.Errorf("%s takes %d samples, want %d", rule, n, want)
		}
	}
}
