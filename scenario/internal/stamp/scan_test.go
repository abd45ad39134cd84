package stamp

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/throng-io/throng/protocol/socketio"
)

// all lists the sequences that a scan finds; -1 stands for a damaged stamp, -2 for one of another
// run.
func all(f *Finder, args string, attachments ...string) (out []int) {
	var list [][]byte
	for _, a := range attachments {
		list = append(list, []byte(a))
	}
	scan := f.Scan([]byte(args), list)
	for {
		switch st, state := scan.Next(); {
		case state == None:
			return out
		case state == Damaged:
			out = append(out, -1)
		case st.Run != f.Run:
			out = append(out, -2)
		default:
			out = append(out, int(st.Seq))
		}
	}
}

// Stamps are found wherever they stand, in whatever form a server gives them, and as often as they
// do.
func TestScan(t *testing.T) {
	const run = 0x5eed0007
	mk := func(seq uint32) Stamp { return Stamp{Run: run, Stream: 3, Sender: 9, Seq: seq, Due: 0x3fbfffffefbe} }
	text := func(seq uint32) string { s := mk(seq); return string(s.Append(nil)) }
	raw := func(seq uint32) string { s := mk(seq); b := s.Bytes(); return string(b[:]) }
	foreign := Stamp{Run: 0x0badf00d, Seq: 1}
	one := text(1)
	if !Searchable(run) || !strings.ContainsAny(one, "-_") {
		t.Fatalf("%s does not test escapes", one)
	}
	escape := func(minus, under string) string { return strings.NewReplacer("-", minus, "_", under).Replace(one) }
	damaged := one[:20] + "!" + one[21:]
	body := path(t, "$[0].body")
	pack := Finder{Parser: socketio.MessagePack}
	for _, c := range []struct {
		name        string
		f           Finder
		args        string
		attachments []string
		want        []int
	}{
		{"as it was sent", Finder{}, `{"$b":"` + one + `","p":"xxx"}`, nil, []int{1}},
		{"with spaces", Finder{}, `{ "$b" : "` + one + `", "p" : "" }`, nil, []int{1}},
		{"under another key", Finder{}, `{"id":5,"text":"` + one + `xxx"}`, nil, []int{1}},
		{"in the middle of a text", Finder{}, `"hello ` + one + `, goodbye"`, nil, []int{1}},
		{"in a JSON text", Finder{}, `"{\"$b\":\"` + one + `\"}"`, nil, []int{1}},
		{"in a JSON text in a JSON text", Finder{}, `"{\"a\":\"{\\\"$b\\\":\\\"` + one + `\\\"}\"}"`, nil, []int{1}},
		{"JSON escapes", Finder{}, `{"$b":"` + escape(`\u002d`, `\u005f`) + `"}`, nil, []int{1}},
		{"JSON escapes, in capitals", Finder{}, `{"$b":"` + escape(`\u002D`, `\u005F`) + `"}`, nil, []int{1}},
		{"JSON escapes in a JSON text", Finder{}, `"{\"$b\":\"` + escape(`\\u002d`, `\\u005f`) + `\"}"`, nil, []int{1}},
		{"JavaScript escapes", Finder{}, `"` + escape(`\\x2d`, `\\x5f`) + `"`, nil, []int{1}},
		{"HTML", Finder{}, `{"html":"&lt;b&gt;{&quot;$b&quot;:&quot;` + one + `&quot;}&lt;/b&gt;"}`, nil, []int{1}},
		{"HTML escapes", Finder{}, `{"html":"` + escape("&#45;", "&#x5F;") + `"}`, nil, []int{1}},
		{"URL escapes", Finder{}, `"/say?text=` + escape("%2D", "%5f") + `&x"`, nil, []int{1}},
		{"several", Finder{}, `[{"$b":"` + text(4) + `","p":"x"},{"$b":"` + text(5) + `"}],"` + text(6) + text(7) + `"`, nil, []int{4, 5, 6, 7}},
		{"one twice", Finder{}, `"` + one + `","` + one + `"`, nil, []int{1, 1}},
		{"damaged, and a whole one", Finder{}, `"` + damaged + `","` + text(2) + `"`, nil, []int{-1, 2}},
		{"cut", Finder{}, `"` + one[:31] + `"`, nil, []int{-1}},
		{"of another run", Finder{}, `{"$b":"` + string(foreign.Append(nil)) + `","p":""}`, nil, []int{-2}},
		{"none", Finder{}, `{"a":"` + strings.Repeat("x", 500) + `"}`, nil, nil},
		{"contract", Finder{At: body}, `{"body":["` + text(1) + `","` + text(2) + `"]}`, nil, []int{1, 2}},
		{"beside the contract", Finder{At: body}, `{"body":"","copy":"` + one + `"}`, nil, nil},
		{"contract, several places", Finder{At: path(t, "$[0].list[*].body")}, `{"list":[{"body":"` + text(1) + `","copy":"` + text(9) + `"},{"body":"\u0020` + text(2) + `"}]}`, nil, []int{1, 2}},
		{"contract, in the second argument", Finder{At: path(t, "$[1].id")}, `{"id":5},{"id":"` + text(1) + `"}`, nil, []int{1}},
		{"MessagePack, str 8", pack, "\x81\xa2$b\xd9\x20" + one, nil, []int{1}},
		{"MessagePack, str 16", pack, "\x81\xa2$b\xda\x00\x20" + one, nil, []int{1}},
		{"MessagePack, str 32", pack, "\x81\xa2$b\xdb\x00\x00\x00\x20" + one, nil, []int{1}},
		{"MessagePack, a longer text", pack, "\x81\xa2$b\xd9\x23" + one + "xxx", nil, []int{1}},
		{"MessagePack, bytes and texts", pack, "\x92\xc4\x18" + raw(3) + "\xd9\x20" + text(4), nil, []int{3, 4}},
		{"MessagePack, bytes within bytes", pack, "\xc4\x1dhello" + raw(3), nil, []int{3}},
		{"MessagePack, contract", Finder{Parser: socketio.MessagePack, At: body}, "\x81\xa4body\xda\x00\x20" + one, nil, []int{1}},
		{"attachments", Finder{}, `{"_placeholder":true,"num":0}`, []string{raw(1) + "xx", "xxxx" + raw(2), raw(3) + raw(4)}, []int{1, 2, 3, 4}},
		{"a text in an attachment", Finder{}, `{"_placeholder":true,"num":0}`, []string{`{"$b": "` + one + `"}`}, []int{1}},
		{"arguments and attachments", Finder{}, `{"$b":"` + one + `"},{"_placeholder":true,"num":0}`, []string{raw(2)}, []int{1, 2}},
		{"bytes of others with the run", Finder{}, `{"_placeholder":true,"num":0}`, []string{raw(1)[:4] + strings.Repeat("x", 40) + raw(2)}, []int{2}},
	} {
		c.f.Run = run
		if got := all(&c.f, c.args, c.attachments...); !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}

// Any stamps between anything are found, each once and in order.
func TestScanAnything(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		run := rapid.Uint32().Filter(Searchable).Draw(t, "run")
		f := &Finder{Run: run}
		var args strings.Builder
		var want []int
		for i := range rapid.IntRange(0, 5).Draw(t, "stamps") {
			args.WriteString(rapid.StringMatching(`[x !"{}\\:,0-9]*`).Draw(t, "between"))
			s := Stamp{Run: run, Stream: rapid.Uint16().Draw(t, "stream"), Sender: rapid.Uint32().Draw(t, "sender"), Seq: uint32(i), Due: rapid.Int64Min(0).Draw(t, "due")}
			form := rapid.SampledFrom([]string{"-", `\u002d`, `\\u002D`, "&#45;", "%2d"}).Draw(t, "form")
			args.WriteString(strings.ReplaceAll(string(s.Append(nil)), "-", form))
			want = append(want, i)
		}
		args.WriteString(rapid.StringMatching(`[x !"{}]*`).Draw(t, "end"))
		if got := all(f, args.String()); !slices.Equal(got, want) {
			t.Fatalf("%q: %v, want %v", args.String(), got, want)
		}
	})
}

