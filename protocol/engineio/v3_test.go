package engineio_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/throng-io/throng/protocol/engineio"
)

// recorded is an entry of testdata/eio3.json or testdata/webtransport.json.
type recorded struct {
	vector
	Kind            string
	EncodedIsPrefix bool
	EncodedLength   int
}

func loadRecorded(tb testing.TB, name string) (valid, invalid []recorded) {
	tb.Helper()
	b, err := os.ReadFile("testdata/" + name)
	if err != nil {
		tb.Fatal(err)
	}
	var file struct{ Valid, Invalid []recorded }
	if err := json.Unmarshal(b, &file); err != nil {
		tb.Fatal(err)
	}
	return file.Valid, file.Invalid
}

func (v *recorded) bytes(tb testing.TB) []byte {
	tb.Helper()
	if v.Encoding == "hex" {
		return unhex(tb, v.text(tb))
	}
	return []byte(v.text(tb))
}

func TestV3Packets(t *testing.T) {
	valid, _ := loadRecorded(t, "eio3.json")
	tested := 0
	for _, v := range valid {
		if v.Kind != "packet" {
			continue
		}
		tested++
		var w wantPacket
		if err := json.Unmarshal(v.Decoded, &w); err != nil {
			t.Fatal(err)
		}
		want := w.packet(t)
		parse, appendTo := engineio.ParseV3, want.AppendTextV3
		if v.Encoding == "hex" {
			parse, appendTo = engineio.ParseBinaryV3, want.AppendBinaryV3
		}
		if got, err := parse(v.bytes(t)); err != nil || !samePacket(got, want) {
			t.Errorf("%s: %v, %v, want %v", v.Name, got, err, want)
		}
		if got := appendTo([]byte("x")); string(got[1:]) != string(v.bytes(t)) {
			t.Errorf("%s: encoded as %q", v.Name, got[1:])
		}
	}
	if tested != 4 {
		t.Errorf("tested %d vectors, want 4", tested)
	}
}

func TestV3PacketErrors(t *testing.T) {
	for in, want := range map[string]error{
		"":         engineio.ErrEmpty,
		"7":        engineio.ErrType,
		"b":        engineio.ErrType,
		"b2AQID":   engineio.ErrType, // only a message is binary
		"bAQIDBA=": engineio.ErrType, // revision 4
		"b4A":      engineio.ErrBase64,
		"b4A!==":   engineio.ErrBase64,
	} {
		if p, err := engineio.ParseV3([]byte(in)); !errors.Is(err, want) || !samePacket(p, engineio.Packet{}) {
			t.Errorf("%q: %v, %v, want %v", in, p, err, want)
		}
	}
	for in, want := range map[string]error{"": engineio.ErrEmpty, "\x02a": engineio.ErrType, "4a": engineio.ErrType} {
		if p, err := engineio.ParseBinaryV3([]byte(in)); !errors.Is(err, want) || !samePacket(p, engineio.Packet{}) {
			t.Errorf("%q: %v, %v, want %v", in, p, err, want)
		}
	}
}

func TestV3Payloads(t *testing.T) {
	valid, _ := loadRecorded(t, "eio3.json")
	tested := 0
	for _, v := range valid {
		if v.Kind != "payload" {
			continue
		}
		tested++
		var ws []wantPacket
		if err := json.Unmarshal(v.Decoded, &ws); err != nil {
			t.Fatal(err)
		}
		binary := v.Encoding == "hex"
		encode := engineio.AppendPayloadV3
		if binary {
			encode = engineio.AppendBinaryPayloadV3
		}
		var body []byte
		p := engineio.NewPayloadV3(v.bytes(t), binary)
		for i, w := range ws {
			want := w.packet(t)
			if !p.Next() || !samePacket(p.Packet(), want) {
				t.Errorf("%s: packet %d is %v (%v), want %v", v.Name, i+1, p.Packet(), p.Err(), want)
			}
			body = encode(body, want)
		}
		if p.Next() || p.Err() != nil {
			t.Errorf("%s: more than %d packets, or %v", v.Name, len(ws), p.Err())
		}
		if string(body) != string(v.bytes(t)) {
			t.Errorf("%s: encoded as %q", v.Name, body)
		}
	}
	if tested != 9 {
		t.Errorf("tested %d vectors, want 9", tested)
	}
}

func TestV3Invalid(t *testing.T) {
	_, invalid := loadRecorded(t, "eio3.json")
	before := map[string]int{"v3 payload trailing digits": 1}
	if len(invalid) != 10 {
		t.Errorf("%d vectors, want 10", len(invalid))
	}
	for _, v := range invalid {
		read := 0
		p := engineio.NewPayloadV3(v.bytes(t), v.Encoding == "hex")
		for p.Next() {
			read++
		}
		if skipped := v.Name == "v3 payload length 0"; (p.Err() == nil) != skipped {
			t.Errorf("%s: error %v; recommended: %s", v.Name, p.Err(), v.Recommended)
		}
		if read != before[v.Name] || p.Next() || !samePacket(p.Packet(), engineio.Packet{}) {
			t.Errorf("%s: %d packets before the end, want %d", v.Name, read, before[v.Name])
		}
	}
}

