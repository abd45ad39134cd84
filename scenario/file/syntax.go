package file

import (
	"cmp"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/token"
)

// Mistakes in the YAML itself. The parser names the token at which it had to give up, in its own
// words; the mistake is often before that. A slip says where it is and what to write.

// A slip is a mistake in the YAML of a text.
type slip struct {
	line, col int // 0: at the token that the parser refused
	msg, hint string
}

// refused is a text that the parser has refused.
type refused struct {
	lines  []string     // without their line breaks
	tokens token.Tokens // without comments
	tk     *token.Token // the parser's
	at     int          // its place among tokens; -1: it is none of them
	said   string       // by the parser
}

// syntax turns an error of the YAML parser into ours. tokens are what was parsed.
func (l *loader) syntax(err error, text string, tokens token.Tokens) *node {
	var y yaml.Error
	if !errors.As(err, &y) || y.GetToken() == nil || y.GetToken().Position == nil {
		return l.fail(1, 1, "not YAML: "+clip(oneLine(err.Error())), "check the YAML")
	}
	r := &refused{tk: y.GetToken(), said: oneLine(y.GetMessage())}
	r.lines = strings.Split(text, "\n")
	for _, tk := range tokens {
		if tk.Type != token.CommentType && tk.Position != nil {
			r.tokens = append(r.tokens, tk)
		}
	}
	r.at = slices.Index(r.tokens, r.tk)
	s := r.explain()
	line, col := r.tk.Position.Line, r.tk.Position.Column
	if s.line > 0 {
		line, col = s.line, s.col
	}
	return l.fail(max(line, 1), max(col, 1), s.msg, s.hint)
}

func oneLine(s string) string {
	return strings.Join(strings.FieldsFunc(s, func(r rune) bool { return r == '\n' || r == '\r' }), " ")
}

// line is the text of a line, counted from 1; "" where there is none.
func (r *refused) line(n int) string {
	if n < 1 || n > len(r.lines) {
		return ""
	}
	return r.lines[n-1]
}

// explain looks for the causes from the surest to the vaguest.
func (r *refused) explain() slip {
	row := []rune(r.line(r.tk.Position.Line))
	col := min(max(r.tk.Position.Column-1, 0), len(row))
	before, rest := string(row[:col]), string(row[col:])
	switch {
	case strings.HasSuffix(before, "$"):
		return slip{r.tk.Position.Line, col, "${...} inside { } or [ ] needs quotes", `write "${name}" in quotes, or $name`}
	case strings.ContainsRune(r.said, '\t') || strings.Contains(r.said, "tab character"):
		return tabbed(r.tk.Position.Line, r.line(r.tk.Position.Line))
	}
	for _, look := range []func() (slip, bool){r.openQuote, r.emptyReference} {
		if s, found := look(); found {
			return s
		}
	}
	if s, found := r.openBracket(); found {
		return s
	}
	if i := strings.Index(string(row), "{{"); i >= 0 {
		return slip{r.tk.Position.Line, len([]rune(string(row)[:i])) + 1, "{{ }} is of other programs", `write "${name}", in quotes`}
	}
	first := strings.TrimLeft(before, " ") == ""
	switch {
	case strings.Contains(r.said, "mapping value is not allowed") && !reColon.MatchString(rest):
		return r.deeper(r.tk.Position.Line, r.next(r.tk.Position.Line))
	case strings.Contains(r.said, "map key-value is pre-defined") && first && r.at > 0:
		return r.deeper(r.tokens[r.at-1].Position.Line, r.tk.Position.Line)
	case strings.Contains(r.said, "value is not allowed in this context") && !strings.Contains(r.said, "mapping value"):
		if first {
			return r.misfit(r.tk.Position.Line)
		}
		hint := "put the whole value in quotes, or remove the rest of the line"
		if r.at > 0 && r.tokens[r.at-1].Type == token.SingleQuoteType {
			hint += "; between single quotes an apostrophe is two of them"
		}
		return slip{0, 0, fmt.Sprintf("%q stands behind a value that is complete", clip(r.tk.Value)), hint}
	case strings.Contains(r.said, "non-map value"), strings.Contains(r.said, "unexpected key name"), strings.Contains(r.said, "implicit line break"):
		return keyless(strings.TrimLeft(r.line(r.tk.Position.Line), " "))
	}
	for _, s := range sayings {
		if strings.Contains(r.said, s.said) {
			return slip{0, 0, cmp.Or(s.msg, r.said), s.hint}
		}
	}
	return slip{0, 0, r.said, "check the YAML here"}
}

