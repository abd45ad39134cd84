package compare

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/throng-io/throng/reports/internal/reporttest"
	"github.com/throng-io/throng/scenario/result"
)

// A result from somebody else may hold any number anywhere. Each field of a trial in turn gets one
// that no run leaves, and the result is compared with another, in pairs and apart.
func TestOddNumbersAreCompared(t *testing.T) {
	run := reporttest.Trials(1, 6, 2000)
	run.Format = result.Format
	tree, tried, read := reporttest.Tree(t, run), map[string]bool{}, 0
	odd := []json.Number{"-1", "0", "9223372036854775807", "1e308", "-1e308", "1e-308"}
	for _, n := range odd {
		clear(tried)
		reporttest.EachNumber(tree, "", func(path string, put func(json.Number)) {
			if tried[path] {
				return
			}
			tried[path] = true
			put(n)
			text, err := json.Marshal(tree)
			if err != nil {
				t.Fatal(err)
			}
			strange, err := result.Parse("result.json", text)
			if err != nil {
				return // refused
			}
			read++
			t.Run(path+" = "+n.String(), func(t *testing.T) { writeOdd(t, strange) })
		})
	}
	if read == 0 {
		t.Error("no odd result was read")
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
