package socketio

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

func seedTexts(f *testing.F) {
	f.Helper()
	valid, invalid := loadVectors(f)
	for _, v := range append(valid, invalid...) {
		f.Add([]byte(v.Encoded[0].text))
	}
	for _, s := range []string{
		`2["\u0063onnect"]`, `2 []`, `51-[{"num":0,"_placeholder":true}]`, `51-["a",{"num":9,"num":0,"_placeholder":false,"_pl\u0061ceholder":true}]`,
		`52-/n,9999999999999999999["e",[{"a":{"_placeholder":true,"num":1,"x":{"_placeholder":true,"num":7}}}]]`, "0/\xff,", "2[\"\xff\"]", "4\"x\" \n",
	} {
		f.Add([]byte(s))
	}
}

func samePacket(a, b *Packet) bool {
	return a.Type == b.Type && bytes.Equal(a.Namespace, b.Namespace) && a.ID == b.ID && a.HasID == b.HasID &&
		a.Attachments == b.Attachments && bytes.Equal(a.Data, b.Data) && (a.Data == nil) == (b.Data == nil)
}

func FuzzParse(f *testing.F) {
	seedTexts(f)
	f.Fuzz(func(t *testing.T, in []byte) {
		// Without capacity behind it, reading too far is a panic.
		b := slices.Clip(bytes.Clone(in))
		p := Packet{ID: 5, HasID: true, Binary: [][]byte{{1}}}
		err := p.Parse(b)
		if !bytes.Equal(in, b) {
			t.Fatal("the input was changed")
		}
		if err != nil {
			var pe *ParseError
			if !errors.As(err, &pe) || pe.Offset < 0 || pe.Offset > len(in) {
				t.Fatalf("%#v", err)
			}
			return
		}
		checkPacket(t, &p)
		var again Packet
		text := p.Append(nil)
		if err := again.Parse(text); err != nil || !samePacket(&p, &again) {
			t.Fatalf("%+v became %+v, %v", p, again, err)
		}
		if !bytes.Equal(again.Append(nil), text) {
			t.Fatalf("%q is not stable", text)
		}
	})
}

// checkPacket asserts what Parse promises of every packet.
func checkPacket(t *testing.T, p *Packet) {
	t.Helper()
	if !utf8.Valid(p.Namespace) || p.Namespace[0] != '/' || bytes.IndexByte(p.Namespace, ',') >= 0 {
		t.Fatalf("namespace %q", p.Namespace)
	}
	if !utf8.Valid(p.Data) || p.Data != nil && !json.Valid(p.Data) {
		t.Fatalf("data %q", p.Data)
	}
	if p.Binary != nil || p.Type.IsBinary() != (p.Attachments > 0) || p.Attachments > defaultAttachments || p.ID != 0 && !p.HasID {
		t.Fatalf("packet %+v", p)
	}
	if p.Type != Event && p.Type != BinaryEvent {
		return
	}
	name, args, err := SplitEvent(p.Data)
	if err != nil || Reserved(name) {
		t.Fatalf("event %q of %q: %v", name, p.Data, err)
	}
	var want []json.RawMessage
	if err := json.Unmarshal(p.Data, &want); err != nil {
		t.Fatal(err)
	}
	var wantName any
	if err := json.Unmarshal(want[0], &wantName); err == nil { // it fails for numbers beyond float64
		if s, ok := wantName.(string); ok && s != string(name) {
			t.Fatalf("event %q, want %q", name, s)
		}
	}
	for _, w := range want[1:] {
		var arg []byte
		arg, args = NextArg(args)
		if !bytes.Equal(arg, w) {
			t.Fatalf("argument %q, want %q", arg, w)
		}
	}
	if arg, _ := NextArg(args); arg != nil {
		t.Fatalf("argument %q too many", arg)
	}
}

