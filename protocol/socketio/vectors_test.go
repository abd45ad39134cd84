package socketio

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"reflect"
	"strings"
	"testing"
)

// vector is an entry of testdata/vectors.json, recorded from the reference implementation: the
// messages of one packet (text, or {"$bin":hex}) and what they decode to.
type vector struct {
	Name        string
	Direction   string
	Encoded     []message
	Decoded     json.RawMessage
	Recommended string
}

type message struct {
	text   string
	data   []byte
	binary bool
}

func (m *message) UnmarshalJSON(b []byte) error {
	if b[0] == '"' {
		return json.Unmarshal(b, &m.text)
	}
	var bin struct {
		Hex string `json:"$bin"`
	}
	if err := json.Unmarshal(b, &bin); err != nil {
		return err
	}
	m.binary = true
	var err error
	m.data, err = hex.DecodeString(bin.Hex)
	return err
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
	if len(file.Valid) != 59 || len(file.Invalid) != 83 {
		tb.Fatalf("%d valid and %d invalid vectors, want 59 and 83", len(file.Valid), len(file.Invalid))
	}
	return file.Valid, file.Invalid
}

// wantPacket is a packet as the vectors have it.
type wantPacket struct {
	WireType Type
	Nsp      string
	ID       *uint64
	Data     json.RawMessage
}

// feed gives messages to d, each from memory that is overwritten afterwards, except for the last
// one, which the packet may alias.
func feed(d *Decoder, messages []message) (p *Packet, err error) {
	for i, m := range messages {
		if p != nil {
			return nil, errors.New("packet complete before its last message")
		}
		if i > 0 && d.Pending() == 0 {
			return nil, errors.New("nothing is pending")
		}
		var b []byte
		if m.binary {
			b = bytes.Clone(m.data)
			p, err = d.Binary(b)
		} else {
			b = []byte(m.text)
			p, err = d.Text(b)
		}
		if err != nil {
			return nil, err
		}
		if p == nil {
			for k := range b {
				b[k] = 'X'
			}
		}
	}
	return p, nil
}

// withBinary replaces {"$bin":hex} by []byte in a decoded JSON value.
func withBinary(tb testing.TB, v any) any {
	tb.Helper()
	switch v := v.(type) {
	case []any:
		for i := range v {
			v[i] = withBinary(tb, v[i])
		}
	case map[string]any:
		if s, ok := v["$bin"].(string); ok {
			b, err := hex.DecodeString(s)
			if err != nil {
				tb.Fatal(err)
			}
			return b
		}
		for k := range v {
			v[k] = withBinary(tb, v[k])
		}
	}
	return v
}

// bindAll decodes the payload of p into a value, attachments included.
func bindAll(p *Packet) (any, error) {
	if p.Data == nil {
		return nil, nil
	}
	var v any
	if err := Bind(p.Data, p.Binary, &v); err != nil {
		return nil, err
	}
	return v, nil
}

func TestValidDecode(t *testing.T) {
	valid, _ := loadVectors(t)
	var d Decoder
	for _, v := range valid {
		if v.Direction != "both" && v.Direction != "decode" {
			t.Errorf("%s: direction %q", v.Name, v.Direction)
		}
		var want wantPacket
		if err := json.Unmarshal(v.Decoded, &want); err != nil {
			t.Fatal(err)
		}
		p, err := feed(&d, v.Encoded)
		if err != nil || p == nil {
			t.Errorf("%s: %v, %v", v.Name, p, err)
			continue
		}
		if p.Type != want.WireType || string(p.Namespace) != want.Nsp || p.HasID != (want.ID != nil) || p.HasID && p.ID != *want.ID {
			t.Errorf("%s: got %v %s %v %d, want %s", v.Name, p.Type, p.Namespace, p.HasID, p.ID, v.Decoded)
		}
		if p.Attachments != len(v.Encoded)-1 || len(p.Binary) != p.Attachments || d.Pending() != 0 {
			t.Errorf("%s: %d attachments announced, %d there, %d pending", v.Name, p.Attachments, len(p.Binary), d.Pending())
		}
		var wantData any
		if want.Data != nil {
			if err := json.Unmarshal(want.Data, &wantData); err != nil {
				t.Fatal(err)
			}
			wantData = withBinary(t, wantData)
		}
		if got, err := bindAll(p); err != nil || !reflect.DeepEqual(got, wantData) {
			t.Errorf("%s: data %#v, %v, want %#v", v.Name, got, err, wantData)
		}
		if p.Type == Event || p.Type == BinaryEvent {
			checkSplit(t, v.Name, p, wantData.([]any))
		}
	}
}

// checkSplit compares SplitEvent, NextArg and Bind with the decoded array.
func checkSplit(t *testing.T, what string, p *Packet, want []any) {
	t.Helper()
	name, args, err := SplitEvent(p.Data)
	if err != nil || string(name) != fmt.Sprint(want[0]) {
		t.Errorf("%s: event %q, %v, want %v", what, name, err, want[0])
		return
	}
	got := make([]any, len(want)-1)
	dst := make([]any, len(got))
	for i := range got {
		dst[i] = &got[i]
	}
	if err := Bind(args, p.Binary, dst...); err != nil || !reflect.DeepEqual(got, want[1:]) {
		t.Errorf("%s: arguments %#v, %v, want %#v", what, got, err, want[1:])
	}
	count := 0
	for arg, rest := NextArg(args); arg != nil; arg, rest = NextArg(rest) {
		if !json.Valid(arg) {
			t.Errorf("%s: argument %q", what, arg)
		}
		count++
	}
	if count != len(got) {
		t.Errorf("%s: %d arguments, want %d", what, count, len(got))
	}
}

