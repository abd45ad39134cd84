package judge

import (
	"math"
	"slices"
	"strings"
	"time"

	"github.com/throng-io/throng/scenario/file"
	"github.com/throng-io/throng/scenario/internal/ledger"
	"github.com/throng-io/throng/scenario/internal/plan"
	"github.com/throng-io/throng/scenario/internal/record"
	"github.com/throng-io/throng/scenario/metric"
)

// A Fault is something that the scenario breaks on purpose when a phase begins. Times are as in
// Evidence.
type Fault struct {
	Phase int
	Over  int64 // from when on nothing is broken any more by the fault itself
	// until when a client whose connection it broke may take to be back, if nothing else is broken,
	// and it broke none after it was over
	Patience int64
	// what it does is known, and loses nothing of connections that stay: it explains the losses in
	// rows with Cut alone
	Lossless bool
	// it may make connections that stay silent, for a while after its end too: see ledger.Trouble
	Silences bool
	// it may break what is behind the servers, too: calls of connections that stay are then not
	// answered, and messages come to nobody, or to no other node
	Behind bool
}

// An excuse is the time in which one fault explains what goes wrong. It covers what was due in that
// time, and what could be on its way when it began.
type excuse struct {
	phase    int   // of the fault
	from     int64 // when it began
	inFlight int64 // how long a message could be on its way before it
	late     int64 // the longest late limit: a delivery that is missing after it is lost by then
	lossless bool  // see Fault
	silences bool  // likewise
	behind   bool  // likewise
	// until when deliveries may be lost by it, until when anything else may go wrong by it, and
	// until when its clients may take to be back
	losses, rest, patience int64
}

// flightMargin is added to twice the longest time that a message needed before the fault: the lost
// one might have been the slowest.
const flightMargin = int64(10 * time.Millisecond)

// InFlight is how long something may be on its way that took so long at most, in nanoseconds.
func InFlight(longest int64) int64 { return 2*longest + flightMargin }

// excuses are those of the faults that have begun, in order of time.
type excuses []excuse

// excuses finds what each fault explains. A fault lasts until it is over and, of what is not a lost
// delivery, until the last client whose connection it broke is held again. Then servers and clients
// have the late limit to work off what has waited meanwhile. A fault that only ends connections or
// delays loses no delivery after the last connection has ended.
func (e *Evidence) excuses() (out excuses) {
	late := int64(0)
	for i := range e.Streams {
		late = max(late, int64(e.Streams[i].Late))
	}
	for i := range e.Faults {
		f := &e.Faults[i]
		if f.Phase < 0 || f.Phase >= len(e.Timeline.Spans) {
			continue // the trial was cut short before it
		}
		x := excuse{
			phase: f.Phase, from: e.Timeline.Spans[f.Phase].Start, inFlight: e.flightBefore(f.Phase), late: late,
			lossless: f.Lossless, silences: f.Silences, behind: f.Behind, losses: f.Over, rest: f.Over, patience: f.Patience,
		}
		next := len(e.Timeline.Spans)
		if i+1 < len(e.Faults) {
			next = e.Faults[i+1].Phase
		}
		for j := range e.Returns {
			if r := &e.Returns[j]; r.Phase >= f.Phase && r.Phase < next {
				x.losses, x.rest = max(x.losses, r.BrokeAt+1), max(x.rest, r.BrokeAt+1, r.BackAt+1)
				x.patience = max(x.patience, r.BrokeAt+f.Patience-f.Over)
			}
		}
		if settling := max(late, int64(time.Second)); f.Over < math.MaxInt64 {
			x.rest += settling
			if !f.Lossless || f.Silences {
				x.losses += settling
			}
		}
		out = append(out, x)
	}
	slices.SortStableFunc(out, func(a, b excuse) int { return a.phase - b.phase })
	for i := len(out) - 2; i >= 0; i-- {
		x, next := &out[i], &out[i+1]
		if next.from <= x.rest {
			x.losses = max(x.losses, next.from) // what was held meanwhile may meet the next one
		}
		if next.from <= x.patience {
			x.patience = max(x.patience, next.patience)
		}
	}
	return out
}

// flightBefore is how long a message could be on its way when the fault of a phase began, going by
// the phases before that have none. What slow readers and those that were away took says nothing of
// the others.
func (e *Evidence) flightBefore(phase int) int64 {
	if e.Totals == nil {
		return 0
	}
	before := e.Totals.Peek(func(s *record.Series, p int) bool {
		return p < phase && (s.Metric == metric.Delivery && !s.Slow && !s.Replayed || s.Metric == metric.Ack) &&
			!slices.ContainsFunc(e.Faults, func(f Fault) bool { return f.Phase == p })
	})
	if before.Ended == nil {
		return 0
	}
	return InFlight(before.Ended.Max() * int64(time.Microsecond))
}

