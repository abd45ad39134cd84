package record

import (
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/throng-io/throng/scenario/file"
	"github.com/throng-io/throng/scenario/internal/plan"
	"github.com/throng-io/throng/scenario/metric"
)

func TestErrorsByClassAndSecond(t *testing.T) {
	tl := plan.NewTimeline([]file.Phase{{For: 2 * time.Second}, {For: 3 * time.Second, Record: true}})
	refused, timeout := metric.Error(metric.ErrConnect, "refused"), metric.Error(metric.ErrAck, metric.HowTimeout)
	b := NewErrors(tl, func(s string) string { return strings.ReplaceAll(s, "secret", "***") })
	b.Add(ErrorKey{Class: timeout, Stream: 1}, 2_500_000_000, nil)
	b.Add(ErrorKey{Class: timeout, Stream: 1}, 2_900_000_000, errors.New("only the first text is kept"))
	b.Add(ErrorKey{Class: timeout, Stream: 1, Group: 2}, 2_900_000_000, nil)
	b.Add(ErrorKey{Class: refused, Stream: -1}, 100, errors.New("no secret\nhere"))
	b.Add(ErrorKey{Class: refused, Stream: -1}, 9_000_000_000, errors.New("another"))
	got := b.Counts()
	slices.SortFunc(got, func(a, b ErrorCount) int {
		return strings.Compare(a.Class.String(), b.Class.String()) + 10*(a.Second-b.Second) + 100*(a.Group-b.Group)
	})
	want := []ErrorCount{
		{ErrorKey{refused, -1, 0}, 0, 0, 1},
		{ErrorKey{timeout, 1, 0}, 1, 2, 2},
		{ErrorKey{refused, -1, 0}, -1, 9, 1},
		{ErrorKey{timeout, 1, 2}, 1, 2, 1},
	}
	if !slices.Equal(got, want) {
		t.Errorf("counts %+v\nwant   %+v", got, want)
	}
	sums := b.Classes()
	if len(sums) != 2 || sums[0].Class != timeout || sums[0].N != 3 || sums[0].Text != "" || sums[1].Class != refused || sums[1].N != 2 ||
		!strings.HasPrefix(sums[1].Text, "no ***") || strings.Contains(sums[1].Text, "\n") {
		t.Errorf("classes %+v", sums)
	}
	if b.Count() != 5 {
		t.Errorf("%d errors, want 5", b.Count())
	}
}

func TestErrorsConcurrently(t *testing.T) {
	b := NewErrors(plan.NewTimeline([]file.Phase{{For: time.Second}}), nil)
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for n := range 1000 {
				b.Add(ErrorKey{Class: metric.Error(metric.ErrAck, metric.HowTimeout), Stream: -1, Group: i % 2}, int64(n), nil)
				if n%100 == 0 {
					b.Counts()
				}
			}
		})
	}
	wg.Wait()
	sum := int64(0)
	for _, c := range b.Counts() {
		sum += c.N
	}
	if sum != 8000 || b.Count() != 8000 || len(b.Counts()) != 2 {
		t.Errorf("%d errors in %d counts, %d in all; want 8000", sum, len(b.Counts()), b.Count())
	}
}
