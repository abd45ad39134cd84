package main

import (
	"slices"
	"strings"

	"github.com/charmbracelet/x/ansi"

	"github.com/throng-io/throng/cmd/throng/internal/manual"
)

// A column is the cells of a terminal, in each row, in which one column of a table stands.
type column struct{ from, to int }

// foldTable puts the columns of a table that is wider than width below each other: each time as
// many as fit beside the first ones, which name the rows. A column that is too wide even so, and a
// text at the end that has some room, have their words in several lines.
func foldTable(rows []string, width int) (out []string) {
	cols := columns(rows)
	if len(cols) < 2 || cols[len(cols)-1].to <= width {
		return rows
	}
	names := naming(rows, cols, width)
	for rest := cols[names:]; len(rest) > 0; {
		shown := append(slices.Clone(cols[:names]), rest[0])
		for rest = rest[1:]; len(rest) > 0 && (wide(append(shown, rest[0])) <= width || wraps(shown, rest, width)); rest = rest[1:] {
			shown = append(shown, rest[0])
		}
		if len(out) > 0 {
			out = append(out, "")
		}
		for _, row := range rows {
			out = append(out, foldRow(row, shown, width)...)
		}
	}
	return out
}

// columns finds the columns of a table: two blanks at least stand between them in every row.
func columns(rows []string) (cols []column) {
	var taken []bool // by cell
	for _, row := range rows {
		at := 0
		for word := range strings.SplitSeq(row, " ") {
			end := at + ansi.StringWidth(word)
			taken = append(taken, make([]bool, max(0, end-len(taken)))...)
			for ; at < end; at++ {
				taken[at] = true
			}
			at++ // the blank
		}
	}
	for i, is := range taken {
		switch n := len(cols); {
		case !is:
		case n > 0 && i-cols[n-1].to < 2:
			cols[n-1].to = i + 1
		default:
			cols = append(cols, column{i, i + 1})
		}
	}
	if len(cols) > 0 {
		cols[0].from = 0 // the indentation stays
	}
	return cols
}

// wide is how many cells columns take beside each other.
func wide(cols []column) int {
	n := 2 * (len(cols) - 1)
	for _, c := range cols {
		n += c.to - c.from
	}
	return n
}

// wraps reports whether the last column, which does not fit, has its words in several lines beside
// the columns shown: they leave it room for some words.
func wraps(shown, rest []column, width int) bool {
	return len(rest) == 1 && width-wide(shown)-2 >= 20
}

// naming is how many of the first columns tell the rows apart, of a single row all but the last, if
// they leave a third of the width to the others; else one.
func naming(rows []string, cols []column, width int) int {
	for n := 1; n < len(cols) && wide(cols[:n]) <= 2*width/3; n++ {
		seen := map[string]bool{}
		for _, row := range rows {
			seen[ansi.Cut(row, 0, cols[n-1].to)] = true
		}
		if len(seen) == len(rows) && (len(rows) > 1 || n == len(cols)-1) {
			return n
		}
	}
	return 1
}

// foldRow is some columns of a row in lines of at most width cells.
func foldRow(row string, cols []column, width int) (lines []string) {
	last := len(cols) - 1
	rooms := make([]int, len(cols))
	for i, c := range cols {
		rooms[i] = c.to - c.from
	}
	if wide(cols) > width { // the last column has what the others leave
		if last == 1 {
			rooms[0] = min(rooms[0], max(width/2, width-2-rooms[1]))
		}
		rooms[last] = width - wide(cols[:last]) - 2 + cols[0].to - rooms[0]
	}
	cells, height := make([][]string, len(cols)), 1
	for i, c := range cols {
		cell := ansi.Cut(row, c.from, c.to)
		if cells[i] = []string{cell}; rooms[i] < c.to-c.from {
			cells[i] = manual.Fill(cell, rooms[i])
		}
		height = max(height, len(cells[i]))
	}
	for n := range height {
		var line strings.Builder
		for i := range cells {
			cell := ""
			if n < len(cells[i]) {
				cell = cells[i][n]
			}
			line.WriteString(cell + strings.Repeat(" ", max(0, rooms[i]-ansi.StringWidth(cell))+2))
		}
		lines = append(lines, strings.TrimRight(line.String(), " "))
	}
	return lines
}
