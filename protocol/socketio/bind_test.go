package socketio

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"
)

func TestBind(t *testing.T) {
	args := []byte(`"s\n",12,true,1.5,{"a":[1]},null,"c2Fy",[1,2]`)
	var (
		s   string
		n   int
		y   bool
		f   float64
		raw json.RawMessage
		p   = new(int)
		b   []byte
		l   []int
	)
	if err := Bind(args, nil, &s, &n, &y, &f, &raw, &p, &b, &l); err != nil {
		t.Fatal(err)
	}
	if s != "s\n" || n != 12 || !y || f != 1.5 || string(raw) != `{"a":[1]}` || p != nil || string(b) != "sar" || len(l) != 2 {
		t.Errorf("%q %v %v %v %s %v %q %v", s, n, y, f, raw, p, b, l)
	}
	clear(args)
	if string(raw) != `{"a":[1]}` {
		t.Error("the raw message aliases the arguments")
	}
	// Fewer, more, and skipped.
	s, n = "keep", 5
	if err := Bind([]byte(`1`), nil, nil, &s); err != nil || s != "keep" {
		t.Errorf("%q, %v", s, err)
	}
	if err := Bind(nil, nil, &s); err != nil || s != "keep" {
		t.Errorf("%q, %v", s, err)
	}
	if err := Bind([]byte(`"x",2,3`), nil, nil, &n); err != nil || n != 2 {
		t.Errorf("%d, %v", n, err)
	}
	var i64 int64
	var v any
	if err := Bind([]byte(` -9 , {"k":null} `), nil, &i64, &v); err != nil || i64 != -9 || !reflect.DeepEqual(v, map[string]any{"k": nil}) {
		t.Errorf("%d %v %v", i64, v, err)
	}
	if err := Bind([]byte(`null,null,null,null`), nil, &s, &n, &y, &v); err != nil || s != "keep" || n != 2 || v != nil {
		t.Errorf("null: %q %v %v %v", s, n, v, err)
	}
}

func TestBindErrors(t *testing.T) {
	var s string
	var n int
	var st struct{ B string }
	var ns *string
	placeholder := `{"_placeholder":true,"num":0}`
	one := [][]byte{{1}}
	for i, c := range []struct {
		args string
		att  [][]byte
		dst  []any
		want string
	}{
		{`1`, nil, []any{&s}, "argument 1: json: cannot unmarshal number"},
		{`1,"x"`, nil, []any{nil, &n}, "argument 2: json: cannot unmarshal string"},
		{`1.5`, nil, []any{&n}, "argument 1"},
		{`1`, nil, []any{n}, "argument 1: destination of type int is not a pointer"},
		{`"x"`, nil, []any{ns}, "argument 1: destination of type *string"},
		{placeholder, one, []any{s}, "argument 1: destination of type string is not a pointer"},
		{placeholder, one, []any{ns}, "argument 1: destination of type *string"},
		{placeholder, one, []any{(*[]byte)(nil)}, "argument 1: destination of type *[]uint8"},
		{placeholder, one, []any{&s}, "argument 1: binary attachment does not fit into a string"},
		{`1,{"B":` + placeholder + `}`, one, []any{nil, &st}, `argument 2: "B": binary attachment does not fit into a string`},
		{`[` + placeholder + `]`, one, []any{&st}, "argument 1: array does not fit into a struct"},
		{`{"a":` + placeholder + `}`, one, []any{&s}, "argument 1: object does not fit into a string"},
		{`{"a":` + placeholder + `}`, one, []any{&map[int]any{}}, "the keys must be strings"},
		{`{"_placeholder":true,"num":1}`, one, []any{&s}, "placeholder names no attachment"},
		{`[{"x":"y"},` + placeholder + `]`, one, []any{&[]int{}}, "cannot unmarshal object"},
		{`"abc`, nil, []any{&s}, "argument 1"},
		{`{"a":` + placeholder + `}`, one, []any{new(fmt.Stringer)}, "does not fit into a fmt.Stringer"},
	} {
		if err := Bind([]byte(c.args), c.att, c.dst...); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("case %d: %v, want %q", i, err, c.want)
		}
	}
}

