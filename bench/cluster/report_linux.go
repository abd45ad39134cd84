package main

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"time"
)

// The table stands between these lines of a manual.
const (
	tableBegins = "<!-- Written by go run ./bench/cluster -update -->\n"
	tableEnds   = "<!-- end -->\n"
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

// rewrite puts the table into a file.
func rewrite(name, text string) error {
	b, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	before, rest, begins := strings.Cut(string(b), tableBegins)
	_, after, ends := strings.Cut(rest, tableEnds)
	if !begins || !ends {
		return fmt.Errorf("%s has no lines %q and %q", name, tableBegins, tableEnds)
	}
	return os.WriteFile(name, []byte(before+tableBegins+text+tableEnds+after), 0o600)
}
