package judge

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/throng-io/throng/scenario/file"
	"github.com/throng-io/throng/scenario/internal/ledger"
	"github.com/throng-io/throng/scenario/internal/plan"
	"github.com/throng-io/throng/scenario/internal/record"
	"github.com/throng-io/throng/scenario/metric"
	"github.com/throng-io/throng/scenario/result"
)

// endings are the names of the endings in results, by Ending.
var endings = []string{RanOut: "ran_out", Interrupted: "interrupted", ServerGone: result.EndServerGone, Aborted: "aborted"}

// Keep returns the part of the evidence that a cell does not hold otherwise, so that Recall can
// restore it.
func Keep(e *Evidence) *result.Evidence {
	out := &result.Evidence{
		Ending: endings[e.Ending], Cause: e.Cause, Mismatch: e.Mismatch, Faults: len(e.Faults) > 0, FaultFailed: e.FaultFailed, ScaledDown: e.ScaledDown,
		RSSBefore: e.Target.RSSBefore, StandstillS: time.Duration(e.Standstill).Seconds(), PatienceS: time.Duration(e.Patience).Seconds(),
	}
	for _, f := range e.Faults {
		out.FaultPhases = append(out.FaultPhases, f.Phase)
		out.FaultEnds = append(out.FaultEnds, result.EvidenceFault{AtS: float64(f.Over) / 1e9, PatienceS: float64(f.Patience) / 1e9, Lossless: f.Lossless, Silences: f.Silences, Behind: f.Behind})
	}
	for _, g := range e.Groups {
		out.Groups = append(out.Groups, result.EvidenceGroup(g))
	}
	for _, c := range e.Classes {
		out.Classes = append(out.Classes, result.EvidenceClass(c))
	}
	for _, s := range e.Streams {
		out.Streams = append(out.Streams, result.EvidenceStream{
			Group: s.Group, Op: s.Op, Event: s.Event, Volatile: s.Volatile, Asks: s.Asks, LateS: s.Late.Seconds(), Offered: s.Offered, Sent: s.Sent,
			Held: s.Held, Dropped: s.Dropped,
		})
	}
	kept := func(s *record.Series, _ int) bool { return !s.Hidden || metric.IsNet(s.Metric) }
	e.Totals.Each(kept, func(at, phase int, all result.Samples) {
		s := &e.Totals.Series[at]
		out.Series = append(out.Series, result.EvidenceSeries{
			Metric: s.Metric, Group: s.Group, From: s.From, Op: s.Op, Event: s.Event, Transport: s.Transport, Decile: s.Decile,
			Slow: s.Slow, AllSlow: s.AllSlow, Volatile: s.Volatile, Replayed: s.Replayed, Node: s.Node, Cross: s.Cross, Phase: phase, Latency: all.Latency(),
		})
	})
	slices.SortFunc(out.Series, func(a, b result.EvidenceSeries) int {
		return cmp.Or(metric.Order(a.Metric, b.Metric), cmp.Compare(a.Phase, b.Phase), cmp.Compare(a.Group, b.Group), cmp.Compare(a.From, b.From),
			cmp.Compare(a.Op, b.Op), cmp.Compare(a.Event, b.Event), cmp.Compare(a.Transport, b.Transport), cmp.Compare(a.Decile, b.Decile),
			cmp.Compare(a.Node, b.Node), cmp.Compare(a.Cross, b.Cross))
	})
	for i, rows := range e.Ledger {
		for _, r := range rows {
			out.Ledger = append(out.Ledger, result.EvidenceRow{Stream: i, Phase: r.Phase, Second: r.Second, Class: r.Class, From: r.From, Decile: r.Decile, Replayed: r.Replayed, Cut: r.Cut, Ledger: r.Ledger})
		}
	}
	for _, r := range e.Errors {
		out.Errors = append(out.Errors, result.EvidenceErrors{
			Class: r.Class.String(), Stream: r.Stream, Group: r.Group, Phase: r.Phase, Second: r.Second, N: r.N,
		})
	}
	slices.SortFunc(out.Errors, func(a, b result.EvidenceErrors) int {
		return cmp.Or(cmp.Compare(a.Second, b.Second), cmp.Compare(a.Class, b.Class), cmp.Compare(a.Stream, b.Stream), cmp.Compare(a.Group, b.Group))
	})
	for _, r := range e.Returns {
		out.Returns = append(out.Returns, result.EvidenceReturn{
			Group: r.Group, Phase: r.Phase, Back: r.Back, Never: r.Never, Recovered: r.Recovered,
			BrokeAtS: float64(r.BrokeAt) / 1e9, BackAtS: float64(r.BackAt) / 1e9,
		})
	}
	for _, s := range e.Seconds {
		out.Seconds = append(out.Seconds, result.EvidenceSecond{Phase: s.Phase, Offered: s.Offered, ServerCPU: s.ServerCPU})
	}
	return out
}

