package socketio

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/big"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

func FuzzArgs(f *testing.F) {
	valid, _ := loadVectors(f)
	for _, v := range valid {
		var p Packet
		if err := p.Parse([]byte(v.Encoded[0].text)); err == nil && p.Data != nil {
			f.Add(p.Data, []byte("attachment"), 1.5, "text")
		}
	}
	f.Add([]byte(`{"a":[-0,1e400,"\ud800"]}`), []byte{}, math.Inf(1), "\xff\u2028")
	f.Fuzz(func(t *testing.T, text, binary []byte, number float64, s string) {
		var v any
		if !utf8.Valid(text) || json.Unmarshal(text, &v) != nil {
			v = string(text)
		}
		if binary == nil {
			binary = []byte{}
		}
		list := []any{v, []any{binary, number}, map[string]any{s: binary, "v": v}, s}
		packet, attachments, err := AppendEvent(nil, "/fuzz", 1, true, "event", list...)
		if containsPlaceholder(list) && errors.Is(err, ErrForgedPlaceholder) {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		d := Decoder{MaxAttachments: 10}
		p, err := d.Text(packet)
		if errors.Is(err, ErrTooDeep) {
			return
		}
		for _, a := range attachments {
			if err != nil || p != nil {
				break
			}
			p, err = d.Binary(a)
		}
		if err != nil || p == nil || !p.HasID || string(p.Namespace) != "/fuzz" {
			t.Fatalf("%q: %v, %v", packet, p, err)
		}
		name, args, err := SplitEvent(p.Data)
		if err != nil || string(name) != "event" {
			t.Fatalf("%q, %v", name, err)
		}
		clean := strings.ToValidUTF8(s, "")
		got := make([]any, len(list))
		var text2 string
		if err := Bind(args, p.Binary, &got[0], &got[1], &got[2], &text2); err != nil {
			t.Fatalf("%q: %v", args, err)
		}
		if second := got[1].([]any); !bytes.Equal(second[0].([]byte), binary) || !sameNumber(second[1], number) {
			t.Fatalf("%v and %v became %v", binary, number, second)
		}
		third := got[2].(map[string]any)
		if s == clean && (text2 != s || !reflect.DeepEqual(third[s], binary) && s != "v") {
			t.Fatalf("%q became %q, %v", s, text2, third)
		}
		if utf8.Valid(text) && !reflect.DeepEqual(got[0], v) {
			t.Fatalf("%v became %v", v, got[0])
		}
	})
}

func sameNumber(got any, want float64) bool {
	if math.IsNaN(want) || math.IsInf(want, 0) {
		return got == nil
	}
	return got == want
}

func containsPlaceholder(v any) bool {
	switch v := v.(type) {
	case []any:
		return slices.ContainsFunc(v, containsPlaceholder)
	case map[string]any:
		if v["_placeholder"] == true {
			return true
		}
		for _, e := range v {
			if containsPlaceholder(e) {
				return true
			}
		}
	}
	return false
}

// FuzzBind decodes any text into variables of many types: without attachments exactly as
// encoding/json does, with them without a panic.
func FuzzBind(f *testing.F) {
	valid, invalid := loadVectors(f)
	for _, v := range append(valid, invalid...) {
		if text := v.Encoded[0].text; strings.Contains(text, "[") {
			f.Add([]byte(text[strings.Index(text, "[")+1:]))
		}
	}
	for _, text := range []string{
		`{"A":1,"a":2,"b":70000,"C":1.5e300,"d":null,"E":["x",null,"y\u00e9"],"F":{"a":[1,2],"b":null,"c":[]},"G":{"x":[1,{}]}}`,
		`{"H":12,"I":["a",null,"c"],"J":{"A":1,"b":[true]},"K":"2026-01-02T03:04:05Z","L":"7","M":"::1","N":null,"AA":1,"aA":2,"Aa":3}`,
		`{"O":1,"p":{"p":{"p":null,"A":"deep"}},"G":7,"D":true,"D":false,"E":[],"I":[]}`,
		`[1.5,null,-0,[],{}]`, `{"":"","A":-129}`, `{"A":1,"b":"no","C":2}`, `{"F":{"a":[3]},"E":["z"],"G":null}`, `null`, `{"J":{"A":{"b":2}}}`,
	} {
		f.Add([]byte(text))
	}
	f.Add([]byte(`{"Name":"x","body":{"_placeholder":true,"num":0},"any":[{"_placeholder":true,"num":1}],"parts":{"a":{"_placeholder":true,"num":0}}}`))
	f.Fuzz(func(t *testing.T, args []byte) {
		args = slices.Clip(args)
		for _, dst := range []func() any{
			func() any { return new(any) },
			func() any { return new(string) },
			func() any { return new(int) },
			func() any { return new(int64) },
			func() any { return new(bool) },
			func() any { return new([]byte) },
			func() any { return new(json.RawMessage) },
			func() any { return new(upload) },
			func() any { return new([]upload) },
			func() any { return new(map[string]*upload) },
			func() any { return new([2]any) },
			func() any { return new(variety) },
			func() any { return used() },
			func() any { return new(map[string]variety) },
			func() any { return new(map[label][]uint8) },
			func() any { return new([]**float32) },
			func() any { var to any = new(int); return &to },
		} {
			_ = Bind(args, [][]byte{{1}, {}}, dst(), dst())
			arg, _ := NextArg(args)
			if !validJSON(arg) {
				continue
			}
			got, want := dst(), dst()
			gotErr, wantErr := Bind(arg, nil, got), json.Unmarshal(arg, want)
			if (gotErr != nil) != (wantErr != nil) || gotErr == nil && !reflect.DeepEqual(got, want) {
				t.Fatalf("%q into %T: %v, %v; encoding/json: %v, %v", arg, got, got, gotErr, want, wantErr)
			}
		}
	})
}

// label has no methods.
type label string

// variety has what decoders go wrong on: widths, pointers, types that decode themselves, names that
// differ in case, embedding, tags.
type variety struct {
	A  int8
	B  uint16 `json:"b"`
	C  float32
	D  *bool `json:"d,omitempty"`
	E  []label
	F  map[string][]int
	G  any
	H  json.Number
	I  [2]*string
	J  struct{ A, B any }
	K  time.Time
	L  int `json:",string"`
	M  big.Int
	N  fmt.Stringer
	AA int `json:"aa"`
	Aa int
	*variety1
	Variety2
}

type variety1 struct{ O int }

type Variety2 struct {
	P *Variety2 `json:"p"`
	A string
}

// used returns a variable that has been decoded into before.
func used() *variety {
	yes, text := true, "text"
	var inner any = 1
	return &variety{
		A: 1, D: &yes, E: []label{"a", "b", "c"}[:2], F: map[string][]int{"a": {1, 2}}, G: &inner, I: [2]*string{&text, nil},
		J: struct{ A, B any }{A: map[string]any{"a": 1}}, Variety2: Variety2{P: &Variety2{A: "x"}},
	}
}

func FuzzString(f *testing.F) {
	f.Add("abcdefgh\"ijklmnop\\\x00")
	f.Add("\u20ac\u2028\xff\U0001F600\xed\xa0\x80")
	f.Fuzz(func(t *testing.T, s string) {
		b := AppendString(nil, s)
		var got string
		if err := json.Unmarshal(b, &got); err != nil || !validJSON(b) {
			t.Fatalf("%q became %s: %v", s, b, err)
		}
		if want := string([]rune(s)); got != want { // each wrong byte is U+FFFD
			t.Fatalf("%q became %q, want %q", s, got, want)
		}
		if own := unquoted(b[1 : len(b)-1]); own != got {
			t.Fatalf("%s unquoted as %q, want %q", b, own, got)
		}
	})
}
