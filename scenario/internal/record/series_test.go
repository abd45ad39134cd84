package record

import (
	"runtime"
	"testing"

	"pgregory.net/rapid"

	"github.com/throng-io/throng/scenario/metric"
	"github.com/throng-io/throng/scenario/result"
)

func TestLabelsChoose(t *testing.T) {
	normal := Series{Metric: metric.Delivery, Group: "a", From: "b", Op: "room", Event: "msg", Transport: "polling", Decile: 3}
	slow, lone, volatile := normal, normal, normal
	slow.Slow = true
	lone.Slow, lone.AllSlow = true, true
	volatile.Volatile = true
	for _, c := range []struct {
		labels                           map[string]string
		normal, slow, lone, inTheAccount bool
	}{
		{nil, true, false, false, false},
		{map[string]string{metric.LabelGroup: "a"}, true, false, true, false},
		{map[string]string{metric.LabelGroup: "b"}, false, false, false, false},
		{map[string]string{metric.LabelFrom: "b", metric.LabelOp: "room"}, true, false, false, false},
		{map[string]string{metric.LabelEvent: "msg"}, true, false, false, true},
		{map[string]string{metric.LabelEvent: "other"}, false, false, false, false},
		{map[string]string{metric.LabelTransport: "polling", metric.LabelRoomDecile: "3"}, true, false, false, false},
		{map[string]string{metric.LabelRoomDecile: "4"}, false, false, false, false},
		{map[string]string{metric.LabelRead: "normal"}, true, false, false, false},
		{map[string]string{metric.LabelRead: "slow"}, false, true, true, false},
		{map[string]string{"unknown": ""}, false, false, false, false},
	} {
		if normal.Chosen(c.labels) != c.normal || slow.Chosen(c.labels) != c.slow || lone.Chosen(c.labels) != c.lone {
			t.Errorf("%v chooses normal %v, slow %v, all slow %v", c.labels, normal.Chosen(c.labels), slow.Chosen(c.labels), lone.Chosen(c.labels))
		}
		if volatile.Chosen(c.labels) != c.normal || volatile.Counted(c.labels) != c.inTheAccount || normal.Counted(c.labels) != c.normal {
			t.Errorf("%v counts volatile messages: %v", c.labels, volatile.Counted(c.labels))
		}
	}
	if normal.Interval() != "delivery" || slow.Interval() != "delivery.slow" {
		t.Errorf("%s, %s", normal.Interval(), slow.Interval())
	}
}

func TestTotals(t *testing.T) {
	totals := NewTotals([]Series{{Metric: "a"}, {Metric: "b"}}, 2)
	if totals.Sum(func(*Series, int) bool { return true }).Total() != 0 {
		t.Error("there is something before anything was added")
	}
	totals.Add(0, 0, 100, 2)
	totals.Add(0, 1, 200, 3)
	totals.Add(1, 1, 300, 4)
	more := NewTotals([]Series{{Metric: "b"}}, 2)
	more.Add(0, 1, 300, 6)
	all := func(*Series, int) bool { return true }
	totals.Merge(1, 1, more.Sum(all))
	totals.Merge(1, 0, more.Sum(all))
	for _, c := range []struct {
		name string
		keep func(*Series, int) bool
		want int64
	}{
		{"all", func(*Series, int) bool { return true }, 2 + 3 + 4 + 6 + 6},
		{"one series", func(s *Series, _ int) bool { return s.Metric == "a" }, 5},
		{"one phase", func(_ *Series, p int) bool { return p == 1 }, 13},
	} {
		if n := totals.Sum(c.keep).Count(); n != c.want {
			t.Errorf("%s: %d, want %d", c.name, n, c.want)
		}
	}
	if totals.Sum(func(*Series, int) bool { return false }).Total() != 0 {
		t.Error("a sum of nothing")
	}
	seen := map[[2]int]int64{}
	totals.Each(all, func(series, phase int, s result.Samples) { seen[[2]int{series, phase}] = s.Total() })
	if len(seen) != 4 || seen[[2]int{1, 1}] != 10 || seen[[2]int{1, 0}] != 6 {
		t.Errorf("%v", seen)
	}
	// The sum is a copy.
	totals.Sum(all).Ended.Reset()
	if totals.Count(all) != 21 {
		t.Error("the sum was not a copy")
	}
}

// Operations that never ended are kept separately in each series.
func TestTotalsOfWhatNeverEnded(t *testing.T) {
	all := func(*Series, int) bool { return true }
	totals := NewTotals([]Series{{Metric: "a"}, {Metric: "b"}}, 2)
	totals.Add(0, 0, 100, 2)
	totals.AddNever(0, 0, 500, 3)
	totals.AddNever(1, 1, 700, 4)
	seen := map[[2]int][2]int64{}
	totals.Each(all, func(series, phase int, s result.Samples) {
		seen[[2]int{series, phase}] = [2]int64{s.Count(), s.Total()}
	})
	if len(seen) != 2 || seen[[2]int{0, 0}] != [2]int64{2, 5} || seen[[2]int{1, 1}] != [2]int64{0, 4} {
		t.Errorf("%v", seen)
	}
	more := NewTotals(totals.Series, 2)
	totals.Each(all, more.Merge)
	sum := more.Sum(all)
	if us, beyond := sum.Percentile(99); sum.Count() != 2 || sum.Total() != 9 || us != 700 || !beyond {
		t.Errorf("%d of %d, p99 %d beyond %v", sum.Count(), sum.Total(), us, beyond)
	}
}

