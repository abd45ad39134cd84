package wire

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/throng-io/throng/protocol/socketio"
)

// capture is a message that one of the official adapters sent: a publication, or an entry of a
// stream.
type capture struct {
	Adapter, Op, Channel, Hex, Text string
	Entry                           []string
}

func (c capture) payload(t *testing.T) []byte {
	if c.Hex == "" {
		return []byte(c.Text)
	}
	b, err := hex.DecodeString(c.Hex)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func captures(t *testing.T) (all []capture) {
	b, err := os.ReadFile("testdata/captures.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, &all); err != nil {
		t.Fatal(err)
	}
	return all
}

// TestCaptures reads what the official adapters and the emitter have sent, and writes it again:
// byte for byte where the order of fields is one.
func TestCaptures(t *testing.T) {
	kinds := map[Kind]int{}
	for _, c := range captures(t) {
		t.Run(c.Adapter+"/"+c.Op, func(t *testing.T) {
			var m Message
			switch {
			case c.Entry != nil:
				entry(t, c, &m)
			case c.Adapter == "redis" || strings.HasPrefix(c.Adapter, "redis publish"):
				classic(t, c, &m)
			default:
				cluster(t, c, &m)
			}
			kinds[m.Kind]++
		})
	}
	for _, k := range []Kind{Broadcast, Ask, ClientCount, Answer, Join, Leave, Disconnect, Fetch, Sockets, ServerEvent, ServerAnswer, ListRooms, Rooms} {
		if kinds[k] == 0 {
			t.Errorf("no capture of kind %d", k)
		}
	}
}

func same(t *testing.T, got, want []byte) {
	t.Helper()
	if string(got) == string(want) {
		return
	}
	if canonical(got) != canonical(want) {
		t.Errorf("written again:\n%q\nwant\n%q", got, want)
	}
}

// canonical makes the order of fields one. Messages of the adapters have several.
func canonical(b []byte) string {
	if len(b) > 0 && b[0] != '{' {
		var err error
		if b, err = socketio.MessagePack.AppendJSON(nil, b); err != nil {
			return err.Error()
		}
	}
	var v any
	if err := json.Unmarshal(b, &v); err != nil {
		return err.Error()
	}
	b, _ = json.Marshal(v)
	return string(b)
}

func classic(t *testing.T, c capture, m *Message) {
	dialect, b := Classic{"socket.io"}, c.payload(t)
	ns := "/" + strings.SplitN(strings.SplitN(c.Channel, "#/", 2)[1], "#", 2)[0]
	var err error
	switch {
	case strings.HasPrefix(c.Channel, "socket.io#"):
		err = dialect.Broadcast(b, m)
	case strings.HasPrefix(c.Channel, "socket.io-request#"):
		err = dialect.Request(ns, b, m)
	default:
		err = dialect.Answer(ns, b, m)
	}
	if err != nil {
		t.Fatal(err)
	}
	if m.Namespace != ns {
		t.Errorf("namespace %q, want %q", m.Namespace, ns)
	}
	if got := dialect.Channel(m); got != c.Channel && !strings.HasPrefix(c.Channel, got) {
		t.Errorf("channel %q, want %q", got, c.Channel)
	}
	same(t, dialect.Append(nil, m), b)
	if m.Kind == Broadcast && m.From != Emitter && string(dialect.Append(nil, m)) != string(b) {
		t.Errorf("a broadcast differs from the reference:\n%q\n%q", dialect.Append(nil, m), b)
	}
}

func cluster(t *testing.T, c capture, m *Message) {
	dialect, b := Cluster{"socket.io"}, c.payload(t)
	if err := dialect.Message(b, m); err != nil {
		t.Fatal(err)
	}
	if c.Hex != "" {
		same(t, dialect.AppendBinary(nil, m), b)
		return
	}
	same(t, dialect.AppendText(nil, m), b)
	if m.Kind == Broadcast && string(dialect.AppendText(nil, m)) != string(b) {
		t.Errorf("a broadcast differs from the reference:\n%q\n%q", dialect.AppendText(nil, m), b)
	}
}

func entry(t *testing.T, c capture, m *Message) {
	dialect, e := Cluster{"socket.io"}, c.Entry
	if err := dialect.Entry(e[0], e[1], e[2], e[3], m); err != nil {
		t.Fatal(err)
	}
	if e[3][0] == '{' {
		same(t, dialect.DataText(m), []byte(e[3]))
		return
	}
	want, err := base64.StdEncoding.DecodeString(e[3])
	if err != nil {
		t.Fatal(err)
	}
	same(t, dialect.DataBinary(nil, m), want)
}

func TestMalformed(t *testing.T) {
	var m Message
	for _, b := range []string{
		"", "{", "{}", "[]", "null", `{"type":"x"}`, `{"type":99}`, "\x93", "\x93\xc0\xc0\xc0", "\x93\xa1u\x81\xa4data\x90\x80", "\xdf\xff\xff\xff\xff",
		strings.Repeat("\x91", 4096), `{"type":6,"data":{}}`, `{"type":2,"sid":""}`, `{"type":3,"data":{"packet":{"data":"x"}}}`,
		`{"type":3,"data":{"packet":{"type":2,"data":[]}},"uid":"a","nsp":"/"}`, "\x81\xa4type\x03",
	} {
		c := Classic{"p"}
		if c.Broadcast([]byte(b), &m) == nil {
			t.Errorf("%q is a broadcast", b)
		}
		if c.Request("/", []byte(b), &m) == nil && (m.Kind == Ask || m.Kind == ServerEvent) {
			t.Errorf("%q is a request: %+v", b, m)
		}
		_ = c.Answer("/", []byte(b), &m)
		if (Cluster{"p"}).Message([]byte(b), &m) == nil && (m.Kind == Broadcast || m.Kind == ServerEvent) {
			t.Errorf("%q is a message: %+v", b, m)
		}
	}
}

// TestNumbers: rooms may be numbers.
func TestNumbers(t *testing.T) {
	var m Message
	if err := (Classic{"p"}).Request("/", []byte(`{"uid":"a","type":2,"opts":{"rooms":[42],"except":[1.5]},"rooms":[7,"x"]}`), &m); err != nil {
		t.Fatal(err)
	}
	if strings.Join(m.To.Rooms, " ") != "42" || strings.Join(m.To.Except, " ") != "1.5" || strings.Join(m.Names, " ") != "7 x" {
		t.Errorf("got %+v", m)
	}
	args, _, _ := socketio.MessagePack.AppendArgs(nil, nil, "uid", map[string]any{"type": 2, "data": []any{"e"}, "nsp": "/"}, map[string]any{"rooms": []any{42, "x"}})
	if err := (Classic{"p"}).Broadcast(append([]byte{0x93}, args...), &m); err != nil || strings.Join(m.To.Rooms, " ") != "42 x" {
		t.Errorf("got %+v, %v", m, err)
	}
}

// TestOldNode: before version 7 of the classic adapter a change named one socket.
func TestOldNode(t *testing.T) {
	var m Message
	if err := (Classic{"p"}).Request("/", []byte(`{"uid":"a","requestId":"r","type":2,"sid":"s","room":"x"}`), &m); err != nil {
		t.Fatal(err)
	}
	if m.Kind != Join || m.Request != "r" || strings.Join(m.To.Rooms, " ") != "s" || strings.Join(m.Names, " ") != "x" {
		t.Errorf("got %+v", m)
	}
	if err := (Classic{"p"}).Request("/", []byte(`{"requestId":"r","type":0,"rooms":["x"]}`), &m); err != nil || m.Kind != ListIDs || strings.Join(m.To.Rooms, " ") != "x" {
		t.Errorf("got %+v, %v", m, err)
	}
}

func TestEscape(t *testing.T) {
	if got := Escape(`p#/a*[b]?\#`); got != `p#/a\*\[b\]\?\\#` {
		t.Errorf("got %s", got)
	}
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte(`{"type":3,"data":{"packet":{"type":2,"data":["e",1]},"opts":{"rooms":["r"],"except":[]}},"uid":"a","nsp":"/"}`))
	b, _ := hex.DecodeString("93a6534862556f3183a47479706502a46461746191a568656c6c6fa36e7370a12f83a5726f6f6d7391a5726f6f6d31a665786365707490a5666c61677380")
	f.Add(b)
	f.Fuzz(func(t *testing.T, b []byte) {
		c, k := Classic{"p"}, Cluster{"p"}
		var m, again Message
		if c.Broadcast(b, &m) == nil {
			if err := c.Broadcast(c.Append(nil, &m), &again); err != nil || again.Event != m.Event || string(again.Args) != string(m.Args) {
				t.Errorf("%q is %+v, and then %+v, %v", b, m, again, err)
			}
		}
		sameBroadcast(t, b)
		if k.Message(b, &m) == nil && m.Kind == Broadcast {
			write := k.AppendText
			if m.Parser == msgpack {
				write = k.AppendBinary
			}
			if err := k.Message(write(nil, &m), &again); err != nil || again.Event != m.Event {
				t.Errorf("%q is %+v, and then %+v, %v", b, m, again, err)
			}
		}
		_ = c.Request("/", b, &m)
		_ = c.Answer("/", b, &m)
		if s, err := ParseSession(base64.StdEncoding.EncodeToString(b)); err == nil {
			if again, err := ParseSession(s.Text()); err != nil || again.ID != s.ID || again.Private != s.Private {
				t.Errorf("%q is %+v, and then %+v, %v", b, s, again, err)
			}
		}
	})
}

