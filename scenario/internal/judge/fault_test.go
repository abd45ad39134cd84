package judge

import (
	"slices"
	"testing"
	"time"

	"github.com/throng-io/throng/scenario/file"
	"github.com/throng-io/throng/scenario/internal/ledger"
	"github.com/throng-io/throng/scenario/internal/plan"
	"github.com/throng-io/throng/scenario/internal/record"
	"github.com/throng-io/throng/scenario/metric"
	"github.com/throng-io/throng/scenario/result"
)

// faulty is a trial whose fault begins at 10 s, with one message a second that needed at most so
// long before.
func faulty(took time.Duration) *Evidence {
	tl := plan.NewTimeline([]file.Phase{
		{Name: "hold", For: 10 * time.Second, Record: true},
		{Name: "cut", For: 2 * time.Second, Record: true, Fault: &file.Fault{}},
		{Name: "after", For: 8 * time.Second, Record: true},
	})
	class := Class{Group: "people", Transport: "websocket"}
	series := []record.Series{class.Label(record.Series{Metric: metric.Delivery, From: "people", Op: "room", Event: "msg"})}
	e := &Evidence{
		Timeline: tl, At: tl.End, End: tl.End, Faults: []int{1}, Classes: []Class{class}, Groups: []Group{{Name: "people"}},
		Streams: []Stream{{Group: "people", Op: "room", Event: "msg", Late: 5 * time.Second}},
		Totals:  record.NewTotals(series, len(tl.Spans)), Ledger: [][]ledger.Row{nil},
	}
	e.Totals.Add(0, 0, took.Microseconds(), 1)
	e.Totals.Add(0, 1, (4 * time.Second).Microseconds(), 1) // under the fault: it proves nothing about before
	return e
}

// A fault explains what was lost since it began, and what could be in flight then, and no more.
func TestAFaultExplainsWhatFollowsIt(t *testing.T) {
	for _, test := range []struct {
		second int // in which the lost message was due
		took   time.Duration
		want   string
	}{
		{second: 0, want: "loss(delivery) == 0"},
		{second: 8, want: "loss(delivery) == 0"},
		{second: 8, took: 400 * time.Millisecond, want: "loss(delivery) == 0"}, // due before 9 s, and the fault is at 10 s
		{second: 8, took: 600 * time.Millisecond},                              // twice that is more than a second
		{second: 7, took: 600 * time.Millisecond, want: "loss(delivery) == 0"},
		{second: 7, took: 1100 * time.Millisecond},
		{second: 6, took: 1100 * time.Millisecond, want: "loss(delivery) == 0"},
		{second: 4, took: 60 * time.Second},                              // the late limit is 5 s
		{second: 3, took: 60 * time.Second, want: "loss(delivery) == 0"}, // and had passed at 9 s
		{second: 9},
		{second: 10},
		{second: 15}, // the fault is over, and its consequences need not be
	} {
		e := faulty(test.took)
		e.Ledger[0] = []ledger.Row{{Phase: e.Timeline.PhaseAt(int64(test.second) * 1e9), Second: test.second, Ledger: result.Ledger{Sent: 1, Expected: 3, Lost: 1, Received: 2}}}
		checkImplied(t, e, test.second, test.want)
		e.Faults = nil
		checkImplied(t, e, test.second, "loss(delivery) == 0")
	}
}

// The same holds for errors, apart from those that no fault explains.
func TestAFaultExplainsErrors(t *testing.T) {
	for _, test := range []struct {
		second int
		class  metric.ErrorClass
		want   string
	}{
		{3, metric.Error(metric.ErrAck, metric.HowDropped), "errors(ack.dropped) == 0"},
		{9, metric.Error(metric.ErrAck, metric.HowDropped), ""},
		{11, metric.Error(metric.ErrReconnect, metric.HowNever), ""},
		{3, metric.Error(metric.ErrDelivery, metric.HowUnexpected), "errors(delivery.unexpected) == 0"},
		{11, metric.Error(metric.ErrDelivery, metric.HowUnexpected), "errors(delivery.unexpected) == 0"},
	} {
		e := faulty(0)
		e.Errors = []record.ErrorCount{{ErrorKey: record.ErrorKey{Class: test.class, Stream: -1}, Phase: e.Timeline.PhaseAt(int64(test.second) * 1e9), Second: test.second, N: 2}}
		checkImplied(t, e, test.second, test.want)
	}
}

func checkImplied(t *testing.T, e *Evidence, second int, want string) {
	t.Helper()
	got := implied(e, Rules{})
	if want == "" && len(got) == 0 {
		return
	}
	if !slices.ContainsFunc(got, func(c result.Check) bool { return c.Text == want }) || len(got) != 1 {
		t.Errorf("in second %d: %+v, want %q", second, got, want)
	}
}

// Results of versions that excused the whole run are judged as they were.
func TestRecallOfAnEarlierFault(t *testing.T) {
	e := faulty(0)
	kept := Keep(e)
	kept.FaultPhases = nil
	back := &Evidence{Timeline: e.Timeline, Saved: &Saved{}}
	if err := back.recall(kept); err != nil || !slices.Equal(back.Faults, []int{0}) {
		t.Errorf("faults %v, %v", back.Faults, err)
	}
}
