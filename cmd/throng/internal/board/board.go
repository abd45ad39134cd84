// Package board keeps the state of a run while it runs, for its viewers: the terminal, the web
// page, and viewers that join late.
//
// The runner hands over its [scenario.Progress] some four times a second, and the board copies what
// matters: a state of the moment and a point for each full second. Watchers take copies at their
// own pace, so that a slow one, or a terminal that is held, never delays the measurement. Memory is
// bounded: of a trial of hours, older seconds are merged.
package board

import (
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/throng-io/throng/scenario"
	"github.com/throng-io/throng/scenario/metric"
	"github.com/throng-io/throng/scenario/result"
)

// MaxPoints bounds the points kept of a trial. When there would be more, each two of them become
// one.
const MaxPoints = 1200

// Board is the state of one run of a scenario. Its methods may be called from any goroutine.
type Board struct {
	mu     sync.Mutex
	state  State
	points []Point
	merged int // seconds in a point
	taken  int // seconds of the trial that are in points
	open   int // seconds in the last point, when it is not full
}

// The stages of a trial.
const (
	Starting  = "starting"  // before the first sign of it, and between trials
	WarmUp    = "warm-up"   // a phase that is not recorded
	Recording = "recording" // a phase that counts
	Draining  = "draining"  // the phases are over, and what was on its way is awaited
	Ended     = "ended"     // the trial has its verdict
)

// State is a run at one moment. Slices and maps are never changed after it was handed out.
type State struct {
	Name    string    `json:"name"`
	About   string    `json:"about,omitempty"`
	Started time.Time `json:"started"`

	// grows with each trial that begins: points of another one do not belong to it
	Epoch   int               `json:"epoch"`
	Cell    int               `json:"cell"` // of this trial, from 1; 0 before the first
	Cells   int               `json:"cells"`
	Trial   int               `json:"trial"`
	Params  map[string]string `json:"params,omitempty"`
	Stage   string            `json:"stage"`
	Phase   string            `json:"phase,omitempty"`
	Index   int               `json:"phase_index"` // of Phase in Plan
	Plan    []result.Phase    `json:"plan,omitempty"`
	Elapsed float64           `json:"elapsed_s"` // of the trial, in seconds, like the next two
	Total   float64           `json:"total_s"`
	Left    float64           `json:"left_s"` // of the whole run

	Asked   int `json:"asked"`
	Held    int `json:"held"`
	Failed  int `json:"failed"`
	Dropped int `json:"dropped"`

	Offered int64 `json:"offered"`
	Sent    int64 `json:"sent"`
	// of what was offered: messages that wait for their sender to be back
	HeldBack  int64         `json:"held_back"`
	GivenUp   int64         `json:"given_up"` // messages that were dropped
	Received  int64         `json:"received"` // deliveries so far
	Missing   int64         `json:"missing"`  // deliveries past their late limit
	Duplicate int64         `json:"duplicate"`
	Ledger    result.Ledger `json:"ledger"` // of the messages whose late limit has passed
	Metric    string        `json:"metric,omitempty"`
	Latency                 // of Metric so far
	Errors    int64         `json:"errors"`
	Classes   []Class       `json:"classes,omitempty"`
	Checks    []Check       `json:"checks,omitempty"`
	Doubt     string        `json:"doubt,omitempty"` // that the target may not fit the scenario
	Last      Point         `json:"last"`            // the last full second

	Trials   []Trial        `json:"trials,omitempty"` // those that have ended
	Stopping bool           `json:"stopping,omitempty"`
	Done     bool           `json:"done,omitempty"` // the whole run has ended
	Verdict  result.Verdict `json:"verdict,omitempty"`
	Reason   string         `json:"reason,omitempty"`
	Report   string         `json:"report,omitempty"` // path of the report when Done
	Address  string         `json:"-"`                // of the web page that shows the same; "" = none
}

// Latency is two percentiles; 0 stands for too few samples to say, as in reports.
type Latency struct {
	P50us int64 `json:"p50_us"`
	P99us int64 `json:"p99_us"`
	// the percentile is among calls that never ended: it is more than the value
	P50Beyond bool `json:"p50_beyond,omitempty"`
	P99Beyond bool `json:"p99_beyond,omitempty"`
}

