package socketio

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

var jsonTexts = []string{
	``, ` `, `null`, `true`, `false`, `nul`, `truE`, `nulll`, `t`, `"`, `""`, `"a`, `"\`, `"\"`, `"\""`, `"\x"`, `"\u12"`, `"\u12g4"`, `"\u`, `"\uD83D\uDE00"`,
	`"abcdefg"`, `"abcdefgh"`, `"abcdefghi"`, `"abcdef\nh"`, `"abcdefg\n"`, "\"abcdefg\x1f\"", "\"abcdefgh\x00\"", "\"\x7f\"", "\"\x80\"", "\"abcdefgh\xff\"",
	"\"\u20ac\u2028\U0001F600\"", `0`, `-0`, `-`, `01`, `-01`, `1.`, `.1`, `1.0`, `1e`, `1e+`, `1e+1`, `1E-9`, `1.5e300`, `--1`, `+1`, `1a`, `1 2`, `0x1`, `Infinity`, `NaN`,
	`[]`, `[ ]`, `[1]`, `[1,]`, `[,1]`, `[,]`, `[1 2]`, `[1,2`, `[`, `]`, `[}`, `{]`, `{}`, `{ }`, `{"a"}`, `{"a":}`, `{"a":1}`, `{"a":1,}`, `{,}`, `{a:1}`, `{"a" : 1 , "b" : [ ] }`,
	`{"a":1 "b":2}`, `{"a":1,"a":2}`, `{"a",1}`, `{1:2}`, `{"a":{"b":[{"c":[[]]}]}}`, `[[],{},[[]],{"a":{}}]`, "\t[\n1\r]\n", "\v1", "\u00a01", "1\x00", `[1]]`, `{}}`, `"a""b"`, `[]{}`,
	`["a","b",{"c":["d",{"e":"f"}],"g":[1,2,{"h":null}]},true]`,
}

// checkJSON compares with encoding/json. The two differ on purpose: our check wants valid UTF-8,
// where encoding/json puts U+FFFD, and limits the depth.
func checkJSON(t *testing.T, b []byte) {
	t.Helper()
	want := json.Valid(b) && utf8.Valid(b)
	if got := validJSON(slices.Clip(b)); got != want && strings.Count(string(b), "[")+strings.Count(string(b), "{") <= maxDepth {
		t.Errorf("%q: valid %v, encoding/json says %v", b, got, want)
	}
}

func TestJSONAgainstStandard(t *testing.T) {
	for _, s := range jsonTexts {
		checkJSON(t, []byte(s))
		// At every place of a word, and cut off at every byte.
		for pad := range 9 {
			b := []byte(strings.Repeat(" ", pad) + s + strings.Repeat(" ", 9-pad))
			checkJSON(t, b)
			checkJSON(t, b[:pad+len(s)])
		}
		for cut := range len(s) {
			checkJSON(t, []byte(s[:cut]))
		}
	}
}

// Every byte value at every position of a word inside a string.
func TestJSONStringBytes(t *testing.T) {
	for c := range 256 {
		for pos := range 17 {
			b := []byte(`"0123456789abcdefg"`)
			b[1+pos] = byte(c)
			checkJSON(t, b)
		}
	}
}

func FuzzJSON(f *testing.F) {
	for _, s := range jsonTexts {
		f.Add([]byte(s))
	}
	f.Fuzz(checkJSON)
}

func TestDepth(t *testing.T) {
	nested := func(n int) []byte {
		return []byte("2" + `["e",` + strings.Repeat("[", n-1) + strings.Repeat("]", n-1) + "]")
	}
	mixed := func(n int) []byte {
		return []byte("2" + `["e",` + strings.Repeat(`{"a":[`, n/2) + "1" + strings.Repeat("]}", n/2) + "]")
	}
	for _, limit := range []int{0, 1, 2, 63, 64, 65, 127, 128, 1024, 5000} {
		d := Decoder{MaxDepth: limit}
		allowed := limit
		if limit == 0 {
			allowed = 128
		}
		allowed = min(allowed, 1024)
		if allowed > 1 {
			if _, err := d.Text(nested(allowed)); err != nil {
				t.Errorf("limit %d, depth %d: %v", limit, allowed, err)
			}
		}
		if _, err := d.Text(nested(allowed + 1)); !errors.Is(err, ErrTooDeep) {
			t.Errorf("limit %d, depth %d: %v", limit, allowed+1, err)
		}
		if _, err := d.Text(mixed(allowed &^ 1)); allowed > 1 && allowed%2 == 1 && err != nil {
			t.Errorf("limit %d, mixed: %v", limit, err)
		}
		if _, err := d.Text(mixed(allowed + 2)); !errors.Is(err, ErrTooDeep) {
			t.Errorf("limit %d, mixed, too deep: %v", limit, err)
		}
	}
	// The kind of every open container must be remembered at any depth.
	for n := 1; n < maxDepth; n += 31 {
		for _, wrong := range []string{"]", "}"} {
			open := strings.Repeat(`[{"a":`, n/2)
			if n%2 == 1 {
				open += "["
			}
			if wrong == "]" != (n%2 == 1) {
				checkJSON(t, []byte(open+"1"+wrong))
			}
		}
		checkJSON(t, []byte(strings.Repeat(`[{"a":`, n/2)+"1"+strings.Repeat("}]", n/2)))
		checkJSON(t, []byte(strings.Repeat(`[{"a":`, n/2)+"1"+strings.Repeat("]}", n/2)))
	}
}

// The walkers see only accepted JSON. Whatever else they get, they end within it.
func FuzzWalk(f *testing.F) {
	for _, s := range jsonTexts {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		b = slices.Clip(b)
		for i := range len(b) {
			if end := skipValue(b, i); end < i || end > len(b) {
				t.Fatalf("skipValue(%q, %d) = %d", b, i, end)
			}
			w := walker{b: b, attachments: 3, collect: true}
			if end := w.value(i, 0); end < i || end > len(b) {
				t.Fatalf("walk of %q from %d ends at %d", b, i, end)
			}
			for _, s := range w.spans {
				if s.start < i || s.end <= s.start || s.end > len(b) || s.num >= 3 {
					t.Fatalf("%q has the span %v", b, s)
				}
			}
		}
		for arg, rest := NextArg(b); arg != nil; arg, rest = NextArg(rest) {
			if len(arg) == 0 || len(rest) >= len(b) {
				t.Fatalf("NextArg does not advance in %q", b)
			}
		}
		_, _, _ = SplitEvent(b)
		_ = AckArgs(b)
		if !validJSON(b) {
			return
		}
		start := skipSpace(b, 0)
		end := skipValue(b, start)
		if skipSpace(b, end) != len(b) {
			t.Fatalf("%q: the value ends at %d", b, end)
		}
		w := walker{b: b, attachments: 3}
		if got := w.value(start, 0); got != end {
			t.Fatalf("%q: the walk ends at %d, the value at %d", b, got, end)
		}
	})
}
