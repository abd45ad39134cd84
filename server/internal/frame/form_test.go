package frame

import (
	"bytes"
	"encoding/hex"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	"github.com/throng-io/throng/protocol/engineio"
	"github.com/throng-io/throng/protocol/websocket"
)

// TestForms compares with bytes written by hand after the protocol of revision 3
// (engine.io-protocol, v3 branch) and the Engine.IO documentation of b64.
func TestForms(t *testing.T) {
	var b Builder
	event := b.Frame([]byte(`51-["é"]`), [][]byte{{1, 2}}, false)
	for _, c := range []struct {
		name string
		f    *Frame
		form Form
		want string // hexadecimal
	}{
		{"text", Packet(engineio.Packet{Type: engineio.Message, Data: []byte("hi")}), Revision3, "8103" + "346869"},
		{"text for base64", Packet(engineio.Packet{Type: engineio.Pong}), Revision3 | Base64, "8101" + "33"},
		{"binary", Packet(engineio.Packet{Type: engineio.Message, Binary: true, Data: []byte{1}}), Revision3, "8202" + "0401"},
		{"binary as base64", Packet(engineio.Packet{Type: engineio.Message, Binary: true, Data: []byte{1}}), Base64, "8105" + "6241513d3d"},
		{"binary as base64 of revision 3", Packet(engineio.Packet{Type: engineio.Message, Binary: true, Data: []byte{1}}), Revision3 | Base64, "8106" + "623441513d3d"},
		{"event", event, Revision3, "810a" + "3435312d5b22c3a9225d" + "8203" + "040102"},
		{"event as it is", event, 0, "810a" + "3435312d5b22c3a9225d" + "8202" + "0102"},
		{"control", Control(0x9, []byte("x")), Revision3 | Base64, "890178"},
	} {
		if got := hex.EncodeToString(c.f.In(c.form)); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}

func TestBodies(t *testing.T) {
	var b Builder
	event := b.Frame([]byte(`51-["é😀"]`), [][]byte{{1, 2}}, false)
	hello := Packet(engineio.Packet{Type: engineio.Message, Data: []byte("hi")})
	noop := Packet(engineio.Packet{Type: engineio.Noop})
	for _, c := range []struct {
		name   string
		form   Form
		frames []*Frame
		want   string
		binary bool
	}{
		{"revision 4", 0, []*Frame{hello, event, noop}, "4hi\x1e451-[\"é😀\"]\x1ebAQI=\x1e6", false},
		{"texts", Revision3, []*Frame{hello, noop}, "3:4hi1:6", false},
		{"texts and a control frame", Revision3, []*Frame{hello, Control(0x9, nil)}, "3:4hi", false},
		{"base64", Revision3 | Base64, []*Frame{hello, event}, "3:4hi11:451-[\"é😀\"]6:b4AQI=", false},
		{
			"binary", Revision3,
			[]*Frame{hello, event},
			"\x00\x03\xff4hi" + "\x00\x01\x04\xff451-[\"é😀\"]" + "\x01\x03\xff\x04\x01\x02", true,
		},
	} {
		body, binary := Body([]byte("before"), c.form, c.frames)
		if string(body) != "before"+c.want || binary != c.binary {
			t.Errorf("%s: %q, binary %v; want %q", c.name, body, binary, c.want)
		}
	}
}

// TestVariantsAreShared is what makes a message in another form cost once.
func TestVariantsAreShared(t *testing.T) {
	var b Builder
	f := b.Frame([]byte("51-[]"), [][]byte{make([]byte, 1000)}, false)
	forms := []Form{Revision3, Base64, Revision3 | Base64}
	first := map[Form]*byte{}
	for _, form := range forms {
		first[form] = &f.In(form)[0]
	}
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for _, form := range forms {
				if &f.In(form)[0] != first[form] {
					t.Error("made twice")
				}
			}
		})
	}
	all.Wait()
	if text := b.Frame([]byte("2[]"), nil, false); &text.In(Revision3 | Base64)[0] != &text.Wire()[0] {
		t.Error("a text is the same in all forms, and should not be copied")
	}
}

// TestDeflated reads back what is compressed. Only what is long enough is, and what becomes shorter
// by it.
func TestDeflated(t *testing.T) {
	long := bytes.Repeat([]byte("long "), 1000)
	noise := make([]byte, 5000)
	for i := range noise {
		noise[i] = byte(rand.IntN(256))
	}
	b := Builder{Deflate: 1024}
	f := b.Frame(long, [][]byte{long, long[:1000], noise}, false)
	for _, form := range []Form{Deflated, Deflated | Revision3, Deflated | Base64, Deflated | Base64 | Revision3} {
		var got []byte
		var compressed []bool
		for wire := f.In(form); len(wire) > 0; {
			op := wire[0]
			h, head := websocket.ParseHeader(wire)
			size := int(h.Length)
			payload := wire[head : head+size]
			wire = wire[head+size:]
			compressed = append(compressed, op&websocket.RSV1 != 0)
			if op&websocket.RSV1 == 0 {
				got = append(append(got, op), payload...)
				continue
			}
			var buf bytes.Buffer
			if err := websocket.Inflate(&buf, payload, nil, 1<<20); err != nil {
				t.Fatal(err)
			}
			got = append(append(got, op&^websocket.RSV1), buf.Bytes()...)
		}
		var want []byte
		for wire := f.In(form &^ Deflated); len(wire) > 0; {
			h, head := websocket.ParseHeader(wire)
			size := int(h.Length)
			want = append(append(want, wire[0]), wire[head:head+size]...)
			wire = wire[head+size:]
		}
		// Of noise, base64 can be compressed: its characters have six bits.
		base := form&Base64 != 0
		if !bytes.Equal(got, want) || !slices.Equal(compressed, []bool{true, true, base, base}) {
			t.Errorf("form %d: compressed %v", form, compressed)
		}
	}
	if first, again := f.In(Deflated), f.In(Deflated); &first[0] != &again[0] {
		t.Error("compressed twice")
	}
	b.Deflate = 0
	if f := b.Frame(long, nil, false); &f.In(Deflated)[0] != &f.Wire()[0] || !f.Compressible() {
		t.Error("compressed without being told to")
	}
}
