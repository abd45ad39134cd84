package manual

import "strings"

// Plain lays blocks out in lines of at most width characters, where nothing in them is longer.
func Plain(blocks []Block, width int) string {
	var b strings.Builder
	for i, block := range blocks {
		if i > 0 && (block.Kind != Item || blocks[i-1].Kind != Item) {
			b.WriteByte('\n')
		}
		block.plain(&b, width)
	}
	return b.String()
}

func (block *Block) plain(b *strings.Builder, width int) {
	write := func(first, other, text string) {
		for i, line := range Fill(text, width-len(other)) {
			if i > 0 {
				first = other
			}
			b.WriteString(first + line + "\n")
		}
	}
	switch block.Kind {
	case Literal:
		for line := range strings.SplitSeq(block.Text, "\n") {
			b.WriteString(strings.TrimRight("  "+line, " ") + "\n")
		}
	case Item:
		in := strings.Repeat("  ", block.Level)
		write(in+"- ", in+"  ", block.Text)
	case Heading:
		write("", "", strings.ToUpper(strings.ReplaceAll(block.Text, "`", "")))
	case Row:
		write("", "  ", block.Cells[0])
		for i, cell := range block.Cells[1:] {
			if cell == "" {
				continue
			}
			if len(block.Cells) > 2 && i+1 < len(block.Head) && block.Head[i+1] != "" {
				cell = block.Head[i+1] + ": " + cell
			}
			write("    ", "    ", cell)
		}
	default:
		write("", "", block.Text)
	}
}
