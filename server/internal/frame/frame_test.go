package frame

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"strings"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"github.com/throng-io/throng/protocol/engineio"
)

// TestWireExamples compares with bytes written by hand after RFC 6455, section 5.2, and the
// Engine.IO protocol's examples.
func TestWireExamples(t *testing.T) {
	var b Builder
	for _, c := range []struct {
		name    string
		f       *Frame
		wire    string // hexadecimal
		payload string
		packets int
	}{
		{"ping", Packet(engineio.Packet{Type: engineio.Ping}), "8101" + "32", "2", 1},
		{"probe", Packet(engineio.Packet{Type: engineio.Pong, Data: []byte("probe")}), "8106" + "3370726f6265", "3probe", 1},
		{"noop", Packet(engineio.Packet{Type: engineio.Noop}), "8101" + "36", "6", 1},
		{"bare text", Packet(engineio.Packet{Type: engineio.Message, Data: []byte("hello")}), "8106" + "3468656c6c6f", "4hello", 1},
		{"bare binary", Packet(engineio.Packet{Type: engineio.Message, Binary: true, Data: []byte{1, 2, 3, 4}}), "8204" + "01020304", "bAQIDBA==", 1},
		{"empty binary", Packet(engineio.Packet{Type: engineio.Message, Binary: true}), "8200", "b", 1},
		{"event", b.Frame(append(b.Text(), `2["a"]`...), nil, false), "8107" + "34325b2261225d", `42["a"]`, 1},
		{
			"event with two attachments", b.Frame([]byte("52-[]"), [][]byte{{1}, {}}, false),
			"8106" + "3435322d5b5d" + "820101" + "8200", "452-[]\x1ebAQ==\x1eb", 3,
		},
		{"control", Control(0x9, []byte("x")), "890178", "", 0},
		{"empty control", Control(0x8, nil), "8800", "", 0},
	} {
		if got := hex.EncodeToString(c.f.Wire()); got != c.wire {
			t.Errorf("%s: wire %s, want %s", c.name, got, c.wire)
		}
		if got := string(c.f.Payload()); got != c.payload {
			t.Errorf("%s: payload %q, want %q", c.name, got, c.payload)
		}
		if got := c.f.Packets(); got != c.packets {
			t.Errorf("%s: %d packets, want %d", c.name, got, c.packets)
		}
		if got := c.f.Alone(); len(got) != 1 || got[0] != c.f {
			t.Errorf("%s: Alone is %v", c.name, got)
		}
	}
}

// TestHeaderLengths is about the three forms of the length at their edges.
func TestHeaderLengths(t *testing.T) {
	for _, c := range []struct {
		size int // with the leading 4
		head string
	}{
		{1, "8101"},
		{125, "817d"},
		{126, "817e007e"},
		{127, "817e007f"},
		{65535, "817effff"},
		{65536, "817f0000000000010000"},
		{1 << 20, "817f0000000000100000"},
	} {
		text := bytes.Repeat([]byte("x"), c.size-1)
		var b Builder
		f := b.Frame(text, nil, false)
		head, _ := hex.DecodeString(c.head)
		if want := append(append(head, '4'), text...); !bytes.Equal(f.Wire(), want) {
			t.Errorf("%d bytes: wire begins with %x and is %d long", c.size, f.Wire()[:10], len(f.Wire()))
		}
		if &f.Payload()[0] != &f.Wire()[len(head)] || len(f.Payload()) != c.size || cap(f.Payload()) != c.size {
			t.Errorf("%d bytes: the payload is not the part of the wire behind the header", c.size)
		}
	}
}

