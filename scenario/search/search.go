// Package search finds the highest load that a system carries, as a pure function: the observations so far go in, and the next
// level to try, or the answer, comes out. It starts nothing, measures nothing and keeps no state, so the same history always leads
// to the same next step, and a search that was interrupted goes on from its journal ([ReadJournal]).
//
// The way there: the level grows by a factor until one breaks, or the highest allowed one holds. Between the highest that held and
// the lowest that broke it bisects, on a logarithmic scale, until they are as close as the precision asks. Then both ends are
// confirmed by longer trials, and a majority decides: a single lucky pass does not become a capacity, nor a single hiccup its end.
// The level that ends the growth is tried twice, as all the others follow from it. An end that loses its vote changes sides, and the
// search goes on from there. A level whose vote is split, by two to one of three trials or by three to two of five, is neither: the
// system does now this and now that there, so the ends move apart until they stand clear of it. The answer is an interval: the highest level that was confirmed to hold, and the lowest that was confirmed to
// break. It is as narrow as the precision asks, or, where votes were split, as the system allows.
//
// In simulated searches at the default precision the true capacity, the level at which half of the trials hold, lies inside the
// interval in more than 95 of 100: with outcomes turned round in one of twenty trials, and with systems whose outcome is open within
// three hundredths of their capacity. Where it is open over a range wider than the precision, it does in more than 90.
//
// A budget ends the search in time: when what is left just suffices for the votes on both ends, the bisection stops and the votes are
// taken, so that a short search ends with a wide interval that is confirmed rather than with a narrow one that is not. [NextStep] then
// chooses the levels around the answer that are measured for the curves; they change no answer.
//
// A trial that is invalid says nothing about the system, only that the load generator could not keep up. It is repeated once;
// invalid again, the search stops and says so. The generator's limit never becomes the system's capacity.
package search

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"time"
)

// Plan says what to search. Zero fields have the defaults given with them.
type Plan struct {
	From      float64       `json:"from"`       // the first level; above 0
	To        float64       `json:"to"`         // the highest level tried; at least From
	Grow      float64       `json:"grow"`       // factor from one level to the next while all hold; 2
	Precision float64       `json:"precision"`  // largest distance of the ends, as a share of the lower one; 0.05
	Confirm   int           `json:"confirm"`    // trials that confirm an end, an odd number; 3
	Trial     time.Duration `json:"trial"`      // what a probe is expected to take, for the budget
	ConfirmBy time.Duration `json:"confirm_by"` // what a confirming trial is expected to take; as Trial
	Budget    time.Duration `json:"budget"`     // no trial begins that would end beyond it; 0 is without limit
	Whole     bool          `json:"whole"`      // levels are whole numbers
	Of        string        `json:"of"`         // tells what is searched: a journal of another one is not gone on with; may be empty
}

// Verdict of a trial at a level.
type Verdict string

// The verdicts.
const (
	Held    Verdict = "held"
	Broke   Verdict = "broke"
	Invalid Verdict = "invalid" // the generator was not fit to judge
)

// Kind of a trial.
type Kind string

// The kinds.
const (
	Probe   Kind = "probe"   // short, to find the way
	Confirm Kind = "confirm" // longer, a vote on an end of the bracket
	Curve   Kind = "curve"   // for the curves, after the answer; it changes nothing of it
)

// Observation is one trial that was made.
type Observation struct {
	Level   float64       `json:"level"`
	Kind    Kind          `json:"kind"`
	Verdict Verdict       `json:"verdict"`
	Took    time.Duration `json:"took_ns"`
	Reason  string        `json:"reason,omitempty"` // the check that broke
	Ref     string        `json:"ref,omitempty"`    // where the trial's result is
}

// searching leaves out what was measured for the curves.
func searching(history []Observation) []Observation {
	return slices.DeleteFunc(slices.Clone(history), func(o Observation) bool { return o.Kind == Curve })
}

// Step is what to do next: a trial, or nothing more when there is an answer.
type Step struct {
	Level  float64
	Kind   Kind
	Answer *Answer // nil while there is a trial to make
}

// End says how a search came to its answer.
type End string

// The ends.
const (
	Found     End = "found"     // both ends are confirmed, and as close as asked or as split votes allow
	AtLeast   End = "at least"  // the highest level allowed was confirmed to hold
	Below     End = "below"     // the first level was confirmed to break
	Generator End = "generator" // the generator was not fit at High, twice
	OutOfTime End = "budget"    // the budget was used up
	Open      End = "open"      // it has not come to an end: see SoFar
)

