package search

import (
	"math"
	"slices"
)

// CurveLevel is the level to measure next for the curves, once the search has its answer: one of
// the shares of Answer.Low, up to the highest level allowed, that no valid trial has been made at,
// within two hundredths. ok is false
// when there is none left, when the budget has no room for one more, or without a capacity to take
// shares of. An invalid trial is not repeated: a curve has gaps where the generator could not
// judge.
func CurveLevel(plan Plan, shares []float64, answer Answer, history []Observation) (level float64, ok bool) {
	p, err := plan.defaults()
	if err != nil || answer.Low == 0 {
		return 0, false
	}
	if p.Budget > 0 && took(history)+p.cost(Curve, history) > p.Budget {
		return 0, false
	}
	const near = 0.02
	for _, share := range shares {
		at := p.round(share * answer.Low)
		if at < p.least() || at <= 0 || share*answer.Low > p.To || answer.End == AtLeast && at > answer.Low*(1+near) || answer.End == Generator && at >= answer.High*(1-near) {
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
