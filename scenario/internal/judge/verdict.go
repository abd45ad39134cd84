package judge

import (
	"cmp"
	"fmt"

	"github.com/throng-io/throng/scenario/file"
	"github.com/throng-io/throng/scenario/internal/record"
	"github.com/throng-io/throng/scenario/metric"
	"github.com/throng-io/throng/scenario/result"
)

// A Judgement is the result of applying rules to a trial.
type Judgement struct {
	Checks  []result.Check // the rules of the generator, of the target, and those that are implied
	Verdict result.Verdict
	Reason  string // why it is not pass, in one clause
}

// A judging is a judgement that is being made.
type judging struct {
	Judgement
	empty bool // the reason is a rule that found no samples
}

// lower makes the verdict worse, if it is not as bad already.
func (j *judging) lower(to result.Verdict, because string) {
	if w := result.Worst(j.Verdict, to); w != j.Verdict || j.empty && w == to {
		j.Verdict, j.Reason, j.empty = w, because, false
	}
}

// breaks is lower for a broken rule. A rule that has seen something go wrong is a better reason
// than one before it that has seen nothing.
func (j *judging) breaks(to result.Verdict, r *result.Check) {
	empty, was := r.NoData && !r.Unsaved && !r.Undecided, j.Verdict
	if empty && was == to {
		return
	}
	j.lower(to, broken(r))
	j.empty = j.empty || empty && j.Verdict != was
}

// failsBy is breaks for a rule about the generator that the target has broken: it decides between
// pass and fail.
func (j *judging) failsBy(r *result.Check) {
	j.breaks(result.Fail, r)
	r.Kind = result.KindSLO
}

// invalidBy is breaks for a rule about the target that the generator has broken: it decides whether
// the run counts.
func (j *judging) invalidBy(r *result.Check) {
	j.breaks(result.Invalid, r)
	r.Kind = result.KindValid
}

// Judge evaluates every rule and gives the verdict with its reason. A broken rule about the
// generator makes the trial invalid whatever the others say, with one exception: when
// operations were not sent because the target had refused, dropped or stopped reading
// the connections, the generator could not keep the schedule, and the trial fails.
func Judge(e *Evidence, rules Rules) Judgement {
	j := judging{Judgement: Judgement{Verdict: result.Pass}}
	if e.Length(Scope{}) == 0 {
		j.lower(result.Invalid, "the trial ended before a recorded phase began")
	}
	if e.nobodyCame() {
		j.lower(result.Invalid, "no client was due, so nothing was tested: the groups have none, or the phases no share of them")
	}
	if e.Mismatch != "" {
		j.lower(result.Invalid, "the contract does not fit: "+e.Mismatch)
	}
	if e.FaultFailed != "" {
		j.lower(result.Invalid, e.FaultFailed)
	}
	for i := range rules.Valid {
		k := &rules.Valid[i]
		r := Check(e, k)
		e.passIfNothingDue(k, &r)
		e.byWorstAgent(k, &r)
		switch {
		case r.Pass || k.Optional:
		case !r.Unsaved && e.targetsFault(k, &r):
			r.Note = e.unsent()
			j.failsBy(&r)
		default:
			j.breaks(result.Invalid, &r)
		}
		j.Checks = append(j.Checks, r)
	}
	missing := ""
	for i := range rules.SLO {
		k := &rules.SLO[i]
		r := Check(e, k)
		e.passIfNothingDue(k, &r)
		switch {
		case r.Pass || k.Optional:
		case r.Unsaved, r.Undecided:
			missing = cmp.Or(missing, broken(&r))
		case e.breaksByOwn(k, &r):
			r.Note = ownNote
			j.invalidBy(&r)
		default:
			j.breaks(result.Fail, &r)
		}
		j.Checks = append(j.Checks, r)
	}
	add := func(r result.Check) {
		r.Implied = true
		j.Checks = append(j.Checks, r)
	}
	for _, r := range e.nothingSent() {
		if r.targets {
			j.failsBy(&r.check)
		} else {
			missing = cmp.Or(missing, broken(&r.check))
		}
		add(r.check)
	}
	for _, r := range implied(e, rules) {
		switch {
		case r.Kind == result.KindSLO:
			j.breaks(result.Fail, &r)
		case metric.ParseErrorClass(r.Metric).Own():
			j.breaks(result.Invalid, &r)
		case j.Verdict == result.Pass: // the known part suffices to fail, but not to pass
			j.breaks(result.Invalid, &r)
		}
		add(r)
	}
	for _, r := range e.lateness(rules) {
		j.breaks(result.Invalid, &r)
		add(r)
	}
	// the known part suffices to fail, but not to pass
	if j.Verdict == result.Pass && missing != "" {
		j.lower(result.Invalid, missing)
	}
	for _, r := range e.standstill(j.Verdict) {
		j.breaks(result.Invalid, &r)
		add(r)
	}
	j.end(e)
	return j.Judgement
}

