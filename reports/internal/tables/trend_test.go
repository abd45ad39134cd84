package tables

import (
	"strings"
	"testing"

	"github.com/throng-io/throng/reports/internal/layout"
	"github.com/throng-io/throng/scenario/result"
)

func TestTrendTable(t *testing.T) {
	const mb = 1 << 20
	c := &result.Cell{Trends: []result.Trend{
		{Metric: "server.rss", Unit: "bytes", Begin: 100 * mb, PerHour: 12 * mb, Low: 10 * mb, High: 14 * mb, N: 600},
		{Metric: "goroutines", Agent: "a1", Begin: 20, PerHour: -0.1, Low: -0.5, High: 0.4, N: 600},
		{Metric: "delivery", Unit: "s", Begin: 0.002, PerHour: 0.001, Low: -0.004, High: 0.006, N: 600},
	}}
	var b strings.Builder
	layout.TextTable(&b, TrendTable(c))
	text := strings.ReplaceAll(b.String(), layout.Nbsp, " ")
	for _, want := range [][]string{
		{"server.rss", "100 MiB", "+12 MiB", "+10 MiB to +14 MiB", "+12 %", "grows"},
		{"goroutines of a1", "20", "-0.1", "-0.5 to +0.4", "steady"},
		{"p99(delivery)", "2 ms", "+1 ms", "-4 ms to +6 ms", "+50 %", "open"},
	} {
		found := false
		for line := range strings.Lines(text) {
			at := 0
			for _, word := range want {
				i := strings.Index(line[at:], word)
				if i < 0 {
					at = -1
					break
				}
				at += i + len(word)
			}
			found = found || at > 0
		}
		if !found {
			t.Errorf("no row %q in\n%s", want, text)
		}
	}
	if rows := TrendTable(&result.Cell{}).Rows; len(rows) != 0 {
		t.Errorf("rows of a short run: %q", rows)
	}
}
