package scenario

import (
	"cmp"
	"slices"
	"time"

	"github.com/throng-io/throng/scenario/internal/judge"
	"github.com/throng-io/throng/scenario/internal/ledger"
	"github.com/throng-io/throng/scenario/internal/record"
	"github.com/throng-io/throng/scenario/metric"
	"github.com/throng-io/throng/scenario/result"
)

// Progress is the state of a run at one moment, for showing it. Numbers are since the
// trial's start unless said otherwise.
type Progress struct {
	Cell, Cells int               // place of this trial, from 1, and how many there are
	Params      map[string]string // of the matrix; do not change
	Trial       int               // from 1
	Phase       string            // "drain" after the last one; "" before the first and between trials
	PhaseIndex  int               // place of Phase, from 0
	Phases      int
	PhaseShare  float64       // how much of the phase has passed, 0..1
	Elapsed     time.Duration // since the trial's start
	Total       time.Duration // of the phases
	Recording   bool
	Plan        []result.Phase // every phase as planned; do not change
	Left        time.Duration  // of the whole run as planned, cooldowns included

	Asked, Held, Failed, Dropped int // clients
	// operations; a volatile one that was skipped counts as sent
	Offered, Sent int64
	// of the others: those that wait for their sender to be back, and those that were dropped
	HeldBack, GivenUp int64
	Received          int64   // deliveries, late ones included
	DeliveriesPerS    float64 // in the last full second
	// deliveries that had not come by their late limit: those that come later are late, and what
	// has not come when the trial ends is lost
	Missing   int64
	Duplicate int64
	Errors    int64
	// of the messages whose late limit has passed, in all phases, as it stood then; Lost are those
	// that were missing
	Ledger result.Ledger

	Seconds int           // full seconds so far
	Second  result.Second // the last one; do not change its map

	// of Metric so far: recorded phases, or before the first of them everything; 0 while there are
	// too few samples to say
	P50, P99 time.Duration
	// the percentile is among calls that never ended: it is more than the value
	P50Beyond, P99Beyond bool
	Metric               string        // "delivery", or "ack" when nothing expects deliveries; "" = no samples yet
	LagMax               time.Duration // of the last second: one has too few messages for a percentile
	// of the generator in the last second, share of the cores that it may use
	CPU        float64
	ServerCPU  float64 // likewise
	Done       bool    // the trial has ended; Verdict and Reason are set
	Verdict    result.Verdict
	Reason     string
	LastErrors []string // the last kinds of errors seen, at most three

	// Checks are the file's rules as they stood at the end of the last full second; NoData
	// means that there is nothing to judge by yet. The last Progress of a trial has the
	// final ones. Do not change.
	Checks []result.Check
	// Classes are the errors by class, the most frequent first; refreshed once a second. Do not
	// change.
	Classes []ErrorClass
	// Doubt says in words that nothing has come back of a target so far, or that it has let nobody
	// into a room, although the time for it has passed; refreshed once a second. "" = none.
	Doubt string
}

// ErrorClass counts the errors of one kind.
type ErrorClass struct {
	Class string // connect.refused, ack.timeout, ...
	N     int64
	Text  string // message of the first; may be empty
}

// account is the account so far, and how many deliveries are missing past their late limit.
func (c *collector) account() (rows [][]ledger.Row, missing int64) {
	if c.fleet != nil {
		return c.fleet.soFar()
	}
	missing = c.t.ledger.Watch(c.t.readUpTo(c.at))
	return c.t.ledger.SoFar(c.rows[:0]), missing
}

