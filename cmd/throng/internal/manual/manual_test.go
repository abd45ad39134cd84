package manual

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const page = "A paragraph of two\nlines with a [link](https://example.org/x) and [another](other.md).\n\n" +
	"  throng run a\n    --flag\n\n- first\n  goes on\n  - below it\n- **second**\n\n" +
	"# A `title`\n\n```yaml\n# no title\nkey: 1\n```\n\n<!-- made by a program -->\n\n| name | what | unit |\n|---|---|---|\n| `a` | b \\| c | s |\n| d | e | |\n"

func TestPlain(t *testing.T) {
	want := `A paragraph of two lines with a link
(https://example.org/x) and another.

  throng run a
    --flag

- first goes on
  - below it
- second

A TITLE

  # no title
  key: 1

` + "`a`" + `
    what: b | c
    unit: s

d
    what: e
`
	if diff := cmp.Diff(want, Plain(Parse(page), 40)); diff != "" {
		t.Error(diff)
	}
}

func TestRoff(t *testing.T) {
	want := `A paragraph of two lines with a link (https://example.org/x) and another.
.PP
.RS 4
.nf
throng run a
  \-\-flag
.fi
.RE
.IP \(bu 2
first goes on
.IP \(bu 2
below it
.IP \(bu 2
second
.SS "A title"
.RS 4
.nf
# no title
key: 1
.fi
.RE
.TP
\(gaa\(ga
b | c; s
.TP
d
e
`
	if diff := cmp.Diff(want, Roff(Parse(page))); diff != "" {
		t.Error(diff)
	}
}

// What a page says must not become a request of roff.
func TestRoffHarmless(t *testing.T) {
	for _, text := range []string{".so /etc/passwd", "'so /etc/passwd", `\fBbold`, "a\n.br", "  .nf\n  'x", "| .x | 'y |\n|---|---|\n| .a | 'b |", "# .SH"} {
		for line := range strings.Lines(Roff(Parse(text))) {
			if strings.HasPrefix(line, "'") || strings.HasPrefix(line, ".s") || strings.HasPrefix(line, ".b") || strings.HasPrefix(line, ".a") || strings.Contains(line, `\f`) {
				t.Errorf("%q becomes %q", text, line)
			}
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add(page)
	f.Add("```\n")
	f.Add("|\n||\n| |")
	f.Add("- \n  - x\n#")
	f.Fuzz(func(t *testing.T, text string) {
		blocks := Parse(text)
		for line := range strings.Lines(Roff(blocks)) {
			if strings.HasPrefix(line, "'") {
				t.Errorf("a request: %q", line)
			}
		}
		for _, b := range blocks {
			if b.Kind == Row && len(b.Cells) == 0 {
				t.Error("a row without cells")
			}
		}
		_ = Plain(blocks, 80)
	})
}
