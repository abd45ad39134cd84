package scenario

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/throng-io/throng/scenario/file"
	"github.com/throng-io/throng/scenario/internal/judge"
	"github.com/throng-io/throng/scenario/internal/ledger"
	"github.com/throng-io/throng/scenario/internal/record"
	"github.com/throng-io/throng/scenario/metric"
	"github.com/throng-io/throng/scenario/result"
)

// Findings are a trial's measurements before they become a cell of the result.
type findings struct {
	t    *trial
	c    *collector
	e    *judge.Evidence
	cell *result.Cell
}

// report assembles the trial's measurements after all goroutines have stopped.
func (t *trial) report(c *collector, rows [][]ledger.Row, end judge.Ending, why error) *result.Cell {
	c.windows.End(c.at)
	c.timeline, c.unkept = c.history.all()
	e := c.evidence(rows)
	e.End, e.Ending = c.end, end
	if c.fleet != nil {
		e.Agents = c.fleet.evidence()
	}
	if why != nil {
		e.Cause = why.Error()
	}
	network, unfit := t.networkResult()
	_, held := c.clients()
	e.Mismatch, e.FaultFailed = cmp.Or(t.mismatch(rows), t.noJoins(held)), cmp.Or(t.acts.failure(), unfit)
	cell := &result.Cell{
		Params: t.spec.Params, ParamNames: t.spec.ParamNames, Trial: t.cell.Trial, Started: c.started, Settings: t.settings(), Seconds: e.Length(judge.Scope{}),
		Clients: result.Clients{
			Asked: int(t.count.most.Load()), Held: held, Failed: int(t.count.failed.Load()), Dropped: int(t.count.dropped.Load()),
			Waiting: int(t.count.waiting.Load()), SlowDropped: int(t.count.slowDropped.Load()), Moved: int(t.count.moved.Load()),
		},
		Latency: map[string]*result.Latency{}, Timeline: c.timeline, Errors: map[string]int64{},
	}
	if cell.Params == nil {
		cell.Params = map[string]string{}
	}
	for i, s := range t.tl.Spans {
		if s.Start < c.end {
			cell.Phases = append(cell.Phases, result.Phase{
				Name: s.Name, StartS: float64(s.Start) / 1e9, EndS: float64(min(s.End, c.end)) / 1e9, Record: s.Record, Fault: faultOf(&t.spec.Phases[i]),
			})
		}
	}
	f := &findings{t: t, c: c, e: e, cell: cell}
	f.ledger()
	f.latencies()
	f.nodes()
	if c.fleet != nil {
		cell.Agents = c.fleet.health()
	}
	cell.Curve = f.curve()
	cell.Unstamped = t.unstampedEvents()
	cell.Reconnects, cell.Peers = t.reconnects(e), t.count.peers.result(t)
	cell.Acts, cell.Network = t.acts.all(), network
	f.resources()
	cell.Wire = c.wire(e)
	if len(c.target) > 0 {
		cell.Target = c.target
	}
	cell.Trends = e.Trends()
	if c.fleet != nil {
		cell.Trends = append(cell.Trends, c.fleet.trends()...)
	}
	verdict := judge.Judge(e, t.rules())
	cell.Growing = e.Growing()
	cell.Evidence = judge.Keep(e)
	cell.Checks, cell.Verdict, cell.Reason = verdict.Checks, verdict.Verdict, verdict.Reason
	cell.Interrupted = end == judge.Interrupted
	cell.Warnings, cell.Notes = f.warnings(), f.notes()
	if t.spec.Secrets != nil {
		cell.MapText(t.spec.Secrets.Mask) // also from other sources than the error book
	}
	cell.Clean()
	p := c.show
	p.Done, p.Verdict, p.Reason, p.Left = true, cell.Verdict, cell.Reason, t.at.after
	p.Checks, p.Ledger, p.Missing = cell.Checks, cell.Ledger, cell.Ledger.Lost
	p.Classes = errorClasses(t.errors.Classes())
	t.opt.Progress(p)
	return cell
}

// latencies fills in the latencies and errors of the recorded phases.
func (f *findings) latencies() {
	add := func(name string, l *result.Latency) {
		if l != nil {
			f.cell.Latency[name] = l
		}
	}
	for _, name := range metric.Names(metric.Latency) {
		if !metric.OfGenerator(name) {
			add(name, f.latency(name, nil))
		}
	}
	add(metric.Delivery+metric.SlowSuffix, f.latency(metric.Delivery, map[string]string{metric.LabelRead: readLabel(true)}))
	for name, all := range f.e.Steps() {
		add(name, all.Latency())
	}
	for class, n := range f.e.ErrorsByClass() {
		f.cell.Errors[class.String()] = n
	}
}

// latency returns a metric's latencies in the recorded phases; nil without samples.
func (f *findings) latency(name string, labels map[string]string) *result.Latency {
	if all := f.e.Total(judge.Scope{Metric: name, Labels: labels}); all.Total() > 0 {
		return all.Latency()
	}
	return nil
}

// faultOf names the fault of a phase.
func faultOf(p *file.Phase) string {
	if p.Fault == nil {
		return ""
	}
	return p.Fault.Kind()
}

