package stamp

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"html"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"github.com/throng-io/throng/protocol/socketio"
	"github.com/throng-io/throng/scenario/internal/jsonpath"
)

// forms are what servers do with a text before they put it into an event.
var forms = []struct {
	name string
	of   func(text string) string
}{
	{"JSON", func(s string) string { b, _ := json.Marshal(s); return string(b) }},
	{"ASCII", strconv.QuoteToASCII},
	{"JSON with slashes escaped", func(s string) string { b, _ := json.Marshal(s); return strings.ReplaceAll(string(b), "/", `\/`) }},
	{"pretty JSON", func(s string) string {
		b, _ := json.MarshalIndent(map[string]any{"id": 5, "text": s}, "", "\t")
		return string(b)
	}},
	{"HTML", html.EscapeString},
	{"a query", url.QueryEscape},
	{"a path", url.PathEscape},
	{"HTML, every character", each("&#%d;")},
	{"HTML in base 16, every character", each("&#x%X;")},
	{"JSON, every character", func(s string) string { return `"` + each(`\u%04x`)(s) + `"` }},
	{"JavaScript, every character", each(`\x%02x`)},
	{"URL, every character", each("%%%02X")},
}

// each writes every byte of a text alike.
func each(format string) func(string) string {
	return func(s string) string {
		var b strings.Builder
		for i := range len(s) {
			fmt.Fprintf(&b, format, s[i])
		}
		return b.String()
	}
}

const anyRun = 0x5eed0007

func anyStamp(seq uint32) Stamp {
	return Stamp{Run: anyRun, Stream: 3, Sender: 9, Seq: seq, Due: 0x3fbfffffefbe}
}

// A stamp inside a text is found after any two of these forms, once.
func TestFormsInForms(t *testing.T) {
	st := anyStamp(77)
	text := "hello " + string(st.Append(nil)) + strings.Repeat("x", 20) + ", goodbye"
	f := &Finder{Run: anyRun}
	for _, inner := range forms {
		for _, outer := range forms {
			args := outer.of(inner.of(text))
			scan := f.Scan([]byte(args), nil)
			got, state := scan.Next()
			if state != Found || got != st {
				t.Errorf("%s in %s: state %d in %s", inner.name, outer.name, state, args)
				continue
			}
			if after := string(scan.After()); !strings.HasPrefix(after, strings.Repeat("x", 20)) {
				t.Errorf("%s in %s: %.40s follows", inner.name, outer.name, after)
			}
			if again, state := scan.Next(); state != None {
				t.Errorf("%s in %s: found again as %+v", inner.name, outer.name, again)
			}
		}
	}
}

