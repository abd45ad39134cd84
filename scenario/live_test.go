package scenario

import (
	"strings"
	"testing"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/throng-io/throng/scenario/internal/plan"
	"github.com/throng-io/throng/scenario/internal/record"
	"github.com/throng-io/throng/scenario/metric"
	"github.com/throng-io/throng/scenario/result"
)

// Progress must show a broken rule while the trial runs, and finally the same checks as the result.
func TestChecksStandWhileItRuns(t *testing.T) {
	t.Parallel()
	s := &fakeServer{}
	var victim *fakeConn
	s.mangle = func(n int, to *fakeConn, p []byte) []fakePacket {
		if victim == nil {
			victim = to
		}
		if to == victim && n >= 10 && n < 20 { // ten deliveries of the first tenths of a second never come
			return nil
		}
		return []fakePacket{{text: p, after: time.Millisecond}}
	}
	text := strings.Replace(broadcast, "for: 1s", "for: 4s", 1)
	text = strings.Replace(text, "slo: [", "slo: [loss(delivery) == 0 over 1s, p50(delivery) < 1ns over 1s, errors(ack) == 0, max(rss) < 1000GiB, ", 1)
	text = strings.Replace(text, "late: 300ms", "late: 1s, ack: 5s", 1)
	var first, last Progress
	at := map[string]result.Check{} // when they were shown last before the end
	samples := map[string]int64{}
	c := play(t, s, text, func(o *Options) {
		o.Second = func(s *result.Second, latency map[string]*hdrhistogram.Histogram) {
			for metric, h := range latency {
				samples[metric] += h.TotalCount()
				if h.TotalCount() > 0 && s.Latency[metric].N != h.TotalCount() {
					t.Errorf("%s: %d samples in the histogram, %d in the second", metric, h.TotalCount(), s.Latency[metric].N)
				}
			}
		}
		o.Progress = func(p Progress) {
			if first.Total == 0 {
				first = p
			}
			if !p.Done {
				for _, k := range p.Checks {
					at[k.Text] = k
				}
			}
			last = p
		}
	})
	if len(first.Plan) != 2 || first.Plan[1].Name != "hold" || first.Plan[1].EndS != 4.4 || first.Plan[0].Record || !first.Plan[1].Record {
		t.Errorf("plan %+v", first.Plan)
	}
	if first.Left > 4400*time.Millisecond || first.Left <= 0 || last.Left != 0 {
		t.Errorf("left %v at first, %v in the end", first.Left, last.Left)
	}
	for text, want := range map[string]struct{ noData, pass bool }{
		"loss(delivery) == 0":         {},
		"loss(delivery) == 0 over 1s": {},
		"p50(delivery) < 1ns over 1s": {},
		"max(delivery) < 1h":          {pass: true},
		"errors(ack) == 0":            {pass: true},
		"max(rss) < 1000GiB":          {pass: true},
		"achieved(rate) > 99%":        {pass: true},
	} {
		if k, ok := at[text]; !ok || k.NoData != want.noData || k.Pass != want.pass {
			t.Errorf("%s stood as %+v (present %v), want %+v", text, k, ok, want)
		}
	}
	if k := at["loss(delivery) == 0"]; k.Value != 10 {
		t.Errorf("%v lost shown, want 10", k.Value)
	}
	if len(last.Checks) != len(c.Checks) || last.Ledger != c.Ledger || !last.Done || last.Verdict != result.Fail {
		t.Errorf("the last progress %+v differs from the result %+v", last, c)
	}
	if n := c.Latency["delivery"].N; samples["delivery"] != n || n != 3990 {
		t.Errorf("the seconds had %d deliveries, the result %d, want 3990", samples["delivery"], n)
	}
}

func TestClassesAreSorted(t *testing.T) {
	b := record.NewErrors(plan.NewTimeline(nil), nil)
	for i, class := range []string{"connect.refused", "ack.timeout", "ack.timeout"} {
		b.Add(record.ErrorKey{Class: metric.ParseErrorClass(class), Stream: -1}, int64(i), nil)
	}
	got := errorClasses(b.Classes())
	if len(got) != 2 || got[0] != (ErrorClass{Class: "ack.timeout", N: 2}) || got[1] != (ErrorClass{Class: "connect.refused", N: 1}) {
		t.Errorf("classes %+v", got)
	}
}