func TestValidEncode(t *testing.T) {
	valid, _ := loadVectors(t)
	for _, v := range valid {
		if v.Direction != "both" {
			continue
		}
		// The header and raw data, for every type.
		var p Packet
		if err := p.Parse([]byte(v.Encoded[0].text)); err != nil {
			t.Fatal(err)
		}
		if got := string(p.Append([]byte("x"))); got != "x"+v.Encoded[0].text {
			t.Errorf("%s: Append = %q, want %q", v.Name, got[1:], v.Encoded[0].text)
		}
		// The values, through the function that makes such packets.
		var want wantPacket
		if err := json.Unmarshal(v.Decoded, &want); err != nil {
			t.Fatal(err)
		}
		got, attachments, ok := encodeValues(t, &v, want)
		if !ok {
			continue
		}
		if got != v.Encoded[0].text {
			t.Errorf("%s: encoded as %q, want %q", v.Name, got, v.Encoded[0].text)
		}
		if len(attachments) != len(v.Encoded)-1 {
			t.Errorf("%s: %d attachments, want %d", v.Name, len(attachments), len(v.Encoded)-1)
			continue
		}
		for i, b := range attachments {
			if !bytes.Equal(b, v.Encoded[i+1].data) {
				t.Errorf("%s: attachment %d is %x", v.Name, i, b)
			}
		}
	}
}

// encodeValues encodes the decoded form of a vector. It cannot do so for a lone surrogate, which is
// no Go string, and for an event whose name is a number, which AppendEvent does not make.
func encodeValues(t *testing.T, v *vector, want wantPacket) (string, [][]byte, bool) {
	t.Helper()
	var data any
	if want.Data != nil {
		if err := json.Unmarshal(want.Data, &data); err != nil {
			t.Fatal(err)
		}
		data = withBinary(t, data)
	}
	var id uint64
	if want.ID != nil {
		id = *want.ID
	}
	var text []byte
	var attachments [][]byte
	var err error
	switch want.WireType {
	case Event, BinaryEvent:
		array := data.([]any)
		name, isString := array[0].(string)
		if !isString || strings.Contains(v.Name, "lone surrogate") {
			return "", nil, false
		}
		text, attachments, err = AppendEvent(nil, want.Nsp, id, want.ID != nil, name, array[1:]...)
	case Ack, BinaryAck:
		text, attachments, err = AppendAck(nil, want.Nsp, id, data.([]any)...)
	case ConnectError:
		object, isObject := data.(map[string]any)
		if !isObject { // the form of protocol 4, which only is decoded
			return "", nil, false
		}
		text, err = AppendConnectError(nil, want.Nsp, object["message"].(string), object["data"])
	default:
		return "", nil, false
	}
	if err != nil {
		t.Errorf("%s: %v", v.Name, err)
	}
	return string(text), attachments, true
}

// leftToOwner names the invalid vectors that are well-formed packets, with the reason why the codec
// accepts them.
var leftToOwner = map[string]string{
	"event to a namespace that was not joined":                        "depends on the namespaces joined",
	"ack to a namespace that was not joined":                          "depends on the namespaces joined",
	"disconnect of a namespace that was not joined":                   "depends on the namespaces joined",
	"ack without payload":                                             "recommended: ignore",
	"ack without id":                                                  "recommended: ignore",
	"ack with unknown id":                                             "recommended: ignore",
	"connect a second time to the same namespace":                     "depends on the namespaces joined",
	"connect to an unknown namespace":                                 "gets an answer",
	"connect error sent by a client":                                  "right from a server",
	"event before any connect":                                        "depends on the namespaces joined",
	"ack before any connect":                                          "depends on the namespaces joined",
	"disconnect before any connect":                                   "depends on the namespaces joined",
	"event ack id above 2^53":                                         "an uint64 holds it, so it goes back exactly",
	"attachments that never come (no timeout in the official server)": "recommended: keep waiting, see Decoder.Pending",
}

func TestInvalidDecode(t *testing.T) {
	_, invalid := loadVectors(t)
	seen := 0
	for _, v := range invalid {
		var d Decoder
		var err error
		for _, m := range v.Encoded {
			var p *Packet
			if m.binary {
				p, err = d.Binary(m.data)
			} else {
				p, err = d.Text([]byte(m.text))
			}
			if err != nil {
				if p != nil || d.Pending() != 0 {
					t.Errorf("%s: packet %v and %d pending beside an error", v.Name, p, d.Pending())
				}
				var pe *ParseError
				if errors.As(err, &pe) && (pe.Offset < 0 || pe.Offset > len(m.text)) {
					t.Errorf("%s: offset %d", v.Name, pe.Offset)
				}
				break
			}
		}
		_, accept := leftToOwner[v.Name]
		if accept {
			seen++
		}
		if accept && err != nil {
			t.Errorf("%s: refused with %v", v.Name, err)
		}
		if !accept && err == nil {
			t.Errorf("%s: accepted; recommended: %s", v.Name, v.Recommended)
		}
	}
	if seen != len(leftToOwner) {
		t.Errorf("met %d of the %d vectors left to the owner", seen, len(leftToOwner))
	}
}
