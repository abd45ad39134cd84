// Package manual lays out the texts of the manual, for terminals and as man pages.
//
// A text is paragraphs with blank lines between them. Indented lines, and those between fences of
// backticks, stay as they are; "#" begins a heading, "- " an item, and "|" a row of a table. That
// is the help of the commands, and the part of Markdown that the manuals use.
package manual

import (
	"regexp"
	"strings"

	"github.com/charmbracelet/x/ansi"
)

// Kind says what a block of a text is.
type Kind int

// Kinds of blocks.
const (
	Paragraph Kind = iota
	Literal        // lines that stay as they are
	Item           // of a list
	Heading
	Row // of a table
)

// Block is a part of a text.
type Block struct {
	Kind  Kind
	Text  string   // in one line; of a Literal its lines, without what all are indented by
	Level int      // of a Heading 1 and more; of an Item its depth from 0
	Cells []string // of a Row
	Head  []string // of a Row: the names of its columns
}

// Parse divides a text into blocks. Every text is valid.
func Parse(text string) []Block {
	p := &parser{}
	for line := range strings.Lines(text) {
		p.line(strings.TrimRight(line, " \t\r\n"))
	}
	p.end()
	return p.blocks
}

// A parser has read some lines of a text.
type parser struct {
	blocks []Block
	open   *Block   // to which the next line may belong
	lines  []string // of a Literal
	fenced bool
	head   []string // of the table under way
}

// end closes the open block.
func (p *parser) end() {
	if len(p.lines) > 0 {
		p.blocks = append(p.blocks, Block{Kind: Literal, Text: strings.Join(outdent(p.lines), "\n")})
	}
	if p.open != nil {
		p.open.Text = inline(p.open.Text)
		p.blocks = append(p.blocks, *p.open)
	}
	p.open, p.lines = nil, nil
}

func (p *parser) line(line string) {
	words := strings.TrimLeft(line, " ")
	indent := len(line) - len(words)
	_, item := strings.CutPrefix(words, "- ")
	level := len(words) - len(strings.TrimLeft(words, "#"))
	if !strings.HasPrefix(words, "|") {
		p.head = nil
	}
	switch {
	case strings.HasPrefix(words, "```"):
		p.end()
		p.fenced = !p.fenced
	case p.fenced:
		p.lines = append(p.lines, line)
	case words == "" || strings.HasPrefix(words, "<!--") && strings.HasSuffix(words, "-->"):
		p.end()
	case level > 0 && indent == 0 && strings.HasPrefix(words[level:], " "):
		p.end()
		p.open = &Block{Kind: Heading, Level: level, Text: words[level+1:]}
		p.end()
	case strings.HasPrefix(words, "|"):
		p.end()
		p.row(words)
	case item && (indent == 0 || p.open != nil && p.open.Kind == Item):
		p.end()
		p.open = &Block{Kind: Item, Level: indent / 2, Text: words[2:]}
	case p.open != nil && (indent == 0 || p.open.Kind == Item):
		p.open.Text += " " + words
	case indent >= 2:
		if p.open != nil {
			p.end()
		}
		p.lines = append(p.lines, line)
	default:
		p.end()
		p.open = &Block{Kind: Paragraph, Text: words}
	}
}

// row reads a row of a table: the first one names the columns.
func (p *parser) row(words string) {
	var cells []string
	text := strings.TrimSuffix(strings.TrimPrefix(words, "|"), "|")
	for cell := range strings.SplitSeq(strings.ReplaceAll(text, `\|`, "\x00"), "|") {
		cells = append(cells, inline(strings.ReplaceAll(strings.TrimSpace(cell), "\x00", "|")))
	}
	switch {
	case p.head == nil:
		p.head = cells
	case strings.Trim(words, "|-: ") != "":
		p.blocks = append(p.blocks, Block{Kind: Row, Cells: cells, Head: p.head})
	}
}

var link = regexp.MustCompile(`\[([^\[\]]+)\]\(([^()\s]+)\)`)

// inline takes the marks out of a text that a terminal does not show: links keep their text, and
// their address where it is one of the web.
func inline(text string) string {
	text = link.ReplaceAllStringFunc(text, func(l string) string {
		part := link.FindStringSubmatch(l)
		if strings.HasPrefix(part[2], "http") {
			return part[1] + " (" + part[2] + ")"
		}
		return part[1]
	})
	return strings.ReplaceAll(text, "**", "")
}

// outdent takes the blanks away that all lines begin with.
func outdent(lines []string) []string {
	least := -1
	for _, l := range lines {
		if n := len(l) - len(strings.TrimLeft(l, " ")); l != "" && (least < 0 || n < least) {
			least = n
		}
	}
	out := make([]string, len(lines))
	for i, l := range lines {
		out[i] = l[min(max(least, 0), len(l)):]
	}
	return out
}

// Fill breaks a text at its blanks into lines of at most width cells of a terminal. Words that are
// longer have a line of their own.
func Fill(text string, width int) []string {
	var lines []string
	line, used := "", 0
	for word := range strings.FieldsSeq(text) {
		n := ansi.StringWidth(word)
		if used > 0 && used+1+n > width {
			lines, line, used = append(lines, line), "", 0
		}
		if used > 0 {
			line, used = line+" ", used+1
		}
		line, used = line+word, used+n
	}
	if used > 0 {
		lines = append(lines, line)
	}
	return lines
}
