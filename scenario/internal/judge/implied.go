package judge

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/throng-io/throng/scenario/file"
	"github.com/throng-io/throng/scenario/internal/ledger"
	"github.com/throng-io/throng/scenario/internal/record"
	"github.com/throng-io/throng/scenario/metric"
	"github.com/throng-io/throng/scenario/result"
)

// An impliedError is a kind of errors that a rule forbids which no file needs to state.
type impliedError struct {
	kind   metric.ErrorKind
	hows   []string // nil: all
	faulty bool     // wrong also in a run with faults
	always bool     // in phases that are not recorded too: a flow ends with its first failed step
	own    bool     // limits of the generator's own system: the trial is invalid
}

// impliedErrors are the kinds of errors that fail a run unless the file has a rule for them. A
// fault causes some of them on purpose, so while it lasts (see excuse) only the file can judge
// those; kinds that are wrong even under a fault are marked. Messages that could not be sent are
// judged by achieved(rate).
var impliedErrors = []impliedError{
	{kind: metric.ErrConnect, faulty: true, own: true},
	{kind: metric.ErrReconnect, faulty: true, own: true},
	{kind: metric.ErrDrop, faulty: true, own: true},
	{kind: metric.ErrUpgrade, faulty: true, own: true},
	{kind: metric.ErrSend, faulty: true, own: true},
	{kind: metric.ErrAck, faulty: true, own: true},
	{kind: metric.ErrBefore, faulty: true, own: true},
	{kind: metric.ErrStep, faulty: true, always: true, own: true},
	{kind: metric.ErrMove, faulty: true, own: true},
	{kind: metric.ErrAgent, faulty: true, own: true},
	{kind: metric.ErrBefore},
	{kind: metric.ErrConnect},
	{kind: metric.ErrDrop},
	{kind: metric.ErrReconnect, hows: []string{metric.HowNever}},
	{kind: metric.ErrUpgrade},
	{kind: metric.ErrAck, hows: []string{metric.HowTimeout, metric.HowDropped}},
	{kind: metric.ErrAck, hows: []string{metric.HowUnexpected, metric.HowMismatch}, faulty: true},
	{kind: metric.ErrStep, always: true},
	{kind: metric.ErrMove},
	{kind: metric.ErrDelivery, hows: []string{metric.HowUnexpected, metric.HowUnknown, metric.HowStale}, faulty: true},
	{kind: metric.ErrStamp, faulty: true},
}

// A few deliveries stay undecided when clients join and leave while messages are in flight. With
// more than these the loss would be a guess.
const (
	undecidedShare = 0.05 // of the expected deliveries
	undecidedFew   = 10
)

// implied are the rules that hold unless the file says otherwise: what went wrong and no rule of
// the file counts must not have happened at all. A rule with labels or of one phase speaks of these
// only. The broken ones are returned.
func implied(e *Evidence, rules Rules) (out []result.Check) {
	all, faults := rules.All(), e.excuses()
	rule := func(text, stat, name, note string, n int64) {
		if n > 0 {
			out = append(out, result.Check{Text: text, Stat: stat, Metric: name, Value: float64(n), Kind: result.KindSLO, Op: "==", Note: note})
		}
	}
	// Clients count, not attempts, where the file says nothing at all.
	silent := func(kind metric.ErrorKind) bool {
		return !slices.ContainsFunc(all, func(k file.Check) bool {
			return k.Stat == metric.StatErrors && (k.Metric == "" || metric.ParseErrorClass(k.Metric).Kind == kind)
		})
	}
	counted := map[metric.ErrorKind]bool{}
	for _, c := range []struct {
		kind metric.ErrorKind
		text string
		n    int64
	}{{metric.ErrConnect, "clients failed == 0", e.Clients.Failed}, {metric.ErrDrop, "clients dropped == 0", e.Clients.Dropped}} {
		if silent(c.kind) {
			rule(c.text, "", "", uncountedNote, c.n)
			counted[c.kind] = c.n > 0
		}
	}
	for _, c := range e.unmentioned(all, faults) {
		if c.sum.Class.Own() {
			out = append(out, result.Check{
				Text: fmt.Sprintf("errors(%s) == 0", c.sum.Class), Stat: metric.StatErrors, Metric: c.sum.Class.String(), Value: float64(c.sum.N),
				Kind: result.KindValid, Op: "==", Note: noteOf(c.sum.Class),
			})
		} else if !counted[c.sum.Class.Kind] {
			note := faults.note(c.faulty)
			if neverBack(c.sum.Class) && len(faults) > 0 {
				note = neverNote
			}
			if c.ignored > 0 {
				note += fmt.Sprintf("; %s of the calls were never answered, while later ones of their connections were", metric.FormatCount(c.ignored))
			}
			rule(fmt.Sprintf("errors(%s) == 0", c.sum.Class), metric.StatErrors, c.sum.Class.String(), note, c.sum.N)
		}
	}
	lost, owed := e.unexplainedLoss(all, faults)
	rule("loss(delivery) == 0", metric.StatLoss, metric.Delivery, faults.note(false), lost)
	for _, stat := range []string{metric.StatDup, metric.StatDisorder} {
		sum := e.uncounted(all, stat, func(*record.Series, *ledger.Row) bool { return true })
		rule(stat+"(delivery) == 0", stat, metric.Delivery, uncountedNote, countOf(stat, &sum))
	}
	out = append(out, e.unreached(all, faults)...)
	// a server owes a recovered client the missed messages, however late
	rule("loss(delivery{replayed=true}) == 0", metric.StatLoss, metric.Delivery, uncountedNote, owed)
	return append(out, e.tooOpen(all)...)
}

