package engineio_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"testing"

	"github.com/throng-io/throng/protocol/engineio"
)

func TestFrames(t *testing.T) {
	valid, _ := loadRecorded(t, "webtransport.json")
	if len(valid) != 8 {
		t.Errorf("%d vectors, want 8", len(valid))
	}
	for _, v := range valid {
		want, encoded := v.frame(t)
		if got := engineio.AppendFrame([]byte("x"), want); !bytes.Equal(got[1:], encoded) {
			t.Errorf("%s: encoded as %.80x", v.Name, got[1:])
		}
		// Nothing is read before all of it is there.
		for n := range encoded {
			if got, used, err := engineio.ParseFrame(encoded[:n], 0); used != 0 || err != nil || !samePacket(got, engineio.Packet{}) {
				t.Fatalf("%s: %d bytes: %v, %d, %v", v.Name, n, got, used, err)
			}
		}
		if size, err := engineio.FrameSize(encoded[:min(9, len(encoded))], 0); size != len(encoded) || err != nil {
			t.Errorf("%s: size %d, %v, want %d", v.Name, size, err, len(encoded))
		}
		got, n, err := engineio.ParseFrame(append(encoded, 0x7f), 0)
		if err != nil || n != len(encoded) || !samePacket(got, want) {
			t.Errorf("%s: %.80v, %d, %v", v.Name, got, n, err)
		}
	}
}

// frame returns the packet of a vector and its frame, which is built from its beginning if the
// vector has no more.
func (v *recorded) frame(tb testing.TB) (engineio.Packet, []byte) {
	tb.Helper()
	encoded := v.bytes(tb)
	if v.EncodedIsPrefix {
		full := make([]byte, v.EncodedLength) // the packet's bytes are all zero
		copy(full, encoded)
		var w struct{ DataLength int }
		if err := json.Unmarshal(v.Decoded, &w); err != nil {
			tb.Fatal(err)
		}
		return engineio.Packet{Type: engineio.Message, Binary: true, Data: make([]byte, w.DataLength)}, full
	}
	var w wantPacket
	if err := json.Unmarshal(v.Decoded, &w); err != nil {
		tb.Fatal(err)
	}
	return w.packet(tb), encoded
}

func TestEmptyBinaryFrame(t *testing.T) {
	want := engineio.Packet{Type: engineio.Message, Binary: true}
	frame := engineio.AppendFrame(nil, want)
	if p, n, err := engineio.ParseFrame(frame, 0); err != nil || n != len(frame) || !samePacket(p, want) {
		t.Errorf("%x: %v, %d, %v", frame, p, n, err)
	}
}

func TestFrameErrors(t *testing.T) {
	for _, test := range []struct {
		frame string
		limit int
		want  error
	}{
		{"\x00", 0, engineio.ErrFrameSize},
		{"\x80", 0, engineio.ErrFrameSize},
		{"\x7e\x00\x00", 0, engineio.ErrFrameSize},
		{"\x7f\x00\x00\x00\x00\x00\x00\x00\x00", 0, engineio.ErrFrameSize},
		{"\x06", 5, engineio.ErrFrameSize},
		{"\x05", 5, nil},
		{"\x7f\x00\x00\x00\x00\x00\x0f\x42\x40", 0, nil}, // 1,000,000
		{"\x7f\x00\x00\x00\x00\x00\x0f\x42\x41", 0, engineio.ErrFrameSize},
		{"\xff\x00\x20\x00\x00\x00\x00\x00\x00", 0, engineio.ErrFrameSize}, // above 2^53
		{"\xff\xff\xff\xff\xff\xff\xff\xff\xff", 1 << 30, engineio.ErrFrameSize},
		{"\x017", 0, engineio.ErrType},
		{"\x02b!", 0, engineio.ErrBase64},
	} {
		p, n, err := engineio.ParseFrame([]byte(test.frame), test.limit)
		if !errors.Is(err, test.want) || n != 0 || !samePacket(p, engineio.Packet{}) {
			t.Errorf("%x: %v, %d, %v, want %v", test.frame, p, n, err, test.want)
		}
	}
}

// FuzzFrames reads a stream to its end or its first error, and checks that the packets make the
// same stream again.
func FuzzFrames(f *testing.F) {
	valid, _ := loadRecorded(f, "webtransport.json")
	var all []byte
	for _, v := range valid {
		_, b := v.frame(f)
		all = append(all, b...)
		f.Add(b, 1000)
	}
	f.Add(all[:200], 0)
	f.Fuzz(func(t *testing.T, in []byte, limit int) {
		b, intact := guarded(in)
		rest := b
		for {
			size, sizeErr := engineio.FrameSize(rest, limit)
			p, n, err := engineio.ParseFrame(rest, limit)
			if sizeErr != nil && (err == nil || size != 0) || n != 0 && n != size || n > len(rest) {
				t.Fatalf("size %d, %v, read %d, %v", size, sizeErr, n, err)
			}
			if err != nil || n == 0 {
				break
			}
			if limit > 0 && len(p.Data) > limit {
				t.Fatalf("%d bytes, the limit is %d", len(p.Data), limit)
			}
			frame := engineio.AppendFrame(nil, p)
			again, m, err := engineio.ParseFrame(frame, len(frame))
			if err != nil || m != len(frame) || !samePacket(again, p) {
				t.Fatalf("%v became %v, %v", p, again, err)
			}
			rest = rest[n:]
		}
		if !intact() {
			t.Fatal("wrote outside the input")
		}
	})
}
