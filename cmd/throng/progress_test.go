package main

import (
	"strings"
	"testing"
	"time"

	"github.com/throng-io/throng/scenario"
	"github.com/throng-io/throng/scenario/result"
)

func TestPlainTerminal(t *testing.T) {
	for _, tt := range []struct {
		env  map[string]string
		want bool
	}{
		{nil, false}, // as on Windows
		{map[string]string{"TERM": "linux", "LANG": "en_US.UTF-8"}, true},
		{map[string]string{"LANG": "en_US.UTF-8"}, false},
		{map[string]string{"LANG": "C.utf8"}, false},
		{map[string]string{"LC_CTYPE": "UTF-8"}, false}, // macOS by ssh
		{map[string]string{"LANG": "C"}, true},
		{map[string]string{"LANG": "de_DE.ISO-8859-1"}, true},
		{map[string]string{"LANG": "en_US.UTF-8", "LC_ALL": "POSIX"}, true},
	} {
		if got := plainTerminal(func(name string) string { return tt.env[name] }); got != tt.want {
			t.Errorf("%v: %v", tt.env, got)
		}
	}
}

// The line of a run shows what a report would: no percentile of too few samples, a bound as one,
// and as failing only a rule that is decided and decides.
func TestPlainLine(t *testing.T) {
	check := func(text string) result.Check { return result.Check{Text: text, Unit: "s", Value: 0.5, Limit: 0.1} }
	tail, optional, broken := check("p99.9(ack) < 100ms"), check("max(ack) < 100ms"), check("p50(ack) < 100ms")
	tail.Undecided, optional.Optional = true, true
	p := scenario.Progress{Phase: "hold", Metric: "ack", Checks: []result.Check{tail, optional}}
	for _, tt := range []struct {
		change func(*scenario.Progress)
		want   string
		not    []string
	}{
		{func(*scenario.Progress) {}, "deliveries 0/s  lag max", []string{"p50", "failing"}},
		{func(p *scenario.Progress) { p.P50 = 2 * time.Millisecond }, "  ack p50 2 ms  lag max", []string{"failing"}},
		{func(p *scenario.Progress) { p.P99, p.P99Beyond = 5*time.Second, true }, "  ack p50 2 ms p99 > 5 s  lag", nil},
		{func(p *scenario.Progress) { p.Checks = append(p.Checks, broken) }, "failing: p50(ack) < 100ms (500 ms)", nil},
	} {
		tt.change(&p)
		got := plainLine(p)
		if !strings.Contains(got, tt.want) {
			t.Errorf("%q lacks %q", got, tt.want)
		}
		for _, not := range tt.not {
			if strings.Contains(got, not) {
				t.Errorf("%q has %q", got, not)
			}
		}
	}
}

// What does not fit is said at once, and once.
func TestDoubtIsALine(t *testing.T) {
	var out strings.Builder
	show := plainLines(&out, func(scenario.Progress) {})
	for _, doubt := range []string{"", "nothing came", "nothing came", ""} {
		show(scenario.Progress{Phase: "hold", Doubt: doubt})
	}
	if got := out.String(); strings.Count(got, "so far: nothing came\n") != 1 || strings.Count(got, "\n") != 2 {
		t.Errorf("%q", got)
	}
}