// Volatile messages count where they are named, by their event or by an operation of a contract:
// their losses, and the time until they were at all receivers.
func TestVolatileMessagesAreNamed(t *testing.T) {
	x := Series{Metric: metric.FanoutLast, Group: "a", Op: "typing", Event: "chat:typing", Volatile: true}
	for _, c := range []struct {
		op     string
		labels map[string]string
		want   bool
	}{
		{"typing", nil, false},
		{"typing", map[string]string{metric.LabelGroup: "a"}, false},
		{"typing", map[string]string{metric.LabelOp: "typing"}, true},
		{"typing", map[string]string{metric.LabelEvent: "chat:typing"}, true},
		{"room", map[string]string{metric.LabelOp: "room"}, false},
		{"room", map[string]string{metric.LabelOp: "room", metric.LabelEvent: "chat:typing"}, true},
	} {
		x.Op = c.op
		if x.Chosen(c.labels) != c.want || x.Counted(c.labels) != c.want {
			t.Errorf("%s by %v: chosen %v, counted %v, want %v", c.op, c.labels, x.Chosen(c.labels), x.Counted(c.labels), c.want)
		}
	}
}

// The counts have the cells of a result's histogram: its every value, from the least to the
// greatest, is there again, in a Sum and after a Merge.
func TestTotalsAreExact(t *testing.T) {
	all := func(*Series, int) bool { return true }
	rapid.Check(t, func(t *rapid.T) {
		one, two, want := NewTotals([]Series{{}}, 1), NewTotals([]Series{{}}, 1), result.NewHistogram()
		for range rapid.IntRange(0, 50).Draw(t, "kinds of values") {
			v := min(maxSample, rapid.Int64Range(0, 1<<rapid.IntRange(0, 32).Draw(t, "bits")).Draw(t, "value"))
			n := rapid.Int64Range(1, 1<<40).Draw(t, "times")
			one.Add(0, 0, v, n)
			_ = want.RecordValues(v, n)
		}
		one.Each(all, two.Merge)
		for name, sum := range map[string]result.Samples{"sum": one.Sum(all), "merged": two.Sum(all)} {
			got := sum.Ended
			if got == nil {
				got = result.NewHistogram()
			}
			if sum.Never != nil || !got.Equals(want) || got.Max() != want.Max() || got.Min() != want.Min() {
				t.Fatalf("%s: %d of %d to %d, want %d of %d to %d", name, got.TotalCount(), got.Min(), got.Max(), want.TotalCount(), want.Min(), want.Max())
			}
		}
		if one.Count(all) != want.TotalCount() {
			t.Fatalf("%d counted of %d", one.Count(all), want.TotalCount())
		}
	})
}

// A series with few samples takes kilobytes: a run has hundreds, and found its size only after
// minutes when each took 188 KiB.
func TestTotalsAreSmall(t *testing.T) {
	totals := NewTotals(make([]Series, 100), 10)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for i := range 1000 {
		totals.Add(i/10, i%10, 5_000, 1)
		totals.Add(i/10, i%10, 5_100, 1)
	}
	runtime.ReadMemStats(&after)
	if took := after.TotalAlloc - before.TotalAlloc; took > 3<<20 {
		t.Errorf("%d bytes for a thousand series", took)
	}
}

// Peek sums as Sum does, and again in the same histograms.
func TestPeekSumsInItsOwnRoom(t *testing.T) {
	totals := NewTotals([]Series{{Metric: "a"}, {Metric: "b"}}, 2)
	totals.Add(0, 0, 10, 1)
	totals.Add(1, 0, 20, 2)
	totals.Add(1, 1, 30, 3)
	totals.AddNever(0, 1, 40, 4)
	all := func(*Series, int) bool { return true }
	of := func(metric string) func(*Series, int) bool {
		return func(s *Series, _ int) bool { return s.Metric == metric }
	}
	first := totals.Peek(all)
	if first.Count() != 6 || first.Total() != 10 {
		t.Errorf("%d of %d samples ended", first.Count(), first.Total())
	}
	if b := totals.Peek(of("b")); b.Ended != first.Ended || b.Never != nil || b.Count() != 5 {
		t.Errorf("%+v has %d samples, and is not where the first one was", b, b.Count())
	}
	totals.Add(1, 0, 50, 7)
	if again := totals.Peek(all); again.Ended != first.Ended || again.Never != first.Never || again.Count() != 13 || again.Total() != 17 {
		t.Errorf("%d of %d samples ended", again.Count(), again.Total())
	}
	if kept := totals.Sum(all); kept.Ended == first.Ended || kept.Never == first.Never || totals.Count(all) != 13 {
		t.Errorf("%+v shares what Peek uses, or the totals have changed", kept)
	}
}
