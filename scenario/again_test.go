package scenario

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/throng-io/throng/scenario/file"
	"github.com/throng-io/throng/scenario/result"
)

const judged = `
version: 1
name: t
target: {url: "http://127.0.0.1:1"}
groups:
  viewers: {count: 20, connect: {rate: 10k/s}, transport: {websocket: 50%, polling: 50%}, reconnect: {min: 50ms, max: 100ms, recover: true}}
  speaker: {count: 1, connect: {rate: 10k/s}, send: [{op: all, rate: 50/s, expect: others, late: 300ms}, {op: echo, rate: 20/s, ack: 1s}]}
phases:
  - {name: ramp, for: 1s, clients: 0%..100%, load: 0%, record: false}
  - {name: hold, for: 3s}
  - {name: cut, for: 1s, fault: {drop: 30%}}
slo: [RULES]
valid: [max(cpu) < 1000%, achieved(rate) > 1%]
`

// A saved run judged by the rules that it ran with gets the same values, whatever they ask for.
func TestJudgeAgain(t *testing.T) {
	t.Parallel()
	rules := []string{
		"p99(delivery) < 1h", "max(delivery{transport=polling}) < 1h", "count(delivery{group=viewers}) > 1", "min(delivery) < 1h in cut",
		"p99(connect) < 1h", "rate(connect) > 0/s", "mean(ack) < 1h", "max(fanout.last) < 1h", "count(reconnect{group=viewers}) > 0",
		"loss(delivery) < 50%", "loss(delivery) <= 10000 over 1s", "dup(delivery{transport=websocket}) == 0", "disorder(delivery) == 0 in hold",
		"errors(connect) < 50%", "errors(ack) <= 1000", "errors <= 10000 over 2s", "max(rss) < 1000GiB over 2s", "growth(rss) < 1000%",
		"ratio(recovered) <= 100%", "achieved(rate) > 1% over 1s", "max(lag) < 1h", "p50(delivery) < 1h over 1s", "count(delivery) > 0 over 2s in hold",
	}
	text := strings.Replace(judged, "RULES", "'"+strings.Join(rules, "', '")+"'", 1)
	dir := t.TempDir()
	s := &fakeServer{mangle: func(n int, _ *fakeConn, p []byte) []fakePacket {
		switch n % 50 {
		case 7:
			return nil
		case 9:
			return []fakePacket{{text: p}, {text: p}}
		}
		return []fakePacket{{text: p, after: time.Duration(n%7) * time.Millisecond}}
	}}
	run := playRun(t, s, text, func(o *Options) { o.HistogramDir = dir })
	if err := run.Write(dir); err != nil {
		t.Fatal(err)
	}
	saved, err := result.Read(dir)
	if err != nil {
		t.Fatal(err)
	}
	f, err := file.Parse("t.yaml", []byte(text), nil)
	if err != nil {
		t.Fatal(err)
	}
	again, err := JudgeAgain(f, saved, dir)
	if err != nil {
		t.Fatal(err)
	}
	was, is := run.Cells[0], again.Cells[0]
	if was.Verdict != is.Verdict || was.Reason != is.Reason || again.Verdict != run.Verdict {
		t.Errorf("%s because %q was judged again %s because %q", was.Verdict, was.Reason, is.Verdict, is.Reason)
	}
	if len(was.Checks) != len(is.Checks) {
		t.Fatalf("%d checks, and %d again", len(was.Checks), len(is.Checks))
	}
	for i, k := range was.Checks {
		b := is.Checks[i]
		near := 1e-9
		if k.OverS > 0 && k.Metric == "delivery" && k.Stat != "loss" {
			near = 0.05 * k.Value // a sample is of the second, and the phase, in which it came
		}
		if k.Text != b.Text || k.NoData != b.NoData || k.Pass != b.Pass || math.Abs(k.Value-b.Value) > near {
			t.Errorf("%s: %+v\nwas %+v", k.Text, b, k)
		}
		if k.NoData {
			t.Errorf("%s has no value: %+v", k.Text, k)
		}
	}
}