// Point is a second of a trial, or several of them merged: then counts are means and latencies the
// highest.
type Point struct {
	T          float64 `json:"t"` // start, in seconds since the trial's start
	Sent       float64 `json:"sent_per_s"`
	Deliveries float64 `json:"deliveries_per_s"`
	Asked      int     `json:"asked"`
	Held       int     `json:"held"`
	P50us      int64   `json:"p50_us"` // of the state's Metric; 0: too few samples to say
	P99us      int64   `json:"p99_us"`
	Maxus      int64   `json:"max_us"`
	Lagus      int64   `json:"lag_us"` // the highest; 0: nothing was sent
	GCus       int64   `json:"gc_us"`
	CPU        float64 `json:"cpu"` // share of the cores that it may use, like the next
	ServerCPU  float64 `json:"server_cpu"`
	ServerRSS  int64   `json:"server_rss_bytes"`
	Errors     float64 `json:"errors_per_s"`
}

// The ways in which a check stands.
const (
	Holds   = "pass"
	Broken  = "fail"
	Waiting = "wait" // nothing to judge by yet
)

// Check is a rule as it stands.
type Check struct {
	Text     string  `json:"check"`
	Kind     string  `json:"kind"` // result.KindSLO or result.KindValid
	Metric   string  `json:"metric,omitempty"`
	State    string  `json:"state"`
	Value    string  `json:"value"` // with its unit; while Waiting what is missing, "" for any data
	Limit    float64 `json:"limit"`
	Unit     string  `json:"unit,omitempty"`
	Optional bool    `json:"optional,omitempty"`
}

// Class is a kind of errors.
type Class struct {
	Class string `json:"class"`
	N     int64  `json:"n"`
	Text  string `json:"text,omitempty"` // what the first of them said
}

// Trial is one that has ended.
type Trial struct {
	Cell    int               `json:"cell"`
	Params  map[string]string `json:"params,omitempty"`
	Trial   int               `json:"trial"`
	Verdict result.Verdict    `json:"verdict"`
	Reason  string            `json:"reason,omitempty"`
	Metric  string            `json:"metric,omitempty"`
	Latency                   // of Metric
}

// New returns the board of a run that has not begun.
func New(name, about string) *Board {
	return &Board{state: State{Name: name, About: about, Started: time.Now(), Stage: Starting}, merged: 1}
}

// Update takes the runner's progress. It never waits for a watcher.
func (b *Board) Update(p scenario.Progress) {
	b.mu.Lock()
	defer b.mu.Unlock()
	s := &b.state
	if p.Cell != s.Cell || s.Stage == Ended { // another trial
		b.points, b.merged, b.taken, b.open = nil, 1, 0, 0
		s.Last = Point{}
		s.Epoch++
	}
	s.Cell, s.Cells, s.Trial, s.Params = p.Cell, p.Cells, p.Trial, p.Params
	s.Phase, s.Index, s.Plan = p.Phase, p.PhaseIndex, p.Plan
	s.Elapsed, s.Total, s.Left = p.Elapsed.Seconds(), p.Total.Seconds(), p.Left.Seconds()
	s.Asked, s.Held, s.Failed, s.Dropped = p.Asked, p.Held, p.Failed, p.Dropped
	s.Offered, s.Sent, s.Received, s.Missing, s.Duplicate, s.Ledger = p.Offered, p.Sent, p.Received, p.Missing, p.Duplicate, p.Ledger
	s.HeldBack, s.GivenUp = p.HeldBack, p.GivenUp
	s.Metric, s.Errors, s.Doubt = p.Metric, p.Errors, p.Doubt
	s.Latency = Latency{p.P50.Microseconds(), p.P99.Microseconds(), p.P50Beyond, p.P99Beyond}
	s.Stage = stage(&p)
	if p.Seconds > b.taken {
		b.taken = p.Seconds
		b.second(&p)
	}
	if p.Seconds > 0 || p.Done {
		s.Checks, s.Classes = checks(p.Checks), classes(p.Classes)
	} else {
		s.Checks, s.Classes = nil, nil
	}
	if p.Done {
		s.Trials = append(slices.Clip(s.Trials), Trial{
			Cell: p.Cell, Params: p.Params, Trial: p.Trial, Verdict: p.Verdict, Reason: p.Reason, Metric: s.Metric, Latency: s.Latency,
		})
	}
}

