package search

import (
	"math"
	"time"
)

// Next returns the next action for a history, which is in the order of observation. It fails for an
// invalid plan or history, never for the outcome of a trial.
func Next(plan Plan, history []Observation) (Step, error) {
	br, history, err := standing(plan, history)
	if err != nil {
		return Step{}, err
	}
	answer := br.answer(history)
	if n := len(history); n > 0 && history[n-1].Verdict == Invalid {
		last := history[n-1]
		if last.Final || n > 1 && history[n-2].Verdict == Invalid && history[n-2].Level == last.Level {
			answer.High, answer.HighConfirmed = last.Level, false
			return br.end(answer, Generator), nil
		}
		return br.within(history, answer, Step{Level: last.Level, Kind: last.Kind}), nil
	}
	return br.within(history, answer, br.next(answer, history)), nil
}

// SoFar is the interim answer of a history: an Answer with the End Open unless there is one
// already.
func SoFar(plan Plan, history []Observation) (Answer, error) {
	step, err := Next(plan, history)
	if err != nil {
		return Answer{}, err
	}
	if step.Answer != nil {
		return *step.Answer, nil
	}
	br, history, err := standing(plan, history)
	if err != nil {
		return Answer{}, err
	}
	a := br.answer(history)
	a.End = Open
	return a, nil
}

// standing is where a search is after a history, which it returns without the trials for the
// curves.
func standing(plan Plan, history []Observation) (*bracket, []Observation, error) {
	p, err := plan.defaults()
	if err != nil {
		return nil, nil, err
	}
	history = searching(history)
	levels, err := p.levels(history)
	if err != nil {
		return nil, nil, err
	}
	b := p.belief(levels)
	br := p.bracket(&b)
	return &br, history, nil
}

// cost is the time of a trial of a kind: the longest so far, because the plan does not include the
// time that clients take to connect.
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

// room reports whether the budget has room for so many probes and confirming trials more.
func (p *Plan) room(history []Observation, probes, votes int) bool {
	need := time.Duration(probes)*p.cost(Probe, history) + time.Duration(votes)*p.cost(Confirm, history)
	return p.Budget == 0 || took(history)+need <= p.Budget
}

func took(history []Observation) (sum time.Duration) {
	for _, o := range history {
		sum += o.Took
	}
	return sum
}

// within lets a trial begin only if it can end within the budget.
func (br *bracket) within(history []Observation, answer Answer, s Step) Step {
	p := br.p
	if s.Answer != nil || p.Budget == 0 {
		return s
	}
	if need := p.cost(s.Kind, history); answer.Took+need <= p.Budget && (len(history) == 0 || answer.Took < p.Budget) {
		return s
	}
	return br.end(answer, OutOfTime)
}

// bracket is the pair of levels between which the capacity is taken to lie, as places in the
// belief's levels.
type bracket struct {
	p         *Plan
	b         *belief
	low, high int // -1: there is none
	split     int // levels between them that are split
	confirmed int // the highest level that is confirmed to hold; -1: none
}

func (p *Plan) bracket(b *belief) bracket {
	br := bracket{p: p, b: b, low: -1, high: -1, confirmed: -1}
	for i := range b.levels {
		if b.holds(i) && b.confirmed(p, i) {
			br.confirmed = i
		}
		if b.split(p, i) {
			br.split++
			continue
		}
		if b.holds(i) {
			br.low, br.split = i, 0
			continue
		}
		br.high = i
		return br
	}
	return br
}

// answer returns the current knowledge, without a reason for ending.
func (br *bracket) answer(history []Observation) Answer {
	a := Answer{Trials: len(history), Took: took(history), Noise: br.b.noise, Split: br.split}
	for _, o := range history {
		if o.Verdict == Invalid {
			a.Invalid++
		}
	}
	if br.low >= 0 {
		a.Low, a.LowConfirmed = br.b.levels[br.low].at, br.b.confirmed(br.p, br.low)
	}
	if br.high >= 0 {
		a.High, a.HighConfirmed = br.b.levels[br.high].at, br.b.confirmed(br.p, br.high)
	}
	return a
}

// end ends the search. After an early end the answer is the highest level confirmed to hold, if
// any: a higher level that held once does not suffice.
func (br *bracket) end(a Answer, how End) Step {
	a.End = how
	if !a.LowConfirmed && br.confirmed >= 0 {
		a.Low, a.LowConfirmed = br.b.levels[br.confirmed].at, true
	}
	return Step{Answer: &a}
}

// mostSplit levels within the bracket, or so many trials for each confirming one, are no search any
// more.
const (
	mostSplit = 3
	mostTimes = 30
)

// next is the search itself. The bracket is narrowed only while the time left suffices to confirm
// the level that holds, which is the answer. The level that breaks is confirmed in the time left
// after that.
func (br *bracket) next(a Answer, history []Observation) Step {
	p, b := br.p, br.b
	n := len(b.levels)
	switch {
	case n == 0:
		return Step{Level: p.From, Kind: Probe}
	case br.split >= mostSplit || a.Trials-a.Invalid >= mostTimes*p.Confirm,
		br.low < 0 && br.split > 0, br.high < 0 && br.split > 0 && b.levels[n-1].at >= p.To:
		return br.end(a, Noisy)
	}
	votes := p.Confirm
	if p.ConfirmBy <= p.Trial {
		votes-- // the probe is one of them
	}
	level, at := br.narrow()
	if level > 0 && (br.low < 0 || p.room(history, 1, votes)) {
		return br.doubt(level, at)
	}
	lowFirst := !p.room(history, 0, 2*p.Confirm)
	switch open := br.open(lowFirst); {
	case open >= 0:
		return Step{Level: b.levels[open].at, Kind: Confirm}
	case level > 0:
		return br.end(a, OutOfTime)
	case br.high < 0:
		return br.end(a, AtLeast)
	case br.low < 0:
		return br.end(a, Below)
	}
	return br.end(a, Found)
}

// narrow is the level that would make the bracket closer, and its place among the levels; 0: it is
// close enough.
func (br *bracket) narrow() (level float64, at int) {
	p, ls := br.p, br.b.levels
	n := len(ls)
	switch {
	case br.high < 0 && ls[n-1].at < p.To:
		return p.round(math.Min(p.To, math.Max(ls[n-1].at*p.Grow, ls[n-1].at+p.least()))), n
	case br.high < 0 || br.low < 0:
		return 0, 0
	}
	if mid := p.between(ls[br.high-1].at, ls[br.high].at); mid > 0 {
		return mid, br.high
	}
	if mid := p.between(ls[br.low].at, ls[br.low+1].at); mid > 0 {
		return mid, br.low + 1
	}
	return 0, 0
}

// doubt takes the new level or, where an old one is more in doubt, the old one again. A trial whose
// outcome is uncertain gives the most information.
func (br *bracket) doubt(level float64, at int) Step {
	b := br.b
	best := math.Abs(b.chance(at) - 0.5)
	for i := range b.levels {
		if off := math.Abs(b.above[i] - 0.5); off < best && !b.split(br.p, i) {
			best, level = off, b.levels[i].at
		}
	}
	return Step{Level: level, Kind: Probe}
}

// open is the end of the bracket to confirm next: the more doubtful one, or the lower one first;
// -1: both are confirmed.
func (br *bracket) open(lowFirst bool) int {
	b := br.b
	open := -1
	for _, i := range []int{br.high, br.low} {
		if i < 0 || b.confirmed(br.p, i) {
			continue
		}
		if open < 0 || lowFirst || math.Abs(b.above[i]-0.5) < math.Abs(b.above[open]-0.5) {
			open = i
		}
	}
	return open
}
