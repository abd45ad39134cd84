package reports

import (
	"fmt"
	"io"
	"strings"

	"github.com/throng-io/throng/reports/internal/layout"
	"github.com/throng-io/throng/reports/internal/selection"
	"github.com/throng-io/throng/reports/internal/sentences"
	"github.com/throng-io/throng/reports/internal/tables"
	"github.com/throng-io/throng/scenario/result"
)

// Summary writes what came out as plain text for a terminal: the line "verdict: ...", the sentence,
// the ledger line with "lost: N", the checks, the latency table (the overview for several cells)
// and the warnings. It does not say where files are.
func Summary(w io.Writer, run *result.Run) error {
	var b strings.Builder
	fmt.Fprintf(&b, "verdict: %s\n\n%s\n\n%s\n", verdictWords(run), sentence(run), sentences.LedgerLine(run))
	if len(run.Cells) > 1 {
		gs := selection.Groups(run)
		ws := selection.Works(run, gs)
		choice := tables.ChoiceTable(ws)
		layout.TextTable(&b, tables.OverviewTable(run, gs, ws))
		if layout.TextTable(&b, choice); len(choice.Rows) == 0 { // strategies send the same bytes
			layout.TextTable(&b, tables.WireOverview(run))
		}
		for _, t := range beside(run, gs) {
			layout.TextTable(&b, t)
		}
		for i := range run.Cells {
			if c := &run.Cells[i]; c.Verdict != result.Pass {
				fmt.Fprintf(&b, "\n%s: %s\n", sentences.CellName(run, i), sentences.CellSentence(c))
			}
		}
	} else if len(run.Cells) == 1 {
		c := &run.Cells[0]
		layout.TextTable(&b, tables.ChecksTable(c))
		layout.TextTable(&b, tables.LatencyTable(c.Latency, selection.Metrics(c), c.ClockBoundUs()))
		layout.TextTable(&b, tables.TrendTable(c))
		layout.TextTable(&b, tables.AgentTable(c))
		layout.TextTable(&b, tables.NodeTable(c))
		layout.TextTable(&b, tables.ActTable(c))
		layout.TextTable(&b, tables.NetworkTable(c))
		layout.TextTable(&b, tables.WireTable(c))
		layout.TextTable(&b, tables.ErrorTable(c))
	}
	told := append(prefixed("warning: ", sentences.Warnings(run)), prefixed("note: ", sentences.Notes(run))...)
	if len(told) > 0 {
		fmt.Fprintf(&b, "\n%s\n", strings.Join(told, "\n"))
	}
	_, err := io.WriteString(w, strings.ReplaceAll(b.String(), layout.Nbsp, " "))
	return err
}

// verdictWords is the verdict of a run, with a word on one that was stopped.
func verdictWords(run *result.Run) string {
	s := string(result.Worst(run.Verdict, run.Verdict))
	if run.Interrupted {
		s += " (interrupted)"
	}
	return s
}

func prefixed(with string, lines []string) (out []string) {
	for _, s := range lines {
		out = append(out, with+s)
	}
	return out
}
