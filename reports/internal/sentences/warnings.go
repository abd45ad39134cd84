package sentences

import (
	"fmt"
	"slices"
	"strings"

	"github.com/throng-io/throng/reports/internal/layout"
	"github.com/throng-io/throng/reports/internal/selection"
	"github.com/throng-io/throng/scenario/result"
)

// Warnings are the warnings of the run and then of its cells.
func Warnings(run *result.Run) []string {
	return append(slices.Clone(run.Warnings), saidBy(run, func(c *result.Cell) []string { return c.Warnings })...)
}

// Notes explain numbers and cast no doubt on them.
func Notes(run *result.Run) []string {
	return saidBy(run, func(c *result.Cell) []string { return c.Notes })
}

// CellName names the cell at place i of a run, with what it combines: "cell-02 (nats / nodes=3)".
// It is "" for an only cell.
func CellName(run *result.Run, i int) string { return cellName(run, i, selection.Varying(run)) }

func cellName(run *result.Run, i int, axes []string) string {
	name, label := result.CellName(i, len(run.Cells)), result.Line(selection.Label(&run.Cells[i], axes))
	if name == "" || label == "" {
		return name
	}
	return name + " (" + label + ")"
}

// saidBy collects what the cells say. What several of them say, numbers apart, stands once, as the
// first of them says it and with the names of the cells.
func saidBy(run *result.Run, of func(*result.Cell) []string) (ws []string) {
	type said struct {
		text  string
		cells []string
	}
	var all []*said
	axes := selection.Varying(run)
	seen := map[string]*said{}
	for i := range run.Cells {
		for _, s := range of(&run.Cells[i]) {
			key := strings.Map(func(r rune) rune {
				if r >= '0' && r <= '9' || r == '.' || r == 'µ' {
					return -1
				}
				return r
			}, s)
			if seen[key] == nil {
				seen[key] = &said{text: s}
				all = append(all, seen[key])
			}
			seen[key].cells = append(seen[key].cells, cellName(run, i, axes))
		}
	}
	for _, w := range all {
		switch n := len(w.cells); {
		case w.cells[0] == "":
			ws = append(ws, w.text)
		case n == 1:
			ws = append(ws, w.cells[0]+": "+w.text)
		case n <= 3:
			ws = append(ws, fmt.Sprintf("%s: %s; also %s", w.cells[0], w.text, strings.Join(w.cells[1:], ", ")))
		default:
			ws = append(ws, fmt.Sprintf("%s: %s; also in %d other cells", w.cells[0], w.text, n-1))
		}
	}
	return ws
}

// Alert is what stands on every figure of a cell in red: a picture travels without its page.
func Alert(c *result.Cell) string {
	if c.Interrupted {
		return layout.UpperFirst(c.Reason) + ": the trial is incomplete"
	}
	if result.Worst(c.Verdict, c.Verdict) == result.Invalid {
		return strings.TrimSuffix("INVALID, do not use these numbers to judge the server: "+c.Reason, ": ")
	}
	switch n := len(c.Warnings); n {
	case 0:
		return ""
	case 1:
		return "Warning: " + c.Warnings[0]
	default:
		return fmt.Sprintf("Warning: %s (%d more on the page)", c.Warnings[0], n-1)
	}
}
