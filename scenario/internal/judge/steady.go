package judge

import (
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/throng-io/throng/scenario/metric"
)

// Delays are the metrics whose growth within a trial says that work piles up, in the order of
// Second.Delays.
var Delays = [...]string{metric.Delivery, metric.Ack}

// Limits of growth, of medians by the second. An overloaded server adds its excess to the median of
// each second: at 101 % of its capacity, 10 ms a second.
const (
	fewestSeconds = 4
	overload      = 10 * time.Millisecond // a second, or
	leastRise     = 10 * time.Millisecond // over all the seconds, if that is also
	leastShare    = 0.25                  // of where they began
	// of Mann-Kendall, in standard deviations: 1 % by chance, one-sided
	trend = 2.33
)

// Growing describes how the delivery or acknowledgement time still grew at the end of the last
// recorded phase, whose load is constant; "" when it did not grow, or with too few samples. Growth
// means that work piles up and the trial was too short to show the end of it. A second in which no
// due message arrived counts as one second later than the one before, while clients are there.
func (e *Evidence) Growing() string {
	spans := e.Timeline.Spans
	last := len(spans) - 1
	for last >= 0 && (!spans[last].Record || spans[last].Start >= e.End) {
		last--
	}
	if last < 0 || !e.Timeline.Constant(last) {
		return ""
	}
	for i, name := range Delays {
		var vs []float64 // seconds
		for j := range e.Seconds {
			s := &e.Seconds[j]
			switch v := s.Delays[i]; {
			case s.Phase != last:
			case v > 0:
				vs = append(vs, v.Seconds())
			case len(vs) > 0 && s.Offered > 0 && s.Held > 0:
				vs = append(vs, vs[len(vs)-1]+1)
			}
		}
		if from, to, yes := grows(vs); yes {
			return fmt.Sprintf("p50(%s) grew from %s to %s within %s", name, metric.FormatSeconds(from), metric.FormatSeconds(to), spans[last].Name)
		}
	}
	return ""
}

// grows reports whether values, one a second, have a trend upwards that has not ended, and where
// its line begins and ends.
func grows(vs []float64) (from, to float64, yes bool) {
	each := max(1, float64(len(vs))/growthPoints) // seconds of a point
	vs = averaged(slices.Clone(vs), growthPoints)
	n := len(vs)
	if n < fewestSeconds {
		return 0, 0, false
	}
	rank := 0 // Kendall's: pairs that rise, less those that fall
	for i := range vs {
		for j := i + 1; j < n; j++ {
			switch {
			case vs[j] > vs[i]:
				rank++
			case vs[j] < vs[i]:
				rank--
			}
		}
	}
	deviation := math.Sqrt(float64(n*(n-1)*(2*n+5)) / 18)
	if rank < n*(n-1)/2 && float64(rank-1) < trend*deviation {
		return 0, 0, false
	}
	slope, begin := line(vs)
	begin = max(begin, 0)
	rise := slope * float64(n-1)
	if slope/each < overload.Seconds() && (rise < leastRise.Seconds() || rise < leastShare*begin) {
		return 0, 0, false
	}
	late, _ := line(vs[n/2:]) // has it levelled off?
	return begin, begin + rise, late >= slope/4
}