// A Log returns a saved run's samples of a metric by the second; nil when there are none.
type Log func(metric string) []result.Interval

// Saved lists the gaps in the evidence of a saved result.
type Saved struct {
	whole bool            // the cell had Evidence
	logs  map[string]bool // metrics that there is a log of
	bare  map[string]bool // metrics of which there are percentiles and no histogram
}

// Recall makes the evidence of a saved cell. It needs the rules of the coming judgement, because
// their windows over latencies are looked up in the logs. The logs no longer separate recorded
// phases within one second. A rule that the result cannot answer is "not in this result".
func Recall(cell *result.Cell, rules Rules, log Log) (*Evidence, error) {
	if len(cell.Phases) == 0 {
		return nil, fmt.Errorf("the result has no phases: it was not written by throng run")
	}
	var phases []file.Phase
	for _, p := range cell.Phases {
		phases = append(phases, file.Phase{Name: p.Name, Record: p.Record, For: time.Duration(math.Round((p.EndS - p.StartS) * 1e9))})
	}
	e := &Evidence{Timeline: plan.NewTimeline(phases), Saved: &Saved{logs: map[string]bool{}, bare: map[string]bool{}}, Target: Target{RSSBefore: -1}}
	e.End, e.At = e.Timeline.End, max(e.Timeline.End, int64(len(cell.Timeline))*1e9)
	e.Clients = Clients{Failed: int64(cell.Clients.Failed), Dropped: int64(cell.Clients.Dropped)}
	for i := range cell.Timeline {
		s := &cell.Timeline[i]
		e.Seconds = append(e.Seconds, Second{
			Phase: e.Timeline.PhaseAt(int64(s.T*1e9) + 5e8), Sent: s.Sent, CPU: s.CPU, ServerCPU: s.ServerCPU,
			RSS: s.RSSBytes, ServerRSS: s.ServerRSSBytes, Held: s.Held,
		})
		e.Seconds[i].Take(s)
	}
	var err error
	if cell.Evidence != nil {
		err = e.recall(cell.Evidence)
	} else {
		err = e.recallOld(cell)
	}
	if err != nil {
		return nil, err
	}
	if err := e.recallAgents(cell.Agents); err != nil {
		return nil, err
	}
	e.recallWindows(cell, rules, log)
	return e, nil
}

