package server_test

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"

	"github.com/fasthttp/websocket"

	"github.com/throng-io/throng/protocol/socketio"
	"github.com/throng-io/throng/server"
	"github.com/throng-io/throng/server/app"
)

const msgpack = socketio.MessagePack

// show writes a MessagePack packet as type, namespace, id and the payload as JSON.
func show(t *testing.T, packet string) string {
	t.Helper()
	var p socketio.Packet
	if err := msgpack.Parse(&p, []byte(packet)); err != nil {
		t.Fatalf("%x: %v", packet, err)
	}
	id := ""
	if p.HasID {
		id = fmt.Sprint(p.ID)
	}
	data := []byte("-")
	if len(p.Data) > 0 {
		var err error
		if data, err = msgpack.AppendJSON(nil, p.Data); err != nil {
			t.Fatal(err)
		}
	}
	return fmt.Sprintf("%d %s %s %s", p.Type, p.Namespace, id, data)
}

func packed(t *testing.T, id uint64, hasID bool, event string, args ...any) string {
	t.Helper()
	b, _, err := msgpack.AppendEvent(nil, "/", id, hasID, event, args...)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// packet returns the next message, a packet in MessagePack, as show does.
func (w *wire) packet() string {
	w.t.Helper()
	kind, data, err := w.next()
	if err != nil || kind != websocket.BinaryMessage {
		w.t.Fatalf("got %d %q, %v; want a binary message", kind, data, err)
	}
	return show(w.t, data)
}

func (w *wire) expectPacket(want string) {
	w.t.Helper()
	if got := w.packet(); got != want {
		w.t.Fatalf("got %s, want %s", got, want)
	}
}

// connectPacked joins the main namespace.
func connectPacked(t *testing.T, base string, auth any) *wire {
	t.Helper()
	w := open(t, base, "/socket.io/", "")
	b, err := msgpack.AppendConnect(nil, "/", auth)
	if err != nil {
		t.Fatal(err)
	}
	w.sendBinary(string(b))
	return w
}

func packedServer(t *testing.T, opts server.Options) (*server.Server, string) {
	t.Helper()
	opts.Parser = msgpack
	srv, err := app.New("protocol", opts)
	if err != nil {
		t.Fatal(err)
	}
	return srv, serve(t, srv)
}

func TestMessagePack(t *testing.T) {
	_, base := packedServer(t, server.Options{})
	w := connectPacked(t, base, map[string]any{"token": "x"})
	if got := w.packet(); !strings.HasPrefix(got, `0 /  {"sid":"`) {
		t.Fatalf("got %s", got)
	}
	w.expectPacket(`2 /  ["auth",{"token":"x"}]`)

	w.sendBinary(packed(t, 0, false, "message", 1, "two", []byte{3, 4}, map[string]any{"deep": []byte{5}}))
	w.expectPacket(`2 /  ["message-back",1,"two","AwQ=",{"deep":"BQ=="}]`)
	w.sendBinary(packed(t, 456, true, "message-with-ack", []byte{7}))
	w.expectPacket(`3 / 456 ["Bw=="]`)
	w.sendBinary(packed(t, 0, false, "ask", "a", []byte{1}))
	w.expectPacket(`2 / 0 ["question","a","AQ=="]`)
	answer, _, _ := msgpack.AppendAck(nil, "/", 0, "b", []byte{2})
	w.sendBinary(string(answer))
	w.expectPacket(`2 /  ["answer","b","Ag=="]`)

	refused, _ := msgpack.AppendConnect(nil, "/refused", map[string]any{"a": 1})
	w.sendBinary(string(refused))
	w.expectPacket(`4 /refused  {"data":{"a":1},"message":"not allowed"}`)
	unknown, _ := msgpack.AppendConnect(nil, "/nope", nil)
	w.sendBinary(string(unknown))
	w.expectPacket(`4 /nope  {"message":"Invalid namespace"}`)

	w.sendBinary(packed(t, 0, false, "bye"))
	w.expectPacket(`1 /  -`)
}

func TestMessagePackOverPollingAndUpgrade(t *testing.T) {
	_, base := packedServer(t, server.Options{})
	p := &poller{t: t, url: base + "/socket.io/?EIO=4&transport=polling"}
	sid := handshakeOf(t, p.get()).SID
	p.url += "&sid=" + sid
	connect, _ := msgpack.AppendConnect(nil, "/", nil)
	p.post("b" + base64.StdEncoding.EncodeToString(connect))
	// polled returns the packets of one poll, which are all base64.
	polled := func() (all []string) {
		for one := range strings.SplitSeq(p.get(), "\x1e") {
			b, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(one, "b"))
			if err != nil || one[0] != 'b' {
				t.Fatalf("polled %q: %v", one, err)
			}
			all = append(all, show(t, string(b)))
		}
		return all
	}
	got := polled()
	if len(got) == 1 {
		got = append(got, polled()...)
	}
	if len(got) != 2 || !strings.HasPrefix(got[0], `0 /  {"sid":"`) || got[1] != `2 /  ["auth",{}]` {
		t.Fatalf("polled %v", got)
	}
	p.post("b" + base64.StdEncoding.EncodeToString([]byte(packed(t, 0, false, "message", []byte{1}))))
	if got := polled(); len(got) != 1 || got[0] != `2 /  ["message-back","AQ=="]` {
		t.Fatalf("polled %v", got)
	}

	w := open(t, base, "/socket.io/", "&sid="+sid)
	w.send("2probe")
	w.expect("3probe")
	w.send("5")
	w.sendBinary(packed(t, 0, false, "message", []byte{2}))
	w.expectPacket(`2 /  ["message-back","Ag=="]`)
}