// sayings are what the parser says, by a part of it, in our words; msg "": in its own.
var sayings = []struct{ said, msg, hint string }{
	{"must be specified", "no comma stands before this inside { } or [ ]", "write one; a value that holds any of {}[], needs quotes"},
	{"mapping value is not allowed", `a second ": " stands on this line`, `put a value that holds ": " in quotes, or keys with their values in { }`},
	{"block sequence entries", "a list cannot begin on the line of its key", "begin it on the next line, or write it in [ ]"},
	{"corresponding to", "nothing opens this bracket", "remove it, or put the value in quotes"},
	{"invalid key", "a key is a plain text", "write key: value"},
	{"reserved character", "", "put the value in quotes"},
	{"directive", "a line that begins with % is no part of a scenario", "put a value that begins with % in quotes"},
	{"expected sequence element", "nothing stands before this comma", "remove it"},
	{"escape", "", `put the text in single quotes, in which a \ is itself`},
	{"anchor", "", "put a text that begins with & in quotes"},
	{"alias", "", "put a text that begins with * in quotes"},
	{"tag", "", "put a text that begins with ! in quotes"},
	{"header option", "a | or > begins a text of several lines", "put a value that begins with it in quotes, or begin the text on the next line"},
	{"flow map content", "a key with its value is missing here", "remove a comma, or write key: value"},
}

var (
	reColon = regexp.MustCompile(`:(\s|$)`)
	// reKey is the beginning of a line that has a key.
	reKey = regexp.MustCompile(`^("[^"]*"|'[^']*'|[^\s"'#:{}\[\],&*!|>%@-].*?)\s*:(\s|$)`)
	// reGlued is a key without the blank behind its colon.
	reGlued = regexp.MustCompile(`^([A-Za-z_][A-Za-z0-9_]*):([^\s:/].*)$`)
)

// tabbed is a line with a tab where a blank belongs.
func tabbed(n int, line string) slip {
	i := max(strings.IndexByte(line, '\t'), 0)
	msg, hint := "a tab cannot indent", "use spaces"
	if strings.TrimLeft(line[:i], " ") != "" {
		msg, hint = "a tab cannot stand here", "use a space"
	}
	return slip{n, len([]rune(line[:i])) + 1, msg, hint}
}

// openQuote finds a quote that nothing ends, or that ends on a later line than it should.
func (r *refused) openQuote() (slip, bool) {
	const hint = "close it on the line on which it begins"
	if strings.Contains(r.said, "could not find end character") {
		return slip{0, 0, "the quote that begins here is not closed", hint}, true
	}
	for i := max(r.at-2, 0); i <= r.at; i++ {
		tk := r.tokens[i]
		quoted := tk.Type == token.DoubleQuoteType || tk.Type == token.SingleQuoteType
		more := strings.Count(strings.TrimSpace(tk.Origin), "\n")
		if quoted && more > 0 && tk.Position.Line+more == r.tk.Position.Line {
			return slip{tk.Position.Line, tk.Position.Column, "the quote that begins here ends only on a later line, and more text follows it there", hint}, true
		}
	}
	return slip{}, false
}

// openBracket finds the bracket before the refused token that nothing closes.
func (r *refused) openBracket() (slip, bool) {
	start := unclosed(r.tokens)
	if start == nil || r.tk.Type == token.InvalidType || r.at >= 0 && slices.Index(r.tokens, start) > r.at {
		return slip{}, false
	}
	begin, end := "[", "]"
	if start.Type == token.MappingStartType {
		begin, end = "{", "}"
	}
	hint := fmt.Sprintf("write %s where it ends", end)
	if i := strings.Index(r.line(start.Position.Line), " #"); i >= start.Position.Column {
		hint += "; a # behind a space begins a comment: put a value that begins with it in quotes"
	}
	return slip{start.Position.Line, start.Position.Column, fmt.Sprintf("the %s that begins here is not closed", begin), hint}, true
}

// emptyReference finds a text of a user's that begins with & or *, up to the refused token: the
// parser takes what follows for its value, or for the name of one, and gives up there.
func (r *refused) emptyReference() (slip, bool) {
	for i, tk := range r.tokens {
		if tk.Position.Line > r.tk.Position.Line {
			break
		}
		at := func(n int) *token.Token { return r.tokens[min(i+n, len(r.tokens)-1)] }
		switch {
		case tk.Type == token.AnchorType && (closes(at(1)) || closes(at(2))):
			return slip{tk.Position.Line, tk.Position.Column, "a & names the value behind it, and none stands there", "put a text that begins with & in quotes"}, true
		case tk.Type == token.AliasType && closes(at(1)):
			return slip{tk.Position.Line, tk.Position.Column, "a * stands for a value that & has named, and no name stands there", "put a text that begins with * in quotes"}, true
		}
	}
	return slip{}, false
}

// closes reports whether a token ends a value inside of brackets.
func closes(tk *token.Token) bool {
	return tk.Type == token.MappingEndType || tk.Type == token.SequenceEndType || tk.Type == token.CollectEntryType
}

// unclosed returns the innermost bracket that is closed by another kind of bracket or by none; nil
// when each is closed.
func unclosed(tokens token.Tokens) *token.Token {
	var open []*token.Token
	for _, tk := range tokens {
		switch tk.Type {
		case token.MappingStartType, token.SequenceStartType:
			open = append(open, tk)
		case token.MappingEndType, token.SequenceEndType:
			if len(open) == 0 {
				return nil // the parser refuses it
			}
			last := open[len(open)-1]
			if (last.Type == token.MappingStartType) != (tk.Type == token.MappingEndType) {
				return last
			}
			open = open[:len(open)-1]
		}
	}
	if len(open) == 0 {
		return nil
	}
	return open[len(open)-1]
}

