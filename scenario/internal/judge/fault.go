package judge

import (
	"math"
	"time"

	"github.com/throng-io/throng/scenario/internal/record"
	"github.com/throng-io/throng/scenario/metric"
)

// An excuse says which of a trial's errors a fault of the scenario explains: errors of the time
// since the first fault began, and errors of messages that could be on their way at that moment.
type excuse struct {
	phase    int   // of the first fault
	from     int64 // when it began; math.MaxInt64: the scenario has no fault
	inFlight int64 // how long a message could be on its way before it
	late     int64 // the longest late limit: a delivery that is missing after it is lost by then
}

// flightMargin is added to twice the longest time that a message needed before the fault: the lost
// one might have been the slowest.
const flightMargin = int64(10 * time.Millisecond)

// faultExcuse finds the first fault, and how long messages were on their way before it.
func (e *Evidence) faultExcuse() excuse {
	if len(e.Faults) == 0 || e.Faults[0] >= len(e.Timeline.Spans) {
		return excuse{from: math.MaxInt64}
	}
	x := excuse{phase: e.Faults[0]}
	x.from = e.Timeline.Spans[x.phase].Start
	for i := range e.Streams {
		x.late = max(x.late, int64(e.Streams[i].Late))
	}
	if e.Totals == nil {
		return x
	}
	before := e.Totals.Sum(func(s *record.Series, phase int) bool {
		return phase < x.phase && (s.Metric == metric.Delivery || s.Metric == metric.Ack)
	})
	if before.Ended != nil {
		x.inFlight = 2*before.Ended.Max()*int64(time.Microsecond) + flightMargin
	}
	return x
}

// covers reports whether a fault may explain what went wrong in a second of a phase, or with the
// messages that were due in it. Seconds are not divided: one that the fault begins in is covered.
func (x *excuse) covers(phase, second int) bool { return x.coversBy(phase, second, x.inFlight) }

// coversDelivery is covers for deliveries of messages that were due then. One whose late limit had
// passed when the fault began was lost before, however slow the slowest had been.
func (x *excuse) coversDelivery(phase, second int) bool {
	return x.coversBy(phase, second, min(x.inFlight, x.late))
}

func (x *excuse) coversBy(phase, second int, inFlight int64) bool {
	return phase >= x.phase && x.from != math.MaxInt64 || int64(second+1)*int64(time.Second)+inFlight >= x.from
}

// uncountedNote is the note of an implied rule.
const uncountedNote = "implied: no rule of the file counts these"

// note says what an implied rule counts: everything when it holds under a fault too, else what no
// fault explains.
func (x *excuse) note(faulty bool) string {
	if faulty || x.from == math.MaxInt64 {
		return uncountedNote
	}
	return uncountedNote + ", and they are of the time before the fault"
}