// Everything that AppendArgs writes comes back through Bind.
func TestBindBinary(t *testing.T) {
	pointed := []byte("6")
	in := upload{
		Name: "n", Body: []byte("1"), Parts: map[string][]byte{"y": []byte("2"), "z": {}}, More: []inner{{Raw: []byte("4"), Note: "q"}, {Note: "x"}},
		Any: map[string]any{"l": []any{[]byte("5"), 1.5, nil}, "p": "x"}, Ptr: &pointed, Named: blob("7"), Raw: json.RawMessage(`[1]`), inner: inner{Raw: []byte("8"), Note: "in"},
	}
	args, attachments, err := AppendArgs(nil, nil, in, []byte("top"), []any{[]byte("any")}, [2][]byte{[]byte("f"), []byte("g")})
	if err != nil {
		t.Fatal(err)
	}
	var (
		out  upload
		top  = make([]byte, 0, 8)
		list any
		arr  [1][]byte
	)
	if err := Bind(args, attachments, &out, &top, &list, &arr); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(in, out) {
		t.Errorf("\n got %+v\nwant %+v", out, in)
	}
	if string(top) != "top" || cap(top) != 8 || !reflect.DeepEqual(list, []any{[]byte("any")}) || string(arr[0]) != "f" {
		t.Errorf("%q %v %q", top, list, arr)
	}
	for _, a := range attachments {
		clear(a)
	}
	if string(out.Body) != "1" || string(top) != "top" {
		t.Error("the result aliases the attachments")
	}
}

func TestBindBinaryDetails(t *testing.T) {
	att := [][]byte{[]byte("zero"), {}}
	p0, p1 := `{"_placeholder":true,"num":0}`, `{"num":1,"_placeholder":true,"x":[{"_placeholder":true,"num":7}]}`
	var (
		m   = map[string]any{"old": 1}
		raw json.RawMessage
		st  struct {
			*Level1
			B    []byte
			Deep []byte // hides Level1's
			Same json.RawMessage
			N    int `json:",string"`
			Arr  [3]any
		}
	)
	st.Arr[2] = "old"
	err := Bind([]byte(`{"a":`+p0+`,"b":`+p0+`,"c":`+p1+`},[`+p0+`],{"unknown":[`+p0+`],"b":`+p1+`,"DEEP":`+p0+`,"Same":`+p0+`,"N":"5","Arr":[`+p0+`,1]}`), att, &m, &raw, &st)
	if err != nil {
		t.Fatal(err)
	}
	a, b, c := m["a"].([]byte), m["b"].([]byte), m["c"].([]byte)
	if string(a) != "zero" || &a[0] != &b[0] || c == nil || len(c) != 0 || m["old"] != 1 {
		t.Errorf("%v", m)
	}
	if string(raw) != "["+p0+"]" || string(st.Same) != p0 {
		t.Errorf("raw %s %s", raw, st.Same)
	}
	if st.B == nil || len(st.B) != 0 || string(st.Deep) != "zero" || st.N != 5 || string(st.Arr[0].([]byte)) != "zero" || st.Arr[1] != 1.0 || st.Arr[2] != nil {
		t.Errorf("%+v", st)
	}
	// In a packet without attachments a placeholder is data.
	var v any
	if err := Bind([]byte(p0), nil, &v); err != nil || !reflect.DeepEqual(v, map[string]any{"_placeholder": true, "num": 0.0}) {
		t.Errorf("%v, %v", v, err)
	}
	// More elements than the array holds, with placeholders among them.
	var one [1][]byte
	var after []byte
	if err := Bind([]byte(`[`+p1+`,`+p0+`,{"x":`+p0+`}],`+p0), att, &one, &after); err != nil || one[0] == nil || string(after) != "zero" {
		t.Errorf("%q %q %v", one, after, err)
	}
	// A field inside an embedded pointer, which has to be made.
	var emb struct{ *inner2 }
	if err := Bind([]byte(`{"Raw":`+p0+`}`), att, &emb); err == nil || !strings.Contains(err.Error(), "unexported") {
		t.Errorf("embedded pointer to an unexported struct: %v", err)
	}
	var exp struct{ *Exported }
	if err := Bind([]byte(`{"Raw":`+p0+`}`), att, &exp); err != nil || string(exp.Raw) != "zero" {
		t.Errorf("embedded pointer: %v", err)
	}
}

type (
	inner2   struct{ Raw []byte }
	Exported struct{ Raw []byte }
)

// Hostile packets must cost no more than their length: many references to one attachment share one
// copy, and nesting does not multiply the work.
func TestBindSharesAttachments(t *testing.T) {
	big := make([]byte, 1<<20)
	const refs = 10000
	args := "[" + strings.Repeat(`{"_placeholder":true,"num":0},`, refs-1) + `{"_placeholder":true,"num":0}]`
	var v []any
	if err := Bind([]byte(args), [][]byte{big}, &v); err != nil || len(v) != refs {
		t.Fatal(err)
	}
	if first, last := v[0].([]byte), v[refs-1].([]byte); &first[0] != &last[0] || &first[0] == &big[0] {
		t.Error("the references do not share one copy")
	}
}
