//go:build !race

package socketio

import (
	"encoding/json"
	"testing"
)

func TestAllocs(t *testing.T) {
	event := []byte(`2/chat,12["message",{"a":[1,2.5,"\n"],"b":null},"text"]`)
	binary := []byte(`52-["file",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]`)
	attachment := make([]byte, 100)
	raw := json.RawMessage(`{"$b":"0123456789","p":"xxxx"}`)
	args := []any{"text", raw, 1.5, 7, true, nil}
	dst := make([]byte, 0, 1024)
	var p Packet
	var d Decoder
	var s string
	var n int
	var kept json.RawMessage
	bound := []any{&kept, &s}
	var typed struct {
		ID   int `json:"id"`
		Pos  []float64
		Flag *bool
	}
	into, object := []any{&typed}, []byte(`{"id":7,"pos":[1.5,-2],"flag":true,"more":{"a":[1,"x"]}}`)
	for name, f := range map[string]func(){
		"Parse": func() {
			if err := p.Parse(event); err != nil {
				t.Error(err)
			}
		},
		"SplitEvent": func() {
			if name, _, err := SplitEvent(event[9:]); err != nil || string(name) != "message" {
				t.Error(err)
			}
		},
		"NextArg": func() {
			_, rest, _ := SplitEvent(event[9:])
			n = 0
			for arg, rest := NextArg(rest); arg != nil; arg, rest = NextArg(rest) {
				n++
			}
			if n != 2 {
				t.Error(n)
			}
		},
		"Reserved": func() {
			if name, _, _ := SplitEvent(event[9:]); Reserved(name) {
				t.Error("reserved")
			}
		},
		"Decoder.Text": func() {
			if p, err := d.Text(event); p == nil || err != nil {
				t.Error(err)
			}
		},
		"Decoder with attachments": func() {
			_, err1 := d.Text(binary)
			_, err2 := d.Binary(attachment)
			p, err3 := d.Binary(attachment)
			if err1 != nil || err2 != nil || err3 != nil || len(p.Binary) != 2 {
				t.Error(err1, err2, err3)
			}
		},
		"Append": func() {
			dst = p.Append(dst[:0])
		},
		"AppendEvent": func() {
			var err error
			if dst, _, err = AppendEvent(dst[:0], "/chat", 1, true, "message", args...); err != nil {
				t.Error(err)
			}
		},
		"AppendAck": func() {
			var err error
			if dst, _, err = AppendAck(dst[:0], "/chat", 1, args...); err != nil {
				t.Error(err)
			}
		},
		"Bind to RawMessage": func() {
			if err := Bind(raw, nil, bound[:1]...); err != nil {
				t.Error(err)
			}
		},
		"Bind to a struct": func() {
			if err := Bind(object, nil, into...); err != nil || typed.ID != 7 || typed.Pos[1] != -2 {
				t.Error(err, typed)
			}
		},
	} {
		if n := testing.AllocsPerRun(100, f); n != 0 {
			t.Errorf("%s allocates %v times", name, n)
		}
	}
}