// recall takes over what Keep has kept. It is from a file, so that its places in lists may be
// wrong.
func (e *Evidence) recall(from *result.Evidence) error {
	e.Saved.whole = true
	e.Ending = Ending(max(0, slices.Index(endings, from.Ending))) // a result that is read has no other word
	e.Cause, e.Mismatch, e.ScaledDown, e.Target.RSSBefore = from.Cause, from.Mismatch, from.ScaledDown, from.RSSBefore
	e.FaultFailed, e.Standstill = from.FaultFailed, int64(math.Round(from.StandstillS*1e9))
	e.Patience = int64(math.Round(from.PatienceS * 1e9))
	if err := e.recallFaults(from); err != nil {
		return err
	}
	phases := len(e.Timeline.Spans)
	for _, g := range from.Groups {
		e.Groups = append(e.Groups, Group(g))
	}
	for _, c := range from.Classes {
		e.Classes = append(e.Classes, Class(c))
	}
	for _, s := range from.Streams {
		if len(s.Sent) < len(s.Offered) {
			return fmt.Errorf("the result's evidence has %d counts of sent messages and %d of offered messages", len(s.Sent), len(s.Offered))
		}
		e.Streams = append(e.Streams, Stream{
			Group: s.Group, Op: s.Op, Event: s.Event, Volatile: s.Volatile, Asks: s.Asks,
			Late: time.Duration(s.LateS * 1e9), Offered: s.Offered, Sent: s.Sent, Held: s.Held, Dropped: s.Dropped,
		})
	}
	if err := e.recallSeries(from, phases); err != nil {
		return err
	}
	e.Ledger = make([][]ledger.Row, len(e.Streams))
	for i, r := range from.Ledger {
		if r.Stream < 0 || r.Stream >= len(e.Streams) || r.Class < ledger.Everybody || r.Class >= len(e.Classes) {
			return fmt.Errorf("in the result's evidence, row %d of the ledger names no stream or class of the scenario", i)
		}
		e.Ledger[r.Stream] = append(e.Ledger[r.Stream], ledger.Row{Phase: r.Phase, Second: r.Second, Class: r.Class, From: r.From, Decile: r.Decile, Replayed: r.Replayed, Cut: r.Cut, Ledger: r.Ledger})
	}
	for i, r := range from.Errors {
		if r.Stream < -1 || r.Stream >= len(e.Streams) || r.Group < 0 || r.Group >= len(e.Groups) {
			return fmt.Errorf("in the result's evidence, row %d of the errors names no stream or group of the scenario", i)
		}
		key := record.ErrorKey{Class: metric.ParseErrorClass(r.Class), Stream: r.Stream, Group: r.Group}
		e.Errors = append(e.Errors, record.ErrorCount{ErrorKey: key, Phase: r.Phase, Second: r.Second, N: r.N})
	}
	for _, r := range from.Returns {
		if r.Group < 0 || r.Group >= len(e.Groups) {
			return fmt.Errorf("the result's evidence has returned clients of an unknown group")
		}
		e.Returns = append(e.Returns, Return{
			Group: r.Group, Phase: r.Phase, Back: r.Back, Never: r.Never, Recovered: r.Recovered,
			BrokeAt: nanoseconds(r.BrokeAtS), BackAt: nanoseconds(r.BackAtS),
		})
	}
	for i := range min(len(e.Seconds), len(from.Seconds)) {
		s := &from.Seconds[i]
		e.Seconds[i].Phase, e.Seconds[i].Offered, e.Seconds[i].ServerCPU = s.Phase, s.Offered, s.ServerCPU
	}
	return nil
}

// recallFaults takes over what is known of the faults. In earlier versions one explained the whole
// run, and later all that followed it.
func (e *Evidence) recallFaults(from *result.Evidence) error {
	if from.Faults && len(from.FaultPhases) == 0 {
		e.Faults = []Fault{endless(0)}
	}
	if len(from.FaultEnds) > 0 && len(from.FaultEnds) != len(from.FaultPhases) {
		return fmt.Errorf("the result's evidence has %d phases with faults and %d ends of faults", len(from.FaultPhases), len(from.FaultEnds))
	}
	for i, phase := range from.FaultPhases {
		f := endless(phase)
		if len(from.FaultEnds) > 0 {
			end := &from.FaultEnds[i]
			f.Over, f.Patience = nanoseconds(end.AtS), nanoseconds(end.PatienceS)
			f.Lossless, f.Silences, f.Behind = end.Lossless, end.Silences, end.Behind
		}
		e.Faults = append(e.Faults, f)
	}
	return nil
}

