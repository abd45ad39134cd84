package judge

import (
	"time"

	"github.com/throng-io/throng/scenario/file"
	"github.com/throng-io/throng/scenario/internal/ledger"
	"github.com/throng-io/throng/scenario/internal/plan"
	"github.com/throng-io/throng/scenario/internal/record"
	"github.com/throng-io/throng/scenario/metric"
	"github.com/throng-io/throng/scenario/result"
)

// Rules are the rules of a scenario.
type Rules struct {
	SLO   []file.Check // of the target: a broken one fails the trial
	Valid []file.Check // of the generator: a broken one makes it invalid
}

// All lists the rules in the order in which results have them.
func (r Rules) All() []file.Check { return append(append([]file.Check(nil), r.Valid...), r.SLO...) }

// Recent is for how long Live needs the rows of the ledger by the second, from when their messages
// can no longer be on their way: one minute and the longest window.
func (r Rules) Recent() time.Duration {
	longest := time.Minute
	for _, k := range r.All() {
		if metric.OfLedger(k.Stat) {
			longest = max(longest, k.Over+time.Minute)
		}
	}
	return longest
}

// Evidence is everything that a verdict may see of a trial. The caller that fills it owns its
// slices and must not change them during a judgement. Times are nanoseconds since the trial's
// start.
type Evidence struct {
	Timeline   *plan.Timeline
	Faults     []Fault // in order of time
	ScaledDown bool    // the run shows that the scenario works, not its figures at full size
	At         int64   // until when there is evidence: the end of the last second
	// when the phases ended or were cut short; while they run, until when they have run
	End      int64
	Ending   Ending // of an ended trial
	Cause    string // of the ending; may be empty
	Mismatch string // how the scenario and the target misunderstand each other; "": they do not

	FaultFailed string // a fault that did not happen as the scenario describes it, and why; "": all did
	Standstill  int64  // the longest time for which the generator did not run, in nanoseconds
	// the shortest time for which a server waits for a sign of a client before it gives it up,
	// likewise; 0: not known
	Patience int64

	Agents  []Agent // of a fleet; nil: the clients were in one process
	Groups  []Group
	Classes []Class  // of clients, as the rows of the ledger number them
	Streams []Stream // as ledger and errors number them

	Totals  *record.Totals // latencies by series and phase
	Windows []Window       // findings of Windows
	Ledger  [][]ledger.Row // by stream
	Seconds []Second       // one a second, recorded phases or not
	Errors  []record.ErrorCount
	Returns []Return
	Clients Clients
	Target  Target
	Saved   *Saved // nil: all of it is there
}

// An Ending is why a trial ended.
type Ending int

// The endings.
const (
	RanOut      Ending = iota // the last phase is over
	Interrupted               // the user stopped it
	ServerGone                // the server under test exited
	Aborted                   // a rule was broken for as long as the file allows
)

// A Group is one of the scenario's groups of clients.
type Group struct {
	Name     string
	Attempts []int64 // to connect, by phase
}

// A Class is one kind of clients.
type Class struct {
	Group     string
	Transport string
	Slow      bool // they read slowly
	AllSlow   bool // as do all of their group
	Node      int  // 1 and the place of their target among several; 0: there is one
}

// Label gives a series the labels of clients of the class.
func (c *Class) Label(s record.Series) record.Series {
	s.Group, s.Transport, s.Slow, s.AllSlow, s.Node = c.Group, c.Transport, c.Slow, c.AllSlow, c.Node
	return s
}

// A Stream is one of the scenario's streams, of all groups in file order.
type Stream struct {
	Group         string
	Op, Event     string
	Volatile      bool
	Asks          bool          // for acknowledgements
	Late          time.Duration // after which a delivery is late
	Offered, Sent []int64       // operations that were due and that were sent, by phase
	// of the others, those that waited for their sender to the end, and those that were given up
	Held, Dropped []int64
}

// A Second holds the samples of one second.
type Second struct {
	Phase          int // in the middle of it; -1: none
	Offered, Sent  int64
	CPU, ServerCPU float64 // shares of the cores that they may use; ServerCPU -1: unknown
	RSS, ServerRSS int64   // bytes; 0: unknown
	// 0: unknown
	Goroutines, Files, ServerGoroutines, ServerFiles int64
	Held                                             int // clients
	// Delays are the medians of what came in the second, by the metrics of the variable Delays; 0:
	// nothing did.
	Delays [len(Delays)]time.Duration
	// Tails are the 99th percentiles likewise, and of the generator's lateness in sending.
	Tails [len(Delays) + 1]time.Duration
}

// A Return counts the clients of a group that lost their connection in a phase.
type Return struct {
	Group, Phase int // phase -1: outside of the timeline
	Back         int64
	Never        int64
	Recovered    int64 // of Back, those that were the same socket again
	// of those whose connection a fault broke: when the last connection ended, and when the last
	// client was held again; 0: none
	BrokeAt, BackAt int64
}

// Clients counts those that did not go as planned.
type Clients struct {
	Failed, Dropped int64
}

// A Target holds further facts about the server under test.
type Target struct {
	RSSBefore int64 // bytes, before the first client; -1: unknown
}

// A Scope selects recorded values.
type Scope struct {
	Metric string
	Labels map[string]string // nil: all
	Phase  string            // "": the recorded ones, and all for a metric that counts always
	Always bool              // every phase, recorded or not, unless Phase names one
}

