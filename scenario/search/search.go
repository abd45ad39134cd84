// Package search finds the highest load that a system carries, as a pure function: the observations
// so far go in, and the next level to try, or the answer, comes out. It starts nothing, measures
// nothing and keeps no state, so the same history always leads to the same next step, and a search
// that was interrupted goes on from its journal ([Recall]).
//
// The level grows by a factor until one breaks or the highest allowed one holds. Then the gap is
// bisected on a logarithmic scale until the ends are as close as the precision asks, and last of
// all both ends are confirmed by longer trials. What the trials say of a level is found by Bayes'
// rule from a model in which some of them come out the other way round (see belief.go): a level
// that is more in doubt than the next step is tried again, so that one lucky pass or one hiccup
// costs one trial and leads nowhere. An end is confirmed when it has its trials ([Plan].Confirm),
// most of them agree, and it is 99 % sure on which side of the capacity it lies: where trials
// disagree, more are asked for. A level that stays open after four times as many is split: the
// system does now this and now that there, and the ends move apart until they stand clear of it.
// Where three levels are split the search ends as too noisy.
//
// The answer is the highest level that was confirmed to hold, and the lowest that was confirmed to
// break.
//
// In simulated searches at the default precision the true capacity, the level at which half of the
// trials hold, lies inside the interval, or the search says that it is too noisy, in more than 95
// of 100: with outcomes turned round in up to one of five trials, and with systems whose outcome is
// open over a range wider than the precision. Without noise a search takes some 15 trials, with one
// trial in five turned round some 40.
//
// A budget ends the search in time. The bisection stops when the time left just suffices to confirm
// the level that holds, which is the answer; the level that breaks is confirmed in the time left
// after that. [CurveLevel] then chooses the levels around the answer that are measured for the
// curves; they change no answer.
//
// A trial that is invalid says nothing about the system, only that the load generator could not
// keep up. It is repeated once; invalid again, or where a repeat would be no better
// (Observation.Final), the search stops and says so. The generator's limit never becomes the
// system's capacity.
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
	From float64 `json:"from"` // the first level; above 0
	To   float64 `json:"to"`   // the highest level tried; at least From
	// factor from one level to the next while all hold; 2
	Grow float64 `json:"grow"`
	// largest distance of the ends, as a share of the lower one; 0.05
	Precision float64       `json:"precision"`
	Confirm   int           `json:"confirm"`    // trials that confirm an end, an odd number; 3
	Trial     time.Duration `json:"trial"`      // expected time of a probe, for the budget
	ConfirmBy time.Duration `json:"confirm_by"` // expected time of a confirming trial; as Trial
	// no trial begins that would end beyond it; 0 is without limit
	Budget time.Duration `json:"budget"`
	Whole  bool          `json:"whole"` // levels are whole numbers
	// identifies the search: a journal with another one is not continued; may be empty
	Of string `json:"of"`
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
	Took    time.Duration `json:"took_ns"`          // with the pause before it
	Reason  string        `json:"reason,omitempty"` // the check that broke
	// Final says of an invalid trial that a repeat would be no better, since its samples were too
	// few for a check.
	Final bool   `json:"final,omitempty"`
	Ref   string `json:"ref,omitempty"` // where the trial's result is
}

// searching leaves out the trials measured for the curves.
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
	// both ends are confirmed, and as close as asked or as split votes allow
	Found   End = "found"
	AtLeast End = "at least" // the highest level allowed was confirmed to hold
	Below   End = "below"    // the first level was confirmed to break
	// the generator was not fit at High, twice, or a check has too few samples there
	Generator End = "generator"
	OutOfTime End = "budget" // the budget was used up
	Noisy     End = "noisy"  // trials at the same level disagree too much
	Open      End = "open"   // it has not come to an end: see SoFar
)

// Answer is the result of a search.
type Answer struct {
	End End `json:"end"`
	// Low is the highest level that was confirmed to hold; 0: there is none. Where the search ended
	// before any was confirmed it is the highest that is taken to hold, and LowConfirmed is false.
	Low          float64 `json:"low"`
	LowConfirmed bool    `json:"low_confirmed"`
	// High is the lowest level above Low that is taken to break; 0: none is. With End Generator it
	// is the level that could not be judged.
	High          float64 `json:"high"`
	HighConfirmed bool    `json:"high_confirmed"`
	// levels between Low and High that many trials left open
	Split int `json:"split"`
	// the share of trials that come out the other way round, as estimated
	Noise   float64       `json:"noise"`
	Trials  int           `json:"trials"`
	Invalid int           `json:"invalid"`
	Took    time.Duration `json:"took_ns"`
}

// defaults fills in the zero fields and validates the others.
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
		return p, fmt.Errorf("search: the first level is %v; it must be at least 1, since levels are whole numbers", p.From)
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