// TestRoundTrip reads arbitrary messages back from each of their forms.
func TestRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := strings.ReplaceAll(rapid.String().Draw(t, "text"), "\x1e", "")
		sizes := rapid.SliceOfN(rapid.SampledFrom([]int{0, 1, 2, 3, 125, 126, 70_000}), 0, 4).Draw(t, "sizes")
		var attachments [][]byte
		for i, n := range sizes {
			attachments = append(attachments, bytes.Repeat([]byte{byte(i)}, n))
		}
		volatile := rapid.Bool().Draw(t, "volatile")
		var b Builder
		f := b.Frame(append(b.Text(), text...), attachments, volatile)
		copy(b.Text()[:cap(b.Text())], "overwritten by the next message")

		if f.Volatile() != volatile || f.Packets() != 1+len(attachments) {
			t.Errorf("volatile %v, %d packets", f.Volatile(), f.Packets())
		}
		i := -1
		for binary, data := range f.Parts {
			switch {
			case i < 0 && (binary || string(data) != "4"+text):
				t.Errorf("first part is %q, binary %v", data, binary)
			case i >= 0 && (!binary || !bytes.Equal(data, attachments[i])):
				t.Errorf("attachment %d is not what was given", i)
			}
			i++
		}
		if i != len(attachments) {
			t.Errorf("%d attachments, want %d", i, len(attachments))
		}
		p := engineio.NewPayload(bytes.Clone(f.Payload()))
		for i = -1; p.Next(); i++ {
			switch got := p.Packet(); {
			case i < 0 && (got.Type != engineio.Message || got.Binary || string(got.Data) != text):
				t.Errorf("first packet of the payload is %v", got)
			case i >= 0 && (!got.Binary || !bytes.Equal(got.Data, attachments[i])):
				t.Errorf("packet %d of the payload is not its attachment", i)
			}
		}
		if p.Err() != nil || i != len(attachments) {
			t.Errorf("the payload has %d attachments, error %v", i, p.Err())
		}
	})
}

func TestPartsStops(t *testing.T) {
	var b Builder
	f := b.Frame(nil, [][]byte{{1}, {2}}, false)
	n := 0
	for range f.Parts {
		n++
		break
	}
	if n != 1 {
		t.Errorf("%d parts after a break", n)
	}
}

// TestPayloadIsBuiltOnce has many receivers ask for it at the same time.
func TestPayloadIsBuiltOnce(t *testing.T) {
	data := bytes.Repeat([]byte{7}, 1000)
	f := Packet(engineio.Packet{Type: engineio.Message, Binary: true, Data: data})
	var got [8][]byte
	var wg sync.WaitGroup
	for i := range got {
		wg.Go(func() { got[i] = f.Payload() })
	}
	wg.Wait()
	want := "b" + base64.StdEncoding.EncodeToString(data)
	for i, p := range got {
		if string(p) != want || &p[0] != &got[0][0] {
			t.Errorf("receiver %d has a payload of its own or a wrong one", i)
		}
	}
}

func TestBuilderKeepsNoHugeScratch(t *testing.T) {
	var b Builder
	b.Frame(append(b.Text(), make([]byte, maxScratch/2)...), nil, false)
	if cap(b.Text()) < maxScratch/2-room {
		t.Error("a usual scratch is not kept")
	}
	b.Frame(append(b.Text(), make([]byte, 2*maxScratch)...), nil, false)
	if cap(b.Text()) > maxScratch {
		t.Errorf("a scratch of %d bytes is kept", cap(b.Text()))
	}
	b.Wire(append(b.Text(), make([]byte, 2*maxScratch)...), false)
	if cap(b.Text()) > maxScratch {
		t.Errorf("a scratch of %d bytes is kept after Wire", cap(b.Text()))
	}
}

// Wire has the bytes of Frame and Binary, with headers of all lengths, in a scratch that is large
// enough or not, and leaves the packet for them.
func TestBuilderWire(t *testing.T) {
	var b Builder
	for _, size := range []int{0, 1, 100, 124, 125, 126, 300, 65534, 65535, 65536, 200, 70000, 3} {
		for _, binary := range []bool{false, true} {
			packet := append(b.Text(), bytes.Repeat([]byte{'x'}, size)...)
			wire := bytes.Clone(b.Wire(packet, binary))
			f := b.Frame
			if binary {
				f = func(packet []byte, _ [][]byte, volatile bool) *Frame { return b.Binary(packet, volatile) }
			}
			if want := f(packet, nil, false).Wire(); !bytes.Equal(wire, want) {
				t.Errorf("%d bytes, binary %v: %.20q..., want %.20q...", size, binary, wire, want)
			}
		}
	}
}

func TestBuilderWireDoesNotAllocate(t *testing.T) {
	var b Builder
	text := bytes.Repeat([]byte{'x'}, 1000)
	if n := testing.AllocsPerRun(100, func() { b.Wire(append(b.Text(), text...), false) }); n != 0 {
		t.Errorf("it allocates %v times", n)
	}
}

func BenchmarkBuild(b *testing.B) {
	for _, size := range []int{64, 1 << 10, 16 << 10} {
		b.Run(fmt.Sprintf("payload=%d", size), func(b *testing.B) {
			data := bytes.Repeat([]byte("x"), size)
			var builder Builder
			b.ReportAllocs()
			b.SetBytes(int64(size))
			for b.Loop() {
				builder.Frame(append(builder.Text(), data...), nil, false)
			}
		})
	}
}
