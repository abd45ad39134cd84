package engineio_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/url"
	"strings"
	"testing"

	"github.com/throng-io/throng/protocol/engineio"
)

func TestAppendJSONP(t *testing.T) {
	for _, test := range []struct{ index, body, want string }{
		{"0", "4hello", `___eio[0]("4hello");`},
		{"12", "", `___eio[12]("");`},
		{"0];alert(1);[", "2", `___eio[01]("2");`},
		{"</script>", "2", `___eio[]("2");`},
		{"0", "4[\"a\\n\"]\x1e2", `___eio[0]("4[\"a\\n\"]\u001e2");`},
		{"0", "4\u2028\u2029\u20ac\n\r\t\x00", `___eio[0]("4\u2028\u2029€\n\r\t\u0000");`},
		{"0", "4\xff\u20ac\xed\xa0\x80", `___eio[0]("4\ufffd€\ufffd\ufffd\ufffd");`},
	} {
		if got := string(engineio.AppendJSONP([]byte("x"), test.index, []byte(test.body))); got != "x"+test.want {
			t.Errorf("%q, %q: %s, want %s", test.index, test.body, got[1:], test.want)
		}
	}
}

func TestParseJSONP(t *testing.T) {
	for _, test := range []struct{ body, want string }{
		{"d=4hello", "4hello"},
		{"d=", ""},
		{"d=6%3A4hello", "6:4hello"},
		{"d=4a+b%2Bc%e2%82%AC", "4a b+c\u20ac"},
		{"x=1&d=2&y", "2"},
		{`d=4a\nb`, "4a\nb"},
		{`d=4a\\nb`, `4a\nb`},
		{`d=4a\\\nb`, `4a\\nb`},
		{`d=4a%5Cnb%5C`, "4a\nb\\"},
		{`d=4\\`, `4\\`},
		{`d=4\`, `4\`},
		{"d=a=b", "a=b"},
	} {
		if got, err := engineio.ParseJSONP([]byte(test.body)); err != nil || string(got) != test.want {
			t.Errorf("%q: %q, %v, want %q", test.body, got, err, test.want)
		}
	}
	for _, body := range []string{"", "d", "4hello", "e=1", "d=1&d=2", "d=%4", "d=%", "d=%4g", "d=%\xff0", "dd=1"} {
		if got, err := engineio.ParseJSONP([]byte(body)); !errors.Is(err, engineio.ErrJSONP) || got != nil {
			t.Errorf("%q: %q, %v", body, got, err)
		}
	}
}

// encodeForm writes a request as a client does.
func encodeForm(body string) string {
	body = strings.ReplaceAll(body, `\n`, "\\\n")
	body = strings.ReplaceAll(body, "\n", `\n`)
	return url.Values{"d": {body}}.Encode()
}

func FuzzJSONP(f *testing.F) {
	f.Add("0", []byte("4\u2028\"\\n\n\xff"))
	f.Add("a1b", []byte(`\\n\n\`))
	f.Fuzz(func(t *testing.T, index string, body []byte) {
		script := engineio.AppendJSONP(nil, index, body)
		head, text, ok := bytes.Cut(script, []byte("]("))
		number, isArray := bytes.CutPrefix(head, []byte("___eio["))
		if !ok || !isArray || len(bytes.Trim(number, "0123456789")) > 0 {
			t.Fatalf("%q: %s", index, script)
		}
		text, ok = bytes.CutSuffix(text, []byte(");"))
		var got string
		if err := json.Unmarshal(text, &got); !ok || err != nil || got != string([]rune(string(body))) {
			t.Fatalf("%q became %q, %v", body, got, err)
		}
		if bytes.ContainsRune(text, '\u2028') || bytes.ContainsRune(text, '\u2029') || bytes.ContainsAny(text, "\n\r") {
			t.Fatalf("line end in %q", text)
		}

		// A client's request comes back, but for newlines behind a backslash: their escape is that
		// of an escaped newline.
		in, intact := guarded([]byte(encodeForm(string(body))))
		back, err := engineio.ParseJSONP(in)
		if !intact() {
			t.Fatal("wrote outside the input")
		}
		if err != nil || !bytes.Contains(body, []byte("\\\n")) && !bytes.Equal(back, body) {
			t.Fatalf("%q came back as %q, %v", body, back, err)
		}
		raw, intact := guarded(body)
		if out, err := engineio.ParseJSONP(raw); !intact() || err == nil && len(out) > len(body)-2 {
			t.Fatalf("%q: %q", body, out)
		}
	})
}
