package result

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestLine(t *testing.T) {
	for s, want := range map[string]string{
		"":                                    "",
		"plain text, 12\u00a0ms, \"µ\" <b>":   "plain text, 12\u00a0ms, \"µ\" <b>",
		"a\nthrong: verdict: pass\r\n":        `a\nthrong: verdict: pass\r\n`,
		"\x1b[2J\x07\x7f\t":                   `\x1b[2J\x07\x7f\t`,
		"a\u0085b\u009bc":                     `a\u0085b\u009bc`, // the control characters of Latin-1, of which one begins escapes
		"a\u2028b\u2029c":                     `a\u2028b\u2029c`,
		"user\u202egnp.exe\u2066\u200b\ufeff": `user\u202egnp.exe\u2066\u200b\ufeff`,
		"\U000e0041":                          `\U000e0041`, // an invisible tag
		"half \xff\xc3":                       `half \xff\xc3`,
		"lost \ufffd":                         "lost \ufffd",
		"👩\u200d💻 café":                       "👩\u200d💻 café",
	} {
		if got := Line(s); got != want {
			t.Errorf("Line(%q) = %q, want %q", s, got, want)
		}
	}
}

func TestShort(t *testing.T) {
	for s, want := range map[string]string{
		"12345678":                     "12345678",
		"123456789":                    "12345678…",
		"1234567é":                     "1234567…", // no character is cut in two
		"a\nb\nc\nd\ne":                `a\nb\nc\…`,
		strings.Repeat("\x00", 5<<20):  `\x00\x00…`,
		strings.Repeat("\x80x", 1<<10): `\x80x\x8…`,
	} {
		got := Short(s, 8)
		if got != want || !utf8.ValidString(got) {
			t.Errorf("Short(%.20q, 8) = %q, want %q", s, got, want)
		}
	}
}

// FuzzLine checks that the result is always one line of valid text, and that a second call does not
// change it.
func FuzzLine(f *testing.F) {
	f.Add("a\n\x1b[31m\u202e\xff")
	f.Fuzz(func(t *testing.T, s string) {
		got := Line(s)
		if !utf8.ValidString(got) || strings.ContainsAny(got, "\n\r\x1b\u2028\u202e\u0085") || Line(got) != got {
			t.Errorf("Line(%q) = %q", s, got)
		}
		if short := Short(s, 16); len(short) > 16+len("…") || Line(short) != short {
			t.Errorf("Short(%q) = %q", s, short)
		}
	})
}