// What the reference accepts or the vectors do not hold.
func TestParse(t *testing.T) {
	for in, want := range map[string]string{
		`2["a" , {"b" : 1 } ] ` + "\n": `2 / - ["a" , {"b" : 1 } ]`,
		"2[\n\"a\"]":                   "2 / - [\n\"a\"]",
		`29999999999999999999["a"]`:    `2 / 9999999999999999999 ["a"]`,
		`20000000000000000001["a"]`:    `2 / 1 ["a"]`,
		`3/,0[]`:                       `3 / 0 []`,
		`2["disconnec"]`:               `2 / - ["disconnec"]`,
		`2["Connect"]`:                 `2 / - ["Connect"]`,
		`2[-1.5e3]`:                    `2 / - [-1.5e3]`,
		`2["\ud800\u00e9"]`:            `2 / - ["\ud800\u00e9"]`,
		`3`:                            `3 / - <nil>`,
		`1/a`:                          `1 /a - <nil>`,
		`0/a,12{}`:                     `0 /a 12 {}`,
		`4/a,"x"`:                      `4 /a - "x"`,
	} {
		var p Packet
		err := p.Parse([]byte(in))
		id, data := "-", "<nil>"
		if p.HasID {
			id = fmt.Sprint(p.ID)
		}
		if p.Data != nil {
			data = string(p.Data)
		}
		if got := fmt.Sprintf("%d %s %s %s", p.Type, p.Namespace, id, data); err != nil || got != want {
			t.Errorf("%q: %s, %v, want %s", in, got, err, want)
		}
	}
}

func TestParseErrors(t *testing.T) {
	for in, want := range map[string]ParseError{
		``:                                 {0, errEmpty},
		`7`:                                {0, errType},
		`2["\u0063onnect"]`:                {2, ErrReservedEvent},
		`2["disc\u006fnnecting",1]`:        {2, ErrReservedEvent},
		`20000000000000000000001["a"]`:     {1, errIDTooLong},
		`210000000000000000000["a"]`:       {1, errIDTooLong},
		`501-["a"]`:                        {1, errAttachments},
		`511-["a"]`:                        {1, ErrTooManyAttachments},
		`5`:                                {1, errAttachments},
		`61-`:                              {3, errNoPayload},
		"2[\"a\xff\"]":                     {1, errUTF8},
		"0/\xc3,":                          {1, errUTF8},
		`2["a",{"b":01}]`:                  {11, errNumber},
		`2["a",tru]`:                       {6, errLiteral},
		`2["a\q"]`:                         {5, errEscape},
		"2[\"a\n\"]":                       {4, errControl},
		`2["a" "b"]`:                       {6, errCommaOrEnd},
		`2["a",{"b" 1}]`:                   {11, errColon},
		`2["a",{1:2}]`:                     {7, errKey},
		`2["a",]`:                          {6, errValue},
		`2["a"`:                            {5, errUnexpectedEnd},
		`2["a"]]`:                          {6, errAfterDocument},
		`2[["a"]]`:                         {2, errEventName},
		`4[]`:                              {1, errNotMessage},
		`1[]`:                              {1, errPayload},
		`0[]`:                              {1, errNotObject},
		`2{}`:                              {1, errNotArray},
		`51-["a",[{"_placeholder":true}]]`: {3, errPlaceholder},
		`51-["a",{"_placeholder":true,"num":0,"num":1}]`:      {3, errPlaceholder},
		`51-["a",{"_placeholder":true,"num":1e0}]`:            {3, errPlaceholder},
		`51-["a",{"_placeholder":true,"num":0.0}]`:            {3, errPlaceholder},
		`51-["a",{"_placeholder":true,"num":-0}]`:             {3, errPlaceholder},
		`51-["a",{"_placeholder":true,"num":"0"}]`:            {3, errPlaceholder},
		`51-["a",{"_placeholder":true,"num":4294967296}]`:     {3, errPlaceholder},
		`51-["a",{"_pl\u0061ceholder":true,"num":1}]`:         {3, errPlaceholder},
		`51-["a",{"num":0,"_placeholder":true,"n\u0075m":1}]`: {3, errPlaceholder},
	} {
		var p Packet
		err := p.Parse([]byte(in))
		var got *ParseError
		if !errors.As(err, &got) || *got != want || !errors.Is(err, want.Err) {
			t.Errorf("%q: %v, want byte %d: %v", in, err, want.Offset, want.Err)
		} else if !strings.Contains(err.Error(), want.Err.Error()) {
			t.Errorf("%q: the message is %q", in, err)
		}
	}
}