// keyless is a line among keys that has no key.
func keyless(text string) slip {
	rest := strings.TrimLeft(strings.TrimPrefix(text, "- "), " ")
	if m := reGlued.FindStringSubmatch(rest); m != nil {
		return slip{0, 0, "no space stands behind the colon", fmt.Sprintf("write %s: %s", m[1], clip(m[2]))}
	}
	if rest != text || text == "-" {
		return slip{0, 0, "an item of a list stands among keys", "put it below the key that it belongs to, or remove the -"}
	}
	return slip{0, 0, fmt.Sprintf("%q is no key with a value", clip(text)), "write key: value, with a colon and a space"}
}

// next is the first line behind another that has more than a comment.
func (r *refused) next(n int) int {
	for n++; n < len(r.lines); n++ {
		if text := strings.TrimSpace(r.line(n)); text != "" && text[0] != '#' {
			break
		}
	}
	return n
}

// deeper is a line that is indented below a key which has its value already.
func (r *refused) deeper(above, below int) slip {
	line := r.line(below)
	text := strings.TrimLeft(line, " \t")
	lead := line[:len(line)-len(text)]
	if strings.Contains(lead, "\t") {
		return tabbed(below, line)
	}
	s := slip{below, len(lead) + 1, "this line is indented deeper than the one above, which has its value already", "indent it as that line"}
	if levels := r.levels(above + 1); len(levels) > 0 {
		if at := levels[len(levels)-1]; at.line == above && at.key != "" {
			s.msg = fmt.Sprintf("this line is indented deeper than `%s` above it, which has its value already", at.key)
			s.hint = fmt.Sprintf("indent it by %s, or put the whole value in quotes", at.words())
		}
	}
	return s
}

// misfit is a line whose indentation is that of nothing above it.
func (r *refused) misfit(n int) slip {
	line := r.line(n)
	text := strings.TrimLeft(line, " ")
	col := len(line) - len(text)
	var fits []level
	for _, l := range r.levels(n) {
		if l.item == isItem(text) {
			fits = append(fits, l)
		}
	}
	far := func(l level) int { return max(l.col-col, col-l.col) }
	slices.SortStableFunc(fits, func(a, b level) int { return cmp.Or(far(a)-far(b), b.col-a.col) })
	s := slip{n, col + 1, fmt.Sprintf("this line is indented by %s, as nothing above it is", spaces(col)), "indent it as the lines that it belongs to"}
	switch {
	case len(fits) == 0:
	case fits[0].col == col:
		s.msg, s.hint = "this line does not go on with what is above it", "check the indentation of this line and of those above, and that the line before ends where it should"
	default:
		s.hint = "indent it by " + fits[0].words()
		if len(fits) > 1 && far(fits[1]) == far(fits[0]) {
			s.hint += ", or by " + fits[1].words()
		}
	}
	return s
}

// A level is an indentation at which a mapping or a list goes on.
type level struct {
	col, line int  // the spaces before it, and the line where it was last
	item      bool // of a list
	key       string
}

func (l level) words() string {
	what := "`" + l.key + "`"
	if l.item {
		what = "the -"
	}
	return fmt.Sprintf("%s, as %s in line %d", spaces(l.col), what, l.line)
}

func isItem(text string) bool { return text == "-" || strings.HasPrefix(text, "- ") }

// levels are the indentations that are open before a line, from the outermost to the innermost.
func (r *refused) levels(before int) (open []level) {
	inside := r.bracketed()
	for n := 1; n < before; n++ {
		line := r.line(n)
		text := strings.TrimLeft(line, " ")
		col := len(line) - len(text)
		for !inside[n] && text != "" {
			item, key := isItem(text), reKey.FindStringSubmatch(text)
			if !item && key == nil {
				break // a comment, or a part of a text
			}
			open = slices.DeleteFunc(open, func(l level) bool { return l.col > col || l.col == col && (l.item || !item) })
			l := level{col: col, line: n, item: item}
			if !item {
				l.key = clip(key[1])
			}
			if open = append(open, l); !item {
				break
			}
			rest := strings.TrimLeft(text[1:], " ")
			col, text = col+len(text)-len(rest), rest
		}
	}
	return open
}

// bracketed are the lines that begin inside of brackets.
func (r *refused) bracketed() map[int]bool {
	lines, depth, from := map[int]bool{}, 0, 0
	for _, tk := range r.tokens {
		switch tk.Type {
		case token.MappingStartType, token.SequenceStartType:
			if depth++; depth == 1 {
				from = tk.Position.Line
			}
		case token.MappingEndType, token.SequenceEndType:
			if depth--; depth == 0 {
				for n := from + 1; n <= tk.Position.Line; n++ {
					lines[n] = true
				}
			}
		}
	}
	return lines
}

func spaces(n int) string {
	switch n {
	case 0:
		return "no spaces"
	case 1:
		return "1 space"
	}
	return fmt.Sprintf("%d spaces", n)
}
