package socketio

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"math"
	"net"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

// msgpackArgs encodes values as a list of arguments.
func msgpackArgs(tb testing.TB, values ...any) []byte {
	tb.Helper()
	b, err := appendMsgpackArgs(nil, values)
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

func unhex(tb testing.TB, s string) []byte {
	tb.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

func TestMessagePackValues(t *testing.T) {
	type inner struct {
		N int `json:"n"`
	}
	at := time.Date(2021, 1, 1, 0, 0, 0, 123_456_789, time.FixedZone("", 3600))
	long := strings.Repeat("x", 70000)
	for _, test := range []struct {
		value any
		want  string
	}{
		{nil, "c0"},
		{true, "c3"},
		{int8(-32), "e0"},
		{-33, "d0df"},
		{int64(math.MinInt64), "d38000000000000000"},
		{uint64(math.MaxUint64), "cfffffffffffffffff"},
		{uint16(65535), "cdffff"},
		{1.0, "01"},
		{math.Copysign(0, -1), "00"},
		{1e300, "cb7e37e43c8800759c"},
		{float32(0.5), "cb3fe0000000000000"},
		{float64(1 << 53), "cf0020000000000000"},
		{float64(1 << 54), "cb4350000000000000"},
		{math.Inf(-1), "cbfff0000000000000"},
		{math.NaN(), "cb7ff8000000000001"},
		{"h\u00e9\xff", "a668c3a9efbfbd"},
		{[]byte{}, "c400"},
		{[]byte(nil), "c0"},
		{[]any(nil), "c0"},
		{map[string]int(nil), "c0"},
		{(*int)(nil), "c0"},
		{at, "d70000000176bb0781fb"},
		{&at, "d70000000176bb0781fb"},
		{[]time.Time{at}, "91d70000000176bb0781fb"},
		{struct {
			A time.Time
		}{at}, "81a141d70000000176bb0781fb"},
		{map[int]any{2: "b", 1: nil}, "82a131c0a132a162"},
		{map[string]any{"b": []byte{1}, "a": []any{}}, "82a16190a162c40101"},
		{struct {
			inner
			Omitted string    `json:",omitempty"`
			Not     chan int  `json:"-"`
			Quoted  int       `json:"q,string"`
			Zero    time.Time `json:"z,omitzero"`
		}{inner: inner{7}, Quoted: 5}, "82a16e07a171a135"},
		{
			json.RawMessage(` {"a":[1,-2.5,1e2,"\u00e9",true,null,{}, []] ,"b":18446744073709551615,"c":1e400} `),
			"83a1619801cbc00400000000000064a2c3a9c3c08090a162cfffffffffffffffffa163cb7ff0000000000000",
		},
		{json.RawMessage("-9223372036854775808"), "d38000000000000000"},
		{json.RawMessage("-9223372036854775809"), "cbc3e0000000000000"},
		{json.Number("12"), "0c"},
		{json.Number(""), "00"},
		{net.ParseIP("::1"), "a33a3a31"},
		{[2]bool{true, false}, "92c3c2"},
		{[]uint8("ab"), "c4026162"},
	} {
		if got := msgpackArgs(t, test.value); !bytes.Equal(got, unhex(t, test.want)) {
			t.Errorf("%T %v: %x, want %s", test.value, test.value, got, test.want)
		}
	}
	for n, head := range map[int]string{31: "bf", 32: "d920", 255: "d9ff", 256: "da0100", 65535: "daffff", 65536: "db00010000"} {
		if got := msgpackArgs(t, long[:n]); hex.EncodeToString(got[:len(got)-n]) != head {
			t.Errorf("string of %d bytes: %x", n, got[:8])
		}
	}
	for n, head := range map[int]string{255: "c4ff", 256: "c50100", 65536: "c600010000"} {
		if got := msgpackArgs(t, []byte(long[:n])); hex.EncodeToString(got[:len(got)-n]) != head {
			t.Errorf("binary of %d bytes: %x", n, got[:8])
		}
	}
	for n, head := range map[int]string{15: "9f", 16: "dc0010", 65536: "dd00010000"} {
		if got := msgpackArgs(t, make([]bool, n)); hex.EncodeToString(got[:len(got)-n]) != head {
			t.Errorf("array of %d: %x", n, got[:8])
		}
		var back []bool
		if err := MessagePack.Bind(msgpackArgs(t, make([]bool, n)), nil, &back); err != nil || len(back) != n {
			t.Errorf("array of %d came back as %d, %v", n, len(back), err)
		}
	}
}

func TestMessagePackUnencodable(t *testing.T) {
	cycle := map[string]any{}
	cycle["self"] = cycle
	type list struct{ Next *list }
	ring := &list{}
	ring.Next = ring
	for _, v := range []any{
		make(chan int), func() {}, cycle, ring,
		[]any{1, complex(1, 2)},
		json.RawMessage(`{`), json.Number("x"),
		map[bool]int{true: 1},
		badMarshaler{},
	} {
		b, attachments, err := MessagePack.AppendEvent([]byte("kept"), "/", 0, false, "a", 1, v)
		if err == nil || !strings.Contains(err.Error(), "argument 2") || string(b) != "kept" || attachments != nil {
			t.Errorf("%T: %q, %v", v, b, err)
		}
		if b, _, err := MessagePack.AppendAck([]byte("kept"), "/", 0, 1, v); err == nil || string(b) != "kept" {
			t.Errorf("ack %T: %q, %v", v, b, err)
		}
	}
	for _, f := range []Parser{JSON, MessagePack} {
		if b, _, err := f.AppendEvent([]byte("kept"), "/", 0, false, "connect"); !errors.Is(err, ErrReservedEvent) || string(b) != "kept" {
			t.Errorf("%v: reserved event: %q, %v", f, b, err)
		}
		if b, _, err := f.AppendEvent([]byte("kept"), "chat", 0, false, "a"); err == nil || string(b) != "kept" {
			t.Errorf("%v: namespace: %q, %v", f, b, err)
		}
		if b, _, err := f.AppendAck([]byte("kept"), "/a,b", 0); err == nil || string(b) != "kept" {
			t.Errorf("%v: namespace: %q, %v", f, b, err)
		}
		for _, data := range []any{1, "text", []int{1}, (*int)(nil), make(chan int)} {
			if b, err := f.AppendConnect([]byte("kept"), "/", data); err == nil || string(b) != "kept" {
				t.Errorf("%v: connect with %T: %q, %v", f, data, b, err)
			}
		}
		if b, err := f.AppendConnectError([]byte("kept"), "/", "no", make(chan int)); err == nil || string(b) != "kept" {
			t.Errorf("%v: connect error: %q, %v", f, b, err)
		}
	}
	if _, err := JSON.AppendConnect(nil, "/", map[string]any{"a": []byte{1}}); err == nil {
		t.Error("binary in a connect packet")
	}
}

type badMarshaler struct{}

func (badMarshaler) MarshalJSON() ([]byte, error) { return []byte("{"), nil }

// TestParsers sends the same packets through both parsers.
func TestParsers(t *testing.T) {
	for _, f := range []Parser{JSON, MessagePack} {
		d := Decoder{Parser: f}
		read := func(b []byte, attachments [][]byte) *Packet {
			t.Helper()
			give := d.Text
			if f.IsBinary() {
				give = d.Binary
			}
			p, err := give(b)
			for _, a := range attachments {
				p, err = d.Binary(a)
			}
			if err != nil || p == nil {
				t.Fatalf("%v: %q: %v, %v", f, b, p, err)
			}
			return p
		}
		must := func(b []byte, err error) []byte {
			t.Helper()
			if err != nil {
				t.Fatal(err)
			}
			return b
		}
		var auth struct{ Token string }
		p := read(must(f.AppendConnect(nil, "/chat", json.RawMessage(` {"token":"123"}`))), nil)
		if err := f.Bind(p.Data, nil, &auth); p.Type != Connect || string(p.Namespace) != "/chat" || err != nil || auth.Token != "123" {
			t.Errorf("%v: connect %v, %v, %v", f, p, auth, err)
		}
		if text, err := f.AppendJSON([]byte("x"), p.Data); err != nil || string(text) != `x{"token":"123"}` {
			t.Errorf("%v: as JSON: %s, %v", f, text, err)
		}
		for _, none := range []any{nil, json.RawMessage(nil)} {
			if p = read(must(f.AppendConnect(nil, "", none)), nil); p.Type != Connect || string(p.Namespace) != "/" || p.Data != nil {
				t.Errorf("%v: connect %v", f, p)
			}
		}
		if p = read(f.AppendDisconnect(nil, "/chat"), nil); p.Type != Disconnect || string(p.Namespace) != "/chat" || p.Data != nil {
			t.Errorf("%v: disconnect %v", f, p)
		}
		var refusal struct {
			Message string
			Data    map[string]int
		}
		p = read(must(f.AppendConnectError(nil, "/chat", "no", map[string]int{"code": 1})), nil)
		if err := f.Bind(p.Data, nil, &refusal); p.Type != ConnectError || err != nil || refusal.Message != "no" || refusal.Data["code"] != 1 {
			t.Errorf("%v: connect error %v, %v, %v", f, p, refusal, err)
		}

		b, attachments, err := f.AppendEvent(nil, "/chat", 7, true, "up", "name", []byte{1, 2})
		if err != nil || (len(attachments) == 0) != f.IsBinary() {
			t.Fatalf("%v: %d attachments, %v", f, len(attachments), err)
		}
		p = read(b, attachments)
		name, args, err := f.SplitEvent(p.Data)
		if err != nil || string(name) != "up" || p.ID != 7 || !p.HasID {
			t.Errorf("%v: event %q, %v, %v", f, name, p, err)
		}
		// Passed on to another namespace, as they are.
		kept := slices.Clone(p.Binary)
		relayed := f.AppendRawEvent(nil, "", 0, false, "again", args, len(kept))
		acked := f.AppendRawAck(nil, "/chat", 7, args, len(kept))
		empty := f.AppendRawEvent(nil, "/", 1, true, "empty", nil, 0)
		p = read(relayed, kept)
		name, args, err = f.SplitEvent(p.Data)
		checkBoth(t, f, args, p.Binary)
		if err != nil || string(name) != "again" || p.HasID || string(p.Namespace) != "/" {
			t.Errorf("%v: relayed %q, %v, %v", f, name, p, err)
		}
		p = read(acked, kept)
		checkBoth(t, f, f.AckArgs(p.Data), p.Binary)
		if p.ID != 7 || !p.HasID || string(p.Namespace) != "/chat" {
			t.Errorf("%v: relayed %v", f, p)
		}
		p = read(empty, nil)
		if name, args, err = f.SplitEvent(p.Data); string(name) != "empty" || len(args) != 0 || err != nil {
			t.Errorf("%v: %q, %x, %v", f, name, args, err)
		}
	}
	if s := JSON.String() + MessagePack.String() + Parser(9).String(); s != "jsonmsgpackparser 9" {
		t.Error(s)
	}
}

// checkBoth decodes the arguments "name" and 01 02, together and one by one.
func checkBoth(t *testing.T, f Parser, args []byte, attachments [][]byte) {
	t.Helper()
	var name string
	var data []byte
	var any1, any2 any
	err := f.Bind(args, attachments, &name, &data)
	arg1, rest := f.NextArg(args)
	arg2, rest := f.NextArg(rest)
	end, _ := f.NextArg(rest)
	err = errors.Join(err, f.Bind(arg1, attachments, &any1), f.Bind(arg2, attachments, &any2))
	if err != nil || name != "name" || string(data) != "\x01\x02" || any1 != "name" || string(any2.([]byte)) != "\x01\x02" || end != nil {
		t.Errorf("%v: %q %x %v %v, %v", f, name, data, any1, any2, err)
	}
}

func TestMessagePackBind(t *testing.T) {
	at := time.Date(2021, 1, 1, 0, 0, 0, 123_000_000, time.UTC)
	args := msgpackArgs(t, "s", 12, true, 1.5, []byte{1}, at, nil, map[string]any{"a": []any{1, []byte("x")}}, "c2Fy", 300)
	var (
		s    string
		n    int
		y    bool
		f    float32
		b    []byte
		d    time.Time
		p    = new(int)
		raw  json.RawMessage
		sar  []byte
		n16  uint16
		keep = s
	)
	if err := MessagePack.Bind(args, nil, &s, &n, &y, &f, &b, &d, &p, &raw, &sar, &n16, &keep); err != nil {
		t.Fatal(err)
	}
	if s != "s" || n != 12 || !y || f != 1.5 || string(b) != "\x01" || !d.Equal(at) || p != nil ||
		string(raw) != `{"a":[1,"eA=="]}` || string(sar) != "sar" || n16 != 300 {
		t.Errorf("%q %v %v %v %x %v %v %s %q %v", s, n, y, f, b, d, p, raw, sar, n16)
	}
	clear(args)
	if s != "s" || string(b) != "\x01" {
		t.Error("a value aliases the arguments")
	}
	var when, iso string
	if err := MessagePack.Bind(msgpackArgs(t, at, at, 5, nil), nil, &when, nil, &n, &iso); err != nil || when != "2021-01-01T00:00:00.123Z" || n != 5 || iso != "" {
		t.Errorf("%q %d %q, %v", when, n, iso, err)
	}
	// A slice keeps its memory, but not what was in it.
	list := []struct{ A, B int }{{1, 2}, {3, 4}, {5, 6}}
	first := &list[0]
	if err := MessagePack.Bind(msgpackArgs(t, []any{map[string]int{"A": 7}}), nil, &list); err != nil || len(list) != 1 ||
		&list[0] != first || list[0].A != 7 || list[0].B != 0 {
		t.Errorf("%v, %v", list, err)
	}
	// What other encoders write.
	for _, test := range []struct {
		args string
		dst  any
		want any
	}{
		{"ca3fc00000", new(any), 1.5},
		{"ca40000000", new(int), 2},
		{"cb4000000000000000", new(uint8), uint8(2)},
		{"d400 00", new(any), nil},
		{"82a161d40000a16201", new(map[string]int), map[string]int{"b": 1}},
		{"92d4000001", new([]any), []any{nil, 1.0}},
		{"820102a13303", new(map[string]any), map[string]any{"1": 2.0, "3": 3.0}},
		{"8101ff", new(map[int]int), map[int]int{1: -1}},
		{"81ffc3", new(map[int8]bool), map[int8]bool{-1: true}},
		{"c7020009 08", new([]byte), []byte{9, 8}},
		{"c8000100 09", new(any), []byte{9}},
		{"d5000908", new([]byte), []byte{9, 8}},
		{"93010203", new([2]int), [2]int{1, 2}},
		{"9101", new([2]int), [2]int{1, 0}},
		{"90", new([]int), []int{}},
		{"80", new(any), map[string]any{}},
		{"a3312e35", new(json.Number), json.Number("1.5")},
		{"cb3ff8000000000000", new(json.Number), json.Number("1.5")},
		{"a33a3a31", new(net.IP), net.ParseIP("::1")},
		{"d700fffffffffffffc18", new(time.Time), time.Date(1969, 12, 31, 23, 59, 59, 0, time.UTC)},
		{"b4323032312d30312d30315430303a30303a30305a", new(time.Time), time.Date(2021, 1, 1, 0, 0, 0, 0, time.UTC)},
		{"81a171a135", new(struct {
			Q int `json:"q,string"`
		}), struct {
			Q int `json:"q,string"`
		}{5}},
	} {
		if err := MessagePack.Bind(unhex(t, test.args), nil, test.dst); err != nil {
			t.Errorf("%s: %v", test.args, err)
		} else if got := reflect.ValueOf(test.dst).Elem().Interface(); !reflect.DeepEqual(got, test.want) {
			t.Errorf("%s: %#v, want %#v", test.args, got, test.want)
		}
	}
}

func TestMessagePackJSON(t *testing.T) {
	for list, want := range map[string]string{
		"":                           "",
		"01a161":                     `1,"a"`,
		"82a161d40000a16201":         `{"b":1}`,
		"92d40000c0":                 `[null,null]`,
		"8201a16102c403ff0001":       `{"1":"a","2":"/wAB"}`,
		"d7000000000000000000":       `"1970-01-01T00:00:00.000Z"`,
		"cb7ff8000000000001":         "null",
		"cbc3e0000000000000":         "-9223372036854776000",
		"cfffffffffffffffff":         "18446744073709551615",
		"a3220a5c":                   `"\"\n\\"`,
		"ac61626364656667686922c3a9": `"abcdefghi\"` + "\u00e9" + `"`,
		"a2ff61":                     `"` + "\ufffd" + `a"`,
		"d92061616161616161616161616161616161616161616161616161616161616161616161": `"` + strings.Repeat("a", 32) + `",` + "97,97",
	} {
		if got, err := MessagePack.AppendJSON(nil, unhex(t, list)); err != nil || string(got) != want {
			t.Errorf("%s: %s, %v, want %s", list, got, err, want)
		}
	}
}

func TestMessagePackBindErrors(t *testing.T) {
	var np *string
	for _, test := range []struct {
		args string
		dst  any
		want string
	}{
		{"01", new(string), "number 1 does not fit into a string"},
		{"a161", new(int), "string does not fit into a int"},
		{"c3", new(int), "boolean does not fit"},
		{"c40101", new(string), "binary data does not fit"},
		{"d7000000000000000000", new(int), "date does not fit"},
		{"cd0100", new(int8), "number 256 does not fit"},
		{"ff", new(uint), "number -1 does not fit"},
		{"cb3ff8000000000000", new(int), "number 1.5 does not fit"},
		{"cb43f0000000000000", new(uint64), "does not fit"},
		{"cf8000000000000000", new(int64), "does not fit"},
		{"cb43e0000000000000", new(int64), "does not fit"},
		{"cb7e37e43c8800759c", new(float32), "does not fit"},
		{"cb7ff8000000000001", new(int), "number NaN does not fit"},
		{"cb7ff8000000000001", new(json.Number), "does not fit"},
		{"90", new(int), "array does not fit"},
		{"80", new([]int), "object does not fit"},
		{"81a16101", new(map[bool]int), "key does not fit"},
		{"81a16101", new(map[int]int), `"a"`},
		{"81a161a178", new(map[string]int), `"a": string does not fit`},
		{"81a142c3", new(struct{ B string }), `"B": boolean`},
		{"a12a", new([]byte), "base64"},
		{"a12a", new(json.Number), "not a number"},
		{"d40500", new(any), "extension"},
		{"91d40500", new([]any), "extension"},
		{"81a161d40500", new(json.RawMessage), "extension"},
		{"a161", np, "not a pointer"},
		{"a161", "x", "not a pointer"},
		{"a161", new(chan int), "does not fit"},
	} {
		err := MessagePack.Bind(append([]byte{0x01}, unhex(t, test.args)...), nil, nil, test.dst)
		if err == nil || !strings.Contains(err.Error(), test.want) || !strings.HasPrefix(err.Error(), "argument 2: ") {
			t.Errorf("%s into %T: %v, want %q", test.args, test.dst, err, test.want)
		}
	}
	for _, list := range []string{"c1", "92", "01c1", "a2", "dd7fffffff"} {
		if b, err := MessagePack.AppendJSON([]byte("kept"), unhex(t, list)); err == nil || string(b) != "kept" {
			t.Errorf("%s: %s, %v", list, b, err)
		}
	}
}

func TestMessagePackParseErrors(t *testing.T) {
	packet := func(fields string) []byte { return append([]byte{0x80}, unhex(t, fields)...) }
	const kind, nsp, event = "a474797065 02", "a36e7370 a12f", "a464617461 91a161"
	for what, test := range map[string]struct {
		fields int
		b      []byte
		want   error
	}{
		"as it should be":                {3, packet(kind + nsp + event), nil},
		"type above 4":                   {3, packet("a474797065 05" + nsp + event), errTypeField},
		"type negative":                  {3, packet("a474797065 ff" + nsp + event), errTypeField},
		"type with a wide integer":       {3, packet("a474797065 cf0000000000000002" + nsp + event), nil},
		"type as a float":                {3, packet("a474797065 cb4000000000000000" + nsp + event), errTypeField},
		"type undefined":                 {3, packet("a474797065 d40000" + nsp + event), errNoType},
		"namespace without slash":        {3, packet(kind + "a36e7370 a161" + event), errNspField},
		"namespace empty":                {3, packet(kind + "a36e7370 a0" + event), errNspField},
		"namespace undefined":            {3, packet(kind + "a36e7370 d40000" + event), errNoNamespace},
		"namespace is no UTF-8":          {3, packet(kind + "a36e7370 a22fff" + event), errUTF8},
		"field twice":                    {4, packet(kind + nsp + event + kind), errFieldTwice},
		"id negative":                    {4, packet(kind + nsp + event + "a26964 ff"), errIDField},
		"id null":                        {4, packet(kind + nsp + event + "a26964 c0"), errIDField},
		"id undefined":                   {4, packet(kind + nsp + event + "a26964 d40000"), nil},
		"id in a signed integer":         {4, packet(kind + nsp + event + "a26964 d10001"), nil},
		"key that is no string":          {4, packet(kind + nsp + event + "01 01"), errMsgpackKey},
		"key that is no UTF-8":           {4, packet(kind + nsp + event + "a1ff 01"), errMsgpackKey},
		"bad ignored field":              {4, packet(kind + nsp + event + "a161 a1ff"), errUTF8},
		"ignored field cut off":          {4, packet(kind + nsp + event + "a161 92"), errMsgpack},
		"trailing byte":                  {3, packet(kind + nsp + event + "c0"), errTrailing},
		"event without data":             {2, packet(kind + nsp), errPayloadArray},
		"event with null":                {3, packet(kind + nsp + "a464617461 c0"), errPayloadArray},
		"event name null":                {3, packet(kind + nsp + "a464617461 91c0"), errEventName},
		"event name an object":           {3, packet(kind + nsp + "a464617461 9180"), errEventName},
		"event name a number":            {3, packet(kind + nsp + "a464617461 9101"), nil},
		"text that is no UTF-8":          {3, packet(kind + nsp + "a464617461 92a161a1ff"), errUTF8},
		"map key of a kind unknown":      {3, packet(kind + nsp + "a464617461 92a16181c3c3"), errMsgpackKey},
		"map key undefined":              {3, packet(kind + nsp + "a464617461 92a16181d40000c3"), errMsgpackKey},
		"reserved byte":                  {3, packet(kind + nsp + "a464617461 92a161c1"), errMsgpack},
		"binary with a huge length":      {3, packet(kind + nsp + "a464617461 92a161c6ffffffff"), errMsgpack},
		"map with a huge length":         {3, packet(kind + nsp + "a464617461 92a161dfffffffff"), errMsgpack},
		"extension with a huge length":   {3, packet(kind + nsp + "a464617461 92a161c9ffffffff00"), errMsgpack},
		"extension without a type":       {3, packet(kind + nsp + "a464617461 92a161c700"), errMsgpack},
		"extension that nobody knows":    {3, packet(kind + nsp + "a464617461 92a161d57f0000"), nil},
		"disconnect with null":           {3, packet("a474797065 01" + nsp + "a464617461 c0"), nil},
		"connect with null":              {3, packet("a474797065 00" + nsp + "a464617461 c0"), nil},
		"connect with text":              {3, packet("a474797065 00" + nsp + "a464617461 a161"), errPayloadMap},
		"connect error without data":     {2, packet("a474797065 04" + nsp), errPayloadText},
		"connect error with a text":      {3, packet("a474797065 04" + nsp + "a464617461 a161"), nil},
		"connect error with an array":    {3, packet("a474797065 04" + nsp + "a464617461 90"), errPayloadText},
		"ack without data":               {3, packet("a474797065 03" + nsp + "a26964 01"), errPayloadArray},
		"ack without id, for the owner":  {3, packet("a474797065 03" + nsp + "a464617461 90"), nil},
		"packet that ends after its map": {4, packet(kind + nsp + event), errMsgpackKey},
	} {
		test.b[0] |= byte(test.fields)
		var p Packet
		err := p.ParseMessagePack(test.b)
		if !errors.Is(err, test.want) {
			t.Errorf("%s: %v, want %v", what, err, test.want)
		}
		var pe *ParseError
		if err != nil && (!errors.As(err, &pe) || pe.Offset < 0 || pe.Offset > len(test.b)) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// nestedPacket returns an event whose payload has containers nested to a depth, the payload's own
// array included.
func nestedPacket(depth int, container byte) []byte {
	var value []byte
	for range depth - 1 {
		if value = append(value, container|1); container == 0x80 {
			value = append(value, 0x00)
		}
	}
	b := appendMsgpackArray(appendMsgpackHead(nil, Event, 3), 2)
	b = append(appendMsgpackString(b, "a"), value...)
	return appendMsgpackTail(append(b, 0xc0), "/", 0, false)
}

func TestMessagePackDepth(t *testing.T) {
	for _, container := range []byte{0x80, 0x90} {
		for limit, allowed := range map[int]int{0: defaultDepth, 3: 3, 5000: maxDepth} {
			d := Decoder{Parser: MessagePack, MaxDepth: limit}
			p, err := d.Binary(nestedPacket(allowed, container))
			if err != nil {
				t.Fatalf("depth %d of %d: %v", allowed, limit, err)
			}
			var v any
			if err := MessagePack.Bind(p.Data, nil, &v); err != nil {
				t.Errorf("depth %d: %v", allowed, err)
			}
			if p, err := d.Binary(nestedPacket(allowed+1, container)); p != nil || !errors.Is(err, ErrTooDeep) {
				t.Errorf("depth %d of %d: %v, %v", allowed+1, limit, p, err)
			}
		}
	}
}

// TestMessagePackHugeLengths announces lengths that no packet can hold.
func TestMessagePackHugeLengths(t *testing.T) {
	for _, head := range []byte{0xc6, 0xc9, 0xdb, 0xdd, 0xdf} {
		for _, n := range []uint32{2, 1 << 16, math.MaxInt32, math.MaxUint32} {
			b := binary.BigEndian.AppendUint32([]byte{head}, n)
			var p Packet
			var v any
			list := append([]byte{0xc0}, b...)
			if err := p.ParseMessagePack(b); err == nil {
				t.Errorf("%x: accepted", b)
			}
			if arg, rest := MessagePack.NextArg(b); arg != nil || rest != nil {
				t.Errorf("%x: %x %x", b, arg, rest)
			}
			if err := MessagePack.Bind(list, nil, nil, &v); err != nil || v != nil {
				t.Errorf("%x: %v, %v", list, v, err)
			}
			if MessagePack.AckArgs(b) != nil || countMsgpack(list) != 1 {
				t.Errorf("%x: taken for a list", b)
			}
			if _, _, err := MessagePack.SplitEvent(b); err == nil {
				t.Errorf("%x: taken for an event", b)
			}
		}
	}
}

// TestMessagePackHeads refuses sizes that the rest cannot hold, in elements too.
func TestMessagePackHeads(t *testing.T) {
	for b, want := range map[string]msgpackKind{
		"8200010001": msgpackMap, "82000100": msgpackBad,
		"92c0c0": msgpackArray, "92c0": msgpackBad, "c70100ff": msgpackBytes, "c702007f": msgpackBad, "c70000": msgpackBytes,
		"a161": msgpackString, "a1": msgpackBad, "cb00": msgpackBad, "dc00": msgpackBad, "c1": msgpackBad,
	} {
		if h := readMsgpack(unhex(t, b), 0); h.kind != want {
			t.Errorf("%s: kind %d, want %d", b, h.kind, want)
		}
	}
}

func TestISODates(t *testing.T) {
	for ms, want := range map[int64]string{
		0:                "1970-01-01T00:00:00.000Z",
		1609459200123:    "2021-01-01T00:00:00.123Z",
		-62167219200001:  "-000001-12-31T23:59:59.999Z",
		253402300800000:  "+010000-01-01T00:00:00.000Z",
		8640000000000000: "+275760-09-13T00:00:00.000Z",
	} {
		if got := string(appendISO(nil, time.UnixMilli(ms).UTC())); got != want {
			t.Errorf("%d: %s, want %s", ms, got, want)
		}
	}
}