// sameBroadcast checks that the fast way to read a broadcast finds what the way for all messages does.
func sameBroadcast(t *testing.T, b []byte) (fast bool) {
	t.Helper()
	var m, want Message
	if fast = m.broadcastText(b); fast {
		if err := want.text(b); err != nil || !reflect.DeepEqual(m, want) {
			t.Errorf("%q is %+v in the fast way, and %+v, %v in the other", b, m, want, err)
		}
	}
	return fast
}

// TestFastBroadcasts: what nodes write is read in the fast way, and what needs more is left to the
// other.
func TestFastBroadcasts(t *testing.T) {
	m := Message{Kind: Broadcast, From: "a", Namespace: "/", Event: "say \"hi\"", Args: []byte(`{"a":[1,{}]},"<é>"`), To: Audience{Rooms: []string{"r", "s"}}}
	if text := (Cluster{}).AppendText(nil, &m); !sameBroadcast(t, text) {
		t.Errorf("%s is not read in the fast way", text)
	}
	const packet = `"packet":{"type":2,"data":["e",1],"nsp":"/"}`
	for text, fast := range map[string]bool{
		`{"uid":"a","nsp":"/","type":3,"data":{"opts":{"rooms":["r"],"except":[],"flags":{}},` + packet + `}}`: true,
		` {"type" : 3 , "data":{` + packet + `, "opts":{}}, "uid":"a","nsp":"/"}`:                              true,
		`{"type":3,"data":{` + packet + `,"opts":{"rooms":[],"flags":{"volatile":true}}},"uid":"a","nsp":"/"}`: false,
		`{"type":3,"data":{` + packet + `,"opts":{},"requestId":"q"},"uid":"a","nsp":"/"}`:                     false,
		`{"type":3,"data":{` + packet + `,"opts":{"rooms":[17]}},"uid":"a","nsp":"/"}`:                         false,
		`{"type":3,"data":{` + packet + `,"opts":{"rooms":["\u0072"]}},"uid":"a","nsp":"/"}`:                   false,
		`{"type":3,"data":{` + packet + `,"opts":null},"uid":"a","nsp":"/"}`:                                   false,
		`{"type":9,"data":{"packet":["e"],"opts":{}},"uid":"a","nsp":"/"}`:                                     false,
		`{"type":3,"data":{"packet":{"data":[]},"opts":{}},"uid":"a","nsp":"/"}`:                               false,
		`{"type":3,"data":{` + packet + `,"opts":{},"opts":{}},"uid":"a","nsp":"/"}`:                           false,
		`{"type":3,"data":{` + packet + `,"opts":{}},"uid":"a","nsp":"/"} x`:                                   false,
	} {
		if got := sameBroadcast(t, []byte(text)); got != fast {
			t.Errorf("%s is read in the fast way: %v, want %v", text, got, fast)
		}
	}
}

