package scenario

import (
	"time"

	"github.com/throng-io/throng/scenario/client"
	"github.com/throng-io/throng/scenario/internal/plan"
	"github.com/throng-io/throng/scenario/internal/record"
	"github.com/throng-io/throng/scenario/metric"
)

// slowShare is the share of the group's clients that read slowly.
func (g *group) slowShare() float64 {
	if g.spec.Read == nil {
		return 0
	}
	return g.spec.Read.Share
}

// config says how the client connects, as whom it comes back, and how slowly it reads.
func (a *actor) config() *client.Config {
	cfg := a.group.config(a.number, a.transport)
	if a.isTraced() {
		own := *cfg
		own.Joining = a.traceJoining
		cfg = &own
	}
	stalls := a.t.stalls()
	if !a.slow && !stalls && a.session.PID == "" {
		return cfg
	}
	r, own := a.group.spec.Read, *cfg
	own.Recover = a.session
	if !a.slow {
		if stalls {
			own.Slow = &client.Slow{}
		}
		return &own
	}
	own.Slow = &client.Slow{Rate: r.Rate, Stall: r.Stall, Every: r.Every}
	if r.Every > 0 {
		// Each has a phase of its own, or all would stall in the same moment.
		own.Slow.First = time.Duration(plan.Unit(plan.Draw(a.t.spec.Seed, plan.ForStall, uint64(a.ID), 0, 0)) * float64(r.Every))
	}
	return &own
}

// complain counts an error of the client. Those of one that reads slowly are counted apart:
// they are what it is there for.
func (a *actor) complain(class metric.ErrorClass, stream int, when int64, err error) {
	class.Slow = a.slow && state(a.state.Load()) != connecting
	a.t.errors.Add(record.ErrorKey{Class: class, Stream: stream, Group: a.group.index}, when, err)
}
