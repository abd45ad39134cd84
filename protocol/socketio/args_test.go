package socketio

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/big"
	"net"
	"reflect"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

type blob []byte

type inner struct {
	Raw  []byte `json:"raw,omitempty"`
	Note string `json:"note"`
}

type upload struct {
	Name  string
	Body  []byte            `json:"body"`
	Parts map[string][]byte `json:"parts,omitempty"`
	More  []inner           `json:"more,omitempty"`
	Any   any               `json:"any"`
	Ptr   *[]byte           `json:"ptr,omitempty"`
	Named blob              `json:"named,omitempty"`
	Raw   json.RawMessage   `json:"rawjson,omitempty"`
	Skip  []byte            `json:"-"`
	inner
}

func TestAppendArgs(t *testing.T) {
	b := func(s string) []byte { return []byte(s) }
	ph := func(n int) string { return fmt.Sprintf(`{"_placeholder":true,"num":%d}`, n) }
	pointed := b("p")
	var nilPtr *int
	for _, c := range []struct {
		args []any
		want string
		bin  []string
	}{
		{nil, ``, nil},
		{[]any{nil, true, false, "a", 1, -2}, `null,true,false,"a",1,-2`, nil},
		{[]any{int8(-8), int16(-16), int32(-32), int64(math.MinInt64), uint8(8), uint16(16), uint32(32), uint64(math.MaxUint64), uint(7)}, `-8,-16,-32,-9223372036854775808,8,16,32,18446744073709551615,7`, nil},
		{[]any{1.5, 1e21, 1e20, 1e-6, 1e-7, 1e-10, 1.5e300, math.Copysign(0, -1), 0.1, float32(0.1), float32(math.Inf(-1))}, `1.5,1e+21,100000000000000000000,0.000001,1e-7,1e-10,1.5e+300,0,0.1,0.1,null`, nil},
		{[]any{math.NaN(), math.Inf(1), []float64{math.NaN(), 1}, map[string]any{"x": math.Inf(-1)}, struct{ F float64 }{math.NaN()}}, `null,null,[null,1],{"x":null},{"F":null}`, nil},
		{[]any{"<b>&\u2028\x7f\x00\x1f\n\t\b\f\r\"\\/\xff\U0001F600"}, `"<b>&` + "\u2028\x7f" + `\u0000\u001f\n\t\b\f\r\"\\/` + "\ufffd\U0001F600" + `"`, nil},
		{[]any{b("x"), "s", b("y")}, ph(0) + `,"s",` + ph(1), []string{"x", "y"}},
		{[]any{b("")}, ph(0), []string{""}},
		{[]any{[]byte(nil), blob(nil), []any(nil), map[string]any(nil), json.RawMessage(nil), nilPtr, []string(nil)}, `null,null,null,null,null,null,null`, nil},
		{[]any{[]any{1, b("x"), []any{b("y")}}, map[string]any{"b": b("2"), "a": b("1")}}, `[1,` + ph(0) + `,[` + ph(1) + `]],{"a":` + ph(2) + `,"b":` + ph(3) + `}`, []string{"x", "y", "1", "2"}},
		{[]any{map[string][]byte{"k": b("v"), "a": nil}, [][]byte{b("l")}, blob("n"), &pointed, [2]byte{1, 2}}, `{"a":null,"k":` + ph(0) + `},[` + ph(1) + `],` + ph(2) + `,` + ph(3) + `,[1,2]`, []string{"v", "l", "n", "p"}},
		{
			[]any{&upload{
				Name: "n", Body: b("1"), Parts: map[string][]byte{"z": b("3"), "y": b("2")}, More: []inner{{Raw: b("4")}, {Note: "x"}},
				Any: []any{b("5")}, Ptr: &pointed, Named: blob("7"), Raw: json.RawMessage(`{"a": 1}`), Skip: b("no"), inner: inner{Raw: b("8")},
			}},
			`{"Name":"n","body":` + ph(0) + `,"parts":{"y":` + ph(1) + `,"z":` + ph(2) + `},"more":[{"raw":` + ph(3) + `,"note":""},{"note":"x"}],"any":[` + ph(4) + `],"ptr":` + ph(5) + `,"named":` + ph(6) + `,"rawjson":{"a": 1},"raw":` + ph(7) + `,"note":""}`,
			[]string{"1", "2", "3", "4", "5", "p", "7", "8"},
		},
		{[]any{time.Unix(0, 0).UTC(), big.NewInt(12), net.IPv4(1, 2, 3, 4), json.Number("1e5"), json.Number("")}, `"1970-01-01T00:00:00Z",12,"1.2.3.4",1e5,0`, nil},
		{[]any{map[int]string{2: "b", 10: "a"}, map[netip]int{{1}: 1}}, `{"10":"a","2":"b"},{"ip1":1}`, nil},
	} {
		got, attachments, err := AppendArgs([]byte("["), nil, c.args...)
		if err != nil || string(got) != "["+c.want {
			t.Errorf("%v:\n got %s, %v\nwant [%s", c.args, got, err, c.want)
		}
		if have := fmt.Sprintf("%s", attachments); have != fmt.Sprintf("%s", c.bin) && len(attachments)+len(c.bin) > 0 {
			t.Errorf("%v: attachments %s, want %s", c.args, attachments, c.bin)
		}
	}
}

