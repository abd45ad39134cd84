package socketio

import (
	"bytes"
	"testing"
)

func TestAppendRepacked(t *testing.T) {
	for packet, want := range map[string]struct {
		attachments []string
		namespace   string
		id          uint64
		hasID       bool
		args        []any
	}{
		`2["a"]`:                            {namespace: "/"},
		`2/n,17["a",1,-2.5,"x\u00e9\n"]`:    {namespace: "/n", id: 17, hasID: true, args: []any{1., -2.5, "x\u00e9\n"}},
		`2["a",{"k":[true,null,{}]},[[]]]`:  {namespace: "/", args: []any{map[string]any{"k": []any{true, nil, map[string]any{}}}, []any{[]any{}}}},
		`2["a",9007199254740993]`:           {namespace: "/", args: []any{float64(9007199254740993)}},
		`2["a",{"_placeholder":1,"num":0}]`: {namespace: "/", args: []any{map[string]any{"_placeholder": 1., "num": 0.}}},
		`51-["a",{"_placeholder":true,"num":0},[]]`: {
			attachments: []string{"bytes"}, namespace: "/", args: []any{[]byte("bytes"), []any{}},
		},
		`52-["a",[{"num":1,"x":[{},[1]],"_placeholder":true},{"y":{"_placeholder":true,"num":0}}],[2]]`: {
			attachments: []string{"0", "one"}, namespace: "/", args: []any{[]any{[]byte("one"), map[string]any{"y": []byte("0")}}, []any{2.}},
		},
	} {
		var attachments [][]byte
		for _, a := range want.attachments {
			attachments = append(attachments, []byte(a))
		}
		out, err := AppendRepacked([]byte("head"), []byte(packet), attachments...)
		if err != nil || !bytes.HasPrefix(out, []byte("head")) {
			t.Errorf("%s: %q, %v", packet, out, err)
			continue
		}
		var p Packet
		if err := p.ParseMessagePack(out[4:]); err != nil {
			t.Errorf("%s: %q: %v", packet, out[4:], err)
			continue
		}
		name, args, err := MessagePack.SplitEvent(p.Data)
		if err != nil || string(name) != "a" || string(p.Namespace) != want.namespace || p.ID != want.id || p.HasID != want.hasID || p.Type != Event {
			t.Errorf("%s: %q in %q with %d, %v; %v", packet, name, p.Namespace, p.ID, p.HasID, err)
		}
		got, dst := make([]any, len(want.args)+1), []any{}
		for i := range got {
			dst = append(dst, &got[i])
		}
		if err := MessagePack.Bind(args, nil, dst...); err != nil {
			t.Errorf("%s: %v", packet, err)
		}
		for i, v := range want.args {
			if !sameBound(got[i], v) {
				t.Errorf("%s: argument %d is %#v, want %#v", packet, i, got[i], v)
			}
		}
		if got[len(want.args)] != nil {
			t.Errorf("%s: it has one argument more: %#v", packet, got[len(want.args)])
		}
	}
}

func TestAppendRepackedErrors(t *testing.T) {
	for packet, attachments := range map[string]int{
		``: 0, `0`: 0, `31["a"]`: 0, `2["a"`: 0, `2["a"]`: 1, `51-["a",{"_placeholder":true,"num":0}]`: 0, `51-["a",{"_placeholder":true,"num":1}]`: 1,
	} {
		out, err := AppendRepacked([]byte("head"), []byte(packet), make([][]byte, attachments)...)
		if err == nil || string(out) != "head" {
			t.Errorf("%q with %d attachments: %q, %v", packet, attachments, out, err)
		}
	}
}

// What is repacked says the same as the JSON that it was.
func FuzzAppendRepacked(f *testing.F) {
	for _, packet := range []string{
		`2["a",1,"x",{"k":[1.5e3,-0,{"_placeholder":true,"num":0}]}]`, `51-["a",{"_placeholder":true,"num":0},[[],{}]]`, `2/n,9["a",null,"\ud83d\ude00"]`,
	} {
		f.Add([]byte(packet))
	}
	attachments := [][]byte{[]byte("first"), {}}
	f.Fuzz(func(t *testing.T, b []byte) {
		var p Packet
		if p.Parse(b) != nil || p.Type != Event && p.Type != BinaryEvent || p.Attachments > len(attachments) {
			return
		}
		mine := attachments[:p.Attachments]
		out, err := AppendRepacked(nil, b, mine...)
		if err != nil {
			t.Fatalf("%q: %v", b, err)
		}
		var q Packet
		if err := q.ParseMessagePack(out); err != nil {
			t.Fatalf("%q became %q: %v", b, out, err)
		}
		if string(q.Namespace) != string(p.Namespace) || q.ID != p.ID || q.HasID != p.HasID {
			t.Fatalf("%q became %q of %q with %d", b, out, q.Namespace, q.ID)
		}
		name, want, err := SplitEvent(p.Data)
		if err != nil {
			return // a name that is a number, or none that can be sent
		}
		packed, got, err := MessagePack.SplitEvent(q.Data)
		if err != nil || string(packed) != string(name) {
			t.Fatalf("%q became %q with the name %q: %v", b, out, packed, err)
		}
		var a, c [3]any
		if Bind(want, mine, &a[0], &a[1], &a[2]) != nil {
			return // out of the range of Go's numbers
		}
		if err := MessagePack.Bind(got, nil, &c[0], &c[1], &c[2]); err != nil {
			t.Fatalf("%q became %q: %v", b, out, err)
		}
		for i := range a {
			if !sameBound(c[i], a[i]) {
				t.Fatalf("%q: argument %d became %#v, want %#v", b, i, c[i], a[i])
			}
		}
	})
}
