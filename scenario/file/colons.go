package file

import (
	"strings"

	"github.com/goccy/go-yaml/token"
)

// mendColons corrects how the lexer reads names such as chat:said inside a flow mapping. A colon
// with no space behind it belongs to the text (YAML 1.2.2, section 7.3.3), but the lexer takes it
// for a mapping wherever some { is open: [chat:say, 1] in a list within becomes a list with a
// mapping in it, and {chat:said: 1} a key chat. {rate:5/s} stays unchanged in a mapping, because
// the writer probably meant a key.
func mendColons(tokens token.Tokens) token.Tokens {
	var out token.Tokens
	var open []token.Type
	for i := 0; i < len(tokens); i++ {
		tk := tokens[i]
		switch tk.Type {
		case token.SequenceStartType, token.MappingStartType:
			open = append(open, tk.Type)
		case token.SequenceEndType, token.MappingEndType:
			open = open[:max(0, len(open)-1)]
		}
		if len(open) == 0 || !glued(tokens, i) {
			out.Add(tk)
			continue
		}
		colon, value := tokens[i+1], tokens[i+2]
		if open[len(open)-1] == token.SequenceStartType {
			tk.Type = token.StringType
			tk.Value += ":" + value.Value
			tk.Origin += colon.Origin + value.Origin
			out.Add(tk)
			i += 2
			continue
		}
		more, rest, found := strings.Cut(value.Value, ": ")
		if !found && strings.HasSuffix(value.Value, ":") {
			more, found = strings.TrimSuffix(value.Value, ":"), true
		}
		if !found {
			out.Add(tk)
			continue
		}
		tk.Value += ":" + more
		colon.Position.Column += len([]rune(more)) + 1
		out.Add(tk, colon)
		if value.Value = strings.TrimLeft(rest, " "); value.Value != "" {
			value.Position.Column += len([]rune(more)) + 1 + len([]rune(rest)) - len([]rune(value.Value)) + 1
			value.Origin = value.Value
			unquote(value)
			out.Add(value)
		}
		i += 2
	}
	return out
}

// unquote makes a quoted text of a plain one that has quotes around it.
func unquote(tk *token.Token) {
	v := tk.Value
	if len(v) < 2 || v[0] != v[len(v)-1] || strings.Contains(v, `\`) {
		return
	}
	switch v[0] {
	case '"':
		tk.Type, tk.Value = token.DoubleQuoteType, v[1:len(v)-1]
	case '\'':
		tk.Type, tk.Value = token.SingleQuoteType, v[1:len(v)-1]
	}
}

// glued reports whether a text, a colon and a text follow each other with nothing between.
func glued(tokens token.Tokens, i int) bool {
	if i+2 >= len(tokens) {
		return false
	}
	a, colon, b := tokens[i], tokens[i+1], tokens[i+2]
	plain := func(t *token.Token) bool {
		switch t.Type {
		case token.StringType, token.IntegerType, token.FloatType, token.BoolType:
			return true
		}
		return false
	}
	return plain(a) && plain(b) && colon.Type == token.MappingValueType &&
		a.Position.Line == colon.Position.Line && colon.Position.Line == b.Position.Line &&
		a.Position.Column+len([]rune(a.Value)) == colon.Position.Column && colon.Position.Column+1 == b.Position.Column
}
