package websocket

import (
	"bytes"
	"testing"
)

// FuzzNext checks that bytes from anywhere are read alike whole and with any number of them
// missing, that no rule is broken by what is accepted, that nothing beyond a frame is touched, and
// that a frame can be written again.
func FuzzNext(f *testing.F) {
	text := Header{Opcode: Text, Final: true, Masked: true, Key: [4]byte{1, 2, 3, 4}, Length: 2}
	f.Add(append(text.Append(nil), "40"...), uint16(1000), true, false)
	f.Add([]byte{0x89, 0x80, 1, 2, 3, 4}, uint16(0), true, false)
	f.Add([]byte{0x01, 2, 'a', 'b', 0x80, 2, 'c', 'd'}, uint16(2), false, false)
	f.Add(append([]byte{0xc2, 0x7e, 0x01, 0x2c}, make([]byte, 300)...), uint16(300), false, true)
	f.Add([]byte{0x81, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, uint16(9), true, true)
	f.Fuzz(func(t *testing.T, b []byte, room uint16, masked, compress bool) {
		rules := Rules{Masked: masked, MaxPayload: int(room), Compress: compress}
		whole := bytes.Clone(b)
		got, n, err := rules.Next(whole)
		if n < 0 || n > len(b) || err != nil && n != 0 {
			t.Fatalf("%d of %d bytes, %v", n, len(b), err)
		}
		if n == 0 {
			if !bytes.Equal(whole, b) {
				t.Fatal("bytes of no frame were changed")
			}
			if err != nil {
				if _, ok := err.(*Error); !ok { //nolint:errorlint // that it is one is the promise
					t.Fatalf("%T", err)
				}
				return
			}
		}
		if !bytes.Equal(whole[n:], b[n:]) {
			t.Fatalf("a frame of %d bytes of %d reaches too far", n, len(b))
		}
		for short := range min(max(n, 1)-1, 20) {
			part := bytes.Clone(b[:short])
			if _, m, err := rules.Next(part); m != 0 || err != nil {
				t.Fatalf("%d of %d bytes: %d, %v", short, n, m, err)
			}
		}
		if n == 0 {
			return
		}
		switch {
		case got.Masked != masked, !got.Opcode.known(), got.Reserved&^RSV1 != 0, got.Reserved != 0 && !compress,
			got.Opcode.Control() && (!got.Final || got.Reserved != 0 || len(got.Payload) > MaxControl),
			!got.Opcode.Control() && len(got.Payload) > int(room), got.Length != uint64(len(got.Payload)):
			t.Fatalf("accepted: %+v", got.Header)
		}
		again := append(got.Append(nil), got.Payload...)
		if masked {
			Mask(again[got.Size():], got.Key)
		}
		if len(again) > n || len(again) == n && !bytes.Equal(again, b[:n]) {
			t.Fatalf("%x was written again as %x", b[:n], again)
		}
		second, m, err := rules.Next(again)
		if err != nil || m != len(again) || second.Header != got.Header || !bytes.Equal(second.Payload, got.Payload) {
			t.Fatalf("%x was read as %+v, %d, %v", again, second, m, err)
		}
	})
}

// FuzzMessages reads a stream of frames as a server does and checks that the parts of its messages
// are what whole messages are made of, however many frames they come in.
func FuzzMessages(f *testing.F) {
	f.Add([]byte{0x01, 1, 'a', 0x89, 0, 0x80, 1, 'b', 0x82, 0}, uint8(4))
	f.Add([]byte{0x01, 0, 0x00, 0, 0x00, 0, 0x80, 0}, uint8(3))
	f.Fuzz(func(t *testing.T, b []byte, most uint8) {
		const room = 64
		var m Message
		frames := 0
		for len(b) > 0 {
			got, n, err := Rules{MaxPayload: room}.Next(b)
			if err != nil || n == 0 {
				return
			}
			b = b[n:]
			if got.Opcode.Control() {
				continue
			}
			open := m.Open()
			whole, err := m.Add(got.Header, int(most))
			if err != nil {
				legal := open == (got.Opcode == Continuation) && frames < int(most)
				if legal {
					t.Fatalf("frame %d of at most %d, open %v, %+v: %v", frames+1, most, open, got.Header, err)
				}
				return
			}
			if open != (got.Opcode == Continuation) || frames >= int(most) {
				t.Fatalf("frame %d of at most %d, open %v: %+v was accepted", frames+1, most, open, got.Header)
			}
			if frames++; whole {
				frames = 0
			}
			if whole != got.Final || m.Open() == whole || m.Opcode != Text && m.Opcode != Binary {
				t.Fatalf("%+v made %+v, whole %v", got.Header, m, whole)
			}
		}
	})
}

// FuzzClose checks that a payload is refused or can be written again.
func FuzzClose(f *testing.F) {
	for _, s := range []string{"", "\x03", "\x03\xe8", "\x03\xe9going", "\x03\xed", "\x0f\xa0\xff"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, payload []byte) {
		code, reason, err := ParseClose(payload)
		if err != nil {
			return
		}
		if code != CodeNoStatus && !code.sendable() {
			t.Fatalf("code %d was accepted", code)
		}
		if len(payload) <= MaxControl && !bytes.Equal(AppendClose(nil, code, string(reason)), payload) {
			t.Fatalf("%x is written as %x", payload, AppendClose(nil, code, string(reason)))
		}
	})
}
