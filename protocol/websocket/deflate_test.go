package websocket

import (
	"bytes"
	"compress/flate"
	"errors"
	"strings"
	"testing"
)

// TestDeflate reads back what is compressed, of both sides, and what becomes no shorter by it.
func TestDeflate(t *testing.T) {
	for _, text := range []string{strings.Repeat("long ", 1000), "", "a", strings.Repeat("x", 1<<17)} {
		for _, h := range []Header{{Opcode: Text}, {Opcode: Binary, Masked: true, Key: [4]byte{1, 2, 3, 4}}} {
			wire := AppendDeflated([]byte("before"), h, []byte(text[:len(text)/2]), []byte(text[len(text)/2:]))
			f, n, err := Rules{Masked: h.Masked, Compress: true, MaxPayload: 1 << 20}.Next(wire[len("before"):])
			if err != nil || n != len(wire)-len("before") || f.Opcode != h.Opcode || !f.Final {
				t.Fatalf("%d bytes: %+v, %v", len(text), f.Header, err)
			}
			if compressed := f.Reserved == RSV1; compressed != (len(text) > 1) {
				t.Errorf("%d bytes: compressed %v", len(text), compressed)
			} else if compressed {
				var buf bytes.Buffer
				if err := Inflate(&buf, f.Payload, nil, len(text)); err != nil {
					t.Fatal(err)
				}
				f.Payload = buf.Bytes()
			}
			if string(f.Payload) != text {
				t.Errorf("%d bytes are %d", len(text), len(f.Payload))
			}
		}
	}
}

// TestInflateWindow reads messages of a peer that keeps its window.
func TestInflateWindow(t *testing.T) {
	var sent bytes.Buffer
	w, err := flate.NewWriter(&sent, flate.BestCompression)
	if err != nil {
		t.Fatal(err)
	}
	var window []byte
	for i, text := range []string{strings.Repeat("once upon a time ", 40), "once upon a time there was", "a time there was once upon"} {
		sent.Reset()
		_, _ = w.Write([]byte(text))
		_ = w.Flush()
		message := bytes.TrimSuffix(sent.Bytes(), []byte(deflateTail))
		var got bytes.Buffer
		if err := Inflate(&got, message, window, 1<<20); err != nil || got.String() != text {
			t.Errorf("message %d: %q, %v", i, got.String(), err)
		}
		got.Reset()
		if err := Inflate(&got, message, nil, 1<<20); i > 0 && err == nil && got.String() == text {
			t.Errorf("message %d does not refer to those before: the test shows nothing", i)
		}
		window = append(window, text...)
	}
}

func TestInflateLimit(t *testing.T) {
	wire := AppendDeflated(nil, Header{Opcode: Text}, bytes.Repeat([]byte{'x'}, 999))
	h, head := ParseHeader(wire)
	message := wire[head : head+int(h.Length)]
	var buf bytes.Buffer
	if err := Inflate(&buf, message, nil, 999); err != nil || buf.Len() != 999 {
		t.Errorf("%d bytes, %v", buf.Len(), err)
	}
	buf.Reset()
	if err := Inflate(&buf, message, nil, 998); !errors.Is(err, ErrInflated) {
		t.Error(err)
	}
	for _, bad := range [][]byte{{0xff, 0xff}, {0x06}} {
		if err := Inflate(&buf, bad, nil, 999); err == nil || errors.Is(err, ErrInflated) {
			t.Errorf("%x: %v", bad, err)
		}
	}
}

// FuzzInflate: whatever a peer sends, the limit holds.
func FuzzInflate(f *testing.F) {
	f.Add([]byte{0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00}, []byte(nil)) // RFC 7692, section 7.2.3.1
	f.Add([]byte{0xf2, 0x00, 0x11, 0x00, 0x00}, []byte("Hello"))         // 7.2.3.2
	f.Add([]byte{0xff, 0xff}, []byte("window"))
	f.Fuzz(func(t *testing.T, message, window []byte) {
		var buf bytes.Buffer
		const limit = 4096
		if err := Inflate(&buf, message, window, limit); err == nil && buf.Len() > limit || buf.Len() > limit+1 {
			t.Fatalf("%d bytes, %v", buf.Len(), err)
		}
	})
}
