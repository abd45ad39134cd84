package socketio

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"
	"reflect"
	"testing"
	"time"
)

// msgpackVector is an entry of testdata/msgpack.json, recorded from the reference implementation of
// the MessagePack parser.
type msgpackVector struct {
	Name        string
	Encoding    string
	Encoded     string
	Decoded     json.RawMessage
	Recommended string
}

func (v *msgpackVector) bytes(tb testing.TB) []byte {
	tb.Helper()
	if v.Encoding == "string" {
		return []byte(v.Encoded)
	}
	b, err := hex.DecodeString(v.Encoded)
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

func loadMsgpack(tb testing.TB) (valid, invalid []msgpackVector) {
	tb.Helper()
	b, err := os.ReadFile("testdata/msgpack.json")
	if err != nil {
		tb.Fatal(err)
	}
	var file struct{ Valid, Invalid []msgpackVector }
	if err := json.Unmarshal(b, &file); err != nil {
		tb.Fatal(err)
	}
	if len(file.Valid) != 21 || len(file.Invalid) != 21 {
		tb.Fatalf("%d valid and %d invalid vectors, want 21 and 21", len(file.Valid), len(file.Invalid))
	}
	return file.Valid, file.Invalid
}

// wanted is what a vector decodes to.
type wanted struct {
	Type string
	Nsp  string
	ID   *uint64
	Data any
}

func (v *msgpackVector) want(tb testing.TB) wanted {
	tb.Helper()
	var w wanted
	if err := json.Unmarshal(v.Decoded, &w); err != nil {
		tb.Fatal(err)
	}
	w.Data = withDates(tb, withBinary(tb, w.Data))
	if v.Name == "msgpack event ArrayBuffer (ext8, ext type 0)" {
		w.Data.([]any)[1] = []byte{1, 2, 3} // JSON could not tell
	}
	return w
}

// withDates replaces {"$date":iso} by a time.Time in a decoded JSON value.
func withDates(tb testing.TB, v any) any {
	tb.Helper()
	switch v := v.(type) {
	case []any:
		for i := range v {
			v[i] = withDates(tb, v[i])
		}
	case map[string]any:
		if s, ok := v["$date"].(string); ok {
			t, err := time.Parse(time.RFC3339, s)
			if err != nil {
				tb.Fatal(err)
			}
			return t
		}
	}
	return v
}

func checkMsgpackPacket(t *testing.T, what string, p *Packet, w wanted) {
	t.Helper()
	if p.Type.String() != w.Type || string(p.Namespace) != w.Nsp || p.HasID != (w.ID != nil) || p.HasID && p.ID != *w.ID {
		t.Errorf("%s: got %v %s %v %d, want %+v", what, p.Type, p.Namespace, p.HasID, p.ID, w)
	}
	if p.Attachments != 0 || p.Binary != nil {
		t.Errorf("%s: %d attachments", what, p.Attachments)
	}
	var data any
	if err := MessagePack.Bind(p.Data, nil, &data); err != nil || !reflect.DeepEqual(data, w.Data) {
		t.Errorf("%s: data %#v, %v, want %#v", what, data, err, w.Data)
	}
	if p.Type != Event {
		return
	}
	array := w.Data.([]any)
	name, args, err := MessagePack.SplitEvent(p.Data)
	if err != nil || string(name) != array[0] {
		t.Errorf("%s: event %q, %v, want %v", what, name, err, array[0])
	}
	for i, want := range array[1:] {
		var arg []byte
		var got any
		if arg, args = MessagePack.NextArg(args); arg == nil {
			t.Errorf("%s: %d arguments, want %d", what, i, len(array)-1)
			return
		}
		if err := MessagePack.Bind(arg, nil, &got); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: argument %d is %#v, %v, want %#v", what, i+1, got, err, want)
		}
	}
	if arg, _ := MessagePack.NextArg(args); arg != nil {
		t.Errorf("%s: more than %d arguments", what, len(array)-1)
	}
}

func TestMessagePackValid(t *testing.T) {
	valid, _ := loadMsgpack(t)
	d := Decoder{Parser: MessagePack}
	for _, v := range valid {
		w := v.want(t)
		p, err := d.Binary(v.bytes(t))
		if err != nil || p == nil {
			t.Errorf("%s: %v, %v", v.Name, p, err)
			continue
		}
		checkMsgpackPacket(t, v.Name, p, w)

		var id uint64
		if w.ID != nil {
			id = *w.ID
		}
		var b []byte
		switch p.Type {
		case Connect:
			b, err = MessagePack.AppendConnect([]byte("x"), w.Nsp, w.Data)
		case Disconnect:
			b = MessagePack.AppendDisconnect([]byte("x"), w.Nsp)
		case Event:
			array := w.Data.([]any)
			b, _, err = MessagePack.AppendEvent([]byte("x"), w.Nsp, id, w.ID != nil, array[0].(string), array[1:]...)
		case Ack:
			b, _, err = MessagePack.AppendAck([]byte("x"), w.Nsp, id, w.Data.([]any)...)
		case ConnectError:
			object := w.Data.(map[string]any)
			b, err = MessagePack.AppendConnectError([]byte("x"), w.Nsp, object["message"].(string), object["data"])
		}
		if err != nil {
			t.Errorf("%s: %v", v.Name, err)
			continue
		}
		var again Packet
		if err := MessagePack.Parse(&again, b[1:]); err != nil || b[0] != 'x' {
			t.Errorf("%s: encoded as %x: %v", v.Name, b, err)
			continue
		}
		checkMsgpackPacket(t, v.Name+", encoded", &again, w)
	}
}

func TestMessagePackInvalid(t *testing.T) {
	_, invalid := loadMsgpack(t)
	for _, v := range invalid {
		b := v.bytes(t)
		d := Decoder{Parser: MessagePack}
		p, err := d.Binary(b)
		var pe *ParseError
		if p != nil || !errors.As(err, &pe) {
			t.Errorf("%s: accepted, or %v; recommended: %s", v.Name, err, v.Recommended)
			continue
		}
		if pe.Offset < 0 || pe.Offset > len(b) {
			t.Errorf("%s: offset %d of %d", v.Name, pe.Offset, len(b))
		}
	}
	d := Decoder{Parser: MessagePack}
	if p, err := d.Text([]byte(`2["a"]`)); p != nil || !errors.Is(err, ErrUnexpectedText) {
		t.Errorf("text: %v, %v", p, err)
	}
}
