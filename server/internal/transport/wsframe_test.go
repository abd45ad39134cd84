package transport

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/fasthttp/websocket"
)

// masked is a frame as a client sends it.
func masked(first byte, payload string) []byte {
	key := []byte{0x37, 0xfa, 0x21, 0x3d}
	b := []byte{first}
	switch n := len(payload); {
	case n < 126:
		b = append(b, 0x80|byte(n))
	case n <= 0xffff:
		b = binary.BigEndian.AppendUint16(append(b, 0x80|126), uint16(n))
	default:
		b = binary.BigEndian.AppendUint64(append(b, 0x80|127), uint64(n))
	}
	b = append(b, key...)
	for i := range len(payload) {
		b = append(b, payload[i]^key[i%4])
	}
	return b
}

func TestNextFrame(t *testing.T) {
	for _, size := range []int{0, 1, 7, 8, 9, 63, 125, 126, 127, 65535, 65536, 70001} {
		payload := strings.Repeat("a\x00\xffz", size/4+1)[:size]
		whole := masked(0x81, payload)
		for _, cut := range []int{0, 1, 2, 3, 5, 9, 13, len(whole) - 1} {
			if cut >= len(whole) {
				continue
			}
			if _, n, err := nextFrame(bytes.Clone(whole[:cut]), size, false); n != 0 || err != nil {
				t.Errorf("%d of %d bytes: %d, %v", cut, len(whole), n, err)
			}
		}
		f, n, err := nextFrame(append(bytes.Clone(whole), "more"...), size, false)
		if err != nil || n != len(whole) || !f.fin || f.op != websocket.TextMessage || string(f.payload) != payload {
			t.Errorf("size %d: %+v, %d, %v", size, f, n, err)
		}
		if size > 0 {
			if _, _, err := nextFrame(whole[:min(len(whole), 14)], size-1, false); !errors.Is(err, errTooBig) {
				t.Errorf("size %d is not over the limit of one less: %v", size, err)
			}
		}
	}
	// RFC 6455, section 5.7: a single-frame masked text message.
	f, _, err := nextFrame([]byte{0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58}, 100, false)
	if err != nil || string(f.payload) != "Hello" {
		t.Errorf("%q, %v", f.payload, err)
	}
}

func TestNextFrameRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		b    []byte
		want error
	}{
		"no mask":                     {[]byte{0x81, 0x05, 'H', 'e', 'l', 'l', 'o'}, errUnmasked},
		"first reserved bit":          {masked(0xc1, "x"), errReserved},
		"last reserved bit":           {masked(0x91, "x"), errReserved},
		"opcode 3":                    {masked(0x83, "x"), errReserved},
		"opcode 11":                   {masked(0x8b, "x"), errReserved},
		"fragmented ping":             {masked(0x09, "x"), errControl},
		"ping of 126 bytes":           {masked(0x89, strings.Repeat("x", 126)), errControl},
		"its first two bytes":         {masked(0x89, strings.Repeat("x", 126))[:2], errControl},
		"one byte too many":           {masked(0x81, strings.Repeat("x", 1001)), errTooBig},
		"longer than memory":          {[]byte{0x81, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, errTooBig},
		"longer than a signed number": {[]byte{0x82, 0xff, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 2, 3, 4}, errTooBig},
	} {
		t.Run(name, func(t *testing.T) {
			if _, n, err := nextFrame(c.b, 1000, false); n != 0 || !errors.Is(err, c.want) {
				t.Errorf("%d, %v; want %v", n, err, c.want)
			}
		})
	}
}

func TestCloseCode(t *testing.T) {
	for payload, want := range map[string]int{
		"": 1005, "\x03\xe8": 1000, "\x03\xe9going": 1001, "\x0b\xb8": 3000, "\x13\x87": 4999,
		"\x03": 0, "\x03\xe7": 0, "\x03\xed": 0, "\x03\xee": 0, "\x03\xf7": 0, "\x13\x88": 0, "\x03\xe8\xff": 0,
	} {
		if got, err := closeCode([]byte(payload)); got != want || (err == nil) != (want != 0) {
			t.Errorf("%q: %d, %v; want %d", payload, got, err, want)
		}
	}
}

// FuzzNextFrame checks that bytes from anywhere are read alike whole and with
// any number of them missing, and that nothing beyond a frame is touched.
func FuzzNextFrame(f *testing.F) {
	f.Add(masked(0x81, "40"), uint16(1000))
	f.Add(masked(0x89, ""), uint16(0))
	f.Add(append(masked(0x01, "ab"), masked(0x80, "cd")...), uint16(2))
	f.Add(masked(0x82, strings.Repeat("x", 300)), uint16(300))
	f.Add([]byte{0x81, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, uint16(9))
	f.Fuzz(func(t *testing.T, b []byte, room uint16) {
		whole := bytes.Clone(b)
		got, n, err := nextFrame(whole, int(room), false)
		if err == nil && n == 0 {
			if !bytes.Equal(whole, b) {
				t.Fatal("an incomplete frame was changed")
			}
			return
		}
		if n > len(b) || !bytes.Equal(whole[n:], b[n:]) {
			t.Fatalf("a frame of %d bytes of %d reaches too far", n, len(b))
		}
		if err == nil && got.op&controlBit == 0 && len(got.payload) > int(room) {
			t.Fatalf("%d bytes, %d allowed", len(got.payload), room)
		}
		for short := range min(n, 20) {
			part := bytes.Clone(b[:short])
			if _, m, err := nextFrame(part, int(room), false); m != 0 || err != nil {
				t.Fatalf("%d of %d bytes: %d, %v", short, n, m, err)
			}
		}
		if err != nil {
			return
		}
		again := bytes.Clone(got.payload)
		unmask(again, [4]byte(b[n-len(again)-4:]))
		if !bytes.Equal(again, b[n-len(again):n]) {
			t.Fatal("unmasking twice does not give back what was sent")
		}
	})
}

func BenchmarkNextFrame(b *testing.B) {
	for _, size := range []int{32, 120, 4096} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			wire := masked(0x81, strings.Repeat("x", size))
			b.SetBytes(int64(len(wire)))
			b.ReportAllocs()
			for b.Loop() {
				if _, _, err := nextFrame(wire, size, false); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
