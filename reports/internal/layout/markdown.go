package layout

import (
	"fmt"
	"regexp"
	"strings"
)

var markdownEscape = strings.NewReplacer("&", "&amp;", `\`, `\\`, "|", `\|`, "<", "&lt;", ">", "&gt;", "*", `\*`, "_", `\_`, "`", "\\`", "[", `\[`, "\n", " ", "~", `\~`)

// mention is how forges call somebody.
var mention = regexp.MustCompile(`@([[:alnum:]])`)

// MarkdownText escapes s for Markdown and HTML, on one line. An @ calls nobody: where a forge would
// send the person or the team behind it a notice, a space without width stands between.
func MarkdownText(s string) string {
	return mention.ReplaceAllString(markdownEscape.Replace(s), "@&#8203;$1")
}

// MarkdownTable writes t as a table of GitHub's Markdown.
func MarkdownTable(b *strings.Builder, t Table) {
	if len(t.Rows) == 0 {
		return
	}
	head := t.Head
	if head == nil {
		head = make([]string, len(t.Rows[0]))
	}
	row := func(cells []string) {
		for _, c := range cells {
			b.WriteString("| " + MarkdownText(c) + " ")
		}
		b.WriteString("|\n")
	}
	b.WriteByte('\n')
	row(head)
	for i := range head {
		if i < t.Left {
			b.WriteString("|:--")
		} else {
			b.WriteString("|--:")
		}
	}
	b.WriteString("|\n")
	for _, r := range t.Rows {
		row(r)
	}
	if t.Note != "" {
		fmt.Fprintf(b, "\n%s\n", MarkdownText(t.Note))
	}
}
