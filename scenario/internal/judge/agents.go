package judge

import (
	"errors"
	"math"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/throng-io/throng/scenario/file"
	"github.com/throng-io/throng/scenario/metric"
	"github.com/throng-io/throng/scenario/result"
)

// An Agent is the part of a fleet's agent in the evidence: whether its machine was fit to measure,
// in the recorded phases.
type Agent struct {
	Name            string
	Lag, LagReceive *hdrhistogram.Histogram // nil: unknown
	CPUMax          float64                 // share of its cores
}

// byWorstAgent judges a rule on the fitness of a fleet by the agent that meets it least: one that
// is overloaded spoils the figures of its own clients, which the others' cannot make good. Rules on
// a phase or on windows are judged on all agents together.
func (e *Evidence) byWorstAgent(k *file.Check, r *result.Check) {
	if len(e.Agents) == 0 || k.Phase != "" || k.Over > 0 || len(k.Labels) > 0 || r.NoData {
		return
	}
	worst, name := math.Inf(-1), ""
	for i := range e.Agents {
		a := &e.Agents[i]
		v := math.NaN()
		switch {
		case k.Metric == metric.CPU && k.Stat == metric.StatMax:
			v = a.CPUMax
		case k.Metric == metric.Lag && a.Lag != nil:
			v = statOf(k, result.Samples{Ended: a.Lag}, 0).v
		case k.Metric == metric.LagReceive && a.LagReceive != nil:
			v = statOf(k, result.Samples{Ended: a.LagReceive}, 0).v
		}
		if v > worst {
			worst, name = v, a.Name
		}
	}
	if name == "" {
		return
	}
	if k.Metric != metric.CPU { // that of each second is the busiest agent's already
		*r = found(k, reading{v: worst}, "")
	}
	r.Note = "of the agent " + name
}

// recallAgents takes over what a result has of the agents.
func (e *Evidence) recallAgents(agents []result.Agent) error {
	for i := range agents {
		h := agents[i].Health
		if h == nil {
			continue
		}
		a := Agent{Name: agents[i].Name, CPUMax: h.CPUMax}
		var err error
		if a.Lag, err = h.Lag.Histogram(); err == nil {
			a.LagReceive, err = h.LagReceive.Histogram()
		}
		if errors.Is(err, result.ErrNoHistogram) {
			continue // what there is of all agents together is not there either
		}
		if err != nil {
			return err
		}
		e.Agents = append(e.Agents, a)
	}
	return nil
}
