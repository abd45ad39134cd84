package reports

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/throng-io/throng/scenario/result"
)

// Summary writes what came out as plain text for a terminal: the line "verdict: ...", the sentence, the ledger line with "lost: N",
// the checks, the latency table (the overview for several cells) and the warnings. It does not say where files are.
func Summary(w io.Writer, run *result.Run) error {
	var b strings.Builder
	fmt.Fprintf(&b, "verdict: %s\n\n%s\n\n%s\n", verdictWords(run), sentence(run), ledgerLine(run))
	if len(run.Cells) > 1 {
		gs := groups(run)
		ws := works(run, gs)
		choice := choiceTable(ws)
		textTable(&b, overviewTable(run, gs, ws))
		if textTable(&b, choice); len(choice.Rows) == 0 { // strategies send the same bytes
			textTable(&b, wireOverview(run))
		}
		for i := range run.Cells {
			if c := &run.Cells[i]; c.Verdict != result.Pass {
				fmt.Fprintf(&b, "\n%s: %s\n", result.CellName(i, len(run.Cells)), cellSentence(c))
			}
		}
	} else if len(run.Cells) == 1 {
		c := &run.Cells[0]
		textTable(&b, checksTable(c))
		textTable(&b, latencyTable(c.Latency, metrics(c)))
		textTable(&b, wireTable(c))
		textTable(&b, errorTable(c))
	}
	told := append(prefixed("warning: ", warnings(run)), prefixed("note: ", notes(run))...)
	if len(told) > 0 {
		fmt.Fprintf(&b, "\n%s\n", strings.Join(told, "\n"))
	}
	_, err := io.WriteString(w, strings.ReplaceAll(b.String(), nbsp, " "))
	return err
}

// ledgerLine adds the ledgers of all cells up, and tells how clients came back.
func ledgerLine(run *result.Run) string {
	var sum result.Ledger
	var clients result.Clients
	for i := range run.Cells {
		l, c := run.Cells[i].Ledger, run.Cells[i].Clients
		sum.Add(l)
		clients.Asked += c.Asked
		clients.Held += c.Held
		clients.Waiting += c.Waiting
	}
	lines := []string{fmt.Sprintf("ledger: sent: %s  expected: %s  received: %s  lost: %s  duplicate: %s  out of order: %s  late: %s  undecided: %s\nclients: asked: %s  held: %s",
		count(sum.Sent), count(sum.Expected), count(sum.Received), count(sum.Lost), count(sum.Duplicate), count(sum.Disorder),
		count(sum.Late), count(sum.Undecided), count(clients.Asked), count(clients.Held))}
	if sum.Undecided > 0 {
		lines[0] = strings.Replace(lines[0], "\n", "\n"+lossWords(&sum)+"\n", 1)
	}
	if clients.Waiting > 0 {
		lines[0] += "  still connecting: " + count(clients.Waiting)
	}
	return strings.Join(append(lines, append(apartLines(run), reconnectLines(run)...)...), "\n")
}

// lossWords tell between which limits the loss lies.
func lossWords(l *result.Ledger) string {
	loss := l.Loss()
	return fmt.Sprintf("loss: between %s and %s, as of %s deliveries nobody can tell: their clients came or went meanwhile",
		share(loss.LeastShare), share(loss.MostShare), count(l.Undecided))
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

// warnings are those of the run and then those of its cells.
func warnings(run *result.Run) []string {
	return append(slices.Clone(run.Warnings), saidBy(run, func(c *result.Cell) []string { return c.Warnings })...)
}

// notes explain numbers and cast no doubt on them.
func notes(run *result.Run) []string {
	return saidBy(run, func(c *result.Cell) []string { return c.Notes })
}

// saidBy collects what the cells say. What several of them say, numbers apart, stands once, as the first of them says it and with
// the names of the cells.
func saidBy(run *result.Run, of func(*result.Cell) []string) (ws []string) {
	type said struct {
		text  string
		cells []string
	}
	var all []*said
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
			seen[key].cells = append(seen[key].cells, result.CellName(i, len(run.Cells)))
		}
	}
	for _, w := range all {
		switch n := len(w.cells); {
		case w.cells[0] == "":
			ws = append(ws, w.text)
		case n == 1:
			ws = append(ws, w.cells[0]+": "+w.text)
		case n <= 3:
			ws = append(ws, fmt.Sprintf("%s: %s; likewise %s", w.cells[0], w.text, strings.Join(w.cells[1:], ", ")))
		default:
			ws = append(ws, fmt.Sprintf("%s: %s; likewise in %d other cells", w.cells[0], w.text, n-1))
		}
	}
	return ws
}

// textTable writes t in columns, numbers to the right.
func textTable(b *strings.Builder, t table) {
	if len(t.Rows) == 0 {
		return
	}
	rows := t.Rows
	if t.Head != nil {
		rows = append([][]string{t.Head}, rows...)
	}
	var widths []int
	for _, r := range rows {
		for i, cell := range r {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	b.WriteByte('\n')
	for _, r := range rows {
		var line strings.Builder
		for i, cell := range r {
			pad := strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell))
			if i > 0 {
				line.WriteString("  ")
			}
			if i < t.Left {
				line.WriteString(cell + pad)
			} else {
				line.WriteString(pad + cell)
			}
		}
		b.WriteString(strings.TrimRight(line.String(), " ") + "\n")
	}
	if t.Note != "" {
		b.WriteString(t.Note + "\n")
	}
}
