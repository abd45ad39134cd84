package websocket

import (
	"bytes"
	"encoding/hex"
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func unhex(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// codeOf returns the close code of an error, 0 for none.
func codeOf(t *testing.T, err error) Code {
	t.Helper()
	if err == nil {
		return 0
	}
	e, ok := errors.AsType[*Error](err)
	if !ok {
		t.Fatalf("%v is no *Error", err)
	}
	if strings.Contains(e.Text, "\n") || !strings.HasPrefix(err.Error(), "websocket: ") {
		t.Errorf("message %q", err)
	}
	return e.Code
}

// TestExamples holds the examples of RFC 6455, section 5.7.
func TestExamples(t *testing.T) {
	key := [4]byte{0x37, 0xfa, 0x21, 0x3d}
	for _, c := range []struct {
		name    string
		wire    string // the header, and the payload of short examples
		header  Header
		payload string
	}{
		{"a single-frame unmasked text message", "81 05 48 65 6c 6c 6f", Header{Opcode: Text, Final: true, Length: 5}, "Hello"},
		{"a single-frame masked text message", "81 85 37 fa 21 3d 7f 9f 4d 51 58", Header{Opcode: Text, Final: true, Masked: true, Key: key, Length: 5}, "Hello"},
		{"a fragmented unmasked text message", "01 03 48 65 6c", Header{Opcode: Text, Length: 3}, "Hel"},
		{"its second fragment", "80 02 6c 6f", Header{Opcode: Continuation, Final: true, Length: 2}, "lo"},
		{"an unmasked ping request", "89 05 48 65 6c 6c 6f", Header{Opcode: Ping, Final: true, Length: 5}, "Hello"},
		{"a masked pong response", "8a 85 37 fa 21 3d 7f 9f 4d 51 58", Header{Opcode: Pong, Final: true, Masked: true, Key: key, Length: 5}, "Hello"},
		{"256 bytes of binary", "82 7e 01 00", Header{Opcode: Binary, Final: true, Length: 256}, strings.Repeat("x", 256)},
		{"64 KiB of binary", "82 7f 00 00 00 00 00 01 00 00", Header{Opcode: Binary, Final: true, Length: 65536}, strings.Repeat("y", 65536)},
	} {
		t.Run(c.name, func(t *testing.T) {
			want := unhex(t, c.wire)
			if len(c.payload) > 125 {
				want = append(want, c.payload...)
			}
			got := c.header.Append(nil)
			if len(got) != c.header.Size() {
				t.Errorf("Size is %d, but Append wrote %d bytes", c.header.Size(), len(got))
			}
			got = append(got, c.payload...)
			if c.header.Masked {
				Mask(got[c.header.Size():], c.header.Key)
			}
			if !bytes.Equal(got, want) {
				t.Errorf("written as %.40x, want %.40x", got, want)
			}
			f, n, err := Rules{Masked: c.header.Masked, MaxPayload: len(c.payload)}.Next(append(want, "more"...))
			if err != nil || n != len(want) || string(f.Payload) != c.payload {
				t.Errorf("read %d of %d bytes, %.20q, %v", n, len(want), f.Payload, err)
			}
			if diff := cmp.Diff(c.header, f.Header); diff != "" {
				t.Errorf("header (-want +got):\n%s", diff)
			}
		})
	}
}

// TestLengths holds the borders of the three length fields of section 5.2.
func TestLengths(t *testing.T) {
	for length, want := range map[uint64]string{
		0: "8200", 125: "827d", 126: "827e007e", 127: "827e007f", 65535: "827effff",
		65536: "827f0000000000010000", math.MaxInt64: "827f7fffffffffffffff", math.MaxUint64: "827fffffffffffffffff",
	} {
		h := Header{Opcode: Binary, Final: true, Length: length}
		b := h.Append(nil)
		if got := hex.EncodeToString(b); got != want || h.Size() != len(b) {
			t.Errorf("length %d: %s of size %d, want %s", length, got, h.Size(), want)
		}
		if got, n := ParseHeader(b); got != h || n != len(b) {
			t.Errorf("length %d was read as %+v, %d", length, got, n)
		}
		for cut := range b {
			if _, n := ParseHeader(b[:cut]); n != 0 {
				t.Errorf("length %d: %d of %d bytes were taken for a header", length, cut, len(b))
			}
		}
	}
	for _, long := range []string{"827e0001ff", "827f0000000000000001ff"} { // longer than necessary
		if f, _, err := (Rules{MaxPayload: 1}).Next(unhex(t, long)); err != nil || len(f.Payload) != 1 {
			t.Errorf("%s: %+v, %v", long, f, err)
		}
	}
}

// TestRules breaks each rule for single frames, of a client and of a server.
func TestRules(t *testing.T) {
	const room = 1000
	client, server := Rules{Masked: true, MaxPayload: room}, Rules{MaxPayload: room}
	packed := Rules{Masked: true, MaxPayload: room, Compress: true}
	for _, c := range []struct {
		name  string
		rules Rules
		wire  string
		want  Code // 0: no error; the frame is not whole
	}{
		{"nothing", client, "", 0},
		{"one byte that is wrong", client, "ff", 0},
		{"client without a mask", client, "8100", CodeProtocolError},
		{"server with a mask", server, "8180", CodeProtocolError},
		{"RSV1", client, "c180", CodeProtocolError},
		{"RSV2", client, "a180", CodeProtocolError},
		{"RSV3", client, "9180", CodeProtocolError},
		{"RSV1 of a server", server, "c100", CodeProtocolError},
		{"RSV1 of a ping", packed, "c980", CodeProtocolError},
		{"RSV1 of a continuation", packed, "c080", CodeProtocolError},
		{"RSV1 and RSV2", packed, "e180", CodeProtocolError},
		{"RSV1 with compression", packed, "c181", 0},
		{"fragmented close", client, "0880", CodeProtocolError},
		{"fragmented ping", client, "0980", CodeProtocolError},
		{"fragmented pong", client, "0a80", CodeProtocolError},
		{"ping of 126 bytes", client, "89fe007e", CodeProtocolError},
		{"its first two bytes", client, "89fe", CodeProtocolError},
		{"ping with 64 bits of length", client, "89ff", CodeProtocolError},
		{"ping of 125 bytes", client, "89fd", 0},
		{"ping is not bounded by MaxPayload", Rules{Masked: true}, "89fd00000000", 0},
		{"all the room", client, "82fe03e800000000", 0},
		{"one more", client, "82fe03e900000000", CodeTooBig},
		{"one more, of a server", server, "827e03e9", CodeTooBig},
		{"one more in a continuation", client, "00fe03e900000000", CodeTooBig},
		{"no room", Rules{Masked: true, MaxPayload: -1}, "828100000000", CodeTooBig},
		{"longer than memory", client, "82ff7fffffffffffffff00000000", CodeTooBig},
		{"highest bit of the length", client, "82ff800000000000000100000000", CodeProtocolError},
		{"all bits of the length", server, "827fffffffffffffffff", CodeProtocolError},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := unhex(t, c.wire)
			_, n, err := c.rules.Next(b)
			if got := codeOf(t, err); got != c.want || n != 0 {
				t.Errorf("%d bytes, %v; want code %d", n, err, c.want)
			}
			if !bytes.Equal(b, unhex(t, c.wire)) {
				t.Error("bytes of a frame that is not whole were changed")
			}
		})
	}
}

