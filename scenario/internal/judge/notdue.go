package judge

import (
	"slices"

	"github.com/throng-io/throng/scenario/file"
	"github.com/throng-io/throng/scenario/metric"
	"github.com/throng-io/throng/scenario/result"
)

// passIfNothingDue lets a rule pass that found no samples because nothing that it measures was due
// in its phases. A schedule without operations was kept, whatever the scenario. A rule about the
// target passes so in a scaled-down run only, also where there were too few samples: a scenario at
// its own size that never measures what it has a rule for is a mistake, and fails.
func (e *Evidence) passIfNothingDue(k *file.Check, r *result.Check) {
	if r.NoData && e.notDue(k) {
		r.Pass, r.Note = true, "nothing was due"
	}
	if r.Undecided && e.ScaledDown {
		r.Pass, r.Undecided, r.Note = true, false, "the run is scaled down; "+r.Note
	}
}

// nobodyCame reports whether no client was to connect. Results that do not say are believed.
func (e *Evidence) nobodyCame() bool {
	if e.Saved != nil && !e.Saved.whole {
		return false
	}
	for i := range e.Groups {
		if g := &e.Groups[i]; len(g.Attempts) == 0 || slices.Max(g.Attempts) > 0 {
			return false
		}
	}
	return len(e.Groups) > 0
}

func (e *Evidence) notDue(k *file.Check) bool {
	if k.Metric == metric.LagReceive {
		return true // whether something should have come is for other rules to say
	}
	if k.Kind == file.Valid && (k.Stat == metric.StatAchieved || k.Metric == metric.Lag) {
		_, offered := e.Operations(k.Phase)
		return offered == 0
	}
	if !e.ScaledDown {
		return false
	}
	name := k.Metric
	if k.Stat == metric.StatErrors {
		name = string(metric.ParseErrorClass(name).Kind)
	}
	m, _ := metric.Of(name)
	switch m.Needs {
	case metric.NeedsDelivery, metric.NeedsBroadcast:
		return e.Account(k.Labels, k.Phase).Expected == 0
	case metric.NeedsAck:
		return e.attempts(&file.Check{Metric: metric.Ack, Labels: k.Labels, Phase: k.Phase}) == 0
	}
	return false
}
