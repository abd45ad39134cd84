package search

import (
	"math"
	"time"
)

// Expected is the cost of a search: the fewest and the most trials and time, including the trials
// for the curves.
type Expected struct {
	Trials [2]int
	Took   [2]time.Duration
}

// Expect returns the cost of a search in which no trial errs, for capacities from below the first
// level to above the last. Contradictory trials cost more. took is the duration of a trial; shares
// is as for [CurveLevel]. The error is about the plan.
func Expect(plan Plan, shares []float64, took func(level float64, kind Kind) time.Duration) (Expected, error) {
	p, err := plan.defaults()
	if err != nil {
		return Expected{}, err
	}
	var e Expected
	const capacities = 16
	for i := range capacities + 1 {
		capacity := p.From / 2 * math.Pow(4*p.To/p.From, float64(i)/capacities)
		trials, all, err := play(p, shares, capacity, took)
		if err != nil {
			return Expected{}, err
		}
		if i == 0 {
			e = Expected{Trials: [2]int{trials, trials}, Took: [2]time.Duration{all, all}}
		}
		e.Trials = [2]int{min(e.Trials[0], trials), max(e.Trials[1], trials)}
		e.Took = [2]time.Duration{min(e.Took[0], all), max(e.Took[1], all)}
	}
	return e, nil
}

// play searches a server that holds every level up to its capacity.
func play(p Plan, shares []float64, capacity float64, took func(float64, Kind) time.Duration) (int, time.Duration, error) {
	var history []Observation
	all := time.Duration(0)
	for {
		step, err := Next(p, history)
		if err != nil {
			return 0, 0, err
		}
		level, kind := step.Level, step.Kind
		if step.Answer != nil {
			at, more := CurveLevel(p, shares, *step.Answer, history)
			if !more {
				return len(history), all, nil
			}
			level, kind = at, Curve
		}
		o := Observation{Level: level, Kind: kind, Verdict: Held, Took: took(level, kind)}
		if level > capacity {
			o.Verdict = Broke
		}
		history, all = append(history, o), all+o.Took
	}
}
