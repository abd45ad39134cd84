package scenario

import (
	"bytes"
	"encoding/json"
	"fmt"
	"html"
	"regexp"
	"strings"
	"testing"

	"github.com/throng-io/throng/scenario/result"
)

// Filler is accepted in every encoding that servers use, and any change of it is found.
func TestIntact(t *testing.T) {
	x := func(n int) string { return strings.Repeat("x", n) }
	for _, c := range []struct {
		name   string
		before string
		w      *intact
		after  string
		packed bool
		want   bool
	}{
		{"as it was sent", "", &intact{n: 20}, `","p":"` + x(20) + `"}`, false, true},
		{"with spaces", "", &intact{n: 20}, `", "p": "` + x(20) + `" }`, false, true},
		{"in a text", "", &intact{n: 20}, `\",\"p\":\"` + x(20) + `\"}"`, false, true},
		{"in HTML", "", &intact{n: 20}, `&quot;,&quot;p&quot;:&quot;` + x(20) + `&quot;}`, false, true},
		{"right behind the stamp", "", &intact{n: 20}, x(20) + `"`, false, true},
		{"one changed", "", &intact{n: 20}, `","p":"` + x(10) + "y" + x(9) + `"}`, false, false},
		{"the first changed", "", &intact{n: 20}, `","p":"` + "y" + x(19) + `"}`, false, false},
		{"the last changed", "", &intact{n: 20}, `","p":"` + x(19) + `y"}`, false, false},
		{"shorter", "", &intact{n: 20}, `","p":"` + x(19) + `"}`, false, false},
		{"longer", "", &intact{n: 20}, `","p":"` + x(21) + `"}`, false, false},
		{"cut", "", &intact{n: 20}, `","p":"` + x(12), false, false},
		{"gone", "", &intact{n: 20}, `"}`, false, false},
		{"too little to tell", "", &intact{n: 7}, `","p":"yyyyyyy"}`, false, true},
		{"nothing to check", "", &intact{}, `"}`, false, true},
		{"long, and one changed", "", &intact{n: 5000}, `","p":"` + x(2500) + "y" + x(2499) + `"}`, false, false},
		{"long, and cut", "", &intact{n: 5000}, `","p":"` + x(4999) + `"}`, false, false},
		{"long and whole", "", &intact{n: 5000}, `","p":"` + x(5000) + `"}`, false, true},
		{"MessagePack", "", &intact{n: 100}, "\xa1p\xd9\x64" + x(100), true, true},
		{"MessagePack, a length that looks like filler", "", &intact{n: 120}, "\xa1p\xd9\x78" + x(120), true, true},
		{"MessagePack, changed", "", &intact{n: 100}, "\xa1p\xd9\x64" + x(50) + "y" + x(49), true, false},
		{"binary", "", &intact{n: 20, zeros: true}, strings.Repeat("\x00", 20), false, true},
		{"binary, changed", "", &intact{n: 20, zeros: true}, strings.Repeat("\x00", 19) + "\x01", false, false},
		{"binary, longer", "", &intact{n: 20, zeros: true}, strings.Repeat("\x00", 21), false, false},
		{"MessagePack, binary, and another value", "", &intact{n: 20, zeros: true}, strings.Repeat("\x00", 20) + "\xa1a", true, true},
		{"binary, cut", "", &intact{n: 20, zeros: true}, strings.Repeat("\x00", 19), false, false},
		{"binary, long, and the last changed", "", &intact{n: 5000, zeros: true}, strings.Repeat("\x00", 4999) + "\x01", false, false},
		{"binary of a log's size", "", &intact{n: 20, zeros: true, logged: true}, strings.Repeat("\x00", 33), false, true},
		{"binary of a log's size, changed", "", &intact{n: 20, zeros: true, logged: true}, strings.Repeat("\x00", 32) + "\x01", false, false},
		{"MessagePack, binary of a log's size, and another value", "", &intact{n: 20, zeros: true, logged: true}, strings.Repeat("\x00", 33) + "\xa1a", true, true},
		{"a log's size", "", &intact{n: 20, logged: true}, `","p":"` + x(33) + `"}`, false, true},
		{"a log's size, changed", "", &intact{n: 20, logged: true}, `","p":"` + x(13) + "y" + x(19) + `"}`, false, false},
		{"inside a text", "", &intact{n: 20, words: true}, x(20) + `! (12:30)"`, false, true},
		{"inside a text, cut", "", &intact{n: 20, words: true}, x(12) + `... (12:30)"`, false, false},
		{"a log's size inside a text", "", &intact{n: 20, logged: true, words: true}, x(33) + ` (12:30)"`, false, true},
		{"a log's size before a word", "", &intact{n: 20, logged: true, words: true, ends: "b"}, x(33) + `bye"`, false, true},
		{"a log's size before another word", "", &intact{n: 20, logged: true, words: true, ends: "b"}, x(33) + `dye"`, false, false},
		{"a log's size inside HTML", "", &intact{n: 20, logged: true, words: true}, x(33) + `</b>"`, false, true},
		{"a log's size inside a text, changed", "", &intact{n: 20, logged: true, words: true}, x(13) + "y" + x(19) + `!"`, false, false},
		{"a log's size inside an object, and a blank", "", &intact{n: 20, logged: true}, `","p":"` + x(13) + ` ` + x(19) + `"}`, false, false},
		{"a text of MessagePack before 120", "", &intact{n: 20, words: true}, x(20) + "\x78\xa1a", true, true},
		{"MessagePack, a length of twice 120", "", &intact{n: 0x7878}, "\xa1p\xda\x78\x78" + x(0x7878) + "\xc3", true, true},
		{"MessagePack, a length of twice 120, longer", "", &intact{n: 0x7878}, "\xa1p\xda\x78\x79" + x(0x7879) + "\xc3", true, false},
		{"a text of MessagePack, longer", "", &intact{n: 20, words: true}, x(22) + "\xa1a", true, false},
		{"a log's size of nothing inside a text, before other texts", "", &intact{n: 20, logged: true, words: true}, `","symbol":"text","px":1}`, false, true},
		{"a log's size of nothing inside a text, and something in its place", "", &intact{n: 20, logged: true, words: true}, `y","px":1}`, false, false},
		{"a log's size of nothing, before other texts", "", &intact{n: 20, logged: true}, `","p":""},"text"]`, false, true},
		{"a log's size of nothing, before a text that begins so", "", &intact{n: 20, logged: true}, `","p":""},"xml"]`, false, true},
		{"a log's size of nothing, before another key", "", &intact{n: 20, logged: true}, `","p":"","type":"xml"}`, false, true},
		{"a log's size of nothing, in a text, before a text that begins so", "", &intact{n: 20, logged: true}, `\",\"p\":\"\"}","xml"]`, false, true},
		{"a log's size in a text, changed", "", &intact{n: 20, logged: true}, `\",\"p\":\"` + x(13) + "y" + x(19) + `\"}"`, false, false},
		{"a log's size in HTML, changed", "", &intact{n: 20, logged: true}, `&quot;,&quot;p&quot;:&quot;` + x(13) + "y" + x(19) + `&quot;}"`, false, false},
		{"a log's size of nothing", "", &intact{n: 20, logged: true}, `","p":""}`, false, true},
		{"the keys in another order", `[{"p":"` + x(20) + `","$b":"`, &intact{n: 20}, `"}]`, false, true},
		{"the keys in another order, in lines", "{\n  \"p\": \"" + x(20) + "\",\n  \"$b\": \"", &intact{n: 20}, "\"\n}", false, true},
		{"the keys in another order, one changed", `[{"p":"` + x(9) + "y" + x(10) + `","$b":"`, &intact{n: 20}, `"}]`, false, false},
		{"the keys in another order, shorter", `[{"p":"` + x(19) + `","$b":"`, &intact{n: 20}, `"}]`, false, false},
		{"the keys in another order, longer", `[{"p":"` + x(21) + `","$b":"`, &intact{n: 20}, `"}]`, false, false},
		{"the keys in another order, and gone", `[{"p":"","$b":"`, &intact{n: 20}, `"}]`, false, false},
		{"the keys in another order, MessagePack", "\x82\xa1p\xd9\x78" + x(120) + "\xa2$b\xd9\x20", &intact{n: 120}, "", true, true},
		{"only filler, of another value", x(20), &intact{n: 20}, `","p":"` + x(19) + `"}`, false, false},
	} {
		if got := c.w.check([]byte(c.before), []byte(c.after), c.w.n, c.packed, nil); got != c.want {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}

// Messages that come in one event are compared one by one, in either order of their keys.
func TestMessagesInOneEvent(t *testing.T) {
	t.Parallel()
	object := regexp.MustCompile(`\{"\$b":"([^"]*)","p":"([^"]*)"\}`)
	for _, keys := range []string{`{"$$b":"$1","p":"$2"}`, `{"p":"$2","$$b":"$1"}`} {
		for changed, want := range map[int]int64{-1: 0, 10: 1, 11: 1} {
			waits := map[int]string{}
			s := &fakeServer{mangle: func(n int, to *fakeConn, p []byte) []fakePacket {
				i := bytes.IndexByte(p, '{')
				own := object.ReplaceAllString(string(p[i:len(p)-1]), keys)
				if n == changed && to.i == 3 {
					own = strings.Replace(own, "xxxxxx", "xxyxxx", 1)
				}
				before, second := waits[to.i]
				if waits[to.i] = own; !second {
					return nil
				}
				delete(waits, to.i)
				return []fakePacket{{text: []byte(string(p[:i]) + "[" + before + "," + own + "]]")}}
			}}
			c := play(t, s, said(`size: "uniform(60B,200B)"`))
			if c.Errors["stamp.changed"] != want || c.Ledger.Received != 200 {
				t.Errorf("%s, message %d is changed: errors %v; %+v", keys, changed, c.Errors, c.Ledger)
			}
		}
	}
}

// A payload of a drawn size that is shorter or longer than it was sent is damaged, in every form.
func TestDrawnSizesAreHeld(t *testing.T) {
	t.Parallel()
	change := func(from, to string) *fakeServer {
		return &fakeServer{mangle: func(n int, _ *fakeConn, p []byte) []fakePacket {
			if n%10 == 0 {
				p = bytes.Replace(p, []byte(from), []byte(to), 1)
			}
			return []fakePacket{{text: p}}
		}}
	}
	for _, keys := range []string{"", `, arrival: "burst(5)"`, `, data: {text: "hello ${payload}, goodbye"}`} {
		scenario := said(`size: "uniform(60B,200B)"` + keys)
		for name, s := range map[string]*fakeServer{"whole": {}, "cut": change("xxxxxx", "x"), "longer": change("xxxxxx", "xxxxxxx")} {
			c := play(t, s, scenario)
			if changed := c.Errors["stamp.changed"]; (changed > 0) == (name == "whole") || (c.Verdict == result.Pass) != (name == "whole") {
				t.Errorf("%s, %s: %s because %q; errors %v", keys, name, c.Verdict, c.Reason, c.Errors)
			}
		}
	}
}

// The text behind a payload is no damage, however the server writes it.
func TestTextBehindPayload(t *testing.T) {
	for _, c := range []struct {
		next string
		n    int
		ends string
	}{
		{`"]`, 20, ""}, {`</b>"]`, 20, ""}, {`\u003c/b>"]`, 20, ""}, {`é`, 20, ""}, {`xx, bye"]`, 22, ""}, {`bye"]`, 20, "b"}, {`xx5"]`, 22, "5"}, {``, 0, ""}, {`xx`, 0, ""},
	} {
		var w intact
		if w.expectText(20, c.next); w.n != c.n || w.ends != c.ends || !w.words {
			t.Errorf("behind it %s: %d bytes and %q, want %d and %q", c.next, w.n, w.ends, c.n, c.ends)
		}
	}
}

// A payload inside a longer text is found and compared in every form that a server gives the text.
func TestPayloadsInsideTexts(t *testing.T) {
	t.Parallel()
	quoted := func(s string) string { b, _ := json.Marshal(s); return strings.Trim(string(b), `"`) }
	escaped := func(s string) string {
		var b strings.Builder
		for i := range len(s) {
			fmt.Fprintf(&b, `\u%04x`, s[i])
		}
		return b.String()
	}
	forms := []func(string) string{
		func(s string) string { return s },
		func(s string) string { return "Ada: " + s + "!" },
		func(s string) string { return "&lt;b&gt;" + html.EscapeString(s) + "&lt;/b&gt;" },
		func(s string) string { return quoted(`{"text":"` + s + `"}`) },
		func(s string) string { return quoted(`{"a":"` + quoted(`{"text":"`+s+`"}`) + `"}`) },
		escaped,
		func(s string) string { return quoted(`{"text":"` + escaped(s) + `"}`) },
	}
	for _, size := range []string{"100B", `"uniform(60B,200B)"`} {
		c := play(t, within(t, forms...), said("size: "+size+`, data: {text: "hello ${payload}xx, goodbye"}`))
		if c.Verdict != result.Pass || c.Ledger.Received != 200 || len(c.Errors) != 0 {
			t.Errorf("%s: %s because %q; %+v, errors %v", size, c.Verdict, c.Reason, c.Ledger, c.Errors)
		}
	}
	shorten := func(s string) string { return strings.Replace(s, "xxxxxx", "xxx", 1) }
	if c := play(t, within(t, shorten), said(`size: 100B, data: {text: "hello ${payload}, goodbye"}`)); c.Errors["stamp.changed"] != 200 {
		t.Errorf("shortened: errors %v", c.Errors)
	}
}

// said is the broadcast, at a fifth of its rate, with more keys in its stream.
func said(more string) string {
	return strings.NewReplacer("expect: others", "expect: others, "+more, "rate: 100/s", "rate: 20/s").Replace(broadcast)
}

// within is a server that changes the text from hello to goodbye, in each packet in the next way.
func within(t *testing.T, change ...func(string) string) *fakeServer {
	return &fakeServer{mangle: func(n int, _ *fakeConn, p []byte) []fakePacket {
		begin, end := bytes.Index(p, []byte("hello ")), bytes.Index(p, []byte(" goodbye"))
		if begin < 0 || end < 0 {
			t.Errorf("the text is not in %s", p)
			return nil
		}
		end += len(" goodbye")
		return []fakePacket{{text: []byte(string(p[:begin]) + change[n%len(change)](string(p[begin:end])) + string(p[end:]))}}
	}}
}

// A payload that is changed behind a whole stamp fails the run, unless the contract says that the
// server does that.
func TestChangedPayloadsAreFound(t *testing.T) {
	t.Parallel()
	change := func(some func(n int, to *fakeConn) bool) *fakeServer {
		return &fakeServer{mangle: func(n int, to *fakeConn, p []byte) []fakePacket {
			if some(n, to) {
				p = bytes.Replace(p, []byte("xxxx\""), []byte("xxyx\""), 1)
			}
			return []fakePacket{{text: p}}
		}}
	}
	one := func(n int, to *fakeConn) bool { return n == 10 && to.i == 3 }
	every := func(int, *fakeConn) bool { return true }
	c := play(t, change(one), broadcast)
	if c.Reason != "errors(stamp.changed) == 0: 1" || c.Verdict != result.Fail || c.Ledger.Received != 1000 {
		t.Errorf("%s because %q; %+v", c.Verdict, c.Reason, c.Ledger)
	}
	c = play(t, change(one), strings.Replace(broadcast, "expect: others", "expect: others, size: 4KiB", 1))
	if c.Reason != "errors(stamp.changed) == 0: 1" || c.Verdict != result.Fail {
		t.Errorf("a long one: %s because %q", c.Verdict, c.Reason)
	}
	c = play(t, change(every), broadcast)
	if c.Reason != "errors(stamp.changed) == 0: 1 000" || !strings.Contains(strings.Join(c.Warnings, "; "), "changes: true") {
		t.Errorf("%s because %q; warnings %q", c.Verdict, c.Reason, c.Warnings)
	}
	contract := "contract: {operations: {all: {emit: [all, msg, \"${payload}\", true], to: others, changes: true}}}\n"
	contracted := strings.Replace(broadcast, ", expect: others", "", 1)
	if c = play(t, change(every), contracted+contract); c.Verdict != result.Pass {
		t.Errorf("%s because %q: the contract allows it", c.Verdict, c.Reason)
	}
	if c = play(t, change(one), contracted+strings.Replace(contract, ", changes: true", "", 1)); c.Reason != "errors(stamp.changed) == 0: 1" {
		t.Errorf("%s because %q: the contract does not allow it", c.Verdict, c.Reason)
	}
}

// The filler ends at the first other byte, wherever that stands.
func TestRunIn(t *testing.T) {
	for _, n := range []int{0, 1, 7, 8, 9, 63, 1023, 1024, 1025, 2048, 3000} {
		for _, end := range []string{"", "y", "\xf8", `"}`, "\x00xxxxxxxxxxxxxxxx"} {
			if got := runIn([]byte(strings.Repeat("x", n)+end), fillers); got != n {
				t.Errorf("%d characters before %q: %d", n, end, got)
			}
		}
	}
}
