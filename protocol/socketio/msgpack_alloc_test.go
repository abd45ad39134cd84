//go:build !race

package socketio

import (
	"encoding/json"
	"runtime"
	"testing"
	"time"
)

func TestMessagePackAllocs(t *testing.T) {
	args := []any{"text", json.RawMessage(`{"$b":"0123456789","p":"xxxx","n":[1,-2.5,null]}`), 1.5, 7, true, nil, []byte("binary"), time.Unix(0, 0)}
	event, _, err := MessagePack.AppendEvent(nil, "/chat", 12, true, "message", args...)
	if err != nil {
		t.Fatal(err)
	}
	var p Packet
	d := Decoder{Parser: MessagePack}
	if err := p.ParseMessagePack(event); err != nil {
		t.Fatal(err)
	}
	data := p.Data
	_, list, _ := MessagePack.SplitEvent(data)
	flag := msgpackArgs(t, true, 7, []byte("binary"))
	dst := make([]byte, 0, 1024)
	var yes bool
	var n int
	var kept []byte
	var raw json.RawMessage
	bound := []any{&yes, &n, &kept}
	kept = make([]byte, 0, 16)
	second := []any{nil, &raw}
	raw = make([]byte, 0, 64)
	text := []byte(`51-/chat,12["message",{"$b":"0123456789","n":[1,-2.5,null]},{"_placeholder":true,"num":0}]`)
	attached := [][]byte{[]byte("binary")}
	for name, f := range map[string]func(){
		"AppendRepacked": func() {
			var err error
			if dst, err = AppendRepacked(dst[:0], text, attached...); err != nil {
				t.Error(err)
			}
		},
		"Parse": func() {
			if err := p.ParseMessagePack(event); err != nil {
				t.Error(err)
			}
		},
		"Decoder": func() {
			if p, err := d.Binary(event); p == nil || err != nil {
				t.Error(err)
			}
		},
		"SplitEvent and NextArg": func() {
			name, list, err := MessagePack.SplitEvent(data)
			count := 0
			for arg, rest := MessagePack.NextArg(list); arg != nil; arg, rest = MessagePack.NextArg(rest) {
				count++
			}
			if err != nil || string(name) != "message" || count != len(args) {
				t.Error(count, err)
			}
		},
		"AppendEvent": func() {
			var err error
			if dst, _, err = MessagePack.AppendEvent(dst[:0], "/chat", 1, true, "message", args...); err != nil {
				t.Error(err)
			}
		},
		"AppendAck": func() {
			var err error
			if dst, _, err = MessagePack.AppendAck(dst[:0], "/chat", 1, args...); err != nil {
				t.Error(err)
			}
		},
		"AppendRawEvent": func() { dst = MessagePack.AppendRawEvent(dst[:0], "/chat", 1, true, "message", list, 0) },
		"AppendJSON": func() {
			var err error
			if dst, err = MessagePack.AppendJSON(dst[:0], list); err != nil {
				t.Error(err)
			}
		},
		"Bind": func() {
			if err := MessagePack.Bind(flag, nil, bound...); err != nil || !yes || n != 7 || string(kept) != "binary" {
				t.Error(yes, n, kept, err)
			}
		},
		"Bind to RawMessage": func() {
			if err := MessagePack.Bind(list, nil, second...); err != nil || len(raw) != 48 {
				t.Errorf("%s, %v", raw, err)
			}
		},
		"JSON by its parser": func() {
			var err error
			if dst, _, err = JSON.AppendEvent(dst[:0], "/chat", 1, true, "message", args[:6]...); err != nil {
				t.Error(err)
			}
			if err = JSON.Parse(&p, dst); err != nil {
				t.Error(err)
			}
			if _, _, err = JSON.SplitEvent(p.Data); err != nil {
				t.Error(err)
			}
		},
	} {
		if n := testing.AllocsPerRun(100, f); n != 0 {
			t.Errorf("%s allocates %v times", name, n)
		}
	}
}

// TestMessagePackRefusalAllocs refuses announced lengths without memory for them.
func TestMessagePackRefusalAllocs(t *testing.T) {
	for name, b := range map[string][]byte{
		"array":  {0xdd, 0x7f, 0xff, 0xff, 0xff},
		"map":    {0xdf, 0xff, 0xff, 0xff, 0xff},
		"string": {0xdb, 0xff, 0xff, 0xff, 0xff},
		"inside": append([]byte{0x81, 0xa4, 'd', 'a', 't', 'a'}, 0xdd, 0x00, 0xff, 0xff, 0xff, 0xc0),
	} {
		var before, after runtime.MemStats
		var p Packet
		const runs = 100
		runtime.ReadMemStats(&before)
		for range runs {
			if p.ParseMessagePack(b) == nil {
				t.Fatalf("%s: accepted", name)
			}
		}
		runtime.ReadMemStats(&after)
		if bytes := (after.TotalAlloc - before.TotalAlloc) / runs; bytes > 256 {
			t.Errorf("%s: %d bytes are allocated", name, bytes)
		}
	}
}