// An event without a stamp is searched a second time only where it has escapes.
func TestPlainEventsCostNoAllocation(t *testing.T) {
	f := &Finder{Run: anyRun}
	args := []byte(`{"user":"Ada","text":"` + strings.Repeat("hello ", 100) + `"}`)
	if n := testing.AllocsPerRun(100, func() {
		if _, state := f.Find(args, nil); state != None {
			t.Fatal("found a stamp in nothing")
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// FuzzForms puts a stamp into any text, and that through up to three forms.
func FuzzForms(f *testing.F) {
	f.Add("a: ", "!", uint32(0), uint32(5))
	f.Add(`"é`, `\`, uint32(0x0201), uint32(6))
	f.Add("", "", uint32(0x0b04), uint32(7))
	f.Add("<b>", "</b>", uint32(0x0304), uint32(8))
	f.Fuzz(func(t *testing.T, before, after string, how, seq uint32) {
		st := anyStamp(seq)
		finder := &Finder{Run: anyRun}
		scan := finder.Scan([]byte(before+after), nil)
		begin := string(scan.begin[:beginSize])
		if strings.Contains(before+after, begin) || strings.ContainsAny(before+after, `\&%`) && strings.Contains(string(undo([]byte(before+after))), begin) {
			return // looks like a stamp of ours
		}
		if n := len(before); n > 0 && strings.ContainsAny(before[max(0, n-escapedSize):], `\&%`) {
			return // an escape that is not complete eats the stamp's first characters
		}
		args := before + string(st.Append(nil)) + " " + after
		every := 0
		for ; how > 0 && every < 2; how >>= 8 {
			form := int(how&0xff) % len(forms)
			if strings.Contains(forms[form].name, "every") {
				every++
			}
			args = forms[form].of(args)
		}
		if got, state := finder.Find([]byte(args), nil); state != Found || got != st {
			t.Fatalf("state %d in %q", state, args)
		}
	})
}

// packText writes a text, or bytes, of MessagePack with a head of one, two or four bytes of length.
func packText(width int, binaryData bool, text string) string {
	head := []byte{0xd9, 0xda, 0xdb}[width]
	if binaryData {
		head = []byte{0xc4, 0xc5, 0xc6}[width]
	}
	switch width {
	case 0:
		return string([]byte{head, byte(len(text))}) + text
	case 1:
		return string(binary.BigEndian.AppendUint16([]byte{head}, uint16(len(text)))) + text
	}
	return string(binary.BigEndian.AppendUint32([]byte{head}, uint32(len(text)))) + text
}

// FuzzPacked puts stamps, as texts and as bytes, into MessagePack of any width.
func FuzzPacked(f *testing.F) {
	f.Add("a", "b", uint8(0), false, false)
	f.Add("", "é", uint8(1), true, false)
	f.Add("\x00", "", uint8(2), true, true)
	f.Fuzz(func(t *testing.T, before, after string, width uint8, inBytes, raw bool) {
		before, after = before[:min(len(before), 100)], after[:min(len(after), 100)]
		st := anyStamp(uint32(width) << 8)
		bytes := st.Bytes()
		payload := string(st.Append(nil))
		if raw {
			payload = string(bytes[:])
		}
		if s := before + after; strings.Contains(s, string(bytes[:1])) || strings.Contains(s, payload[:1]) {
			return // looks like a stamp of ours
		}
		args := "\x82\xa1a\x01\xa1b" + packText(int(width%3), inBytes, before+payload+after)
		finder := &Finder{Run: anyRun, Parser: socketio.MessagePack}
		scan := finder.Scan([]byte(args), nil)
		if got, state := scan.Next(); state != Found || got != st {
			t.Fatalf("state %d in %q", state, args)
		}
		if got, state := scan.Next(); state != None {
			t.Fatalf("%q: found again as %+v", args, got)
		}
	})
}

// BenchmarkScan is the search that each delivery takes.
func BenchmarkScan(b *testing.B) {
	st := anyStamp(5)
	for _, size := range []int{16, 1000} {
		b.Run(fmt.Sprintf("filler=%d", size), func(b *testing.B) {
			args := []byte(`{"$b":"` + string(st.Append(nil)) + `","p":"` + strings.Repeat("x", size) + `"}`)
			f := &Finder{Run: anyRun}
			b.ReportAllocs()
			for b.Loop() {
				scan := f.Scan(args, nil)
				if _, state := scan.Next(); state != Found {
					b.Fatal("lost the stamp")
				}
				if _, state := scan.Next(); state != None {
					b.Fatal("found another")
				}
			}
		})
	}
}

// BenchmarkScanAt is the search at a path of the contract.
func BenchmarkScanAt(b *testing.B) {
	st := anyStamp(5)
	for _, size := range []int{16, 1000} {
		b.Run(fmt.Sprintf("filler=%d", size), func(b *testing.B) {
			args := []byte(`{"id":12345,"room":"r1","from":{"name":"Ada","id":7},"at":1764415200000,"text":"` + string(st.Append(nil)) + strings.Repeat("x", size) + `"}`)
			at, err := jsonpath.Parse("$[0].text")
			if err != nil {
				b.Fatal(err)
			}
			f := &Finder{Run: anyRun, At: &at}
			b.ReportAllocs()
			for b.Loop() {
				scan := f.Scan(args, nil)
				if _, state := scan.Next(); state != Found {
					b.Fatal("lost the stamp")
				}
			}
		})
	}
}
