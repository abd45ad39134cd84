package scenario

import (
	"bytes"
	"strings"
	"testing"

	"github.com/throng-io/throng/scenario/file"
	"github.com/throng-io/throng/scenario/result"
)

// Filler is accepted in every encoding that servers use, and any change of it is found.
func TestIntact(t *testing.T) {
	x := func(n int) string { return strings.Repeat("x", n) }
	for _, c := range []struct {
		name   string
		w      *intact
		seq    uint32
		after  string
		packed bool
		want   bool
	}{
		{"as it was sent", &intact{n: 20}, 1, `","p":"` + x(20) + `"}`, false, true},
		{"with spaces", &intact{n: 20}, 1, `", "p": "` + x(20) + `" }`, false, true},
		{"in a text", &intact{n: 20}, 1, `\",\"p\":\"` + x(20) + `\"}"`, false, true},
		{"in HTML", &intact{n: 20}, 1, `&quot;,&quot;p&quot;:&quot;` + x(20) + `&quot;}`, false, true},
		{"right behind the stamp", &intact{n: 20}, 1, x(20) + `"`, false, true},
		{"one changed", &intact{n: 20}, 1, `","p":"` + x(10) + "y" + x(9) + `"}`, false, false},
		{"the first changed", &intact{n: 20}, 1, `","p":"` + "y" + x(19) + `"}`, false, false},
		{"the last changed", &intact{n: 20}, 1, `","p":"` + x(19) + `y"}`, false, false},
		{"shorter", &intact{n: 20}, 1, `","p":"` + x(19) + `"}`, false, false},
		{"longer", &intact{n: 20}, 1, `","p":"` + x(21) + `"}`, false, false},
		{"cut", &intact{n: 20}, 1, `","p":"` + x(12), false, false},
		{"gone", &intact{n: 20}, 1, `"}`, false, false},
		{"too little to tell", &intact{n: 7}, 1, `","p":"yyyyyyy"}`, false, true},
		{"nothing to check", &intact{}, 1, `"}`, false, true},
		{"long, and not in the sample", &intact{n: 5000}, 1, `","p":"yyy"}`, false, true},
		{"long, and in the sample", &intact{n: 5000}, 16, `","p":"` + x(4999) + `"}`, false, false},
		{"long and whole", &intact{n: 5000}, 16, `","p":"` + x(5000) + `"}`, false, true},
		{"MessagePack", &intact{n: 100}, 1, "\xa1p\xd9\x64" + x(100), true, true},
		{"MessagePack, a length that looks like filler", &intact{n: 120}, 1, "\xa1p\xd9\x78" + x(120), true, true},
		{"MessagePack, changed", &intact{n: 100}, 1, "\xa1p\xd9\x64" + x(50) + "y" + x(49), true, false},
		{"binary", &intact{n: 20, zeros: true}, 1, strings.Repeat("\x00", 20), false, true},
		{"binary, changed", &intact{n: 20, zeros: true}, 1, strings.Repeat("\x00", 19) + "\x01", false, false},
		{"binary, cut", &intact{n: 20, zeros: true}, 1, strings.Repeat("\x00", 19), false, false},
		{"a drawn size", &intact{n: 20, drawn: true}, 1, `","p":"` + x(33) + `"}`, false, true},
		{"a drawn size, changed", &intact{n: 20, drawn: true}, 1, `","p":"` + x(13) + "y" + x(19) + `"}`, false, false},
		{"a drawn size within a text", &intact{n: 20, drawn: true, ends: "<"}, 1, x(33) + `</b>"}`, false, true},
		{"a drawn size within a text, changed", &intact{n: 20, drawn: true, ends: "<"}, 1, x(33) + `!</b>"}`, false, false},
		{"a drawn size of nothing", &intact{n: 20, drawn: true}, 1, `","p":""}`, false, true},
	} {
		if got := c.w.check(c.seq, []byte(c.after), c.packed); got != c.want {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}

// The text behind a payload of drawn size is no damage, however the server writes it.
func TestTextBehindPayload(t *testing.T) {
	hole := []file.Hole{{Name: file.HoleRoom}, {Name: file.HolePayload, Form: file.FormString}}
	for part, want := range map[string]string{`"]`: "", `</b>"]`: "<", `\u003c/b>"]`: "<", `\n"]`: "\n", `x"]`: "x", `é`: "\xc3", ``: ""} {
		emit := file.Template{Parts: []string{`["say","`, `","`, part}, Holes: hole}
		if got := behind(&emit); got != want {
			t.Errorf("behind %s: %q, want %q", part, got, want)
		}
	}
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
