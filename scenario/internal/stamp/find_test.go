package stamp

import (
	"strings"
	"testing"

	"github.com/throng-io/throng/protocol/socketio"
	"github.com/throng-io/throng/scenario/file"
	"github.com/throng-io/throng/scenario/internal/jsonpath"
)

func path(t *testing.T, text string) *file.Path {
	t.Helper()
	p, err := jsonpath.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return &p
}

// A stamp comes out where the parser and the server's contract put it, and nothing else passes for
// one.
func TestFinder(t *testing.T) {
	st := Stamp{Run: 0x5eed0007, Stream: 1, Sender: 2, Seq: 3, Due: 4}
	raw := st.Bytes()
	text := string(st.Append(nil))
	broken := "B" + text[1:]
	if broken == text {
		t.Fatal("the broken stamp is whole")
	}
	body := path(t, "$[0].body")
	packedText := func(s string) string { return "\x81\xa2$b\xd9\x20" + s }
	for _, c := range []struct {
		name        string
		finder      Finder
		args        string
		attachments []string
		want        State
	}{
		{"JSON", Finder{}, `{"$b":"` + text + `","p":""}`, nil, Found},
		{"JSON, damaged", Finder{}, `{"$b":"` + broken + `","p":""}`, nil, Damaged},
		{"JSON of another", Finder{}, `{"a":1}`, nil, None},
		{"attachment", Finder{}, `{"_placeholder":true,"num":0}`, []string{string(raw[:]) + "xxx"}, Found},
		{"attachment of another", Finder{}, `{"_placeholder":true,"num":0}`, []string{strings.Repeat("x", 100)}, None},
		{"attachment, short", Finder{}, `{"_placeholder":true,"num":0}`, []string{string(raw[:Size-1])}, None},
		{"contract", Finder{At: body}, `{"from":"a","body":"` + text + `xxx"}`, nil, Found},
		{"contract, with another text", Finder{At: body}, `{"from":"a","body":"` + strings.Repeat("hello ", 20) + `"}`, nil, None},
		{"contract, with a number", Finder{At: body}, `{"from":"a","body":5}`, nil, None},
		{"contract, elsewhere", Finder{At: body}, `{"$b":"` + text + `"}`, nil, None},
		{"MessagePack", Finder{Parser: socketio.MessagePack}, packedText(text), nil, Found},
		{"MessagePack, cut", Finder{Parser: socketio.MessagePack}, packedText(text[:20]), nil, Damaged},
		{"MessagePack, damaged", Finder{Parser: socketio.MessagePack}, packedText(broken), nil, Damaged},
		{"MessagePack of another", Finder{Parser: socketio.MessagePack}, "\x81\xa1a\x01", nil, None},
		{"MessagePack, binary", Finder{Parser: socketio.MessagePack}, "\xc4\x18" + string(raw[:]), nil, Found},
		{"MessagePack, longer binary", Finder{Parser: socketio.MessagePack}, "\xc5\x00\x19" + string(raw[:]) + "x", nil, Found},
		{"MessagePack, contract", Finder{Parser: socketio.MessagePack, At: body}, "\x81\xa4body\xd9\x20" + text, nil, Found},
	} {
		var attachments [][]byte
		for _, a := range c.attachments {
			attachments = append(attachments, []byte(a))
		}
		c.finder.Run = st.Run
		got, state := c.finder.Find([]byte(c.args), attachments)
		if state != c.want || state == Found && got != st {
			t.Errorf("%s: state %d and %+v, want state %d", c.name, state, got, c.want)
		}
	}
}