// covers reports whether what was due in a second of a phase may have been due before a moment and
// after, or so shortly before, the fault began. Seconds are not divided, other than by phases.
func (x *excuse) covers(tl *plan.Timeline, phase, second int, inFlight, until int64) bool {
	from := int64(second) * int64(time.Second)
	to := from + int64(time.Second)
	if phase >= 0 && phase < len(tl.Spans) {
		from = max(from, tl.Spans[phase].Start)
		to = max(from, min(to, tl.Spans[phase].End))
	}
	return to+inFlight >= x.from && from < until
}

// explainsError reports whether a fault may explain an error. A client that never came back had to
// be back before the trial's end when the fault had been over for long enough.
func (e *Evidence) explainsError(faults excuses, r *record.ErrorCount) bool {
	never := neverBack(r.Class)
	// it is counted when the attempt ends
	attempt := r.Class.How == metric.HowTimeout && (r.Class.Kind == metric.ErrConnect || r.Class.Kind == metric.ErrUpgrade)
	return slices.ContainsFunc(faults, func(x excuse) bool {
		until := x.rest
		if attempt {
			until = max(until, x.patience)
		}
		return x.covers(e.Timeline, r.Phase, r.Second, x.inFlight, until) && (!never || e.End < x.patience)
	})
}

// neverBack reports whether errors are of clients that had not come back at the end.
func neverBack(c metric.ErrorClass) bool {
	return c == metric.Error(metric.ErrReconnect, metric.HowNever)
}

// explainsLost reports whether a fault may explain the lost deliveries of a row. A lossless one
// explains them where a connection has ended, or was silent: it takes nothing from other clients.
func (e *Evidence) explainsLost(faults excuses, r *ledger.Row) bool {
	return slices.ContainsFunc(faults, func(x excuse) bool {
		return (!x.lossless || r.Cut) && x.covers(e.Timeline, r.Phase, r.Second, min(x.inFlight, x.late), x.losses)
	})
}

// explainsLate is explainsLost for the late ones.
func (e *Evidence) explainsLate(faults excuses, r *ledger.Row) bool {
	return slices.ContainsFunc(faults, func(x excuse) bool {
		return x.covers(e.Timeline, r.Phase, r.Second, min(x.inFlight, x.late), x.rest)
	})
}

// unexplainedLoss counts the deliveries lost or late that no rule counts and no fault explains.
// owed are those of them, all lost, that were due under a fault and that a server owes to clients
// which it has recovered.
func (e *Evidence) unexplainedLoss(rules []file.Check, faults excuses) (n, owed int64) {
	replayed := func(x *record.Series, r *ledger.Row) bool { return x.Replayed && e.explainsLate(faults, r) }
	lost := e.uncounted(rules, metric.StatLoss, func(x *record.Series, r *ledger.Row) bool {
		return !replayed(x, r) && !e.explainsLost(faults, r)
	})
	late := e.uncounted(rules, metric.StatLoss, func(_ *record.Series, r *ledger.Row) bool { return !e.explainsLate(faults, r) })
	return lost.Lost + late.Late, e.uncounted(rules, metric.StatLoss, replayed).Lost
}

// uncountedNote is the note of an implied rule.
const uncountedNote = "implied: no rule of the file counts these"

// neverNote is the note of the rule on clients that never came back.
const neverNote = uncountedNote + ", and no fault had broken their connections, or it had been over for long enough"

// note says what an implied rule counts: everything when it holds under a fault too, else what no
// fault explains.
func (faults excuses) note(faulty bool) string {
	if faulty || len(faults) == 0 {
		return uncountedNote
	}
	var times []string
	for _, x := range faults {
		text := "from " + metric.FormatSeconds(float64(x.from)/1e9)
		if x.rest < math.MaxInt64 {
			text += " to " + metric.FormatSeconds(float64(x.rest)/1e9)
		}
		times = append(times, text)
	}
	return uncountedNote + ", and no fault explains them: one explains what was due " + strings.Join(times, " and ") + lostNote(faults)
}

// lostNote says what differs for lost deliveries.
func lostNote(faults excuses) string {
	var limits []string
	if slices.ContainsFunc(faults, func(x excuse) bool { return x.lossless && !x.silences }) {
		limits = append(limits, "where it only ends connections or delays, no loss of clients whose connections stayed")
	}
	if slices.ContainsFunc(faults, func(x excuse) bool { return x.lossless && x.silences && !x.behind }) {
		limits = append(limits, "where it silences connections, no loss of clients that later got something else")
	}
	if slices.ContainsFunc(faults, func(x excuse) bool { return x.lossless && x.behind }) {
		limits = append(limits, "where it is a command or a request, no loss of clients that later got something else, of messages that others of the same node got")
	}
	if len(limits) == 0 {
		return ""
	}
	return ", but, " + strings.Join(limits, " and, ")
}
