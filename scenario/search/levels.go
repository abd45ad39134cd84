package search

import (
	"cmp"
	"fmt"
	"math"
	"slices"
)

// level counts the valid trials of one level.
type level struct {
	at          float64
	held, broke int // of all trials
	votes       int // trials as long as a confirming one
}

// levels sums the history up, in order of the levels. Levels that were only ever invalid are left
// out.
func (p *Plan) levels(history []Observation) ([]level, error) {
	var ls []level
	for i, o := range history {
		switch {
		case !(o.Level > 0) || math.IsInf(o.Level, 0):
			return nil, fmt.Errorf("search: observation %d is of the level %v", i+1, o.Level)
		case o.Kind != Probe && o.Kind != Confirm:
			return nil, fmt.Errorf("search: observation %d is of the kind %q", i+1, o.Kind)
		case o.Verdict == Invalid:
			continue
		case o.Verdict != Held && o.Verdict != Broke:
			return nil, fmt.Errorf("search: observation %d has the verdict %q", i+1, o.Verdict)
		}
		at, found := slices.BinarySearchFunc(ls, o.Level, func(l level, v float64) int { return cmp.Compare(l.at, v) })
		if !found {
			ls = slices.Insert(ls, at, level{at: o.Level})
		}
		l := &ls[at]
		if o.Verdict == Held {
			l.held++
		} else {
			l.broke++
		}
		if o.Kind == Confirm || p.ConfirmBy <= p.Trial {
			l.votes++
		}
	}
	return ls, nil
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
	if v >= p.To { // else the search would come to it again and again
		return p.To
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
