package scenario

import (
	"time"

	"github.com/throng-io/throng/scenario/internal/ledger"
	"github.com/throng-io/throng/scenario/internal/record"
	"github.com/throng-io/throng/scenario/metric"
)

// faultLosses reports, for each fault, the lost deliveries that were due between its beginning and
// the next fault, and how long after its beginning they were due. No implied rule counts those that
// the fault explains, and a late one of them is more serious than an early one.
func (f *findings) faultLosses(say func(format string, args ...any)) {
	phases, spans := f.t.spec.Phases, f.t.tl.Spans
	for i := range phases {
		if phases[i].Fault == nil {
			continue
		}
		until := i + 1
		for until < len(phases) && phases[until].Fault == nil {
			until++
		}
		begin := int(spans[i].Start / int64(time.Second))
		var lost, expected int64
		bySecond := map[int]int64{}
		f.e.EachRow(func(x *record.Series, r *ledger.Row) {
			if !x.Counted(nil) || r.Phase < i || r.Phase >= until {
				return
			}
			d := r.Deliveries()
			lost, expected = lost+d.Lost, expected+d.Expected
			if d.Lost > 0 {
				bySecond[max(0, r.Second-begin)] += d.Lost
			}
		})
		if lost == 0 {
			continue
		}
		first, half, last := spread(bySecond, lost)
		say("%s of %s deliveries that were due after the fault in %s began were lost: the first was due %d s after it, half by %d s, the last %d s after it",
			metric.FormatCount(lost), metric.FormatCount(expected), phases[i].Name, first, half, last)
	}
}

// spread is the first second that has any, the one by which half of them are reached, and the last
// one.
func spread(bySecond map[int]int64, all int64) (first, half, last int) {
	first, half = -1, -1
	sum := int64(0)
	for second := 0; sum < all; second++ {
		n := bySecond[second]
		if n == 0 {
			continue
		}
		if sum += n; first < 0 {
			first = second
		}
		if half < 0 && 2*sum >= all {
			half = second
		}
		last = second
	}
	return first, half, last
}
