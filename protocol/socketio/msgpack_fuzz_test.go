package socketio

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/vmihailenco/msgpack/v5"
)

// fenced returns a copy of b with no room behind it, and a function that reports whether it is
// still the same.
func fenced(b []byte) (in []byte, intact func() bool) {
	in = slices.Clip(bytes.Clone(b))
	return in, func() bool { return bytes.Equal(in, b) }
}

// FuzzParseMessagePack checks what every packet must fulfil that was accepted.
func FuzzParseMessagePack(f *testing.F) {
	valid, invalid := loadMsgpack(f)
	for _, v := range append(valid, invalid...) {
		f.Add(v.bytes(f))
	}
	f.Add(nestedPacket(20, 0x80))
	f.Fuzz(func(t *testing.T, b []byte) {
		in, intact := fenced(b)
		var p Packet
		if err := p.ParseMessagePack(in); err != nil {
			var pe *ParseError
			if !errors.As(err, &pe) || pe.Offset < 0 || pe.Offset > len(in) {
				t.Fatal(err)
			}
			return
		}
		if p.Type > ConnectError || len(p.Namespace) == 0 || p.Namespace[0] != '/' || !utf8.Valid(p.Namespace) || p.Attachments != 0 || p.Binary != nil {
			t.Fatalf("%x: %v", in, p)
		}
		var v any
		if err := MessagePack.Bind(p.Data, nil, &v); err != nil && !errors.Is(err, errMsgpackExt) {
			t.Fatalf("%x: %v", p.Data, err)
		} else if err == nil && p.Data != nil {
			sameAsLibrary(t, p.Data, v)
		}
		text, err := MessagePack.AppendJSON(nil, p.Data)
		if err == nil && p.Data != nil && !validJSON(text) {
			t.Fatalf("%x became %s", p.Data, text)
		}
		if p.Type == Event || p.Type == Ack {
			checkRelay(t, &p)
		}
		if !intact() {
			t.Fatal("the input has changed")
		}
	})
}

// checkRelay passes an event or ack on as it is, and takes its list apart.
func checkRelay(t *testing.T, p *Packet) {
	t.Helper()
	args := MessagePack.AckArgs(p.Data)
	if p.Type == Event {
		name, rest, err := MessagePack.SplitEvent(p.Data)
		if err != nil || Reserved(name) || !utf8.Valid(name) {
			t.Fatalf("%x: event %q, %v", p.Data, name, err)
		}
		args = rest
	}
	var list []byte
	for arg, rest := MessagePack.NextArg(args); arg != nil; arg, rest = MessagePack.NextArg(rest) {
		list = append(list, arg...)
	}
	if !bytes.Equal(list, args) {
		t.Fatalf("%x fell into %x", args, list)
	}
	var b []byte
	if p.Type == Event {
		b = MessagePack.AppendRawEvent(nil, string(p.Namespace), p.ID, p.HasID, "relayed", args, 0)
	} else {
		b = MessagePack.AppendRawAck(nil, string(p.Namespace), p.ID, args, 0)
	}
	var q Packet
	if err := q.ParseMessagePack(b); err != nil {
		t.Fatalf("%x: %v", b, err)
	}
	again := MessagePack.AckArgs(q.Data)
	if p.Type == Event {
		_, again, _ = MessagePack.SplitEvent(q.Data)
	}
	if q.Type != p.Type || string(q.Namespace) != string(p.Namespace) || q.ID != p.ID || !bytes.Equal(again, args) {
		t.Fatalf("%v became %v", p, q)
	}
}

// sameAsLibrary compares a decoded value with what msgpack/v5 decodes, if it does: it knows nothing
// of the dialect's extensions.
func sameAsLibrary(t *testing.T, b []byte, got any) {
	t.Helper()
	d := msgpack.NewDecoder(bytes.NewReader(b))
	d.SetMapDecoder(func(d *msgpack.Decoder) (any, error) { return d.DecodeUntypedMap() })
	want, err := d.DecodeInterface()
	if err != nil {
		return
	}
	if want, ok := likeJavaScript(want); ok && !equalValues(got, want) {
		t.Fatalf("%.200x: %.200v, msgpack/v5 has %.200v", b, got, want)
	}
}

