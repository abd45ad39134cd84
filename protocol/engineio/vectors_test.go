package engineio_test

import (
	"encoding/hex"
	"encoding/json"
	"os"
	"testing"

	"github.com/throng-io/throng/protocol/engineio"
)

// vector is an entry of testdata/vectors.json, recorded from the reference implementation. Text is
// UTF-8; {"$bin":hex} is a binary value.
type vector struct {
	Name        string
	Layer       string
	Direction   string
	Encoding    string
	Encoded     json.RawMessage
	Decoded     json.RawMessage
	Recommended string
}

func loadVectors(tb testing.TB) (valid, invalid []vector) {
	tb.Helper()
	b, err := os.ReadFile("testdata/vectors.json")
	if err != nil {
		tb.Fatal(err)
	}
	var file struct{ Valid, Invalid []vector }
	if err := json.Unmarshal(b, &file); err != nil {
		tb.Fatal(err)
	}
	return file.Valid, file.Invalid
}

// text returns the vector's wire form if that is one text.
func (v *vector) text(tb testing.TB) string {
	tb.Helper()
	var s string
	if err := json.Unmarshal(v.Encoded, &s); err != nil {
		tb.Fatalf("%s: %v", v.Name, err)
	}
	return s
}

// wantPacket is a decoded packet as the vectors have it; "error" stands for a packet that cannot be
// decoded.
type wantPacket struct {
	Type string
	Data json.RawMessage
}

func (w wantPacket) packet(tb testing.TB) engineio.Packet {
	tb.Helper()
	var p engineio.Packet
	for p.Type = engineio.Open; p.Type.String() != w.Type; p.Type++ {
		if p.Type > engineio.Noop {
			tb.Fatalf("no packet type is called %q", w.Type)
		}
	}
	if w.Data == nil {
		return p
	}
	var s string
	if json.Unmarshal(w.Data, &s) == nil {
		p.Data = []byte(s)
		return p
	}
	var bin struct {
		Hex *string `json:"$bin"`
	}
	if err := json.Unmarshal(w.Data, &bin); err != nil || bin.Hex == nil {
		tb.Fatalf("data %s is neither text nor binary", w.Data)
	}
	p.Binary = true
	p.Data = unhex(tb, *bin.Hex)
	return p
}