// netip is a map key that writes itself.
type netip struct{ n int }

func (n netip) MarshalText() ([]byte, error) { return fmt.Appendf(nil, "ip%d", n.n), nil }

func TestAppendArgsCommas(t *testing.T) {
	for in, want := range map[string]string{"": `1,2`, "[": `[1,2`, `["e"`: `["e",1,2`, `["["`: `["[",1,2`} {
		if got, _, err := AppendArgs([]byte(in), nil, 1, 2); err != nil || string(got) != want {
			t.Errorf("%q: %q, %v", in, got, err)
		}
	}
	got, attachments, err := AppendArgs([]byte("["), [][]byte{{9}}, []byte{8})
	if err != nil || string(got) != `[{"_placeholder":true,"num":1}` || len(attachments) != 2 {
		t.Errorf("%s, %v, %v", got, attachments, err)
	}
}

type (
	badJSON  struct{}
	failJSON struct{}
	failText struct{}
	ptrJSON  struct{ N int }
	cycle    struct{ Next *cycle }
)

func (badJSON) MarshalJSON() ([]byte, error)  { return []byte("{"), nil }
func (failJSON) MarshalJSON() ([]byte, error) { return nil, errors.New("broken") }
func (failText) MarshalText() ([]byte, error) { return nil, errors.New("broken") }
func (p *ptrJSON) MarshalJSON() ([]byte, error) {
	return fmt.Appendf(nil, `"ptr %d"`, p.N), nil
}

func TestAppendArgsErrors(t *testing.T) {
	c := &cycle{}
	c.Next = c
	list := []any{nil}
	list[0] = list
	m := map[string]any{}
	m["m"] = m
	for name, v := range map[string]any{
		"channel": make(chan int), "function": func() {}, "complex": 1i, "raw": json.RawMessage(`{`), "raw utf8": json.RawMessage("\"\xff\""),
		"bad": badJSON{}, "fail": failJSON{}, "text": failText{}, "cycle": c, "list": list, "map": m, "number": json.Number("01"),
		"key": map[badKey]int{{}: 1}, "key fails": map[failText]int{{}: 1}, "deep": []any{map[string]any{"x": struct{ C chan int }{}}},
		"slice of bad": []failJSON{{}}, "map of bad": map[string]failJSON{"a": {}},
	} {
		attachments := [][]byte{{1}}
		got, att, err := AppendArgs([]byte("x"), attachments, 1, []byte{2}, v)
		if err == nil || !strings.Contains(err.Error(), "argument 3") || string(got) != "x" || len(att) != 1 {
			t.Errorf("%s: %q, %d attachments, %v", name, got, len(att), err)
		}
		if got, att, err := AppendEvent([]byte("x"), "/", 0, false, "e", v); err == nil || string(got) != "x" || att != nil {
			t.Errorf("%s: AppendEvent: %q, %v", name, got, err)
		}
		if got, att, err := AppendAck([]byte("x"), "/", 0, v); err == nil || string(got) != "x" || att != nil {
			t.Errorf("%s: AppendAck: %q, %v", name, got, err)
		}
		if got, err := AppendConnectError([]byte("x"), "/", "m", v); err == nil || string(got) != "x" {
			t.Errorf("%s: AppendConnectError: %q, %v", name, got, err)
		}
	}
}