// likeJavaScript gives a value of msgpack/v5 the types that Bind has: one kind of number, keys that
// are strings. It fails for the standard's own timestamps, and where two keys become one.
func likeJavaScript(v any) (any, bool) {
	if n, ok := libraryNumber(v); ok {
		return n, true
	}
	switch v := v.(type) {
	case []any:
		for i := range v {
			var ok bool
			if v[i], ok = likeJavaScript(v[i]); !ok {
				return nil, false
			}
		}
		return v, true
	case map[any]any:
		m := map[string]any{}
		for k, e := range v {
			name := fmt.Sprint(k) // a string or an integer
			if _, twice := m[name]; twice {
				return nil, false
			}
			var ok bool
			if m[name], ok = likeJavaScript(e); !ok {
				return nil, false
			}
		}
		return m, true
	case nil, bool, string, []byte:
		return v, true
	}
	return nil, false
}

func libraryNumber(v any) (float64, bool) {
	r := reflect.ValueOf(v)
	switch {
	case v == nil:
		return 0, false
	case r.CanInt():
		return float64(r.Int()), true
	case r.CanUint():
		return float64(r.Uint()), true
	case r.CanFloat():
		return r.Float(), true
	}
	return 0, false
}

// equalValues is reflect.DeepEqual with NaN equal to itself.
func equalValues(a, b any) bool {
	switch a := a.(type) {
	case float64:
		b, ok := b.(float64)
		return ok && (a == b || math.IsNaN(a) && math.IsNaN(b))
	case []any:
		b, ok := b.([]any)
		return ok && slices.EqualFunc(a, b, equalValues)
	case map[string]any:
		b, ok := b.(map[string]any)
		if !ok || len(a) != len(b) {
			return false
		}
		for k := range a {
			if e, ok := b[k]; !ok || !equalValues(a[k], e) {
				return false
			}
		}
		return true
	}
	return reflect.DeepEqual(a, b)
}

// FuzzMessagePackBind decodes anything into variables of many types.
func FuzzMessagePackBind(f *testing.F) {
	valid, _ := loadMsgpack(f)
	for _, v := range valid {
		f.Add(v.bytes(f)[1:])
	}
	f.Add(msgpackArgs(f, map[string]any{"Name": "x", "body": []byte{1}, "any": []any{[]byte{2}, time.Unix(0, 0)}, "parts": map[string]any{"a": []byte{}}}))
	f.Add(msgpackArgs(f, []any{1, -1, 1.5, "1", true, nil}, map[int]any{1: 2}))
	f.Fuzz(func(t *testing.T, args []byte) {
		in, intact := fenced(args)
		for _, dst := range bindTargets {
			_ = MessagePack.Bind(in, nil, dst(), dst())
		}
		if text, err := MessagePack.AppendJSON(nil, in); err == nil && len(in) > 0 && !validJSON(append(append([]byte{'['}, text...), ']')) {
			t.Fatalf("%x became %s", in, text)
		}
		_, _, _ = MessagePack.SplitEvent(in)
		_ = MessagePack.AppendRawEvent(nil, "/", 0, false, "a", in, 0)
		if !intact() {
			t.Fatal("the input has changed")
		}
	})
}

var bindTargets = []func() any{
	func() any { return new(any) },
	func() any { return new(string) },
	func() any { return new(int) },
	func() any { return new(int8) },
	func() any { return new(uint32) },
	func() any { return new(float64) },
	func() any { return new(bool) },
	func() any { return new([]byte) },
	func() any { return new([]string) },
	func() any { return new([]uint16) },
	func() any { return new([2]any) },
	func() any { return new(map[string]any) },
	func() any { return new(map[int]*float32) },
	func() any { return new(upload) },
	func() any { return new([]upload) },
	func() any { return new(map[string]*upload) },
	func() any { return new(time.Time) },
	func() any { return new(net.IP) },
	func() any { return new(json.RawMessage) },
	func() any { return new(json.Number) },
}