// scopeOf returns the values that a rule selects.
func scopeOf(k *file.Check) Scope { return Scope{Metric: k.Metric, Labels: k.Labels, Phase: k.Phase} }

// A phaseSet is the phases of a scope.
type phaseSet struct {
	in      []bool
	outside bool // values outside every phase belong to it too
}

func (p *phaseSet) has(phase int) bool {
	if phase < 0 {
		return p.outside
	}
	return phase < len(p.in) && p.in[phase]
}

func phasesOf(tl *plan.Timeline, sc Scope) phaseSet {
	always := sc.Always || metric.Always(sc.Metric)
	set := phaseSet{in: make([]bool, len(tl.Spans)), outside: sc.Phase == "" && always}
	for i := range tl.Spans {
		s := &tl.Spans[i]
		if sc.Phase != "" {
			set.in[i] = s.Name == sc.Phase
		} else {
			set.in[i] = always || s.Record
		}
	}
	return set
}

func (e *Evidence) phases(sc Scope) phaseSet { return phasesOf(e.Timeline, sc) }

// Recorded reports whether operations due in a phase count.
func (e *Evidence) Recorded(phase int) bool { return e.Timeline.Recorded(phase) }

// Length is how long the phases of a scope lasted, in seconds, as far as the trial got.
func (e *Evidence) Length(sc Scope) (sum float64) {
	set := e.phases(sc)
	for i := range e.Timeline.Spans {
		if s := &e.Timeline.Spans[i]; set.has(i) {
			sum += float64(max(0, min(s.End, e.End)-s.Start)) / 1e9
		}
	}
	return sum
}

// Total merges the latencies in a scope.
func (e *Evidence) Total(sc Scope) result.Samples { return e.Totals.Sum(e.in(sc)) }

// Peek is Total for a caller that looks every second: the samples are valid until the next Peek,
// and the next judgement.
func (e *Evidence) Peek(sc Scope) result.Samples { return e.Totals.Peek(e.in(sc)) }

// in reports whether the latencies of a series and a phase are in a scope.
func (e *Evidence) in(sc Scope) func(s *record.Series, phase int) bool {
	set := e.phases(sc)
	return func(s *record.Series, phase int) bool {
		return s.Metric == sc.Metric && set.has(phase) && s.Chosen(sc.Labels)
	}
}

// Steps are the latencies of the steps of flows, by the names that results have for them.
func (e *Evidence) Steps() map[string]*result.Samples {
	out := map[string]*result.Samples{}
	set := e.phases(Scope{Metric: metric.Step})
	steps := func(s *record.Series, phase int) bool { return s.Metric == metric.Step && set.has(phase) }
	e.Totals.Each(steps, func(at, _ int, all result.Samples) {
		name := metric.OfStep(e.Totals.Series[at].Event)
		if out[name] == nil {
			out[name] = &result.Samples{}
		}
		out[name].Add(all)
	})
	return out
}

// Operations counts the operations sent and offered in a phase, or in all recorded phases when it
// is "". A skipped volatile message counts as sent, because volatile messages may be skipped.
func (e *Evidence) Operations(phase string) (sent, offered int64) {
	set := e.phases(Scope{Phase: phase})
	for i := range e.Streams {
		s := &e.Streams[i]
		for p := range s.Offered {
			if set.has(p) {
				sent, offered = sent+s.Sent[p], offered+s.Offered[p]
				if s.Volatile {
					sent += at(s.Dropped, p)
				}
			}
		}
	}
	return sent, offered
}

// at is a count of a phase; 0 where a saved result does not have it.
func at(list []int64, phase int) int64 {
	if phase < len(list) {
		return list[phase]
	}
	return 0
}

// Unsent counts the operations that were due in a phase, or in the recorded ones when it is "", and
// were not sent: those that waited for their sender to the end, and those that were given up,
// without volatile ones.
func (e *Evidence) Unsent(phase string) (held, dropped int64) {
	m := e.messages(phase, func(s *Stream) bool { return !s.Volatile })
	return m.Held, m.Dropped
}

// Messages says what became of the operations that were due in a phase, or in the recorded ones
// when it is "".
func (e *Evidence) Messages(phase string) result.Operations {
	return e.messages(phase, func(*Stream) bool { return true })
}

func (e *Evidence) messages(phase string, of func(s *Stream) bool) (sum result.Operations) {
	set := e.phases(Scope{Phase: phase})
	for i := range e.Streams {
		s := &e.Streams[i]
		for p := range s.Offered {
			if set.has(p) && of(s) {
				sum.Due += s.Offered[p]
				sum.Sent += s.Sent[p]
				sum.Held += at(s.Held, p)
				sum.Dropped += at(s.Dropped, p)
			}
		}
	}
	return sum
}

// Returned sums up the clients that lost their connection in a scope. The result's group and phase
// are 0.
func (e *Evidence) Returned(sc Scope) (sum Return) {
	set := e.phases(sc)
	for _, r := range e.Returns {
		if name := sc.Labels[metric.LabelGroup]; name != "" && name != e.Groups[r.Group].Name || !set.has(r.Phase) {
			continue
		}
		sum.Back += r.Back
		sum.Never += r.Never
		sum.Recovered += r.Recovered
	}
	return sum
}
