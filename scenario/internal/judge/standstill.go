package judge

import (
	"fmt"
	"time"

	"github.com/throng-io/throng/scenario/internal/record"
	"github.com/throng-io/throng/scenario/metric"
	"github.com/throng-io/throng/scenario/result"
)

// standstillLimit is the longest standstill of the generator in a trial that fails. It is the
// default late limit, and less than a default heartbeat takes: after a longer one the clients may
// have given up what lay in their sockets, and the server may have given up the clients.
const standstillLimit = 5 * time.Second

// tooLate is how late an operation may come to its turn for a missing connection to be the target's
// fault. A later one shows that the generator stood still, and connections end meanwhile.
const tooLate = time.Second

// standstill is the rule on how long the generator stood still, if it is broken. It matters to a
// trial that fails only: one that kept every rule in spite of it has passed.
func (e *Evidence) standstill(verdict result.Verdict) []result.Check {
	limit := standstillLimit
	dropped := e.countErrors(func(r *record.ErrorCount) bool { return r.Class.Kind == metric.ErrDrop }) > 0
	if p := time.Duration(e.Patience); p > 0 && dropped { // the server may have given them up meanwhile
		limit = min(limit, max(p, tooLate))
	}
	if d := time.Duration(e.Standstill); verdict == result.Fail && d > limit {
		return []result.Check{{
			Text: "the generator's longest standstill", Kind: result.KindValid,
			Value: d.Seconds(), Limit: limit.Seconds(), Op: "<=", Unit: metric.Seconds,
			Note: fmt.Sprintf("this machine was paused or had no processor for it, and what failed may follow from that: run it again; up to %s is allowed", metric.FormatDuration(limit)),
		}}
	}
	return nil
}

// operationsTooLate counts the operations due in a phase, or in the recorded ones when it is "", to
// which the generator itself came too late.
func (e *Evidence) operationsTooLate(phase string) int64 {
	lag := e.Total(Scope{Metric: metric.Lag, Phase: phase}).Ended
	if lag == nil {
		return 0
	}
	return atLeast(lag, tooLate.Seconds())
}