// TestStreams: the hashes are those of the reference, whose sign stays.
func TestStreams(t *testing.T) {
	s := Streams{"io", 4}
	for ns, want := range map[string]string{"/": "io-3", "/custom": "io-0", "/chat": "io-3", "/notifications": "io--3"} {
		if got := s.Of(ns); got != want {
			t.Errorf("%s is in %s, want %s", ns, got, want)
		}
	}
	if got := strings.Join(s.All(), " "); got != "io--3 io--2 io--1 io-0 io-1 io-2 io-3" {
		t.Errorf("got %s", got)
	}
	if s := (Streams{"io", 1}); s.Of("/x") != "io" || len(s.All()) != 1 {
		t.Error("one stream has no number")
	}
}

// A part of an answer says in both encodings whether more come.
func TestPartsOfSockets(t *testing.T) {
	for _, more := range []bool{true, false} {
		m := Message{Kind: Sockets, From: "a", Namespace: "/", Request: "r", More: more, List: []Socket{{ID: "s", Handshake: []byte("{}"), Data: []byte("1")}}}
		for _, b := range [][]byte{Cluster{}.AppendText(nil, &m), Cluster{}.AppendBinary(nil, &m)} {
			var got Message
			if err := (Cluster{}).Message(b, &got); err != nil || got.More != more || got.Request != "r" || len(got.List) != 1 {
				t.Errorf("%s: %+v, %v", b, got, err)
			}
		}
	}
}