// unreached are the rules on volatile streams of which nothing came. A server may drop a volatile
// message for a receiver that cannot take it just then, but no receiver is never ready.
func (e *Evidence) unreached(rules []file.Check, faults excuses) (out []result.Check) {
	for i := range e.Ledger {
		s := &e.Streams[i]
		if lost := e.lostOfNothing(i, rules, faults); !s.Volatile || lost <= undecidedFew {
			continue
		}
		label := metric.LabelOp + "=" + s.Op
		if s.Event != "" {
			label = metric.LabelEvent + "=" + s.Event
		}
		out = append(out, result.Check{
			Text: fmt.Sprintf("loss(delivery{%s}) < 100%%", label), Stat: metric.StatLoss, Metric: metric.Delivery, Value: 1, Limit: 1,
			Unit: metric.Share, Kind: result.KindSLO, Op: "<", Note: "implied: a server may drop some volatile messages, and none came",
		})
	}
	return out
}

// lostOfNothing counts the lost deliveries of a stream that no rule counts and no fault explains,
// to others than slow readers. It is 0 as soon as one delivery came.
func (e *Evidence) lostOfNothing(stream int, rules []file.Check, faults excuses) (lost int64) {
	came := false
	e.rowsOf(stream, func(x *record.Series, r *ledger.Row) {
		if !e.Recorded(r.Phase) {
			return
		}
		d := r.Deliveries()
		came = came || d.Received+d.Late > 0
		spoken := slices.ContainsFunc(rules, func(k file.Check) bool { return k.Stat == metric.StatLoss && x.Counted(k.Labels) })
		if !x.Slow && !spoken && !e.explainsLost(faults, r) {
			lost += d.Lost
		}
	})
	if came {
		return 0
	}
	return lost
}

// tooOpen is the rule on undecided deliveries, if it is broken. It judges the trial, not the
// target, whose losses are then unknown.
func (e *Evidence) tooOpen(rules []file.Check) []result.Check {
	sum := e.uncounted(rules, metric.StatUndecided, func(*record.Series, *ledger.Row) bool { return true })
	share := ratio(sum.Undecided, sum.Expected)
	if sum.Undecided <= undecidedFew || share < undecidedShare {
		return nil
	}
	return []result.Check{{
		Text: fmt.Sprintf("undecided(delivery) < %g%%", undecidedShare*100), Stat: metric.StatUndecided, Metric: metric.Delivery,
		Value: share, Limit: undecidedShare, Unit: metric.Share, Kind: result.KindValid, Op: "<",
		Note: fmt.Sprintf("implied: whether %s deliveries were lost is unknown, since their receivers or senders came, went or changed rooms meanwhile", metric.FormatCount(sum.Undecided)),
	}}
}

// An unmentioned is a sum of errors that are against an implied rule.
type unmentioned struct {
	sum     record.ErrorSum
	faulty  bool  // wrong also in a run with faults
	ignored int64 // of the sum: calls that no fault explains, whenever they were due
}

