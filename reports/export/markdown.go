package export

import (
	"bytes"
	"cmp"
	"fmt"
	"strings"

	"github.com/throng-io/throng/reports"
	"github.com/throng-io/throng/reports/internal/layout"
	"github.com/throng-io/throng/reports/internal/selection"
	"github.com/throng-io/throng/reports/internal/sentences"
	"github.com/throng-io/throng/reports/internal/tables"
	"github.com/throng-io/throng/scenario/result"
)

// writeMarkdown writes what a reader of a pull request wants: the verdict and the sentence, the
// broken checks, the numbers, and what they rest on.
func writeMarkdown(b *bytes.Buffer, run *result.Run) {
	var s strings.Builder
	fmt.Fprintf(&s, "### Load test %s: %s\n\n%s\n", layout.MarkdownText(run.Scenario), strings.ToUpper(selection.WordOf(run)), layout.MarkdownText(reports.Sentence(run)))
	if len(run.Cells) == 1 {
		c := &run.Cells[0]
		for _, t := range layout.Filled(tables.ChecksTable(c), tables.LatencyTable(c.Latency, selection.Metrics(c), c.ClockBoundUs()), tables.ErrorTable(c)) {
			fmt.Fprintf(&s, "\n**%s**\n", layout.MarkdownText(t.Title))
			layout.MarkdownTable(&s, t)
		}
	} else if len(run.Cells) > 1 {
		gs := selection.Groups(run)
		layout.MarkdownTable(&s, tables.OverviewTable(run, gs, selection.Works(run, gs)))
		for i := range run.Cells {
			if c := &run.Cells[i]; c.Verdict != result.Pass {
				fmt.Fprintf(&s, "\n- %s: %s", layout.MarkdownText(sentences.CellName(run, i)), layout.MarkdownText(sentences.CellSentence(c)))
			}
		}
		s.WriteByte('\n')
	}
	fmt.Fprintf(&s, "\n%s\n", layout.MarkdownText(sentences.LedgerLine(run)))
	if ws := sentences.Warnings(run); len(ws) > 0 {
		fmt.Fprintf(&s, "\n<details><summary>%s</summary>\n", layout.Plural(len(ws), "warning"))
		for _, w := range ws {
			fmt.Fprintf(&s, "\n- %s", layout.MarkdownText(w))
		}
		s.WriteString("\n\n</details>\n")
	}
	var parts []string
	for _, k := range []string{"cpu", "cores", "kernel", "go", "commit"} {
		switch v := run.Env[k]; {
		case v == "":
		case k == "cpu" || k == "go": // they name themselves
			parts = append(parts, v)
		default:
			parts = append(parts, k+" "+v)
		}
	}
	fmt.Fprintf(&s, "\n<sub>throng %s, seed %d, %s</sub>\n", layout.MarkdownText(cmp.Or(run.Throng, "unknown")), run.Seed, layout.MarkdownText(strings.Join(parts, ", ")))
	b.WriteString(strings.ReplaceAll(s.String(), layout.Nbsp, " "))
}