// Answer is the result of a search.
type Answer struct {
	End End `json:"end"`
	// Low is the highest level that held with none below it that broke; 0: there is none. Where the search ended early it may only
	// have been probed: see LowConfirmed.
	Low          float64 `json:"low"`
	LowConfirmed bool    `json:"low_confirmed"`
	// High is the lowest level above Low that broke; 0: none did. With End Generator it is the level that could not be judged.
	High          float64       `json:"high"`
	HighConfirmed bool          `json:"high_confirmed"`
	Split         int           `json:"split"` // levels between Low and High whose vote was split
	Trials        int           `json:"trials"`
	Invalid       int           `json:"invalid"`
	Took          time.Duration `json:"took_ns"`
}

// defaults fills the zero fields in and says what is wrong with the others.
func (p Plan) defaults() (Plan, error) {
	if p.Grow == 0 {
		p.Grow = 2
	}
	if p.Precision == 0 {
		p.Precision = 0.05
	}
	if p.Confirm == 0 {
		p.Confirm = 3
	}
	if p.ConfirmBy == 0 {
		p.ConfirmBy = p.Trial
	}
	finite := func(v float64) bool { return v == v && !math.IsInf(v, 0) }
	switch {
	case !finite(p.From) || p.From <= 0:
		return p, fmt.Errorf("search: the first level is %v; it must be above 0", p.From)
	case p.Whole && p.From < 1:
		return p, fmt.Errorf("search: the first level is %v; of whole numbers it must be 1 or more", p.From)
	case !finite(p.To) || p.To < p.From:
		return p, fmt.Errorf("search: the highest level is %v; it must be at least the first, %v", p.To, p.From)
	case !finite(p.Grow) || p.Grow < 1.01:
		return p, fmt.Errorf("search: the levels grow by %v; the factor must be at least 1.01", p.Grow)
	case !finite(p.Precision) || p.Precision < 0.001 || p.Precision > 1:
		return p, fmt.Errorf("search: the precision is %v; it must be 0.001 to 1", p.Precision)
	case p.Confirm < 1 || p.Confirm%2 == 0:
		return p, fmt.Errorf("search: %d trials confirm; it must be an odd number, so that a majority decides", p.Confirm)
	case p.Trial < 0 || p.ConfirmBy < 0 || p.Budget < 0:
		return p, errors.New("search: a duration is negative")
	}
	if p.Whole {
		p.From, p.To = math.Round(p.From), math.Floor(p.To)
		p.To = max(p.To, p.From)
	}
	return p, nil
}

// level is what is known of one level.
type level struct {
	at          float64
	probe       Verdict // of the last valid probe; "" for none
	probes      int     // valid ones
	held, broke int     // votes of confirming trials
}

// confirmed tells the levels that have all their votes. That two of three agree is not the end of it: the third may split them.
func (l *level) confirmed(p *Plan) bool { return l.held+l.broke >= p.Confirm }

// belief is what is taken of a level.
type belief int

const (
	holds belief = iota
	breaks
	split
)

// belief is what the votes say, and without a decision what the probe said. A split vote on the first or the last level allowed
// counts as broken: there is no room to stand clear of it.
func (l *level) belief(p *Plan) belief {
	held := l.probe == Held || l.probe == "" && l.held > l.broke
	if l.confirmed(p) {
		held = l.held > l.broke
		if dissent := min(l.held, l.broke); dissent > 0 && dissent > (p.Confirm-3)/2 {
			if l.at <= p.From || l.at >= p.To {
				return breaks
			}
			return split
		}
	}
	if held {
		return holds
	}
	return breaks
}

// Next says what follows from the history, in the order in which it was observed. It fails for a plan or a history that makes no
// sense, never for what a system did.
func Next(plan Plan, history []Observation) (Step, error) {
	p, err := plan.defaults()
	if err != nil {
		return Step{}, err
	}
	history = searching(history)
	levels, err := p.levels(history)
	if err != nil {
		return Step{}, err
	}
	b := p.bracket(levels, history)
	if n := len(history); n > 0 && history[n-1].Verdict == Invalid {
		last := history[n-1]
		if n > 1 && history[n-2].Verdict == Invalid && history[n-2].Level == last.Level {
			b.End = Generator
			b.High, b.HighConfirmed = last.Level, false
			return Step{Answer: &b.Answer}, nil
		}
		return p.within(history, b.Answer, Step{Level: last.Level, Kind: last.Kind}), nil
	}
	return p.within(history, b.Answer, p.next(b, p.hurry(history, b))), nil
}