// refresh updates those parts of the progress that change once a second.
func (c *collector) refresh(s *result.Second, took time.Duration) {
	p := &c.show
	p.DeliveriesPerS = float64(s.Received) / took.Seconds()
	p.Received += s.Received
	p.LagMax = time.Duration(s.Latency[metric.Lag].Maxus) * time.Microsecond
	p.CPU, p.ServerCPU = s.CPU, s.ServerCPU
	p.Seconds, p.Second = len(c.seconds), *s
	c.rows, p.Missing = c.account()
	e := c.evidence(c.rows)
	p.Ledger = e.Everything()
	var abort error
	if p.Checks, abort = c.live.Look(e); abort != nil {
		select {
		case c.t.life.aborted <- abort:
		default: // it is ending already
		}
	}
	p.Classes = errorClasses(c.t.errors.Classes())
	p.Doubt = c.doubt(e)
	p.Metric = ""
	for _, name := range []string{metric.Delivery, metric.Ack} {
		all := e.Peek(judge.Scope{Metric: name})
		if all.Total() == 0 {
			all = e.Peek(judge.Scope{Metric: name, Always: true})
		}
		if all.Total() > 0 {
			p.Metric = name
			p.P50, p.P50Beyond = stated(all, 50)
			p.P99, p.P99Beyond = stated(all, 99)
			return
		}
	}
}

// doubt is what a Progress shows as Doubt.
func (c *collector) doubt(e *judge.Evidence) string {
	t, p := c.t, &c.show
	late := p.Missing
	for _, class := range p.Classes {
		switch class.Class {
		case metric.Error(metric.ErrConnect, metric.HowJoin).String():
			if t.count.held.Load() == 0 && p.Sent == 0 {
				return result.Line(class.Text)
			}
		case metric.Error(metric.ErrAck, metric.HowTimeout).String():
			late += class.N
		}
	}
	if t.server.builtIn || late == 0 || p.Received > 0 || e.Peek(judge.Scope{Metric: metric.Ack, Always: true}).Count() > 0 {
		return ""
	}
	if rooms := t.emptyRooms(e.Ledger, false, true); rooms != "" { // as the report will say
		return rooms
	}
	return t.nothingCame("")
}

// stated is a percentile as a report would show it: 0 where the samples are too few, and else
// whether it is more than that.
func stated(all result.Samples, percentile float64) (d time.Duration, beyond bool) {
	us, beyond := all.Percentile(percentile)
	us = metric.Stated(all.Total(), percentile, us)
	return time.Duration(us) * time.Microsecond, beyond && us > 0
}

// progress shows the state now.
func (c *collector) progress() {
	t, p := c.t, &c.show
	now := max(0, t.now()) // a fleet begins a little later
	p.Elapsed = time.Duration(now)
	p.Left = t.at.after + max(0, p.Total-p.Elapsed)
	p.PhaseIndex = t.tl.PhaseAt(now)
	p.Recording = false
	if p.PhaseIndex < 0 {
		p.Phase, p.PhaseIndex, p.PhaseShare = "drain", len(t.tl.Spans)-1, 1
	} else {
		s := &t.tl.Spans[p.PhaseIndex]
		p.Phase, p.Recording = s.Name, s.Record
		p.PhaseShare = float64(now-s.Start) / float64(s.End-s.Start)
	}
	p.Asked, p.Held = int(t.count.asked.Load()), int(t.count.held.Load())
	p.Failed, p.Dropped = int(t.count.failed.Load()), int(t.count.dropped.Load())
	p.Sent, p.Offered = t.operations()
	p.HeldBack, p.GivenUp = t.unsent()
	p.Duplicate, p.Errors = t.count.duplicates.Load(), t.errors.Count()
	p.LastErrors = p.LastErrors[:0:0]
	classes := t.errors.Classes()
	for _, e := range classes[max(0, len(classes)-3):] {
		p.LastErrors = append(p.LastErrors, e.Class.String())
	}
	t.opt.Progress(*p)
}

// errorClasses are the classes as a Progress shows them, the largest first.
func errorClasses(sums []record.ErrorSum) []ErrorClass {
	out := make([]ErrorClass, 0, len(sums))
	for _, e := range sums {
		out = append(out, ErrorClass{Class: e.Class.String(), N: e.N, Text: e.Text})
	}
	slices.SortStableFunc(out, func(x, y ErrorClass) int { return cmp.Compare(y.N, x.N) })
	return out
}
