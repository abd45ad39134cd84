package export

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/throng-io/throng/reports"
	"github.com/throng-io/throng/reports/internal/reporttest"
	"github.com/throng-io/throng/scenario/result"
)

// TestOddNumbersAreDrawn: a result from somebody else may hold any number anywhere. Each field in turn gets one that no run leaves,
// and what comes is a page, or an error, and no panic.
func TestOddNumbersAreDrawn(t *testing.T) {
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
		text, err := json.Marshal(run)
		if err != nil {
			t.Fatal(err)
		}
		var tree any
		d := json.NewDecoder(bytes.NewReader(text))
		d.UseNumber()
		if err := d.Decode(&tree); err != nil {
			t.Fatal(err)
		}
		tried := map[string]bool{}
		eachNumber(tree, "", func(path string, set func(json.Number)) {
			if tried[path] {
				return
			}
			tried[path] = true
			odd := []json.Number{"-1", "9223372036854775807", "1e308"}
			n := odd[len(tried)%len(odd)]
			set(n)
			draws(t, fmt.Sprintf("%s: %s = %s", name, path, n), tree)
		})
		if len(tried) < 50 {
			t.Errorf("%s: only %d fields were tried", name, len(tried))
		}
	}
}

// eachNumber calls try for each number below v, with its path without the indices of lists, and puts the number back.
func eachNumber(v any, path string, try func(path string, set func(json.Number))) {
	one := func(child any, path string, put func(any)) {
		if n, ok := child.(json.Number); ok {
			try(path, func(n json.Number) { put(n) })
			put(n)
			return
		}
		eachNumber(child, path, try)
	}
	switch v := v.(type) {
	case map[string]any:
		for _, k := range slices.Sorted(maps.Keys(v)) { // which number a field gets depends on the order
			one(v[k], path+"."+k, func(n any) { v[k] = n })
		}
	case []any:
		for i, child := range v {
			one(child, path+"[]", func(n any) { v[i] = n })
		}
	}
}

func draws(t *testing.T, what string, tree any) {
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
		return // 1e308 is no integer
	}
	page, err := reports.HTML(run)
	if err != nil {
		return // refused, in one line: a histogram that does not hold what its summary says
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
}
