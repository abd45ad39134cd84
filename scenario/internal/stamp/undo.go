package stamp

import "bytes"

// Some servers escape every character of a text, also letters and digits, or escape it twice in two
// ways, such as - as \u0026#45;. A stamp among them is not found or looks damaged, so such an event
// is searched a second time with its escapes undone.

// escapeMarks stand in every text with escapes.
var escapeMarks = [][]byte{[]byte(`\u00`), []byte(`\x`), []byte("&#"), []byte(amp), []byte("%")}

const amp = "&amp;"

// mayEscape reports whether escapes may stand in b.
func mayEscape(b []byte) bool {
	for _, mark := range escapeMarks {
		if bytes.Contains(b, mark) {
			return true
		}
	}
	return false
}

// maxEscapes is how often a text may have been escaped.
const maxEscapes = 3

// undo returns b with the escaped characters of stamps and of other escapes in their plain form.
// Quotation marks stay, which keeps the end of a JSON text apart from a mark in it. b is not
// changed.
func undo(b []byte) []byte {
	for range maxEscapes {
		out := make([]byte, 0, len(b))
		for rest := b; len(rest) > 0; {
			c, size := unescape(rest, `&#;%\`)
			switch {
			case bytes.HasPrefix(rest, []byte(amp)):
				c, size = '&', len(amp)
			case size == 0:
				c, size = rest[0], 1
			}
			out, rest = append(out, c), rest[size:]
		}
		if len(out) == len(b) {
			return out
		}
		b = out
	}
	return b
}
