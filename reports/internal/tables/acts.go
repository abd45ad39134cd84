package tables

import (
	"fmt"

	"github.com/throng-io/throng/reports/internal/layout"
	"github.com/throng-io/throng/scenario/result"
)

// ActTable has a row per command or request that a fault of the scenario has executed.
func ActTable(c *result.Cell) layout.Table {
	t := layout.Table{Title: "Commands and requests of faults", Left: 6, Head: []string{"phase", "at", "took", "what", "result", "output"}}
	for i := range c.Acts {
		a := &c.Acts[i]
		came := a.Error
		switch {
		case came != "":
		case a.Code >= 100: // a command that did not fail has the code 0
			came = fmt.Sprintf("HTTP status %d", a.Code)
		default:
			came = fmt.Sprintf("exit code %d", a.Code)
		}
		t.Rows = append(t.Rows, []string{a.Phase, layout.Seconds(a.StartS), layout.Micros((a.EndS - a.StartS) * 1e6), shortened(a.Text), came, shortened(a.Output)})
	}
	return t
}

// maxCellText is how many characters of a command or its output a table has; result.json has more.
const maxCellText = 100

func shortened(text string) string {
	if runes := []rune(text); len(runes) > maxCellText {
		return string(runes[:maxCellText-1]) + "…"
	}
	return text
}