// TestOpcodes tries all sixteen.
func TestOpcodes(t *testing.T) {
	known := map[Opcode]bool{Continuation: true, Text: true, Binary: true, Close: true, Ping: true, Pong: true}
	for op := range Opcode(16) {
		_, n, err := (Rules{}).Next(Header{Opcode: op, Final: true}.Append(nil))
		if known[op] != (n == 2 && err == nil) || known[op] != (codeOf(t, err) == 0) {
			t.Errorf("opcode %d: %d, %v", op, n, err)
		}
		if op.Control() != (op >= 8) {
			t.Errorf("opcode %d: Control is %v", op, op.Control())
		}
	}
}

// TestMessage follows fragments; each step is a header and what is to come of it.
func TestMessage(t *testing.T) {
	const most = 3
	begin, more, last := Header{Opcode: Text}, Header{}, Header{Final: true}
	alone := Header{Opcode: Binary, Final: true, Reserved: RSV1}
	type step struct {
		Header
		whole bool
		code  Code
	}
	for name, steps := range map[string][]step{
		"one frame each":       {{alone, true, 0}, {alone, true, 0}},
		"fragments":            {{begin, false, 0}, {more, false, 0}, {last, true, 0}, {alone, true, 0}, {begin, false, 0}, {last, true, 0}},
		"too many":             {{begin, false, 0}, {more, false, 0}, {more, false, 0}, {last, false, CodeTooBig}},
		"lone continuation":    {{more, false, CodeProtocolError}},
		"after a whole one":    {{alone, true, 0}, {last, false, CodeProtocolError}},
		"one inside another":   {{begin, false, 0}, {alone, false, CodeProtocolError}},
		"after the last frame": {{begin, false, 0}, {last, true, 0}, {last, false, CodeProtocolError}},
	} {
		t.Run(name, func(t *testing.T) {
			var m Message
			for i, s := range steps {
				whole, err := m.Add(s.Header, most)
				if whole != s.whole || codeOf(t, err) != s.code {
					t.Fatalf("step %d: %v, %v; want %v, %d", i, whole, err, s.whole, s.code)
				}
				if err == nil && m.Open() == whole {
					t.Fatalf("step %d: whole %v, but Open is %v", i, whole, m.Open())
				}
				first := s.Opcode == Binary
				if err == nil && s.Opcode != Continuation && (m.Compressed != first || m.Opcode != s.Opcode) {
					t.Fatalf("step %d: %+v", i, m)
				}
			}
		})
	}
}

