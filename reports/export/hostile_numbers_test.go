package export

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/throng-io/throng/reports"
	"github.com/throng-io/throng/reports/internal/reporttest"
	"github.com/throng-io/throng/scenario/result"
)

// A result from somebody else may hold any number anywhere. Each field in turn gets one that no run
// leaves, and the result is drawn; only the impossible ones are refused, in one line.
func TestOddNumbersAreDrawn(t *testing.T) {
	tried, drawn := map[string]bool{}, 0
	for _, name := range []string{"rooms", "search"} {
		run := reporttest.Sample(name)
		run.Cells = run.Cells[:min(2, len(run.Cells))]
		for i := range run.Cells {
			c := &run.Cells[i]
			c.Timeline = c.Timeline[:min(4, len(c.Timeline))]
		}
		if run.Capacity != nil {
			for i := range run.Capacity.Probes {
				run.Capacity.Probes[i].Cell = min(run.Capacity.Probes[i].Cell, len(run.Cells))
			}
		}
		tree := reporttest.Tree(t, run)
		reporttest.EachNumber(tree, "", func(path string, set func(json.Number)) {
			if tried[path] {
				return
			}
			tried[path] = true
			odd := []json.Number{"-1", "9223372036854775807", "1e308"}
			n := odd[len(tried)%len(odd)]
			if n == "1e308" && strings.Contains(parseError(t, set, n, tree), "cannot be number 1e308") {
				n = odd[len(tried)/len(odd)%2] // the field is an integer
			}
			set(n)
			what := fmt.Sprintf("%s: %s = %s", name, path, n)
			switch said := draws(t, what, tree); {
			case said == "":
				drawn++
			case impossible[path] == "" || !strings.Contains(said, impossible[path]) || strings.Contains(said, "\n"):
				t.Errorf("%s: refused: %s", what, said)
			}
		})
	}
	if drawn < 100 || drawn < len(tried)-len(impossible) {
		t.Errorf("only %d of %d fields were drawn", drawn, len(tried))
	}
}

// impossible are the fields whose odd numbers cannot be drawn, and what the one line says that
// refuses the result: what a histogram does not hold, a result of another format, and a trial that
// is not there.
var impossible = map[string]string{
	".format":                        `"format" or "cells" is missing`,
	".capacity.probes[].cell":        "capacity.probes[0].cell is",
	".cells[].latency.ack.n":         "unpack histogram: it holds",
	".cells[].latency.ack.service.n": "unpack histogram: it holds",
	".cells[].latency.connect.n":     "unpack histogram: it holds",
	".cells[].latency.delivery.n":    "unpack histogram: it holds",
	".cells[].latency.fanout.last.n": "unpack histogram: it holds",
}

// parseError returns why a result with a number in one field cannot be read; "" when it can.
func parseError(t *testing.T, set func(json.Number), n json.Number, tree any) string {
	t.Helper()
	set(n)
	text, err := json.Marshal(tree)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := result.Parse("result.json", text); err != nil {
		return err.Error()
	}
	return ""
}

// draws draws a result in every way. It returns why the result is refused; "" when it is drawn.
func draws(t *testing.T, what string, tree any) (refused string) {
	t.Helper()
	defer func() {
		if p := recover(); p != nil {
			t.Errorf("%s: %v", what, p)
		}
	}()
	text, err := json.Marshal(tree)
	if err != nil {
		t.Fatal(err)
	}
	run, err := result.Parse("result.json", text)
	if err != nil {
		return err.Error()
	}
	page, err := reports.HTML(run)
	if err != nil {
		return err.Error()
	}
	if strings.Contains(string(page), "NaN") {
		t.Errorf("%s: NaN on the page", what)
	}
	if err := reports.Summary(io.Discard, run); err != nil {
		t.Errorf("%s: %v", what, err)
	}
	for _, format := range []string{"csv", "md", "junit", "openmetrics"} {
		if err := Write(t.TempDir(), format, run); err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
	return ""
}
