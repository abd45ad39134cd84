package manual

import "strings"

// roffWidth is the width of the lines of a man page's source, which mandoc wants below 80.
const roffWidth = 78

// Roff lays blocks out as a part of a man page that begins under a heading, with the macros of
// man(7).
func Roff(blocks []Block) string {
	var b strings.Builder
	for i, block := range blocks {
		if i > 0 && blocks[i-1].Kind != Heading && (block.Kind == Literal || block.Kind == Paragraph) {
			b.WriteString(".PP\n")
		}
		switch block.Kind {
		case Literal:
			b.WriteString(".RS 4\n.nf\n")
			for line := range strings.SplitSeq(block.Text, "\n") {
				b.WriteString(guard(escape(line)) + "\n")
			}
			b.WriteString(".fi\n.RE\n")
		case Item:
			b.WriteString(".IP \\(bu 2\n" + RoffText(block.Text))
		case Heading:
			b.WriteString(".SS " + RoffWord(strings.ReplaceAll(block.Text, "`", "")) + "\n")
		case Row:
			b.WriteString(".TP\n" + guard(escape(block.Cells[0])) + "\n")
			var rest []string
			for _, cell := range block.Cells[1:] {
				if cell != "" {
					rest = append(rest, cell)
				}
			}
			b.WriteString(RoffText(strings.Join(rest, "; ")))
		default:
			b.WriteString(RoffText(block.Text))
		}
	}
	return b.String()
}

// RoffText is running text in a man page, in lines of its own.
func RoffText(text string) string {
	var b strings.Builder
	for _, line := range Fill(text, roffWidth) {
		b.WriteString(guard(escape(line)) + "\n")
	}
	return b.String()
}

// RoffWord is text as one argument of a macro.
func RoffWord(text string) string {
	return `"` + strings.ReplaceAll(escape(text), `"`, `\(dq`) + `"`
}

// escape writes the characters that roff would change: copied from a page, an example must be what
// was written.
var escape = strings.NewReplacer(`\`, `\e`, "-", `\-`, "'", `\(aq`, "`", `\(ga`, "^", `\(ha`, "~", `\(ti`).Replace

// guard keeps a line from being read as a request.
func guard(line string) string {
	if strings.HasPrefix(line, ".") {
		return `\&` + line
	}
	return line
}