type badKey struct{}

type (
	Level2 struct{ Deep, Same int }
	Level1 struct{ Level2 }
	Other  struct{ Same int }
	Tagged struct {
		X int `json:"Same"`
	}
	Loop struct {
		*Loop
		L int
	}
	conflict struct {
		Level2
		Other
	}
	winner struct {
		Other
		Tagged
		Level1
	}
	named struct {
		Other `json:"other"`
		*Level1
	}
	options struct {
		A int               `json:"a,string"`
		B *bool             `json:",string"`
		C string            `json:"c,string,omitempty"`
		D float64           `json:",omitempty"`
		E []int             `json:",omitempty"`
		F time.Time         `json:"f,omitzero"`
		G struct{}          `json:",omitempty"`
		H map[string]string `json:"h,omitempty"`
		I any               `json:"we-ird é"`
		J int               `json:"bad\\name"`
		K int               `json:"-,"`
		L [2]ptrJSON
		M *ptrJSON
		N ptrJSON
		O int `json:",omitzero"`
		p int
		json.Number
	}
)

// Structs without binary must come out as encoding/json has them.
func TestStructsAgainstStandard(t *testing.T) {
	yes := true
	for _, v := range []any{
		Level1{}, conflict{}, winner{Tagged: Tagged{5}, Level1: Level1{Level2{1, 2}}}, named{}, named{Level1: &Level1{Level2{1, 2}}},
		Loop{L: 1, Loop: &Loop{L: 2}}, options{}, &options{A: 1, B: &yes, C: "x\"", D: 1e-7, E: []int{1}, F: time.Unix(1, 0), H: map[string]string{"<": ">"}, I: options{}, p: 1, Number: "3", M: &ptrJSON{2}, O: 1},
		[]ptrJSON{{1}}, map[string]ptrJSON{"a": {1}}, &[1]ptrJSON{{3}}, struct{ error }{errors.New("x")}, struct{ A, B any }{A: &yes}, []*int{nil}, struct{ T *time.Time }{},
		map[string]any{"z": 1, "a": []string{"<"}, "m": map[string]int{"y": 1, "x": 2}},
	} {
		var want bytes.Buffer
		enc := json.NewEncoder(&want)
		enc.SetEscapeHTML(false)
		if err := enc.Encode(v); err != nil {
			t.Fatalf("%T: %v", v, err)
		}
		got, _, err := AppendArgs(nil, nil, v)
		if err != nil || string(got) != strings.TrimSuffix(want.String(), "\n") {
			t.Errorf("%T:\n got %s, %v\nwant %s", v, got, err, want.String())
		}
	}
}

