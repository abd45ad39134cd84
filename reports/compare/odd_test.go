package compare

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/throng-io/throng/reports/internal/reporttest"
	"github.com/throng-io/throng/scenario/result"
)

// A result from somebody else may hold any number anywhere. Each field of a trial in turn gets one
// that no run leaves, and the result is compared with another, in pairs and apart.
func TestOddNumbersAreCompared(t *testing.T) {
	text, err := json.Marshal(reporttest.Trials(1, 6, 2000))
	if err != nil {
		t.Fatal(err)
	}
	var tree any
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	if err := d.Decode(&tree); err != nil {
		t.Fatal(err)
	}
	odd := []json.Number{"-1", "0", "9223372036854775807", "1e308", "-1e308", "1e-308"}
	for _, n := range odd {
		oddly(tree, "", map[string]bool{}, func(path string, put func(json.Number)) {
			put(n)
			text, err := json.Marshal(tree)
			if err != nil {
				t.Fatal(err)
			}
			strange, err := result.Parse("result.json", text)
			if err != nil {
				return // refused
			}
			t.Run(path+" = "+n.String(), func(t *testing.T) { writeOdd(t, strange) })
		})
	}
}

// writeOdd sets a result against another one, on either side, in pairs and apart, and writes the
// comparisons in every form.
func writeOdd(t *testing.T, strange *result.Run) {
	usual := reporttest.Trials(2, 6, 2000)
	turned := *usual
	turned.Cells = nil
	for i := range usual.Cells {
		for side, c := range map[string]result.Cell{"base": strange.Cells[i], "head": usual.Cells[i]} {
			c.Params = map[string]string{"build": side}
			turned.Cells = append(turned.Cells, c)
		}
	}
	for _, try := range []func() (*Comparison, error){
		func() (*Comparison, error) {
			return Inputs([]Input{{Name: "a", Run: strange}, {Name: "b", Run: usual}}, Options{})
		},
		func() (*Comparison, error) {
			return Inputs([]Input{{Name: "a", Run: usual}, {Name: "b", Run: strange}}, Options{})
		},
		func() (*Comparison, error) {
			return Inputs([]Input{{Name: "a", Run: &turned}}, Options{By: "build", Gates: gates(t, "p99(delivery) > +10%", "efficiency < -5%")})
		},
	} {
		c, err := try()
		if err != nil {
			if strings.Contains(err.Error(), "\n") {
				t.Error(err)
			}
			continue
		}
		var b bytes.Buffer
		for name, write := range map[string]func() error{
			"text": func() error { return c.Text(&b) }, "json": func() error { return c.JSON(&b) }, "markdown": func() error { return c.Markdown(&b) },
			"gates": func() error { return c.GateText(&b) },
			"page": func() error {
				page, err := c.HTML()
				b.Write(page)
				return err
			},
		} {
			b.Reset()
			if err := write(); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			for _, none := range []string{"NaN", "Inf"} {
				if before, after, found := strings.Cut(b.String(), none); found {
					t.Errorf("%s: %s: %.60q", name, none, before[max(0, len(before)-60):]+none+after)
				}
			}
		}
	}
}

// oddly calls try for the first number of each path below v, and puts the number back.
func oddly(v any, path string, tried map[string]bool, try func(path string, put func(json.Number))) {
	one := func(child any, path string, put func(any)) {
		n, ok := child.(json.Number)
		if !ok {
			oddly(child, path, tried, try)
			return
		}
		if !tried[path] {
			tried[path] = true
			try(path, func(n json.Number) { put(n) })
			put(n)
		}
	}
	switch v := v.(type) {
	case map[string]any:
		for _, k := range slices.Sorted(maps.Keys(v)) {
			one(v[k], path+"."+k, func(n any) { v[k] = n })
		}
	case []any:
		for i, child := range v {
			one(child, path+"[]", func(n any) { v[i] = n })
		}
	}
}
