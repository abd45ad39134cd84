package main

import (
	"bytes"
	"io"
	"os"
	"strings"

	"golang.org/x/term"

	"github.com/throng-io/throng/cmd/throng/internal/manual"
)

// fold is a text with its paragraphs broken into lines of at most width characters. Rows of tables,
// whose columns are apart by two blanks, stay as they are.
func fold(text string, width int) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		body := strings.TrimSuffix(line, "\n")
		if len([]rune(body)) <= width || strings.Contains(body, "  ") {
			b.WriteString(line)
			continue
		}
		b.WriteString(strings.Join(manual.Fill(body, width), "\n") + strings.TrimPrefix(line, body))
	}
	return b.String()
}

// writeFolded passes what write writes on to out: folded to helpWidth on a terminal, and as it is
// for other programs, which look for whole lines.
func writeFolded(out io.Writer, write func(w io.Writer) error) error {
	if f, is := out.(*os.File); !is || !term.IsTerminal(int(f.Fd())) {
		return write(out)
	}
	var text bytes.Buffer
	if err := write(&text); err != nil {
		return err
	}
	_, err := io.WriteString(out, fold(text.String(), helpWidth))
	return err
}