func stage(p *scenario.Progress) string {
	switch {
	case p.Done:
		return Ended
	case p.Phase == "" || p.Phases == 0:
		return Starting
	case p.Phase == "drain":
		return Draining
	case p.Recording:
		return Recording
	}
	return WarmUp
}

// second adds the last full second.
func (b *Board) second(p *scenario.Progress) {
	s := &p.Second
	q := s.Latency[p.Metric]
	var lag int64
	if l := s.Latency[metric.Lag]; l.N > 0 {
		lag = max(1, l.Maxus)
	}
	now := Point{
		T: s.T, Sent: float64(s.Sent), Deliveries: p.DeliveriesPerS, Asked: s.Asked, Held: s.Held, P50us: metric.Stated(q.N, 50, q.P50us), P99us: metric.Stated(q.N, 99, q.P99us), Maxus: q.Maxus,
		Lagus: lag, GCus: s.GCPauseMaxus, CPU: s.CPU, ServerCPU: s.ServerCPU, ServerRSS: s.ServerRSSBytes, Errors: float64(s.Errors),
	}
	b.state.Last = now
	if b.open > 0 {
		last := &b.points[len(b.points)-1]
		*last = merge(*last, float64(b.open), now, 1)
	} else {
		if len(b.points) == MaxPoints { // all of them full
			for i := range MaxPoints / 2 {
				b.points[i] = merge(b.points[2*i], 1, b.points[2*i+1], 1)
			}
			b.points, b.merged = b.points[:MaxPoints/2], 2*b.merged
		}
		b.points = append(b.points, now)
	}
	b.open = (b.open + 1) % b.merged
}

// merge makes one point of two that stand for so many seconds.
func merge(a Point, m float64, b Point, n float64) Point {
	mean := func(x, y float64) float64 { return (x*m + y*n) / (m + n) }
	return Point{
		T: a.T, Sent: mean(a.Sent, b.Sent), Deliveries: mean(a.Deliveries, b.Deliveries), Asked: b.Asked, Held: b.Held,
		P50us: max(a.P50us, b.P50us), P99us: max(a.P99us, b.P99us), Maxus: max(a.Maxus, b.Maxus), Lagus: max(a.Lagus, b.Lagus), GCus: max(a.GCus, b.GCus),
		CPU: mean(a.CPU, b.CPU), ServerCPU: mean(a.ServerCPU, b.ServerCPU), ServerRSS: b.ServerRSS, Errors: mean(a.Errors, b.Errors),
	}
}

func checks(all []result.Check) []Check {
	out := make([]Check, 0, len(all))
	for _, k := range all {
		c := Check{Text: k.Text, Kind: k.Kind, Metric: k.Metric, State: Broken, Value: metric.FormatFound(k.Value, k.Limit, k.Beyond, k.Unit), Limit: k.Limit, Unit: k.Unit, Optional: k.Optional}
		switch {
		case k.Undecided:
			c.State, c.Value = Waiting, "too few samples"
		case k.NoData:
			c.State, c.Value = Waiting, ""
		case k.Pass:
			c.State = Holds
		}
		out = append(out, c)
	}
	return out
}

func classes(all []scenario.ErrorClass) []Class {
	out := make([]Class, 0, len(all))
	for _, c := range all {
		out = append(out, Class{c.Class, c.N, c.Text})
	}
	return out
}

// Stopping notes that the user has asked for an early end.
func (b *Board) Stopping() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.state.Stopping = true
}

// End notes the outcome of the whole run and where its report is; "" = there is none.
func (b *Board) End(v result.Verdict, reason, report string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.state.Done, b.state.Verdict, b.state.Reason, b.state.Report = true, v, reason, report
	b.state.Left = 0
}

// Page notes where the web page is that shows the same.
func (b *Board) Page(address string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.state.Address = address
}

// Read returns the state of the moment and at most n points of its trial, the newest; n < 0 is all
// of them. The two belong together.
func (b *Board) Read(n int) (State, []Point) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.read(), b.last(n)
}

// State returns the state of the moment.
func (b *Board) State() State {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.read()
}

func (b *Board) read() State {
	s := b.state
	s.Params = maps.Clone(s.Params)
	return s
}

// last copies the newest points.
func (b *Board) last(n int) []Point {
	from := 0
	if n >= 0 {
		from = max(0, len(b.points)-n)
	}
	return slices.Clone(b.points[from:])
}