func TestAppendEventForms(t *testing.T) {
	check := func(got []byte, attachments [][]byte, err error, want string, n int) {
		t.Helper()
		if err != nil || string(got) != "x"+want || len(attachments) != n {
			t.Errorf("got %s with %d attachments, %v, want x%s with %d", got, len(attachments), err, want, n)
		}
	}
	x := []byte("x")
	got, att, err := AppendEvent(x, "", 0, false, "a\"b")
	check(got, att, err, `2["a\"b"]`, 0)
	got, att, err = AppendEvent(x, "/n", 7, true, "e", []byte{1}, 2)
	check(got, att, err, `51-/n,7["e",{"_placeholder":true,"num":0},2]`, 1)
	eleven := make([]any, 11)
	for i := range eleven {
		eleven[i] = []byte{}
	}
	got, att, err = AppendAck(x, "/", 0, eleven)
	if check(got[:7], att, err, `611-0[`, 11); !json.Valid(got[6:]) {
		t.Errorf("%s", got)
	}
	got, att, err = AppendAck(x, "/n", 3)
	check(got, att, err, `3/n,3[]`, 0)
	got, err = AppendConnectError(x, "/n", "no", map[string]int{"code": 1})
	check(got, nil, err, `4/n,{"message":"no","data":{"code":1}}`, 0)
	if got, err := AppendConnectError(x, "/", "no", []byte{1}); err == nil || string(got) != "x" {
		t.Errorf("binary in a connect error: %s", got)
	}
	for _, ns := range []string{"n", "/a,b", ","} {
		_, _, err1 := AppendEvent(nil, ns, 0, false, "e")
		_, _, err2 := AppendAck(nil, ns, 0)
		_, err3 := AppendConnectError(nil, ns, "", nil)
		if err1 == nil || err2 == nil || err3 == nil {
			t.Errorf("namespace %q was accepted", ns)
		}
	}
}

// Data that was received in a plain event and is passed on beside binary must
// not be taken for an attachment by the receivers.
func TestForgedPlaceholder(t *testing.T) {
	for _, forged := range []any{
		json.RawMessage(`{"_placeholder":true,"num":99}`), map[string]any{"_placeholder": true, "num": 0},
		[]any{struct {
			P bool `json:"_placeholder"`
		}{true}}, map[string]any{"_placeholder": true, "num": []byte{1}}, json.RawMessage(`{"_pl\u0061ceholder":true}`),
	} {
		if got, att, err := AppendEvent([]byte("x"), "/", 0, false, "e", []byte{1}, forged); !errors.Is(err, ErrForgedPlaceholder) || string(got) != "x" || att != nil {
			t.Errorf("%v: %s, %v", forged, got, err)
		}
		if got, att, err := AppendAck([]byte("x"), "/", 0, forged, []byte{1}); !errors.Is(err, ErrForgedPlaceholder) || string(got) != "x" || att != nil {
			t.Errorf("%v: %s, %v", forged, got, err)
		}
	}
	got, _, err := AppendEvent(nil, "/", 0, false, "e", json.RawMessage(`{"_placeholder":true,"num":99}`))
	if err != nil || string(got) != `2["e",{"_placeholder":true,"num":99}]` {
		t.Errorf("in a plain event: %s, %v", got, err)
	}
}

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

// Hostile packets must cost no more than their length: many references to one
// attachment share one copy, and nesting does not multiply the work.
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

func FuzzArgs(f *testing.F) {
	valid, _ := loadVectors(f)
	for _, v := range valid {
		var p Packet
		if err := p.Parse([]byte(v.Encoded[0].text)); err == nil && p.Data != nil {
			f.Add([]byte(p.Data), []byte("attachment"), 1.5, "text")
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
		for _, e := range v {
			if containsPlaceholder(e) {
				return true
			}
		}
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

// FuzzBind decodes any text into variables of many types: without attachments
// exactly as encoding/json does, with them without a panic.
func FuzzBind(f *testing.F) {
	valid, invalid := loadVectors(f)
	for _, v := range append(valid, invalid...) {
		if text := v.Encoded[0].text; strings.Contains(text, "[") {
			f.Add([]byte(text[strings.Index(text, "[")+1:]))
		}
	}
	f.Add([]byte(`{"Name":"x","body":{"_placeholder":true,"num":0},"any":[{"_placeholder":true,"num":1}],"parts":{"a":{"_placeholder":true,"num":0}}}`))
	f.Fuzz(func(t *testing.T, args []byte) {
		args = args[:len(args):len(args)]
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
