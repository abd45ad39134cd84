package layout

import (
	"slices"
	"strings"

	"github.com/charmbracelet/x/ansi"
)

// Table is rows of text with a heading. The first Left columns are words, the others numbers.
type Table struct {
	Title string
	Head  []string // nil for a table of names and values
	Rows  [][]string
	Left  int
	Note  string
	// by row and column: the class of a cell that is coloured; its words stand without it
	Marks map[[2]int]string
	Links []string // by row: the anchor on the page that its first column leads to; "" or missing: none
}

// Joined joins the parts that are not empty by spaces.
func Joined(parts ...string) string {
	var kept []string
	for _, p := range parts {
		if p != "" {
			kept = append(kept, p)
		}
	}
	return strings.Join(kept, " ")
}

// TextTable writes t in columns of a terminal, numbers to the right: characters of some scripts and
// emoji take two columns, and marks that combine with the one before none.
func TextTable(b *strings.Builder, t Table) {
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
			widths[i] = max(widths[i], ansi.StringWidth(cell))
		}
	}
	b.WriteByte('\n')
	for _, r := range rows {
		var line strings.Builder
		for i, cell := range r {
			pad := strings.Repeat(" ", widths[i]-ansi.StringWidth(cell))
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

// Filled drops the tables without rows.
func Filled(ts ...Table) []Table {
	return slices.DeleteFunc(ts, func(t Table) bool { return len(t.Rows) == 0 })
}