// end takes in why the trial ended, where that decides the verdict.
func (j *judging) end(e *Evidence) {
	after := metric.FormatSeconds(float64(e.End) / 1e9)
	switch e.Ending {
	case Interrupted:
		j.Verdict, j.Reason = result.Invalid, fmt.Sprintf("interrupted after %s of %s", after, metric.FormatSeconds(float64(e.Timeline.End)/1e9))
		if e.Cause != "" {
			j.Reason += ": " + e.Cause
		}
	case ServerGone: // whatever the rules say, this is the reason
		j.Verdict, j.Reason = result.Fail, "the server exited by itself after "+after
		if e.Cause != "" {
			j.Reason += ": " + e.Cause
		}
	case RanOut, Aborted:
	}
}

// targetsFault reports whether a broken rule about the generator would hold had the target kept its
// connections: the schedule would have been kept, or there would be something to judge. Operations
// to which the generator came too late are no one's fault but its own.
func (e *Evidence) targetsFault(k *file.Check, r *result.Check) bool {
	if k.Stat != metric.StatAchieved && !r.NoData {
		return false
	}
	if e.countErrors(func(r *record.ErrorCount) bool { return r.Class.Own() }) > 0 {
		return false
	}
	set := e.phases(Scope{Phase: k.Phase})
	refused := e.countErrors(func(r *record.ErrorCount) bool { return r.Class.Kind == metric.ErrSend && set.has(r.Phase) })
	sent, offered := e.Operations(k.Phase)
	if !r.NoData {
		held, dropped := e.Unsent(k.Phase)
		refused = max(refused, held+dropped)
	}
	if refused -= e.operationsTooLate(k.Phase); refused <= 0 {
		return false
	}
	if r.NoData {
		return sent == 0
	}
	would := found(k, reading{v: ratio(sent+refused, offered)}, "")
	return would.Pass
}

// ownNote is the note of a rule on errors that limits of the generator's own system broke.
const ownNote = "the generator had no port or no file left for some of them, was too far behind its schedule for them, or takes no messages so large: raise the limit, or use fewer clients or a faster machine"

// agentNote is the note of a rule that the loss of an agent broke.
const agentNote = "its clients are missing from the load: start it again, or allow for it with errors(agent.lost) <= 1 in valid"

// noteOf is the note of a class of errors of the generator's own.
func noteOf(c metric.ErrorClass) string {
	if c.Kind == metric.ErrAgent {
		return agentNote
	}
	return ownNote
}

// breaksByOwn reports whether a broken rule on errors would hold without those that are the
// generator's own. In a window they are not told apart.
func (e *Evidence) breaksByOwn(k *file.Check, r *result.Check) bool {
	if k.Stat != metric.StatErrors || r.NoData {
		return false
	}
	all := e.errorsOf(k, anyTime, func(metric.ErrorClass) bool { return true })
	own := e.errorsOf(k, anyTime, metric.ErrorClass.Own)
	return own > 0 && (k.Over > 0 || r.Meets(e.errorShare(k, all-own)))
}

// unsent says why operations found no connection to be sent on.
func (e *Evidence) unsent() string {
	full := e.countErrors(func(r *record.ErrorCount) bool {
		return r.Class == metric.Error(metric.ErrSend, metric.HowBackpressure)
	})
	held, _ := e.Unsent("")
	away := e.countErrors(func(r *record.ErrorCount) bool { return r.Class.Kind == metric.ErrAway })
	if full == 0 && held+away > 0 {
		return "senders had lost their connection"
	}
	joining := e.countErrors(func(r *record.ErrorCount) bool { return r.Class == metric.Error(metric.ErrWaiting, metric.HowJoin) })
	switch {
	case full+e.Clients.Dropped+e.Clients.Failed > 0:
	case joining > 0 && e.Mismatch != "": // more time would not help
		return "clients were still waiting for the server to acknowledge their joins"
	default:
		return "clients were still connecting: add a phase before this one, with load: 0%"
	}
	return "the target did not hold or did not read the connections"
}

// broken says in one clause how a rule was broken.
func broken(r *result.Check) string {
	switch {
	case r.Unsaved, r.Undecided:
		return r.Text + ": " + r.Note
	case r.NoData:
		return r.Text + ": no samples"
	}
	s := fmt.Sprintf("%s: %s", r.Text, metric.FormatFound(r.Value, r.Limit, r.Beyond, r.Unit))
	if r.OverS > 0 || r.Note == ownNote || r.Note == agentNote || r.Note != "" && r.Kind == result.KindValid {
		s += " (" + r.Note + ")"
	}
	return s
}