func TestV3PayloadErrors(t *testing.T) {
	for _, test := range []struct {
		body   string
		binary bool
		read   int
		want   error
	}{
		{"0:1:20:1:3", false, 2, nil}, // empty packets are skipped wherever they stand
		{"006:4hello", false, 1, nil},
		{"2:4\U0001F600", false, 0, engineio.ErrLength}, // half a character
		{"3:4\U0001F600", false, 1, nil},
		{"3:4\xff\xfe", false, 1, nil}, // each wrong byte is one U+FFFD
		{"9999999999999999999999:4", false, 0, engineio.ErrLength},
		{"18446744073709551617:2", false, 0, engineio.ErrLength}, // 2^64 + 1
		{":1:2", false, 0, engineio.ErrLength},
		{strings.Repeat("0", 1000) + "1:2", false, 1, nil},
		{"5:b4AQ=", false, 0, engineio.ErrBase64},
		{"\x02\x01\xff4", true, 0, engineio.ErrForm},
		{"\x00\xff", true, 0, engineio.ErrEmpty},
		{"\x01\x00\xff", true, 0, engineio.ErrEmpty},
		{"\x01\x01\xff\x02", true, 0, engineio.ErrType},
		{"\x01\x0a\xff\x04", true, 0, engineio.ErrLength},
		{"\x01\x02\xff\x04", true, 0, engineio.ErrLength},
		{"\x01\x09\x09\x09\x09\x09\x09\x09\x09\x09\x09\x09\x09\x09\x09\x09\x09\x09\x09\x09\x09\xff\x04", true, 0, engineio.ErrLength},
		{"\x00", true, 0, engineio.ErrLength},
		{"\x00\x01\xff2\x01\x01\xff\x04", true, 2, nil},
		{"", true, 0, engineio.ErrEmpty},
	} {
		read := 0
		p := engineio.NewPayloadV3([]byte(test.body), test.binary)
		for p.Next() {
			read++
		}
		if read != test.read || !errors.Is(p.Err(), test.want) {
			t.Errorf("%.40q: %d packets, %v, want %d, %v", test.body, read, p.Err(), test.read, test.want)
		}
	}
	p := engineio.NewPayloadV3([]byte("0:"), false) // as engine.io 3 answers a poll without packets
	if p.Next() || p.Err() != nil {
		t.Errorf("empty payload: %v, %v", p.Packet(), p.Err())
	}
}

// FuzzPayloadV3 checks that both forms are read within their bounds, and that what was read can be
// written and read again.
func FuzzPayloadV3(f *testing.F) {
	valid, invalid := loadRecorded(f, "eio3.json")
	for _, v := range append(valid, invalid...) {
		f.Add(v.bytes(f), v.Encoding == "hex")
	}
	f.Add([]byte("2:4\xf0\x9f\x98\x80"), false)
	f.Add([]byte("12:4abcdefghijk3:4\xed\xa0\x80"), false)
	f.Fuzz(func(t *testing.T, in []byte, binary bool) {
		b, intact := guarded(in)
		p := engineio.NewPayloadV3(b, binary)
		var packets []engineio.Packet
		size := 0
		for p.Next() {
			q := p.Packet()
			if q.Type > engineio.Noop || q.Binary && q.Type != engineio.Message {
				t.Fatalf("packet %v", q)
			}
			packets = append(packets, q)
			size += 1 + len(q.Data)
		}
		if !intact() {
			t.Fatal("wrote outside the input")
		}
		if size > len(in) {
			t.Fatalf("%d bytes of packets out of %d", size, len(in))
		}
		for _, form := range []bool{false, true} {
			var body []byte
			for _, q := range packets {
				if form {
					body = engineio.AppendBinaryPayloadV3(body, q)
				} else {
					body = engineio.AppendPayloadV3(body, q)
				}
			}
			again := engineio.NewPayloadV3(body, form)
			for i, q := range packets {
				if !again.Next() || !samePacket(again.Packet(), q) {
					t.Fatalf("binary form %v: packet %d: %v became %v, %v", form, i, q, again.Packet(), again.Err())
				}
			}
			if len(packets) > 0 && (again.Next() || again.Err() != nil) {
				t.Fatalf("more than %d packets, or %v", len(packets), again.Err())
			}
		}
	})
}

// FuzzParseV3 holds text against the form of revision 4.
func FuzzParseV3(f *testing.F) {
	for _, s := range []string{"4hello", "b4AQIDBA==", "2probe", "b4", "b"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		b, intact := guarded(in)
		p, err := engineio.ParseV3(b)
		if !intact() {
			t.Fatal("wrote outside the input")
		}
		v4 := bytes.Clone(in)
		if len(v4) > 1 && v4[0] == 'b' && v4[1] == '4' {
			v4 = append([]byte{'b'}, v4[2:]...)
		} else if len(v4) > 0 && v4[0] == 'b' {
			v4[0] = 'x'
		}
		want, wantErr := engineio.Parse(v4)
		if !samePacket(p, want) || !errors.Is(err, wantErr) {
			t.Fatalf("%q: %v, %v, want %v, %v", in, p, err, want, wantErr)
		}
		if err != nil {
			return
		}
		if again, err := engineio.ParseV3(p.AppendTextV3(nil)); err != nil || !samePacket(again, p) {
			t.Fatalf("%v became %v, %v", p, again, err)
		}
	})
}