// FuzzParsersAgree sends a JSON text through MessagePack: whatever variable takes it from the one
// parser must take the same from the other.
func FuzzParsersAgree(f *testing.F) {
	valid, _ := loadVectors(f)
	for _, v := range valid {
		if text := v.Encoded[0].text; strings.Contains(text, "[") {
			f.Add([]byte(text[strings.Index(text, "["):]))
		}
	}
	for _, size := range []int{100, 1000} {
		for _, payload := range benchPayloads(size) {
			f.Add([]byte(payload))
		}
	}
	f.Add([]byte(`{"Name":"x","body":"AQID","any":[1,-0,1e400,9223372036854775808],"parts":{"a":"","a":null},"A":1,"a":"2"}`))
	f.Add([]byte(`[[[{}],[]],{"":{"":[]}}, [1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17]]`))
	f.Fuzz(func(t *testing.T, text []byte) {
		b, err := appendMsgpackArgs(nil, []any{json.RawMessage(text)})
		if (err == nil) != (len(text) == 0 || validJSON(text)) {
			t.Fatalf("%q: %v", text, err)
		}
		if err != nil || len(text) == 0 {
			return
		}
		if arg, rest := MessagePack.NextArg(b); !bytes.Equal(arg, b) || len(rest) != 0 {
			t.Fatalf("%q became %x, of which %x is the first value", text, b, arg)
		}
		for _, dst := range bindTargets {
			got, want := dst(), dst()
			if err := JSON.Bind(text, nil, want); err != nil {
				continue
			}
			if strings.Contains(reflect.TypeOf(want).String(), "upload") && bytes.Contains(bytes.ToLower(text), []byte("rawjson")) {
				continue // its field of raw JSON has another form of the same value
			}
			if err := MessagePack.Bind(b, nil, got); err != nil {
				t.Fatalf("%q into %T: %v", text, got, err)
			}
			if !sameBound(got, want) {
				t.Fatalf("%q into %T: %#v, JSON gives %#v", text, got, reflect.ValueOf(got).Elem(), reflect.ValueOf(want).Elem())
			}
		}
	})
}

// sameBound compares decoded variables; raw JSON and numbers by their value.
func sameBound(got, want any) bool {
	switch want := want.(type) {
	case *json.RawMessage:
		var a, b any
		if json.Unmarshal(*want, &b) != nil {
			return true // a number that no float64 holds
		}
		return json.Unmarshal(*got.(*json.RawMessage), &a) == nil && reflect.DeepEqual(a, b)
	case *json.Number:
		a, _ := got.(*json.Number).Float64()
		b, err := want.Float64()
		return a == b || err != nil || *want == ""
	}
	return reflect.DeepEqual(got, want)
}

// FuzzMessagePackArgs encodes values of all kinds and reads them back, with Bind and with
// msgpack/v5.
func FuzzMessagePackArgs(f *testing.F) {
	f.Add("text", []byte("binary"), 1.5, int64(-129), uint64(1<<40), int64(1609459200123))
	f.Add("\xff\u2028", []byte{}, math.Inf(-1), int64(math.MinInt64), uint64(math.MaxUint64), int64(-1))
	f.Add(strings.Repeat("x", 300), make([]byte, 70000), math.NaN(), int64(65536), uint64(0), int64(0))
	f.Fuzz(func(t *testing.T, s string, data []byte, number float64, i int64, u uint64, ms int64) {
		ms %= 8_640_000_000_000_001 // what a Date holds
		at := time.UnixMilli(ms).UTC()
		if data == nil {
			data = []byte{}
		}
		type record struct {
			S string `json:"s"`
			B []byte `json:"b,omitempty"`
			F float64
			I int64
			U *uint64 `json:"u"`
			T time.Time
		}
		in := record{s, data, number, i, &u, at}
		b, _, err := MessagePack.AppendEvent(nil, "/fuzz", u, true, "event", in, map[string]any{"v": []any{s, data, number, at}}, &in)
		if err != nil {
			t.Fatal(err)
		}
		var p Packet
		if err := p.ParseMessagePack(b); err != nil || p.ID != u {
			t.Fatalf("%x: %v, %v", b, p, err)
		}
		_, args, _ := MessagePack.SplitEvent(p.Data)
		var out, third record
		var v any
		if err := MessagePack.Bind(args, nil, &out, &v, &third); err != nil {
			t.Fatal(err)
		}
		clean := string([]rune(s))
		for _, r := range []record{out, third} {
			if r.S != clean || !bytes.Equal(r.B, data) || !equalValues(r.F, number) || r.I != i || *r.U != u || !r.T.Equal(at) {
				t.Fatalf("%+v became %+v", in, r)
			}
		}
		if want := map[string]any{"v": []any{clean, data, number, at}}; !equalValues(v, want) {
			t.Fatalf("%v became %v", want, v)
		}
		plain := msgpackArgs(t, []any{s, data, number, i, u, map[string]any{s: nil}})
		var values any
		if err := MessagePack.Bind(plain, nil, &values); err != nil {
			t.Fatal(err)
		}
		sameAsLibrary(t, plain, values)
	})
}