// endless is a fault of which it is not known when it ended.
func endless(phase int) Fault {
	return Fault{Phase: phase, Over: math.MaxInt64, Patience: math.MaxInt64}
}

// nanoseconds is a time of a result, which is in seconds.
func nanoseconds(s float64) int64 {
	switch ns := math.Round(s * 1e9); {
	case ns >= 1e18: // no trial lasts so long
		return math.MaxInt64
	case ns >= 0:
		return int64(ns)
	}
	return 0
}

func (e *Evidence) recallSeries(from *result.Evidence, phases int) error {
	var series []record.Series
	at := make([]int, len(from.Series))
	for i, s := range from.Series {
		if s.Phase < 0 || s.Phase >= phases {
			return fmt.Errorf("the result's evidence has a series of %s in an unknown phase", s.Metric)
		}
		own := record.Series{
			Metric: s.Metric, Group: s.Group, From: s.From, Op: s.Op, Event: s.Event, Transport: s.Transport, Decile: s.Decile,
			Slow: s.Slow, AllSlow: s.AllSlow, Volatile: s.Volatile, Replayed: s.Replayed, Node: s.Node, Cross: s.Cross, Hidden: metric.IsNet(s.Metric),
		}
		if at[i] = slices.Index(series, own); at[i] < 0 {
			at[i] = len(series)
			series = append(series, own)
		}
	}
	e.Totals = record.NewTotals(series, phases)
	for i, s := range from.Series {
		all, err := s.Latency.Samples()
		if err != nil {
			return fmt.Errorf("the result's evidence of %s: %w", s.Metric, err)
		}
		e.Totals.Merge(at[i], s.Phase, all)
	}
	return nil
}

// recallOld makes do with a result that has no Evidence: sums over the recorded phases, without
// labels.
func (e *Evidence) recallOld(cell *result.Cell) error {
	spans := e.Timeline.Spans
	recorded := max(0, slices.IndexFunc(spans, func(s plan.Span) bool { return s.Record }))
	var series []record.Series
	var latencies []*result.Latency
	take := func(name string, l *result.Latency) {
		switch {
		case l == nil || l.N+l.Never == 0:
		case l.HDR == "" && l.N > 0 || l.NeverHDR == "" && l.Never > 0:
			e.Saved.bare[name] = true
		default:
			series, latencies = append(series, record.Series{Metric: name}), append(latencies, l)
		}
	}
	for name, l := range cell.Latency {
		take(name, l)
	}
	take(metric.Lag, cell.Generator.Lag)
	take(metric.LagReceive, cell.Generator.LagReceive)
	e.Totals = record.NewTotals(series, len(spans))
	for i, l := range latencies {
		all, err := l.Samples()
		if err != nil {
			return fmt.Errorf("%s: %w", series[i].Metric, err)
		}
		e.Totals.Merge(i, recorded, all)
	}
	one := Stream{Offered: make([]int64, len(spans)), Sent: make([]int64, len(spans))}
	one.Offered[recorded] = int64(math.Round(cell.Rates.OfferedPerS * cell.Seconds))
	one.Sent[recorded] = int64(math.Round(cell.Rates.AchievedPerS * cell.Seconds))
	e.Streams = []Stream{one}
	e.Groups = []Group{{Attempts: make([]int64, len(spans))}}
	e.Ledger = [][]ledger.Row{{{Phase: recorded, Second: int(spans[recorded].Start / 1e9), Class: ledger.Everybody, Ledger: cell.Ledger}}}
	for class, n := range cell.Errors {
		key := record.ErrorKey{Class: metric.ParseErrorClass(class), Stream: -1}
		e.Errors = append(e.Errors, record.ErrorCount{ErrorKey: key, Phase: recorded, N: n})
	}
	if r := cell.Reconnects; r != nil {
		e.Returns = []Return{{Phase: recorded, Back: r.Back, Never: r.Lost - r.Back, Recovered: r.Recovered}}
	}
	for i, p := range cell.Phases {
		if p.Fault != "" {
			e.Faults = append(e.Faults, endless(i))
		}
	}
	if cell.Interrupted {
		e.Ending = Interrupted
	}
	return nil
}

