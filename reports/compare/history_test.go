package compare

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/throng-io/throng/reports/internal/reporttest"
	"github.com/throng-io/throng/scenario/result"
)

// past writes results of three trials, one a day, whose deliveries take these medians in µs.
func past(t *testing.T, medians ...float64) (dir string) {
	t.Helper()
	dir = t.TempDir()
	for i, m := range medians {
		run := reporttest.Trials(uint64(i+1), 3, m)
		run.Started = time.Date(2026, 11, i+1, 12, 0, 0, 0, time.UTC)
		run.Env["commit"] = fmt.Sprintf("c%d", i+1)
		if err := run.Write(filepath.Join(dir, fmt.Sprintf("day-%02d", i+1))); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func opened(t *testing.T, dir string, newest *Input) *History {
	t.Helper()
	h, err := OpenHistory(dir, newest)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func TestHistory(t *testing.T) {
	h := opened(t, past(t, 2000, 2010, 1990, 2000, 2005, 1995, 2600, 2610, 2590), nil)
	said := h.Sentence()
	if !strings.Contains(said, "p99 delivery changed with day-07: from 4") || !strings.Contains(said, "+3") || !strings.Contains(said, "3 results since") {
		t.Error(said)
	}
	for _, m := range h.Metrics {
		if shown := m.Metric != "loss(delivery)" && m.Metric != "rate(delivery)" && !strings.HasPrefix(m.Metric, "mem") && !strings.HasPrefix(m.Metric, "max"); m.Shown != shown || shown && m.At != 6 {
			t.Errorf("%+v", m)
		}
	}
	var text, markdown, data bytes.Buffer
	for _, err := range []error{h.Text(&text), h.Markdown(&markdown), h.JSON(&data)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	for name, s := range map[string]string{"text": text.String(), "markdown": markdown.String()} {
		if !strings.Contains(s, "With day-07 changed, too: commit c7 instead of c6") || !strings.Contains(s, "throng compare --live") {
			t.Errorf("%s:\n%s", name, s)
		}
	}
	if !strings.Contains(data.String(), `"since": 6`) {
		t.Errorf("%s", data.String())
	}
	h = opened(t, past(t, 2000, 2030, 1990, 2020, 2005, 1975, 2010, 1990), nil)
	if said := h.Sentence(); said != "No change point is shown in 7 metrics of 8 results." {
		t.Error(said)
	}
	h = opened(t, past(t, 2000, 3000, 3000), nil)
	if len(h.Notes) != 1 || !strings.Contains(h.Notes[0], "fewer than 8 results") {
		t.Errorf("%q", h.Notes)
	}
}

// The last ten count, and the newest, wherever it is; what came after it does not.
func TestHistoryIsOfTheLastResults(t *testing.T) {
	dir := past(t, 9000, 9000, 9000, 2000, 2000, 2000, 2000, 2000, 2000, 2000, 2000, 2000, 2000, 5000)
	newest := reporttest.Trials(99, 3, 2000)
	newest.Started = time.Date(2026, 11, 13, 18, 0, 0, 0, time.UTC)
	h := opened(t, dir, &Input{Name: "out/last", Run: newest})
	if n := len(h.Results); n != HistoryLength+1 || h.Results[0].Name != "day-04" || h.Results[n-1].Name != "last" {
		t.Errorf("%+v", h.Results)
	}
	// The newest lies among the others, too.
	run, err := result.Read(filepath.Join(dir, "day-13"))
	if err != nil {
		t.Fatal(err)
	}
	h = opened(t, dir, &Input{Name: filepath.Join(dir, "day-13"), Run: run})
	if n := len(h.Results); n != HistoryLength+1 || h.Results[n-2].Name != "day-12" {
		t.Errorf("%+v", h.Results)
	}
	other := reporttest.Trials(1, 1, 1000)
	other.Scenario, other.Started = "other", time.Date(2026, 11, 2, 0, 0, 0, 0, time.UTC)
	if err := other.Write(filepath.Join(dir, "other")); err != nil {
		t.Fatal(err)
	}
	if h := opened(t, dir, nil); len(h.Notes) != 1 || !strings.Contains(h.Notes[0], "of other scenarios") {
		t.Errorf("%q", h.Notes)
	}
}

// A metric that few results have does not make the others harder to show.
func TestHistoryOfFewValues(t *testing.T) {
	of := func(dir string) float64 {
		for _, m := range opened(t, dir, nil).Metrics {
			if m.Metric == "p50(delivery)" {
				return m.PHolm
			}
		}
		t.Fatal("no p50(delivery)")
		return 0
	}
	dir := past(t, 2000, 2020, 1990, 2010, 2005, 1995, 2060, 2055, 2070)
	before := of(dir)
	for _, name := range []string{"day-02", "day-08"} {
		run, err := result.Read(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		for i := range run.Cells {
			run.Cells[i].Latency["ack"] = calls(2000, 0, time.Duration(len(name)+i)*time.Millisecond)
		}
		if err := run.Write(filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	if after := of(dir); after != before {
		t.Errorf("p is %v, and with acknowledgements in two results %v", before, after)
	}
}

// A directory with the results of years is read without keeping them all.
func TestHistoryKeepsTheNewest(t *testing.T) {
	var inputs []Input
	for i := range 3 * HistoryLength {
		for _, name := range []string{"a", "b"} { // the newest of a come first, and of b last
			started := time.Unix(int64(i), 0)
			if name == "a" {
				started = time.Unix(int64(-i), 0)
			}
			run := &result.Run{Scenario: name, Started: started, Cells: []result.Cell{{Trial: 1}}}
			inputs = keep(inputs, Input{Name: fmt.Sprint(name, i), Run: run})
		}
	}
	var kept []string
	for _, in := range inputs {
		if len(in.Run.Cells) > 0 {
			kept = append(kept, in.Name)
		}
	}
	if len(inputs) != 6*HistoryLength || len(kept) != 2*(HistoryLength+1) || kept[0] != "a0" || kept[len(kept)-1] != "b29" {
		t.Errorf("of %d results %q are kept", len(inputs), kept)
	}
}

// Searches have levels, which are no combinations to follow: they are left out, and said to be.
func TestHistoryLeavesSearchesOut(t *testing.T) {
	dir := past(t, 2000, 2010, 1990)
	search := reporttest.Sample("search")
	if err := search.Write(filepath.Join(dir, "search")); err != nil {
		t.Fatal(err)
	}
	if h := opened(t, dir, nil); len(h.Results) != 3 || !slices.Contains(h.Notes, "1 result of searches left out.") {
		t.Errorf("%d results, %q", len(h.Results), h.Notes)
	}
	if _, err := OpenHistory(dir, &Input{Name: "search", Run: search}); err == nil || !strings.Contains(err.Error(), "search is the result of a search") {
		t.Errorf("a search as the newest: %v", err)
	}
	alone := t.TempDir()
	if err := search.Write(filepath.Join(alone, "search")); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenHistory(alone, nil); err == nil || !strings.Contains(err.Error(), "results of searches alone") {
		t.Errorf("searches alone: %v", err)
	}
}

func TestHistoryErrors(t *testing.T) {
	matrix := t.TempDir()
	if err := reporttest.Trials(1, 2, 1000, 2000).Write(filepath.Join(matrix, "a")); err != nil {
		t.Fatal(err)
	}
	broken := t.TempDir()
	if err := os.MkdirAll(filepath.Join(broken, "a"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(broken, "a", result.FileName), []byte("{"), 0o644); err != nil {
		t.Fatal(err)
	}
	for dir, want := range map[string]string{
		filepath.Join(matrix, "none"): "no such directory",
		t.TempDir():                   "no result there",
		matrix:                        "has 2 combinations of its matrix",
		broken:                        filepath.Join("a", result.FileName),
	} {
		if _, err := OpenHistory(dir, nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", dir, err, want)
		}
	}
}

// One lost message in the newest result is no change point; losses and silence that stay are, and
// their sizes are differences.
func TestHistoryOfWhatWasNothing(t *testing.T) {
	for _, tt := range []struct {
		change func(c *result.Cell, day int) // of the last three of eight
		metric string
		want   string // "": no change point
	}{
		{func(c *result.Cell, day int) {
			if day == 8 {
				c.Ledger.Lost, c.Ledger.Received = 1, 3999
			}
		}, "loss(delivery)", ""},
		{func(c *result.Cell, day int) {
			c.Ledger.Lost = int64(30 * (day - 4))
			c.Ledger.Received -= c.Ledger.Lost
		}, "loss(delivery)", "Deliveries lost changed with day-06: from 0 % to 2.25 % (+2.25 points, "},
		{func(c *result.Cell, _ int) { c.Rates.DeliveriesPerS = 0 }, "rate(delivery)", "Deliveries per second changed with day-06: from 400 to 0 (-400, "},
		{func(c *result.Cell, _ int) {
			l := c.Latency["delivery"]
			delete(c.Latency, "delivery")
			c.Latency["ack"] = l
		}, "p99(ack)", ""},
	} {
		dir := past(t, 2000, 2010, 1990, 2000, 2005, 1995, 2000, 2010)
		for day := 6; day <= 8; day++ {
			name := filepath.Join(dir, fmt.Sprintf("day-%02d", day))
			run, err := result.Read(name)
			if err != nil {
				t.Fatal(err)
			}
			for i := range run.Cells {
				tt.change(&run.Cells[i], day)
			}
			if err := run.Write(name); err != nil {
				t.Fatal(err)
			}
		}
		h := opened(t, dir, nil)
		for _, m := range h.Metrics {
			if m.Metric == tt.metric && m.Shown != (tt.want != "") {
				t.Errorf("%+v", m)
			}
		}
		var text bytes.Buffer
		if err := h.Text(&text); err != nil || !strings.Contains(h.Sentence(), tt.want) {
			t.Errorf("%v: %s; want %q", err, h.Sentence(), tt.want)
		}
	}
}

// Of twenty histories of equal builds one has a change point at most, in all metrics together.
func TestHistoryFalseAlarms(t *testing.T) {
	const histories = 100
	alarms := 0
	for i := range histories {
		var inputs []Input
		for day := range HistoryLength + 1 {
			run := reporttest.Trials(uint64(1000*i+day), 1, 2000)
			run.Started = time.Date(2026, 11, day+1, 0, 0, 0, 0, time.UTC)
			inputs = append(inputs, Input{Name: fmt.Sprint(day), Run: run})
		}
		h, err := newHistory("", inputs)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range h.Metrics {
			if m.Shown {
				alarms++
				break
			}
		}
	}
	if alarms > histories/20 {
		t.Errorf("%d of %d histories of equal builds have a change point", alarms, histories)
	}
}
