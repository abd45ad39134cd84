package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/throng-io/throng/scenario/result"
)

// The table stands in a manual, and updates writes it.
const (
	book    = "scenarios/README.md"
	updates = "go run ./bench/chaos --update"
)

// table is the outcomes in Markdown: a line for each fault, a column for each workload.
func table(done []*outcome) string {
	var b strings.Builder
	b.WriteString("| fault |")
	for _, w := range workloads {
		fmt.Fprintf(&b, " %s |", w.name)
	}
	fmt.Fprintf(&b, " verdict |\n|---|%s---|\n", strings.Repeat("---|", len(workloads)))
	for _, f := range faults {
		line, verdict := "| "+f.title+" |", ""
		for _, w := range workloads {
			i := slices.IndexFunc(done, func(o *outcome) bool { return o.Fault == f.name && o.Workload == w.name })
			if i < 0 {
				line += " |"
				continue
			}
			line += " " + seen(done[i]) + " |"
			verdict = string(done[i].Verdict)
		}
		if verdict != "" {
			fmt.Fprintf(&b, "%s %s |\n", line, verdict)
		}
	}
	return b.String()
}

// seen is what users saw of a fault.
func seen(o *outcome) string {
	var all []string
	if o.Ended > 0 {
		all = append(all, fmt.Sprintf("%d of %d connections ended", o.Ended, o.Asked))
	}
	if o.Recovered > 0 {
		all = append(all, fmt.Sprintf("%d recovered", o.Recovered))
	}
	if o.Ledger.Lost > 0 {
		all = append(all, fmt.Sprintf("%.1f %% lost", 100*float64(o.Ledger.Lost)/float64(o.Ledger.Expected)))
	}
	all = append(all, fmt.Sprintf("slowest %.2g s", o.SlowestS))
	switch o.Verdict {
	case result.Fail:
		all = append(all, "the run ends")
	case result.Invalid:
		all = append(all, "the run goes on without these clients")
	case result.Pass:
		all = append(all, "over "+recovered(o))
	}
	return strings.Join(all, ", ")
}

// recovered says how long after the fault its effects were over.
func recovered(o *outcome) string {
	switch {
	case !o.IsRecovered:
		return "not within the run"
	case o.RecoveryS == 0:
		return "at once"
	}
	return fmt.Sprintf("within %.0f s", o.RecoveryS)
}