// unmentioned adds up the errors that are against an implied rule and that no rule of the file
// counts, by class.
func (e *Evidence) unmentioned(rules []file.Check, faults excuses) (out []unmentioned) {
	for i := range impliedErrors {
		implied, timeout := &impliedErrors[i], metric.Error(impliedErrors[i].kind, metric.HowTimeout)
		sums, ignored := e.against(implied, rules, faults), e.ignoredCalls(implied, rules, faults)
		if ignored > 0 {
			sums[timeout] += ignored
		}
		for class, n := range sums {
			x := unmentioned{sum: record.ErrorSum{Class: class, N: n}, faulty: implied.faulty}
			if class == timeout {
				x.ignored = ignored
			}
			out = append(out, x)
		}
		of := out[len(out)-len(sums):]
		slices.SortFunc(of, func(a, b unmentioned) int {
			return cmp.Or(cmp.Compare(b.sum.N, a.sum.N), strings.Compare(a.sum.Class.How, b.sum.Class.How))
		})
	}
	return out
}

// against adds up the errors of one implied rule.
func (e *Evidence) against(implied *impliedError, rules []file.Check, faults excuses) map[metric.ErrorClass]int64 {
	sums := map[metric.ErrorClass]int64{}
	recorded, always := e.phases(Scope{}), e.phases(Scope{Always: true})
	for i := range e.Errors {
		r := &e.Errors[i]
		phases := &recorded
		if implied.always || r.Class.Always() {
			phases = &always
		}
		if r.Class.Kind != implied.kind || implied.hows != nil && !slices.Contains(implied.hows, r.Class.How) ||
			r.Class.Benign() || r.Class.Own() != implied.own || !phases.has(r.Phase) || !implied.faulty && e.explainsError(faults, r) ||
			slices.ContainsFunc(rules, func(k file.Check) bool { return e.speaksOf(&k, r) }) {
			continue
		}
		sums[r.Class] += r.N
	}
	return sums
}

// ignoredCalls counts the calls of an implied rule that were never answered on a connection that
// carried later ones, of those that a fault would explain otherwise. Only commands and requests may
// do that, too.
func (e *Evidence) ignoredCalls(implied *impliedError, rules []file.Check, faults excuses) (n int64) {
	if implied.faulty || implied.hows != nil && !slices.Contains(implied.hows, metric.HowTimeout) {
		return 0
	}
	phases := e.phases(Scope{Always: implied.always})
	anything := slices.DeleteFunc(slices.Clone(faults), func(x excuse) bool { return x.lossless && !x.behind })
	for _, r := range e.Errors {
		if r.Class != metric.Ignored(implied.kind) {
			continue
		}
		r.Class = metric.Error(implied.kind, metric.HowTimeout)
		if phases.has(r.Phase) && e.explainsError(faults, &r) && !e.explainsError(anything, &r) &&
			!slices.ContainsFunc(rules, func(k file.Check) bool { return e.speaksOf(&k, &r) }) {
			n += r.N
		}
	}
	return n
}

// speaksOf reports whether a rule is about an error. A rule that names no phase is about all of
// them.
func (e *Evidence) speaksOf(k *file.Check, r *record.ErrorCount) bool {
	if k.Stat != metric.StatErrors || !r.Class.In(k.Metric) || !hasAll(e.labels(r), k.Labels) {
		return false
	}
	set := e.phases(Scope{Phase: k.Phase})
	return k.Phase == "" || set.has(r.Phase)
}

// uncounted is the account of those deliveries of the recorded phases that no rule of a statistic
// counts.
func (e *Evidence) uncounted(rules []file.Check, stat string, of func(x *record.Series, r *ledger.Row) bool) (sum result.Ledger) {
	rules = slices.DeleteFunc(slices.Clone(rules), func(k file.Check) bool { return k.Stat != stat })
	e.EachRow(func(x *record.Series, r *ledger.Row) {
		if !e.Recorded(r.Phase) || !x.Counted(nil) || !of(x, r) {
			return
		}
		for i := range rules {
			if set := e.phases(scopeOf(&rules[i])); set.has(r.Phase) && x.Counted(rules[i].Labels) {
				return
			}
		}
		sum.Add(r.Deliveries())
	})
	return sum
}
