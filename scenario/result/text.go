package result

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// MaxText is the length in bytes of the longest text that a Run may hold: names, reasons, warnings,
// values.
const MaxText = 4 << 10

// Line makes text from an untrusted source (a server's answer, a foreign file) safe to display: it
// is one line, and no character of it moves the cursor, changes the direction of writing or is
// invisible. Such characters are escaped as in Go: \n, \x1b, \u202e; a byte that is not UTF-8 as
// \xff. The text is not shortened. Safe text is returned unchanged.
func Line(s string) string {
	at := strings.IndexFunc(s, unfit)
	if at < 0 {
		return s
	}
	var b strings.Builder
	b.WriteString(s[:at])
	for i := at; i < len(s); {
		r, size := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == utf8.RuneError && size == 1:
			b.WriteString(`\x` + hexByte(s[i]))
		case !unfit(r):
			b.WriteString(s[i : i+size])
		default:
			b.WriteString(escaped(r))
		}
		i += size
	}
	return b.String()
}

// Short is Line for text that must also be short: beyond max bytes it ends with an ellipsis.
func Short(s string, max int) string {
	if len(s) > max { // before the escapes, which make it longer: it may be megabytes
		s = whole(s, max) + "…"
	}
	if s = Line(s); len(s) > max+len("…") {
		s = whole(s, max) + "…"
	}
	return s
}

// whole cuts s at the beginning of a character, at most max bytes from its start.
func whole(s string, max int) string {
	for max > 0 && !utf8.RuneStart(s[max]) {
		max--
	}
	return s[:max]
}

// unfit reports whether a character is not to be shown as it is: a control character, a line or
// paragraph separator, one that changes the direction of writing or is not visible, or half of a
// pair. The no-break space and the soft hyphen are fit.
func unfit(r rune) bool {
	switch {
	case r >= ' ' && r <= '~':
		return false
	case r == utf8.RuneError, r == '\u2028', r == '\u2029':
		return true
	// part of words in some languages, and of emoji
	case r == '\u00ad', r == '\u200c', r == '\u200d':
		return false
	}
	return unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || unicode.Is(unicode.Co, r)
}

func escaped(r rune) string {
	switch {
	case r == '\n':
		return `\n`
	case r == '\r':
		return `\r`
	case r == '\t':
		return `\t`
	case r < 0x80:
		return `\x` + hexByte(byte(r))
	case r == utf8.RuneError:
		return "\ufffd" // it stands for characters lost before
	case r <= 0xffff:
		return `\u` + hexByte(byte(r>>8)) + hexByte(byte(r))
	}
	return `\U00` + hexByte(byte(r>>16)) + hexByte(byte(r>>8)) + hexByte(byte(r))
}

func hexByte(b byte) string {
	const digits = "0123456789abcdef"
	return string([]byte{digits[b>>4], digits[b&15]})
}
