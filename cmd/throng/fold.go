package main

import (
	"bytes"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/charmbracelet/x/ansi"
	"golang.org/x/term"

	"github.com/throng-io/throng/cmd/throng/internal/manual"
)

// fold is a text with its paragraphs broken into lines of at most width cells. Lists of names and
// values, which are apart by two blanks, are broken between them, and tables as foldTable does.
func fold(text string, width int) string {
	var out []string
	lines := strings.Split(text, "\n")
	for len(lines) > 0 {
		n := 0
		for n < len(lines) && isRow(lines[n]) {
			n++
		}
		if n > 0 {
			out = append(out, foldTable(lines[:n], width)...)
		} else {
			out, n = append(out, foldLine(lines[0], width)...), 1
		}
		lines = lines[n:]
	}
	return strings.Join(out, "\n")
}

// isRow reports whether a line is a row of a table: it has parts, and not all of them are names
// with their values.
func isRow(line string) bool {
	parts := strings.Split(strings.TrimLeft(line, " "), "  ")
	return len(parts) > 1 && slices.ContainsFunc(parts, func(part string) bool { return !strings.Contains(part, ": ") })
}

// foldLine breaks a line that is no row of a table.
func foldLine(line string, width int) (lines []string) {
	words := strings.TrimLeft(line, " ")
	indent := line[:len(line)-len(words)]
	switch parts := strings.Split(words, "  "); {
	case ansi.StringWidth(line) <= width:
		return []string{line}
	case len(parts) == 1:
		for _, filled := range manual.Fill(words, width-len(indent)) {
			lines = append(lines, indent+filled)
		}
		return lines
	default:
		parts[0] = indent + parts[0]
		return foldValues(parts, width)
	}
}

// foldValues puts names and values into lines, each with as many as it holds and one at least.
func foldValues(parts []string, width int) (lines []string) {
	line := parts[0]
	for _, part := range parts[1:] {
		if ansi.StringWidth(line)+2+ansi.StringWidth(part) > width {
			lines, line = append(lines, line), ""
		}
		line += "  " + part
	}
	return append(lines, line)
}

// columnsOf is how wide lines for out are: as its terminal, and at most helpWidth, which they are
// for other programs.
func columnsOf(out io.Writer) (width int, terminal bool) {
	f, is := out.(*os.File)
	if !is || !term.IsTerminal(int(f.Fd())) {
		return helpWidth, false
	}
	if columns, _, err := term.GetSize(int(f.Fd())); err == nil && columns > 0 {
		return min(helpWidth, columns), true
	}
	return helpWidth, true
}

// writeFolded passes what write writes on to out: folded on a terminal, and as it is for other
// programs, which look for whole lines.
func writeFolded(out io.Writer, write func(w io.Writer) error) error {
	width, terminal := columnsOf(out)
	if !terminal {
		return write(out)
	}
	var text bytes.Buffer
	if err := write(&text); err != nil {
		return err
	}
	_, err := io.WriteString(out, fold(text.String(), width))
	return err
}
