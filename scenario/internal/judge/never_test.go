package judge

import (
	"math"
	"testing"

	"github.com/throng-io/throng/scenario/internal/record"
	"github.com/throng-io/throng/scenario/metric"
)

// Rules on latencies of which some never ended: 90 answers of 10 ms, and ten that had not come
// after 500 ms.
func TestRulesOnWhatNeverEnded(t *testing.T) {
	for text, want := range map[string]string{
		"p50(ack) < 20ms":               "held 10 ms",
		"p90(ack) < 20ms":               "held 10 ms",
		"p91(ack) < 20ms":               "broken > 500 ms",
		"p99(ack) < 10s":                "broken > 500 ms",
		"p99(ack) <= 10s":               "broken > 500 ms",
		"p99(ack) > 400ms":              "held > 500 ms",
		"p99(ack) >= 500ms":             "held > 500 ms",
		"p99(ack) > 600ms":              "broken > 500 ms",
		"max(ack) < 10s":                "broken > 500 ms",
		"min(ack) < 20ms":               "held 10 ms",
		"mean(ack) < 10s":               "broken > 59 ms",
		"count(ack) == 90":              "held 90",
		"rate(ack) < 1k/s":              "held 90/s",
		"p50(ack) < 20ms over 1s":       "held 10 ms",
		"p99(ack) < 10s over 1s":        "broken > 500 ms",
		"p99(ack) > 400ms over 1s":      "held > 500 ms",
		"p99(ack{op=echo}) < 10s":       "broken > 500 ms",
		"max(delivery) < 1s":            "held 100 ms",
		"p99(ack) < 10s in ramp":        "broken no data",
		"max(ack.service) < 10s":        "broken no data",
		"count(ack) > 0 in ramp":        "broken no data",
		"p99(ack) < 1s over 1s in ramp": "broken no data",
	} {
		e, rules := known(t, "'"+text+"'", "max(cpu) < 100%")
		series := e.Totals.Series
		delivery := e.Totals
		e.Totals = record.NewTotals(series, 2)
		ws := NewWindows(e.Timeline, series, rules)
		ws.Begin()
		ws.Finish(0, 1e9)
		ws.Begin()
		for at := range series {
			switch series[at].Metric {
			case metric.Ack:
				e.Totals.Add(at, 1, 10_000, 90)
				ws.Add(at, 1, 10_000, 90)
				e.Totals.AddNever(at, 1, 500_000, 10)
				ws.AddNever(at, 1, 500_000, 10)
			case metric.Delivery:
				e.Totals.Merge(at, 1, delivery.Sum(func(s *record.Series, phase int) bool { return *s == series[at] && phase == 1 }))
			}
		}
		ws.Finish(1e9, 2e9)
		ws.End(2e9)
		e.Windows = ws.Found()
		for _, e := range []*Evidence{e, recalled(t, e)} {
			c := Check(e, &rules.SLO[0])
			got := "broken "
			if c.Pass {
				got = "held "
			}
			if c.NoData {
				got += "no data"
			} else {
				got += metric.FormatFound(c.Value, math.NaN(), c.Beyond, c.Unit) // not beside its limit
			}
			if got != want {
				t.Errorf("%s: %s, want %s", text, got, want)
			}
		}
	}
}

// recalled is the evidence as a saved result brings it back; windows over latencies are in the
// logs, and not in it.
func recalled(t *testing.T, e *Evidence) *Evidence {
	t.Helper()
	back := &Evidence{Timeline: e.Timeline, At: e.At, End: e.End, Saved: &Saved{}, Windows: e.Windows, Seconds: e.Seconds}
	if err := back.recall(Keep(e)); err != nil {
		t.Fatal(err)
	}
	back.Saved = nil
	return back
}
