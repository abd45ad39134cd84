package compare

import (
	"fmt"
	"strings"

	"github.com/throng-io/throng/reports/internal/layout"
)

// TrialPairs is how many pairs of interleaved trials the first pair has; 0: there is nothing to
// compare, or they were not interleaved.
func (c *Comparison) TrialPairs() int {
	if len(c.Pairs) == 0 || !c.Pairs[0].Interleaved {
		return 0
	}
	return len(c.Pairs[0].base.cells)
}

// Standing is how the first pair stands, in one line for somebody who waits: the metrics that the
// comparison is about, and which change of each would have been found.
func (c *Comparison) Standing() string {
	var parts []string
	for i := range c.Pairs[:min(1, len(c.Pairs))] {
		for j := range c.Pairs[i].Changes {
			ch := &c.Pairs[i].Changes[j]
			if !ch.asked || ch.effect.Constant() {
				continue
			}
			detectable := "too few pairs to find any change"
			if ch.Detectable != nil {
				detectable = "detectable from " + showDetectable(ch)
			}
			parts = append(parts, fmt.Sprintf("%s %s (%s)", ch.Title, ch.showChange(ch.Change), detectable))
		}
	}
	text := layout.Plural(c.TrialPairs(), "pair") + ": " + strings.Join(parts, ", ")
	return strings.ReplaceAll(text, layout.Nbsp, " ")
}