// Objects that look like placeholders but are none, or are and hold others.
func TestPlaceholders(t *testing.T) {
	for _, in := range []string{
		`51-["a",{"_placeholder":1,"num":5}]`,
		`51-["a",{"_placeholder":"true","num":5}]`,
		`51-["a",{"_placeholder":true,"_placeholder":false,"num":5}]`,
		`51-["a",{"_placeholder":false,"_placeholder":true,"num":0}]`,
		`51-["a",{"num":5,"_placeholder":true,"num":0}]`,
		`51-["a",{"x":{"_placeholder":true,"num":5},"_placeholder":true,"num":0}]`,
		`51-["a",{"_placeholder":true,"num":0,"x":[{"_placeholder":true,"num":5}]}]`,
		`51-["a",{ "_placeholder" : true , "num" : 0 }]`,
	} {
		var p Packet
		if err := p.Parse([]byte(in)); err != nil {
			t.Errorf("%s: %v", in, err)
		}
	}
}

func TestSplitEventErrors(t *testing.T) {
	for _, in := range []string{``, `[`, `[]`, `[ ]`, `{}`, `["a]`, `["]`, `[null]`, `["a"1]`, `["a`, `[-]`, `[1x]`, `"a"`} {
		if name, args, err := SplitEvent([]byte(in)); err == nil {
			t.Errorf("SplitEvent(%s) = %q, %q", in, name, args)
		}
	}
	for in, want := range map[string]string{
		`[ "a" ]`: `a|`, `["a" , 1 ]`: `a|1 `, `[1]`: `1|`, `[1.0,2]`: `1|2`, `[1e21]`: `1e+21|`, `[-0]`: `0|`, `[1e400,3]`: `null|3`,
		`["\u0061\n\ud83d\ude00\ud800x"]`: "a\n\U0001F600\ufffdx|", `["\\\"\/\b\f\r\t"]`: "\\\"/\b\f\r\t|",
	} {
		name, args, err := SplitEvent([]byte(in))
		if got := string(name) + "|" + string(args); err != nil || got != want {
			t.Errorf("SplitEvent(%s) = %q, %v, want %q", in, got, err, want)
		}
	}
}

func TestReserved(t *testing.T) {
	for _, name := range []string{"connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener"} {
		if !Reserved(name) || !Reserved([]byte(name)) {
			t.Errorf("%q is not reserved", name)
		}
		dst := []byte("x")
		got, attachments, err := AppendEvent(dst, "/", 0, false, name, []byte{1})
		if !errors.Is(err, ErrReservedEvent) || string(got) != "x" || attachments != nil {
			t.Errorf("%q was emitted: %q, %v", name, got, err)
		}
	}
	for _, name := range []string{"", "error", "message", "connection", "CONNECT", "connect "} {
		if Reserved(name) {
			t.Errorf("%q is reserved", name)
		}
	}
}

func TestTypeString(t *testing.T) {
	if got := fmt.Sprint(Connect, BinaryAck, Type(9)); got != "CONNECT BINARY_ACK type 9" {
		t.Errorf("got %q", got)
	}
}

// Whoever appends to a packet's parts must not reach what follows them.
func TestPartsAreSeparate(t *testing.T) {
	b := []byte(`2/admin,12["a",1] `)
	var p Packet
	if err := p.Parse(b); err != nil {
		t.Fatal(err)
	}
	name, args, err := SplitEvent(p.Data)
	if err != nil {
		t.Fatal(err)
	}
	arg, _ := NextArg(args)
	for _, part := range [][]byte{p.Namespace, p.Data, name, args, arg} {
		_ = append(part, "overwritten"...)
	}
	var main Packet
	if err := main.Parse([]byte("0")); err != nil {
		t.Fatal(err)
	}
	_ = append(main.Namespace, 'x')
	if string(b) != `2/admin,12["a",1] ` || string(mainNamespace) != "/" {
		t.Errorf("input %q, main namespace %q", b, mainNamespace)
	}
}