// SoFar is what a history says while the search goes on: an Answer with the End Open unless there is one already.
func SoFar(plan Plan, history []Observation) (Answer, error) {
	step, err := Next(plan, history)
	if err != nil {
		return Answer{}, err
	}
	if step.Answer != nil {
		return *step.Answer, nil
	}
	p, _ := plan.defaults() // Next has found it good
	history = searching(history)
	levels, err := p.levels(history)
	if err != nil {
		return Answer{}, err
	}
	a := p.bracket(levels, history).Answer
	a.End = Open
	return a, nil
}

// cost is what a trial of a kind takes: the longest so far, as the plan knows nothing of how long clients take to connect.
func (p *Plan) cost(kind Kind, history []Observation) time.Duration {
	probe, confirm := p.Trial, p.ConfirmBy
	for _, o := range history {
		if o.Kind == Confirm {
			confirm = max(confirm, o.Took)
			continue
		}
		probe = max(probe, o.Took)
	}
	if kind == Confirm {
		return max(confirm, probe-p.Trial+p.ConfirmBy)
	}
	return probe
}

// hurry reports whether one probe more would leave no time for the votes on both ends.
func (p *Plan) hurry(history []Observation, b bracket) bool {
	if p.Budget == 0 || b.Low == 0 || b.High == 0 {
		return false
	}
	votes := 2 * p.Confirm
	if b.LowConfirmed {
		votes -= p.Confirm
	}
	if b.HighConfirmed {
		votes -= p.Confirm
	}
	votes = max(votes, p.Confirm) // the probe becomes a new end, which wants votes of its own
	return b.Took+p.cost(Probe, history)+time.Duration(votes)*p.cost(Confirm, history) > p.Budget
}

// within lets a trial begin only if it can end within the budget.
func (p *Plan) within(history []Observation, answer Answer, s Step) Step {
	if s.Answer != nil || p.Budget == 0 {
		return s
	}
	if need := p.cost(s.Kind, history); answer.Took+need <= p.Budget && (len(history) == 0 || answer.Took < p.Budget) {
		return s
	}
	answer.End = OutOfTime
	return Step{Answer: &answer}
}

// levels sums the history up, in order of the levels.
func (p *Plan) levels(history []Observation) ([]level, error) {
	var ls []level
	for i, o := range history {
		if !(o.Level > 0) || math.IsInf(o.Level, 0) {
			return nil, fmt.Errorf("search: observation %d is of the level %v", i+1, o.Level)
		}
		at, found := slices.BinarySearchFunc(ls, o.Level, func(l level, v float64) int {
			switch {
			case l.at < v:
				return -1
			case l.at > v:
				return 1
			}
			return 0
		})
		if !found {
			ls = slices.Insert(ls, at, level{at: o.Level})
		}
		l := &ls[at]
		switch {
		case o.Verdict == Invalid:
		case o.Verdict != Held && o.Verdict != Broke:
			return nil, fmt.Errorf("search: observation %d has the verdict %q", i+1, o.Verdict)
		case o.Kind == Probe:
			l.probe = o.Verdict
			l.probes++
		case o.Kind != Confirm:
			return nil, fmt.Errorf("search: observation %d is of the kind %q", i+1, o.Kind)
		case o.Verdict == Held:
			l.held++
		default:
			l.broke++
		}
	}
	// Levels that were only ever invalid are not known at all.
	return slices.DeleteFunc(ls, func(l level) bool { return l.probe == "" && l.held+l.broke == 0 }), nil
}

// bracket is what is believed: the levels between which the capacity lies, and what else is known in between.
type bracket struct {
	Answer
	above float64 // the known level next above Low; High when there is none between
	below float64 // the known level next below High
	top   float64 // the highest level known
	once  bool    // High broke in a single probe, and nothing else is known of it
}