func TestScanCostsNoAllocation(t *testing.T) {
	f := &Finder{Run: 0x5eed0007}
	st := Stamp{Run: f.Run, Seq: 5, Due: 77}
	args := []byte(fmt.Sprintf(`{"$b":"%s","p":"%s"}`, st.Append(nil), strings.Repeat("x", 1000)))
	n := testing.AllocsPerRun(100, func() {
		scan := f.Scan(args, nil)
		if got, state := scan.Next(); state != Found || got != st {
			t.Fatal("lost the stamp")
		}
		if _, state := scan.Next(); state != None {
			t.Fatal("found another")
		}
	})
	if n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func FuzzScan(f *testing.F) {
	f.Add([]byte(`{"$b":"Xu0AB`), false)
	f.Add([]byte("\xc4\x18\x5e\xed\x00\x07"), true)
	f.Fuzz(func(t *testing.T, args []byte, packed bool) {
		finder := &Finder{Run: 0x5eed0007}
		if packed {
			finder.Parser = socketio.MessagePack
		}
		scan := finder.Scan(args, [][]byte{args})
		for n := 0; ; n++ {
			_, state := scan.Next()
			if state == None {
				break
			}
			if n > 2*len(args)+1 {
				t.Fatalf("%q: it does not end", args)
			}
		}
	})
}