func TestClose(t *testing.T) {
	for payload, want := range map[string]struct {
		code   Code
		reason string
		err    Code
	}{
		"": {CodeNoStatus, "", 0}, "\x03\xe8": {CodeNormal, "", 0}, "\x03\xe9going": {CodeGoingAway, "going", 0},
		"\x03\xf6": {CodeBadGateway, "", 0}, "\x0b\xb8": {3000, "", 0}, "\x13\x87\u00e9": {4999, "\u00e9", 0},
		"\x03": {err: CodeProtocolError}, "\x00\x00": {err: CodeProtocolError}, "\x03\xe7": {err: CodeProtocolError},
		"\x03\xec": {err: CodeProtocolError}, "\x03\xed": {err: CodeProtocolError}, "\x03\xee": {err: CodeProtocolError},
		"\x03\xf7": {err: CodeProtocolError}, "\x03\xf8": {err: CodeProtocolError}, "\x07\xd0": {err: CodeProtocolError},
		"\x0b\xb7": {err: CodeProtocolError}, "\x13\x88": {err: CodeProtocolError}, "\xff\xff": {err: CodeProtocolError},
		"\x03\xe8\xff": {err: CodeInvalidData}, "\x03\xe8\xed\xa0\x80": {err: CodeInvalidData},
	} {
		code, reason, err := ParseClose([]byte(payload))
		if code != want.code || string(reason) != want.reason || codeOf(t, err) != want.err {
			t.Errorf("%q: %d %q %v; want %+v", payload, code, reason, err, want)
		}
		if err == nil && string(AppendClose(nil, code, string(reason))) != payload {
			t.Errorf("%q is written as %q", payload, AppendClose(nil, code, string(reason)))
		}
	}
	for _, reason := range []string{strings.Repeat("x", 123), strings.Repeat("x", 124), strings.Repeat("\u00e9", 100), strings.Repeat("\x80", 200)} {
		b := AppendClose([]byte("before"), CodeNormal, reason)
		if n := len(b) - len("before"); n > MaxControl || n < MaxControl-1 && reason[0] != 0x80 {
			t.Errorf("a reason of %d bytes became %d", len(reason), n)
		}
		if _, got, err := ParseClose(b[len("before"):]); err != nil || !strings.HasPrefix(reason, string(got)) {
			t.Errorf("%.10q: %q, %v", reason, got, err)
		}
	}
}

// The key of RFC 6455, section 1.3.
func TestAccept(t *testing.T) {
	if got := Accept("dGhlIHNhbXBsZSBub25jZQ=="); got != "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" {
		t.Error(got)
	}
}

// TestMask compares with section 5.3 word for word, for all lengths around the strides.
func TestMask(t *testing.T) {
	key := [4]byte{0x37, 0xfa, 0x21, 0x3d}
	all := make([]byte, 200)
	for i := range all {
		all[i] = byte(i * 7)
	}
	for from := range 9 {
		for to := from; to <= len(all); to++ {
			b := bytes.Clone(all)
			Mask(b[from:to], key)
			for i := range b {
				want := all[i]
				if i >= from && i < to {
					want ^= key[(i-from)%4]
				}
				if b[i] != want {
					t.Fatalf("bytes %d to %d: byte %d is %#x, want %#x", from, to, i, b[i], want)
				}
			}
		}
	}
}
