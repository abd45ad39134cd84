package socketio

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/big"
	"net"
	"strings"
	"testing"
	"time"
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
		G struct{}          `json:",omitempty"` //nolint:modernize // the option has no effect, as it should
		H map[string]string `json:"h,omitempty"`
		I any               `json:"we-ird é"`
		J int               `json:"bad\\name"` //nolint:staticcheck // names that encoding/json refuses are tested too
		K int               `json:"-,"`        //nolint:staticcheck // the name is a dash on purpose
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
		Level1{},
		conflict{},
		winner{Tagged: Tagged{5}, Level1: Level1{Level2{1, 2}}},
		named{},
		named{Level1: &Level1{Level2{1, 2}}},
		Loop{L: 1, Loop: &Loop{L: 2}},
		options{},
		&options{A: 1, B: &yes, C: "x\"", D: 1e-7, E: []int{1}, F: time.Unix(1, 0), H: map[string]string{"<": ">"}, I: options{}, p: 1, Number: "3", M: &ptrJSON{2}, O: 1},
		[]ptrJSON{{1}},
		map[string]ptrJSON{"a": {1}},
		&[1]ptrJSON{{3}},
		struct{ error }{errors.New("x")},
		struct{ A, B any }{A: &yes},
		[]*int{nil},
		struct{ T *time.Time }{},
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

// Data that was received in a plain event and is passed on beside binary must not be taken for an
// attachment by the receivers.
func TestForgedPlaceholder(t *testing.T) {
	for _, forged := range []any{
		json.RawMessage(`{"_placeholder":true,"num":99}`),
		map[string]any{"_placeholder": true, "num": 0},
		[]any{struct {
			P bool `json:"_placeholder"`
		}{true}},
		map[string]any{"_placeholder": true, "num": []byte{1}},
		json.RawMessage(`{"_pl\u0061ceholder":true}`),
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