// recallWindows looks the windows over latencies up in the logs.
func (e *Evidence) recallWindows(cell *result.Cell, rules Rules, log Log) {
	series, logs := e.windowLogs(rules, log)
	ws := NewWindows(e.Timeline, series, rules)
	until := int64(0)
	for i := range cell.Timeline {
		from := int64(cell.Timeline[i].T * 1e9)
		until = from + 1e9
		if i+1 < len(cell.Timeline) {
			until = int64(cell.Timeline[i+1].T * 1e9)
		}
		ws.Begin()
		for at := range logs {
			for len(logs[at]) > 0 && int64(logs[at][0].From+logs[at][0].To)/2 < until {
				if phase := e.phaseOf(&logs[at][0], (from+until)/2); phase >= 0 {
					addAll(ws, at, phase, logs[at][0].Histogram())
				}
				logs[at] = logs[at][1:]
			}
		}
		ws.Finish(from, until)
	}
	ws.End(until)
	e.Windows = ws.Found()
}

// windowLogs are the logs that the rules on windows over latencies need, as far as there are any,
// and what each is of.
func (e *Evidence) windowLogs(rules Rules, log Log) (series []record.Series, logs [][]result.Interval) {
	for _, k := range rules.All() {
		if k.Over == 0 || !ofSamples(&k) {
			continue
		}
		for _, s := range []record.Series{{Metric: k.Metric}, {Metric: k.Metric, Slow: true}} {
			if e.Saved.logs[s.Interval()] {
				continue
			}
			if intervals := log(s.Interval()); intervals != nil {
				e.Saved.logs[s.Interval()] = true
				series, logs = append(series, s), append(logs, intervals)
			}
		}
	}
	return series, logs
}

func addAll(ws *Windows, series, phase int, h *hdrhistogram.Histogram) {
	for _, bar := range h.Distribution() {
		if bar.Count > 0 {
			ws.Add(series, phase, bar.From, bar.Count)
		}
	}
}

// phaseOf is the phase of which the samples of an interval are: the one of its tag; without one the
// recorded phase at a moment, or the last before it; -1: none.
func (e *Evidence) phaseOf(x *result.Interval, at int64) int {
	spans := e.Timeline.Spans
	if x.Tag != "" {
		return slices.IndexFunc(spans, func(s plan.Span) bool { return s.Name == x.Tag })
	}
	for i, s := range slices.Backward(spans) {
		if s.Record && s.Start <= at {
			return i
		}
	}
	return -1
}

// lacks reports whether a rule needs evidence that a saved result does not hold.
func (e *Evidence) lacks(k *file.Check) bool {
	if e.Saved == nil {
		return false
	}
	slow := k.Metric == metric.Delivery && len(k.Labels) == 1 && k.Labels[metric.LabelRead] == "slow"
	if ofSamples(k) && k.Over > 0 {
		s := record.Series{Metric: k.Metric, Slow: slow}
		return len(k.Labels) > 0 && !slow || !e.Saved.logs[s.Interval()]
	}
	switch {
	case e.Saved.whole:
		return false
	case ofSamples(k) && e.Saved.bare[k.Metric]:
		return true
	}
	m, _ := metric.Of(k.Metric)
	switch {
	case m.Kind == metric.Sampled:
		return k.Metric == metric.ServerRSSPerClient || len(e.Seconds) == 0
	case k.Stat == metric.StatErrors, len(k.Labels) > 0, k.Phase != "":
		return true
	}
	return k.Over > 0
}
