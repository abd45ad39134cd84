package main

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// table is the outcomes in Markdown: a line for each fault, a column for each adapter.
func table(all []outcome) string {
	var b strings.Builder
	fmt.Fprintf(&b, "| fault | %s | own clients, at most |\n|---|%s---|\n", strings.Join(forms, " | "), strings.Repeat("---|", len(forms)))
	for _, f := range faults {
		var slowest time.Duration
		line, some := "| "+f.name, false
		for _, form := range forms {
			i := slices.IndexFunc(all, func(o outcome) bool { return o.Fault == f.name && o.Form == form })
			if i < 0 {
				line += " | "
				continue
			}
			some = true
			slowest = max(slowest, all[i].Slowest)
			line += " | " + cell(all[i])
		}
		if some {
			fmt.Fprintf(&b, "%s | %d ms |\n", line, slowest.Round(time.Millisecond).Milliseconds())
		}
	}
	return b.String()
}

func cell(o outcome) string {
	text := fmt.Sprintf("%.2f s", o.Recovery.Seconds())
	if o.Lost > 0 {
		text += fmt.Sprintf(", lost %d of %d", o.Lost, o.Owed)
	}
	return text
}