func unhex(tb testing.TB, s string) []byte {
	tb.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

func samePacket(a, b engineio.Packet) bool {
	return a.Type == b.Type && a.Binary == b.Binary && string(a.Data) == string(b.Data)
}

func TestValidPackets(t *testing.T) {
	valid, _ := loadVectors(t)
	tested := 0
	for _, v := range valid {
		if v.Layer != "engine" {
			continue
		}
		tested++
		var w wantPacket
		if err := json.Unmarshal(v.Decoded, &w); err != nil {
			t.Fatal(err)
		}
		want := w.packet(t)
		if v.Encoding == "hex" {
			// A binary frame is the packet's data; what there is to test is its way through a text
			// frame and back.
			got, err := engineio.Parse(want.AppendText(nil))
			if err != nil || !samePacket(got, want) || string(got.Data) != string(unhex(t, v.text(t))) {
				t.Errorf("%s: through text: %v %v, want %v", v.Name, got, err, want)
			}
			continue
		}
		if got, err := engineio.Parse([]byte(v.text(t))); err != nil || !samePacket(got, want) {
			t.Errorf("%s: Parse(%q) = %v, %v, want %v", v.Name, v.text(t), got, err, want)
		}
		if v.Direction == "both" {
			if got := string(want.AppendText([]byte("x"))); got != "x"+v.text(t) {
				t.Errorf("%s: AppendText = %q, want %q", v.Name, got, v.text(t))
			}
		}
	}
	if tested != 24 {
		t.Errorf("tested %d vectors, want 24", tested)
	}
}

func TestValidPayloads(t *testing.T) {
	valid, _ := loadVectors(t)
	tested := 0
	for _, v := range valid {
		if v.Layer != "payload" {
			continue
		}
		tested++
		var ws []wantPacket
		if err := json.Unmarshal(v.Decoded, &ws); err != nil {
			t.Fatal(err)
		}
		var body []byte
		p := engineio.NewPayload([]byte(v.text(t)))
		for i, w := range ws {
			if w.Type == "error" {
				if p.Next() || p.Err() == nil {
					t.Errorf("%s: packet %d was accepted", v.Name, i+1)
				}
				continue
			}
			want := w.packet(t)
			if !p.Next() || !samePacket(p.Packet(), want) {
				t.Errorf("%s: packet %d is %v (%v), want %v", v.Name, i+1, p.Packet(), p.Err(), want)
			}
			body = engineio.AppendPayload(body, want)
		}
		if p.Next() {
			t.Errorf("%s: more than %d packets", v.Name, len(ws))
		}
		if v.Direction == "both" {
			if p.Err() != nil {
				t.Errorf("%s: %v", v.Name, p.Err())
			}
			if string(body) != v.text(t) {
				t.Errorf("%s: encoded as %q, want %q", v.Name, body, v.text(t))
			}
		}
	}
	if tested != 12 {
		t.Errorf("tested %d vectors, want 12", tested)
	}
}

// leftToSession names the invalid vectors that are well-formed packets: what is wrong is their
// direction, moment or size, which a codec cannot see.
var leftToSession = map[string]bool{
	"ping from the client in v4":                                     true,
	"probe on an already open websocket session":                     true,
	"unsolicited pong":                                               true,
	"open from the client":                                           true,
	"upgrade outside an upgrade":                                     true,
	"noop from the client":                                           true,
	"close packet over websocket":                                    true,
	"message longer than maxPayload (1001 > 1000)":                   true,
	"binary longer than maxPayload":                                  true,
	"payload client ping (v4)":                                       true,
	"payload content-type application/octet-stream (CVE-2026-59725)": true,
	"payload above maxHttpBufferSize":                                true,
	"payload v3 syntax on a v4 session":                              true,
	"payload messages after a close packet":                          true,
}

// deliveredBefore is how many packets stand before the bad one.
var deliveredBefore = map[string]int{
	"payload trailing separator":  1,
	"payload double separator":    1,
	"payload error in the middle": 1,
}

func TestInvalid(t *testing.T) {
	_, invalid := loadVectors(t)
	rejected := 0
	for _, v := range invalid {
		var frames []json.RawMessage
		if v.Layer == "payload" {
			frames = []json.RawMessage{v.Encoded}
		} else if err := json.Unmarshal(v.Encoded, &frames); err != nil {
			t.Fatal(err)
		}
		var text string
		if json.Unmarshal(frames[0], &text) != nil {
			if !leftToSession[v.Name] {
				t.Errorf("%s: a binary frame cannot be refused by the codec", v.Name)
			}
			continue
		}
		read, err := 0, error(nil)
		if v.Layer == "payload" {
			p := engineio.NewPayload([]byte(text))
			for p.Next() {
				read++
			}
			err = p.Err()
		} else {
			_, err = engineio.Parse([]byte(text))
		}
		switch {
		case leftToSession[v.Name] && err != nil:
			t.Errorf("%s: refused with %v, but a codec cannot judge it", v.Name, err)
		case !leftToSession[v.Name] && err == nil:
			t.Errorf("%s: accepted; recommended: %s", v.Name, v.Recommended)
		case !leftToSession[v.Name]:
			rejected++
			if read != deliveredBefore[v.Name] {
				t.Errorf("%s: %d packets before the error, want %d", v.Name, read, deliveredBefore[v.Name])
			}
		}
	}
	if want := len(invalid) - len(leftToSession); rejected != want {
		t.Errorf("rejected %d vectors, want %d", rejected, want)
	}
}
