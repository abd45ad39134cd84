package reporttest

import "github.com/throng-io/throng/scenario/result"

// Undecided is a run whose only fault is that a rule had too few samples.
func Undecided() *result.Run {
	run := Sample("pass")
	c := &run.Cells[0]
	c.Checks = append(c.Checks, result.Check{
		Text: "p99.9(ack) < 1s", Kind: result.KindSLO, Stat: "p99.9", Metric: "ack", Op: "<", Limit: 1, Value: 0.02, Unit: "s",
		Undecided: true, Note: "not enough samples: 4 000, and a p99.9 takes 10 000",
	})
	c.Reason = "p99.9(ack) < 1s: not enough samples: 4 000, and a p99.9 takes 10 000"
	c.Verdict, run.Verdict = result.Invalid, result.Invalid
	return run
}