// settings are the parameters in force that two results could differ in.
func (t *trial) settings() map[string]string {
	s := map[string]string{"transport": strings.Join(t.kinds.transports, "+")}
	if t.server.builtIn && t.spec.Server != nil {
		s["fanout"] = t.spec.Server.Fanout
		if n := t.spec.Server.GOMAXPROCS; n > 0 {
			s["server_gomaxprocs"] = strconv.Itoa(n)
		}
	}
	if q := t.spec.Quick; q > 0 {
		s["quick"] = strconv.FormatFloat(q, 'g', -1, 64)
	}
	var sizes []string
	for _, st := range t.streams {
		size := strconv.Itoa(st.spec.Size)
		if !st.spec.Sizes.IsZero() {
			size = st.spec.Sizes.Text
		}
		if !slices.Contains(sizes, size) {
			sizes = append(sizes, size)
		}
	}
	if len(sizes) > 0 {
		s["payload_bytes"] = strings.Join(sizes, "+")
	}
	return s
}

// ledger fills in the ledger, the rates and the losses by second.
func (f *findings) ledger() {
	f.e.EachRow(func(x *record.Series, r *ledger.Row) {
		if x.Counted(nil) && r.Second < len(f.c.timeline) && f.t.opt.second == time.Second {
			f.c.timeline[r.Second].Lost += r.Lost
		}
	})
	cell := f.cell
	cell.Ledger = f.e.Account(nil, "")
	cell.Loss = cell.Ledger.Loss()
	f.parts()
	if cell.Seconds == 0 {
		return
	}
	cell.Messages = f.e.Messages("")
	sent, offered := f.e.Operations("")
	cell.Rates = result.Rates{
		OfferedPerS: float64(offered) / cell.Seconds, AchievedPerS: float64(sent) / cell.Seconds,
		DeliveriesPerS: float64(f.e.Arrived()) / cell.Seconds,
	}
}

// resources fills in the resources used by server and generator. CPU covers the seconds whose
// middle was recorded. Bytes cover the whole trial and are counted by the clients: bytes sent by
// the server are the bytes that they read.
func (f *findings) resources() {
	t, c, e := f.t, f.c, f.e
	g, s := &f.cell.Generator, &f.cell.Server
	recorded, busiest := 0, 0
	sum := 0.0
	for i := range e.Seconds {
		m := &e.Seconds[i]
		if m.Held > e.Seconds[busiest].Held {
			busiest = i
		}
		if !e.Recorded(m.Phase) {
			continue
		}
		recorded++
		sum += m.CPU
		g.CPUMax = max(g.CPUMax, m.CPU)
		g.GCPauseMaxus = max(g.GCPauseMaxus, c.timeline[i].GCPauseMaxus)
	}
	if recorded > 0 {
		g.CPUMean = sum / float64(recorded)
	}
	g.CPUs, s.CPUs, s.BrokerCPUs = c.spent.own.Seconds(), c.spent.server.Seconds(), c.spent.broker.Seconds()
	g.RSSPeakBytes, s.RSSPeakBytes = c.ownPeak, c.itsPeak
	g.LagReceive = f.latency(metric.LagReceive, nil)
	if g.Lag = f.latency(metric.Lag, nil); g.Lag != nil {
		g.LagP99us = g.Lag.P99us
	}
	g.BytesIn, g.BytesOut = t.count.bytesIn.Load(), t.count.bytesOut.Load()
	s.BytesIn, s.BytesOut = g.BytesOut, g.BytesIn
	g.Clamped = t.rec.Outside()
	s.Target, s.BuiltIn, s.SameMachine = t.server.ep.URL, t.server.builtIn, t.server.sameMachine()
	if len(e.Seconds) > 0 && e.Target.RSSBefore >= 0 {
		if b := &e.Seconds[busiest]; b.Held > 0 && b.ServerRSS > 0 {
			s.RSSPerClientBytes = max(0, (b.ServerRSS-e.Target.RSSBefore)/int64(b.Held))
		}
	}
	if s.CPUs > 0 {
		s.DeliveriesPerCPUs = float64(e.Arrived()) / s.CPUs
	}
}

// curve is the receiver curve of the broadcast stream with the most deliveries: streams of
// different reach have no curve in common.
func (f *findings) curve() []result.CurvePoint {
	var best *stream
	most := int64(0)
	for i, s := range f.t.streams {
		n := int64(0)
		for _, r := range f.e.Ledger[i] {
			if f.e.Recorded(r.Phase) {
				n += r.Received + r.Late
			}
		}
		if n > most && s.spec.To.Kind != file.ToSelf {
			best, most = s, n
		}
	}
	if best == nil {
		return nil
	}
	var points []result.CurvePoint
	for p := range curvePoints {
		point := &f.t.kinds.series[best.points+p]
		sum := f.e.Totals.Peek(func(s *record.Series, phase int) bool { return s == point && f.e.Recorded(phase) })
		if n := sum.Count(); n > 0 {
			q := result.Percentiles(sum.Ended, 50, 99)
			points = append(points, result.CurvePoint{Rank: float64(p) / (curvePoints - 1), P50us: q[0], P99us: q[1], N: n})
		}
	}
	return points
}

// stillWaiting says at which stages clients were still connecting at the end.
func stillWaiting(cell *result.Cell) string {
	if cell.Clients.Waiting == 0 {
		return ""
	}
	var stages []string
	for _, class := range slices.Sorted(maps.Keys(cell.Errors)) {
		if c := metric.ParseErrorClass(class); c.Kind == metric.ErrWaiting {
			stages = append(stages, fmt.Sprintf("%s %d", c.How, cell.Errors[class]))
		}
	}
	return fmt.Sprintf("; %d waited for an answer, by stage: %s", cell.Clients.Waiting, strings.Join(stages, ", "))
}