func TestMessagePackRooms(t *testing.T) {
	for _, strategy := range server.Strategies() {
		t.Run(strategy, func(t *testing.T) {
			srv, err := app.New("bench", server.Options{Parser: msgpack, Fanout: strategy})
			if err != nil {
				t.Fatal(err)
			}
			base := serve(t, srv)
			var all [3]*wire
			for i := range all {
				all[i] = connectPacked(t, base, nil)
				all[i].packet()
				all[i].sendBinary(packed(t, 1, true, "join", "room"))
				all[i].expectPacket(`3 / 1 []`)
			}
			all[0].sendBinary(packed(t, 0, false, "room", "room", "news", map[string]any{"n": 1, "b": []byte{1}}, true))
			all[1].expectPacket(`2 /  ["news",{"b":"AQ==","n":1}]`)
			all[2].expectPacket(`2 /  ["news",{"b":"AQ==","n":1}]`)
			all[0].sendBinary(packed(t, 2, true, "all", "more", "text"))
			for i, w := range all {
				w.expectPacket(`2 /  ["more","text"]`)
				if i == 0 {
					w.expectPacket(`3 / 2 []`)
				}
			}
		})
	}
}

func TestMessagePackRecovery(t *testing.T) {
	srv, base := packedServer(t, server.Options{Recovery: &server.Recovery{}})
	w := connectPacked(t, base, nil)
	var hello struct{ SID, PID string }
	read := func(w *wire, dst ...any) {
		t.Helper()
		_, data, err := w.next()
		var p socketio.Packet
		if err == nil {
			err = msgpack.Parse(&p, []byte(data))
		}
		if err != nil {
			t.Fatal(err)
		}
		args := p.Data
		if p.Type == socketio.Event {
			_, args, err = msgpack.SplitEvent(p.Data)
		}
		if err == nil {
			err = msgpack.Bind(args, nil, dst...)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	read(w, &hello)
	var auth any
	var offset string
	read(w, &auth, &offset)
	if hello.PID == "" || offset == "" {
		t.Fatalf("joined as %+v, offset %q", hello, offset)
	}
	s := srv.Socket(hello.SID)
	_ = w.conn.Close()
	eventually(t, "the socket to leave", func() bool { return !s.Connected() })
	if err := srv.Emit("missed", []byte{1, 2}); err != nil {
		t.Fatal(err)
	}
	w = connectPacked(t, base, map[string]any{"pid": hello.PID, "offset": offset})
	var missed []byte
	var next string
	read(w, &missed, &next)
	if string(missed) != "\x01\x02" || next == offset {
		t.Fatalf("missed %x at %q", missed, next)
	}
	again := hello
	read(w, &again)
	if again != hello {
		t.Fatalf("came back as %+v, was %+v", again, hello)
	}
}

// What is no packet of MessagePack closes the connection, and only that.
func TestInvalidMessagePack(t *testing.T) {
	_, base := packedServer(t, server.Options{})
	joined := func(t *testing.T) *wire {
		w := connectPacked(t, base, nil)
		w.packet()
		w.packet()
		return w
	}
	for name, packet := range map[string]string{
		"empty":                 "",
		"truncated":             "83a47479706502a4",
		"trailing bytes":        "83a47479706502a46461746191a161a36e7370a12f00",
		"binary type":           "83a47479706505a46461746191a161a36e7370a12f",
		"no namespace":          "82a47479706502a46461746191a161",
		"event without name":    "83a47479706502a46461746190a36e7370a12f",
		"reserved event":        "83a47479706502a46461746191aa646973636f6e6e656374a36e7370a12f",
		"fractional id":         "84a47479706502a46461746191a161a36e7370a12fa26964cb3ff8000000000000",
		"not a map":             "920102",
		"array of a huge size":  "dd7fffffff",
		"string of a huge size": "dbffffffff",
	} {
		t.Run(name, func(t *testing.T) {
			b, err := hex.DecodeString(packet)
			if err != nil {
				t.Fatal(err)
			}
			w := joined(t)
			w.sendBinary(string(b))
			w.expectClose()
		})
	}
	t.Run("text", func(t *testing.T) {
		w := joined(t)
		w.send(`42["message"]`)
		w.expectClose()
	})
}