// bracket reads the levels from below. A level that breaks bounds everything above it: that a higher one held is then taken for
// luck until the votes say otherwise.
func (p *Plan) bracket(levels []level, history []Observation) bracket {
	b := bracket{Answer: Answer{Trials: len(history)}}
	for _, o := range history {
		b.Took += o.Took
		if o.Verdict == Invalid {
			b.Invalid++
		}
	}
	for i := range levels {
		l := &levels[i]
		b.top = l.at
		if b.High > 0 {
			continue
		}
		what := l.belief(p)
		if what == holds { // what was split below it was an accident, unless its own votes say otherwise
			b.Low, b.LowConfirmed, b.Split, b.above = l.at, l.confirmed(p), 0, 0
		} else if b.above == 0 {
			b.above = l.at
		}
		switch what {
		case breaks:
			b.High, b.HighConfirmed = l.at, l.confirmed(p)
			b.once = l.probes == 1 && l.held+l.broke == 0
			continue
		case split:
			b.Split++
		}
		b.below = l.at
	}
	return b
}

// next is the search itself, on the bracket that is believed in. In a hurry it bisects no further.
func (p *Plan) next(b bracket, hurry bool) Step {
	end := func(how End) Step {
		b.End = how
		return Step{Answer: &b.Answer}
	}
	switch {
	case b.top == 0:
		return Step{Level: p.From, Kind: Probe}
	case b.High == 0 && b.top < p.To:
		return Step{Level: p.round(math.Min(p.To, math.Max(b.top*p.Grow, b.top+p.least()))), Kind: Probe}
	case b.High == 0: // the highest level holds
		if !b.LowConfirmed {
			return Step{Level: b.Low, Kind: Confirm}
		}
		return end(AtLeast)
	case b.Low == 0: // the first level breaks
		if b.High > p.From {
			return Step{Level: p.From, Kind: Probe}
		}
		if !b.HighConfirmed {
			return Step{Level: b.High, Kind: Confirm}
		}
		return end(Below)
	}
	if b.once && b.High >= b.Low*p.Grow*0.99 {
		// The step that ends the growth decides where all the others go. A hiccup there would cost them all, a second look costs one.
		return Step{Level: b.High, Kind: Probe}
	}
	wide := false
	for _, gap := range [][2]float64{{b.below, b.High}, {b.Low, b.above}} {
		if mid := p.between(gap[0], gap[1]); mid > 0 {
			if !hurry {
				return Step{Level: mid, Kind: Probe}
			}
			wide = true
		}
	}
	// Close enough: votes on both ends. The upper one first: where it was a hiccup, the way leads up, and votes on the lower end
	// would have been in vain.
	switch {
	case !b.HighConfirmed:
		return Step{Level: b.High, Kind: Confirm}
	case !b.LowConfirmed:
		return Step{Level: b.Low, Kind: Confirm}
	case wide:
		return end(OutOfTime)
	}
	return end(Found)
}

// NextStep is the level to measure next for the curves, once the search has its answer: those shares of Answer.Low that no valid
// trial has been made at, within two hundredths. ok is false when there is none left, when the budget has no room for one more, or
// without a capacity to take shares of. An invalid trial is not repeated: a curve has gaps where the generator could not judge.
func NextStep(plan Plan, shares []float64, answer Answer, history []Observation) (level float64, ok bool) {
	p, err := plan.defaults()
	if err != nil || answer.Low == 0 {
		return 0, false
	}
	took := time.Duration(0)
	for _, o := range history {
		took += o.Took
	}
	if p.Budget > 0 && took+p.cost(Curve, history) > p.Budget {
		return 0, false
	}
	const near = 0.02
	for _, share := range shares {
		at := p.round(share * answer.Low)
		if at < p.least() || at <= 0 || answer.End == AtLeast && at > answer.Low*(1+near) || answer.End == Generator && at >= answer.High*(1-near) {
			continue
		}
		if !slices.ContainsFunc(history, func(o Observation) bool {
			return math.Abs(o.Level-at) <= near*at && (o.Verdict != Invalid || o.Kind == Curve)
		}) {
			return at, true
		}
	}
	return 0, false
}

// least is the smallest distance of two levels.
func (p *Plan) least() float64 {
	if p.Whole {
		return 1
	}
	return 0
}

func (p *Plan) round(v float64) float64 {
	if p.Whole {
		return math.Round(v)
	}
	// Four digits: levels that a person can read and write.
	digits := math.Pow(10, 3-math.Floor(math.Log10(v)))
	return math.Min(math.Round(v*digits)/digits, p.To)
}

// between is the level to try between two, or 0 when they are close enough.
func (p *Plan) between(low, high float64) float64 {
	const rounding = 1e-9
	if high-low <= math.Max(low*p.Precision*(1+rounding), p.least()) {
		return 0
	}
	mid := p.round(math.Sqrt(low * high))
	if mid <= low || mid >= high {
		return 0
	}
	return mid
}
