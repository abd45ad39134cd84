package record

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/throng-io/throng/scenario/internal/plan"
	"github.com/throng-io/throng/scenario/metric"
)

// What did not end is recorded apart from what did, and drained once.
func TestWhatNeverEndedIsApart(t *testing.T) {
	r := NewRecorder([]Series{{Metric: "a"}, {Metric: "b"}}, 3)
	for client := range uint32(5) {
		s := r.Shard(client)
		s.Add(0, 1, time.Millisecond)
		s.AddNever(0, 1, 2*time.Millisecond)
		s.AddNever(1, 2, 4*time.Millisecond)
	}
	drained := func(drain func(func(series, phase int, v, n int64))) string {
		sums := map[string]int64{}
		drain(func(series, phase int, v, n int64) {
			sums[fmt.Sprintf("series %d, phase %d, %d ms", series, phase, (v+500)/1000)] += n
		})
		return fmt.Sprint(sums)
	}
	if got := drained(r.Drain); got != "map[series 0, phase 1, 1 ms:5]" {
		t.Errorf("ended: %s", got)
	}
	if got := drained(r.DrainNever); got != "map[series 0, phase 1, 2 ms:5 series 1, phase 2, 4 ms:5]" {
		t.Errorf("not ended: %s", got)
	}
	if a, b := drained(r.Drain), drained(r.DrainNever); a+b != "map[]map[]" {
		t.Errorf("again: %s, %s", a, b)
	}
}

// Samples outside of the range are counted, and recorded at its ends; those of no phase or series
// are dropped.
func TestSamplesOutside(t *testing.T) {
	r := NewRecorder([]Series{{Metric: "a"}}, 1)
	s := r.Shard(7)
	for _, d := range []time.Duration{-1, 0, time.Hour, time.Hour + time.Microsecond, 100 * time.Hour, -time.Hour} {
		s.Add(0, 0, d)
	}
	if got := r.Outside(); got != 4 {
		t.Errorf("%d outside, want 4", got)
	}
	s.Add(0, -1, time.Second)
	s.Add(-1, 0, time.Second)
	var n, most int64
	r.Drain(func(_, _ int, v, k int64) { n, most = n+k, max(most, v) })
	if n != 6 || most > time.Hour.Microseconds() || most < time.Hour.Microseconds()*999/1000 {
		t.Errorf("%d samples, at most %d", n, most)
	}
}

// Each label chooses by its own field.
func TestEachLabelHasItsField(t *testing.T) {
	full := Series{
		Group: "g", From: "f", Op: "o", Event: "e", Transport: "t", Decile: 4, Slow: true, AllSlow: true, Replayed: true, Node: 3, Cross: "false",
	}
	values := map[string]string{
		metric.LabelGroup: "g", metric.LabelFrom: "f", metric.LabelOp: "o", metric.LabelEvent: "e", metric.LabelTransport: "t", metric.LabelRoomDecile: "4",
		metric.LabelRead: "slow", metric.LabelReplayed: "true", metric.LabelNode: "2", metric.LabelCross: "false",
	}
	empty := map[string]string{metric.LabelRead: "normal", metric.LabelReplayed: "false", metric.LabelRoomDecile: "0"}
	for _, label := range metric.Labels {
		if label == metric.LabelPhase {
			continue // no field: the phase is beside the series
		}
		if !full.Has(label, values[label]) || full.Has(label, "x") && label != metric.LabelRead || full.Has(label, empty[label]) {
			t.Errorf("%s: %v, and another value %v", label, full.Has(label, values[label]), full.Has(label, empty[label]))
		}
		none := Series{}
		if none.Has(label, values[label]) || empty[label] != "" && !none.Has(label, empty[label]) {
			t.Errorf("%s: a series without it has it", label)
		}
	}
}

// Errors keep the first text of each class, masked, and lie in the second and the phase of their
// moment.
func TestErrorTexts(t *testing.T) {
	tl := &plan.Timeline{Spans: []plan.Span{{Start: 0, End: 2e9}, {Start: 2e9, End: 4e9}}, End: 4e9}
	b := NewErrors(tl, func(text string) string { return "masked " + text })
	refused, timeout := metric.Error(metric.ErrConnect, "refused"), metric.Error(metric.ErrAck, metric.HowTimeout)
	for i, at := range []int64{1e9 - 1, 1e9, 2e9, 4e9} {
		b.Add(ErrorKey{Class: refused, Stream: -1}, at, fmt.Errorf("error %d", i))
	}
	b.Add(ErrorKey{Class: timeout, Stream: 1}, 3e9, nil)
	b.Add(ErrorKey{Class: timeout, Stream: 1}, 3e9, errors.New("too late to be kept"))
	if got := fmt.Sprint(b.Classes()); got != "[{connect.refused 4 masked error 0} {ack.timeout 2 }]" || b.Count() != 6 {
		t.Errorf("%s of %d", got, b.Count())
	}
	var rows []string
	for _, r := range b.Counts() {
		rows = append(rows, fmt.Sprint(r.Class, r.Phase, r.Second, r.N))
	}
	slices.Sort(rows)
	if got := fmt.Sprint(rows); got != "[ack.timeout 1 3 2 connect.refused -1 4 1 connect.refused 0 0 1 connect.refused 0 1 1 connect.refused 1 2 1]" {
		t.Errorf("%s", got)
	}
}