// What a result does not hold is said, and keeps it from passing but not from failing.
func TestJudgeAgainWithLess(t *testing.T) {
	t.Parallel()
	text := strings.Replace(judged, "RULES", "p99(delivery) < 1h, loss(delivery) <= 10000", 1)
	run := playRun(t, &fakeServer{}, text)
	for name, c := range map[string]struct {
		rule    string
		old     bool // no evidence was kept
		brief   bool // nor a histogram
		verdict result.Verdict
		reason  string
	}{
		"windows without logs":          {"p99(delivery) < 1h over 1s", false, false, result.Invalid, "p99(delivery) < 1h over 1s: not in this result"},
		"labels":                        {"'p99(delivery{transport=polling}) < 1h'", false, false, result.Pass, ""},
		"labels of an old one":          {"'p99(delivery{transport=polling}) < 1h'", true, false, result.Invalid, "not in this result"},
		"a phase of an old one":         {"p99(delivery) < 1h in hold", true, false, result.Invalid, "not in this result"},
		"seconds of an old one":         {"loss(delivery) < 99% over 1s", true, false, result.Invalid, "not in this result"},
		"sums of an old one":            {"p99(delivery) < 1h, p99(lag) < 1h, loss(delivery) < 99%, achieved(rate) > 1%, max(rss) < 1000GiB over 2s", true, false, result.Pass, ""},
		"an old one fails":              {"count(delivery) > 1M, p99(delivery) < 1h in hold", true, false, result.Fail, "count(delivery) > 1M"},
		"an optional one of an old one": {"{check: p99(delivery) < 1h in hold, optional: true}", true, false, result.Pass, ""},
		"a metric that never was there": {"p99(step) < 1s", false, false, result.Fail, "p99(step) < 1s: no samples"},
		"a shortened one":               {"p99(delivery) < 1h", false, true, result.Invalid, "not in this result"},
	} {
		saved := *run
		saved.Cells = append([]result.Cell(nil), run.Cells...)
		if c.old {
			saved.Cells[0].Evidence = nil
		}
		if c.brief {
			b, err := run.Brief()
			if err != nil {
				t.Fatal(err)
			}
			saved = *b
		}
		f, err := file.Parse("t.yaml", []byte(strings.Replace(judged, "RULES", c.rule+", loss(delivery) <= 10000", 1)), nil)
		if name == "a metric that never was there" {
			f, err = file.Parse("t.yaml", []byte("version: 1\nname: t\ngroups: {a: {count: 1, flow: [{emit: [x]}]}}\nslo: ["+c.rule+"]\n"), nil)
		}
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		again, err := JudgeAgain(f, &saved, t.TempDir())
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if got := again.Cells[0]; got.Verdict != c.verdict || !strings.Contains(got.Reason, c.reason) {
			t.Errorf("%s: %s because %q, want %s because %q", name, got.Verdict, got.Reason, c.verdict, c.reason)
		}
	}
}

func TestJudgeAgainNeedsTheCombination(t *testing.T) {
	f, err := file.Parse("t.yaml", []byte("version: 1\nname: t\nmatrix: {axes: {n: [1, 2]}}\ngroups: {a: {count: \"${matrix.n}\"}}\n"), nil)
	if err != nil {
		t.Fatal(err)
	}
	run := &result.Run{Cells: []result.Cell{{Params: map[string]string{"n": "3"}}}}
	if _, err := JudgeAgain(f, run, ""); err == nil || !strings.Contains(err.Error(), "trials of n=3, which is not a combination of the scenario") {
		t.Errorf("%v", err)
	}
	if _, err := JudgeAgain(f, &result.Run{}, ""); err == nil || !strings.Contains(err.Error(), "no trials") {
		t.Errorf("%v", err)
	}
}
