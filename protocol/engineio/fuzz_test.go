package engineio_test

import (
	"bytes"
	"encoding/base64"
	"testing"

	"github.com/throng-io/throng/protocol/engineio"
)

// guarded returns a copy of b inside a larger array, and a function that reports whether the array
// around the copy is still what it was.
func guarded(b []byte) (inside []byte, intact func() bool) {
	const fence = "\x1e4fence\x1e"
	all := append(append([]byte(fence), b...), fence...)
	end := len(fence) + len(b)
	return all[len(fence):end:end], func() bool {
		return string(all[:len(fence)]) == fence && string(all[end:]) == fence
	}
}

func seed(f *testing.F, layer string) {
	f.Helper()
	valid, invalid := loadVectors(f)
	for _, v := range append(valid, invalid...) {
		if v.Layer == layer && v.Encoded[0] == '"' {
			f.Add([]byte(v.text(f)))
		}
	}
}

func FuzzParse(f *testing.F) {
	seed(f, "engine")
	f.Fuzz(func(t *testing.T, in []byte) {
		b, intact := guarded(in)
		p, err := engineio.Parse(b)
		if !intact() {
			t.Fatal("wrote outside the input")
		}
		if err != nil {
			if !samePacket(p, engineio.Packet{}) {
				t.Fatalf("error %v and packet %v", err, p)
			}
			return
		}
		if p.Type > engineio.Noop || p.Binary && p.Type != engineio.Message {
			t.Fatalf("packet %v", p)
		}
		text := p.AppendText(nil)
		if !p.Binary && !bytes.Equal(text, in) {
			t.Fatalf("%q became %q", in, text)
		}
		if p.Binary {
			checkBase64(t, in[1:], p.Data)
		}
		again, err := engineio.Parse(text)
		if err != nil || !samePacket(again, p) {
			t.Fatalf("%v became %v, %v", p, again, err)
		}
	})
}

// checkBase64 compares with the standard library, which is told the form.
func checkBase64(t *testing.T, text, got []byte) {
	t.Helper()
	std := bytes.NewBuffer(nil)
	for _, c := range bytes.TrimRight(text, "=") {
		switch c {
		case '-':
			c = '+'
		case '_':
			c = '/'
		}
		std.WriteByte(c)
	}
	want, err := base64.RawStdEncoding.DecodeString(std.String())
	if err != nil || !bytes.Equal(got, want) {
		t.Fatalf("%q decoded to %x, the standard library has %x, %v", text, got, want, err)
	}
}

func FuzzPayload(f *testing.F) {
	seed(f, "payload")
	f.Fuzz(func(t *testing.T, in []byte) {
		b, intact := guarded(in)
		p := engineio.NewPayload(b)
		total, read := bytes.Count(in, []byte{engineio.Separator})+1, 0
		var packets []engineio.Packet
		for p.Next() {
			read++
			packets = append(packets, p.Packet())
		}
		if !intact() {
			t.Fatal("wrote outside the input")
		}
		if p.Err() == nil && read != total {
			t.Fatalf("%d packets of %d, %v", read, total, p.Err())
		}
		var body []byte
		for _, q := range packets {
			body = engineio.AppendPayload(body, q)
		}
		again := engineio.NewPayload(body)
		for i, q := range packets {
			if !again.Next() || !samePacket(again.Packet(), q) {
				t.Fatalf("packet %d: %v became %v, %v", i, q, again.Packet(), again.Err())
			}
		}
		if len(packets) > 0 && (again.Next() || again.Err() != nil) {
			t.Fatalf("more than %d packets, or %v", len(packets), again.Err())
		}
	})
}

func FuzzHandshake(f *testing.F) {
	f.Add([]byte(`{"sid":"abc","upgrades":["websocket"],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}`))
	f.Add([]byte(`{"pingInterval":0.5,"sid":"\ud800"}`))
	f.Fuzz(func(t *testing.T, in []byte) {
		h, err := engineio.ParseHandshake(in)
		if err != nil {
			return
		}
		again, err := engineio.ParseHandshake(h.AppendJSON(nil))
		if err != nil || again.SID != h.SID || again.MaxPayload != h.MaxPayload ||
			again.PingInterval.Milliseconds() != h.PingInterval.Milliseconds() || len(again.Upgrades) != len(h.Upgrades) {
			t.Fatalf("%+v became %+v, %v", h, again, err)
		}
	})
}
