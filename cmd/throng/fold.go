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

// fold is a text with its paragraphs broken into lines of at most width cells. Lists of names
// and values, which are apart by two blanks, are broken between them. Rows of tables stay as they
// are.
func fold(text string, width int) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		body := strings.TrimSuffix(line, "\n")
		words := strings.TrimLeft(body, " ")
		indent := body[:len(body)-len(words)]
		var lines []string
		switch parts := strings.Split(words, "  "); {
		case ansi.StringWidth(body) <= width:
			lines = []string{body}
		case len(parts) == 1:
			for _, filled := range manual.Fill(words, width-len(indent)) {
				lines = append(lines, indent+filled)
			}
		case slices.ContainsFunc(parts, func(part string) bool { return !strings.Contains(part, ": ") }): // a row
			lines = []string{body}
		default:
			parts[0] = indent + parts[0]
			lines = foldValues(parts, width)
		}
		b.WriteString(strings.Join(lines, "\n") + strings.TrimPrefix(line, body))
	}
	return b.String()
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

// writeFolded passes what write writes on to out: folded on a terminal, to its width and at most to
// helpWidth, and as it is for other programs, which look for whole lines.
func writeFolded(out io.Writer, write func(w io.Writer) error) error {
	f, is := out.(*os.File)
	if !is || !term.IsTerminal(int(f.Fd())) {
		return write(out)
	}
	width := helpWidth
	if columns, _, err := term.GetSize(int(f.Fd())); err == nil && columns > 0 {
		width = min(width, columns)
	}
	var text bytes.Buffer
	if err := write(&text); err != nil {
		return err
	}
	_, err := io.WriteString(out, fold(text.String(), width))
	return err
}