// FuzzDecoder gives a Decoder a sequence of messages, cut from the input at line ends; a text
// begins with t. It compares with a plain model.
func FuzzDecoder(f *testing.F) {
	valid, invalid := loadVectors(f)
	for _, v := range append(valid, invalid...) {
		var all []string
		for _, m := range v.Encoded {
			if m.binary {
				all = append(all, "b"+string(m.data))
			} else {
				all = append(all, "t"+m.text)
			}
		}
		s := strings.Join(all, "\n")
		f.Add([]byte(s))
		f.Add([]byte(s + "\n" + s))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		const limit = 20
		d := Decoder{MaxBytes: limit}
		var held *Packet // the model: what was announced, and what came since
		var got [][]byte
		for chunk := range bytes.SplitSeq(in, []byte("\n")) {
			if len(chunk) == 0 {
				continue
			}
			text, body := chunk[0] == 't', bytes.Clone(chunk[1:])
			var p *Packet
			var err error
			if text {
				p, err = d.Text(body)
			} else {
				p, err = d.Binary(body)
			}
			wantErr := false
			complete := false
			if text {
				held, wantErr = modelText(held, chunk[1:])
				got = nil
				complete = !wantErr && held.Attachments == 0
			} else if wantErr = held == nil || len(bytes.Join(append(got, chunk[1:]), nil)) > limit; !wantErr {
				got = append(got, chunk[1:])
				complete = len(got) == held.Attachments
			}
			if (err != nil) != wantErr || (p != nil) != complete {
				t.Fatalf("%q: %v, %v; the model has error %v, complete %v", chunk, p, err, wantErr, complete)
			}
			if complete && (!samePacket(p, held) || !reflect.DeepEqual(bytes.Join(p.Binary, []byte{0}), bytes.Join(got, []byte{0})) || len(p.Binary) != len(got)) {
				t.Fatalf("got %+v, want %+v with %q", p, held, got)
			}
			if wantErr || complete {
				held = nil
			}
			pending := 0
			if held != nil {
				pending = held.Attachments - len(got)
			}
			if d.Pending() != pending {
				t.Fatalf("%d pending, want %d", d.Pending(), pending)
			}
			for i := range body { // the reader's buffer is used again
				body[i] = 0xee
			}
		}
	})
}

func modelText(held *Packet, text []byte) (p *Packet, refused bool) {
	p = new(Packet)
	if held != nil || p.Parse(text) != nil {
		return nil, true
	}
	return p, false
}

func TestDecoderLimits(t *testing.T) {
	d := Decoder{MaxAttachments: 12, MaxBytes: 10}
	if _, err := d.Text([]byte(`513-["a"]`)); !errors.Is(err, ErrTooManyAttachments) {
		t.Errorf("13 attachments: %v", err)
	}
	if p, err := d.Text([]byte(`512-["a",{"_placeholder":true,"num":11}]`)); p != nil || err != nil || d.Pending() != 12 {
		t.Errorf("12 attachments: %v, %v", p, err)
	}
	if p, err := d.Binary(make([]byte, 10)); p != nil || err != nil || d.Pending() != 11 {
		t.Errorf("10 bytes: %v, %v", p, err)
	}
	if p, err := d.Binary(nil); p != nil || err != nil || d.Pending() != 10 {
		t.Errorf("10 bytes and none: %v, %v", p, err)
	}
	if p, err := d.Binary([]byte{1}); p != nil || !errors.Is(err, ErrTooLarge) || d.Pending() != 0 {
		t.Errorf("11 bytes: %v, %v", p, err)
	}
	if _, err := d.Binary([]byte{1}); !errors.Is(err, ErrUnexpectedBinary) {
		t.Errorf("after an error: %v", err)
	}
}

func TestDecoderReset(t *testing.T) {
	var d Decoder
	big := make([]byte, 1<<20)
	for range 2 {
		if _, err := d.Text([]byte(`52-["a"]`)); err != nil {
			t.Fatal(err)
		}
		if _, err := d.Binary(big); err != nil {
			t.Fatal(err)
		}
		p, err := d.Binary(big)
		if err != nil || len(p.Binary) != 2 || len(p.Binary[0]) != len(big) {
			t.Fatalf("%v", err)
		}
	}
	d.Reset()
	if cap(d.arena) > keepBytes || d.packet.Binary != nil || d.Pending() != 0 {
		t.Errorf("%d bytes are kept", cap(d.arena))
	}
	if _, err := d.Text([]byte(`51-["a"]`)); err != nil {
		t.Fatal(err)
	}
	d.Reset()
	if p, err := d.Text([]byte(`2["a"]`)); err != nil || p == nil {
		t.Errorf("after Reset: %v", err)
	}
}
