package server_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/fasthttp/websocket"

	"github.com/throng-io/throng/protocol/engineio"
	"github.com/throng-io/throng/server"
	"github.com/throng-io/throng/server/app"
)

// dial opens a websocket with a query of its own.
func dial(t *testing.T, base, path, query string) *wire {
	t.Helper()
	conn, resp, err := websocket.DefaultDialer.Dial("ws"+strings.TrimPrefix(base, "http")+path+query, nil)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	t.Cleanup(func() { _ = conn.Close() })
	return &wire{t, conn}
}

// old opens a session of Socket.IO 2 on a websocket, and returns its id.
func old(t *testing.T, base string) (*wire, string) {
	t.Helper()
	w := dial(t, base, "/socket.io/", "?EIO=3&transport=websocket")
	sid := handshakeOf(t, w.text()).SID
	w.expect("40")
	return w, sid
}

// three opens a session of revision 3 on polling.
func three(t *testing.T, base, path, more string) *poller {
	t.Helper()
	p := &poller{t: t, url: base + path + "?EIO=3&transport=polling" + more}
	payload := engineio.NewPayloadV3([]byte(p.get()), false)
	if !payload.Next() || payload.Packet().Type != engineio.Open {
		t.Fatalf("no handshake: %v", payload.Err())
	}
	p.sid = handshakeOf(t, string(payload.Packet().Data)).SID
	p.url += "&sid=" + p.sid
	return p
}

func TestRevision3Polling(t *testing.T) {
	base := start(t, server.Options{Engine: app.Echo, AllowEIO3: true})
	p := three(t, base, "/engine.io/", "")
	p.post("6:4hello4:4€😀")
	p.expect("6:4hello4:4€😀")
	p.post("1:2")
	p.expect("1:3")
	p.post("9:2whatever")
	p.expect("1:3") // data is not echoed

	octets := map[string]string{"Content-Type": "application/octet-stream"}
	if resp, got := exchange(t, "POST", p.url, "\x00\x02\xff4a\x01\x04\xff\x04\x01\x02\x03", octets); resp.StatusCode != 200 || got != "ok" {
		t.Fatalf("posted binary: %s %q", resp.Status, got)
	}
	resp, got := exchange(t, "GET", p.url, "", nil)
	if want := "\x00\x02\xff4a\x01\x04\xff\x04\x01\x02\x03"; got != want || resp.Header.Get("Content-Type") != "application/octet-stream" {
		t.Fatalf("polled %q as %s, want %q", got, resp.Header.Get("Content-Type"), want)
	}
	p.post("10:b4AQIDBA==")
	p.expect("\x01\x05\xff\x04\x01\x02\x03\x04")

	in64 := three(t, base, "/engine.io/", "&b64=1")
	in64.post("10:b4AQIDBA==2:4a")
	in64.expect("10:b4AQIDBA==2:4a")

	p.post("1:1")
	p.gone("Session ID unknown")
}

// A client of revision 3 that pongs, or sends what is no payload, is not one.
func TestRevision3Violations(t *testing.T) {
	base := start(t, server.Options{Engine: app.Echo, AllowEIO3: true})
	for _, body := range []string{"", "4a", "5:4a", "2:4", "1:3", "a:4a", ":4a", "99999999999999999999:4a", "2:9a", "5:bXXXX", "2147483648:4", "2:4a5", "4:4€", "1:7", "x:4a"} {
		t.Run(body, func(t *testing.T) {
			p := three(t, base, "/engine.io/", "")
			exchange(t, "POST", p.url, body, nil)
			p.gone("Session ID unknown")
		})
	}
	octets := map[string]string{"Content-Type": "application/octet-stream"}
	for _, body := range []string{"", "\x00\x064", "\x02\x02\xff4a", "\x00\x00\xff", "\x01\x02\xff\x02a", "\x00" + strings.Repeat("\x09", 400) + "\xff4"} {
		t.Run(fmt.Sprintf("%.20x", body), func(t *testing.T) {
			p := three(t, base, "/engine.io/", "")
			exchange(t, "POST", p.url, body, octets)
			p.gone("Session ID unknown")
		})
	}
	p := three(t, base, "/engine.io/", "")
	p.post("0:") // nothing, and no violation
	p.post("2:4a")
	p.expect("2:4a")
	w := dial(t, base, "/engine.io/", "?EIO=3&transport=websocket")
	w.text()
	w.send("3")
	w.expectClose()
}

func TestRevision3WebSocket(t *testing.T) {
	base := start(t, server.Options{Engine: app.Echo, AllowEIO3: true})
	w := dial(t, base, "/engine.io/", "?transport=websocket") // no EIO is revision 3
	if h := handshakeOf(t, w.text()); len(h.Upgrades) != 0 {
		t.Errorf("upgrades %v", h.Upgrades)
	}
	w.send("4text")
	w.expect("4text")
	w.sendBinary("\x04\x01\x02")
	w.expectBinary("\x04\x01\x02")
	w.send("b4AQI=")
	w.expectBinary("\x04\x01\x02")
	w.send("2")
	w.expect("3")

	in64 := dial(t, base, "/engine.io/", "?EIO=3&transport=websocket&b64=1")
	in64.text()
	in64.sendBinary("\x04\x01\x02")
	in64.expect("b4AQI=")
}

func TestRevision3Upgrade(t *testing.T) {
	base := start(t, server.Options{Engine: app.Echo, AllowEIO3: true})
	p := three(t, base, "/engine.io/", "")
	w := dial(t, base, "/engine.io/", "?EIO=3&transport=websocket&sid="+p.sid)
	w.send("2probe")
	w.expect("3probe")
	held := p.hold() // until the upgrade ends, polls are answered at once
	if got := <-held; got != "1:6" {
		t.Errorf("the held poll got %q", got)
	}
	p.post("2:4a")
	w.send("5")
	w.expect("4a")
	w.sendBinary("\x04b")
	w.expectBinary("\x04b")
	w.send("2") // the heartbeat goes on there
	w.expect("3")
}

// A session belongs to the revision that it was opened with: GHSA-2gc4-cqfq-p2gv.
func TestRevisionIsPinned(t *testing.T) {
	base := start(t, server.Options{Engine: app.Echo, AllowEIO3: true})
	p := three(t, base, "/engine.io/", "")
	four := poll(t, base, "/engine.io/")
	for url, transport := range map[string]string{
		strings.Replace(p.url, "EIO=3", "EIO=4", 1):    "polling",
		strings.Replace(four.url, "EIO=4", "EIO=3", 1): "polling",
		strings.Replace(four.url, "EIO=4&", "", 1):     "polling",
	} {
		if resp, got := exchange(t, "GET", url, "", nil); resp.StatusCode != 400 || got != `{"code":3,"message":"Bad request"}` {
			t.Errorf("%s %s: %s %s", transport, url, resp.Status, got)
		}
	}
	for _, query := range []string{"?EIO=4&transport=websocket&sid=" + p.sid, "?EIO=3&transport=websocket&sid=" + four.sid} {
		_, resp, err := websocket.DefaultDialer.Dial("ws"+strings.TrimPrefix(base, "http")+"/engine.io/"+query, nil)
		if err == nil || resp == nil || resp.StatusCode != 400 {
			t.Errorf("%s: %v", query, err)
			continue
		}
		_ = resp.Body.Close()
	}
	p.post("2:4a")
	p.expect("2:4a")
	four.post("4a")
	four.expect("4a")
}

// The client pings; a server that hears nothing for the interval and the timeout ends the session,
// before an upgrade and after it.
func TestRevision3Heartbeat(t *testing.T) {
	srv, err := server.New(server.Options{Engine: app.Echo, AllowEIO3: true, Times: server.Times{PingInterval: time.Hour, PingTimeout: time.Hour}})
	if err != nil {
		t.Fatal(err)
	}
	base := serve(t, srv)
	silent := dial(t, base, "/engine.io/", "?EIO=3&transport=websocket")
	silent.text()
	busy := dial(t, base, "/engine.io/", "?EIO=3&transport=websocket")
	busy.text()
	p := three(t, base, "/engine.io/", "")
	upgraded := dial(t, base, "/engine.io/", "?EIO=3&transport=websocket&sid="+p.sid)
	upgraded.send("2probe")
	upgraded.expect("3probe")
	upgraded.send("5")
	upgraded.send("4here")
	upgraded.expect("4here")
	// The count follows the open packet, which the client has.
	eventually(t, "all sessions are counted", func() bool { return srv.Stats().Sessions == 3 })

	for i := range 4 {
		if n := srv.Stats().Sessions; n != 3 {
			t.Fatalf("%d sessions are left after %d half hours", n, i)
		}
		srv.Advance(30 * time.Minute)
		busy.send("2")
		busy.expect("3")
	}
	for name, w := range map[string]*wire{"silent": silent, "upgraded": upgraded} {
		_ = w.conn.SetReadDeadline(time.Now().Add(patience))
		if _, data, err := w.conn.ReadMessage(); err == nil || isTimeout(err) {
			t.Errorf("%s: got %q, %v; the server must not ping, but hang up", name, data, err)
		}
	}
	busy.send("4alive")
	busy.expect("4alive")
}

func TestJSONP(t *testing.T) {
	base := start(t, server.Options{Engine: app.Echo, AllowEIO3: true})
	for _, revision := range []int{3, 4} {
		t.Run(fmt.Sprint(revision), func(t *testing.T) {
			url := fmt.Sprintf("%s/engine.io/?EIO=%d&transport=polling&j=7", base, revision)
			resp, first := exchange(t, "GET", url, "", nil)
			if got := resp.Header.Get("Content-Type"); got != "text/plain; charset=UTF-8" {
				t.Errorf("content type %q", got)
			}
			_, sid, found := strings.Cut(first, `sid\":\"`)
			if !strings.HasPrefix(first, `___eio[7]("`) || !strings.HasSuffix(first, `");`) || !found {
				t.Fatalf("the handshake is %q", first)
			}
			url += "&sid=" + sid[:20]
			form := map[string]string{"Content-Type": "application/x-www-form-urlencoded"}
			message, want := "d=4%5C%5Cn%5Cn%E2%80%A8%22", `___eio[7]("4\\n\n\u2028\"");`
			if revision == 3 {
				message, want = "d=7:4%5C%5Cn%5Cn%E2%80%A8%22", `___eio[7]("6:4\\n\n\u2028\"");`
				message = strings.Replace(message, "7:", "6:", 1)
			}
			if resp, got := exchange(t, "POST", url, message, form); resp.StatusCode != 200 || got != "ok" {
				t.Fatalf("posted: %s %q", resp.Status, got)
			}
			if _, got := exchange(t, "GET", url, "", nil); got != want {
				t.Errorf("polled %s, want %s", got, want)
			}
			if resp, _ := exchange(t, "POST", url, "e=4a", form); resp.StatusCode != 400 {
				t.Errorf("a body that is no form: %s", resp.Status)
			}
		})
	}
	if _, got := exchange(t, "GET", base+"/engine.io/?EIO=4&transport=polling&j=x%3C1%22", "", nil); !strings.HasPrefix(got, `___eio[1]("0{`) {
		t.Errorf("what is no digit must not reach the script: %q", got)
	}
}

// A page of an origin that may not read polls must not get them as scripts either. Browsers tell
// where a script is wanted.
func TestJSONPKeepsTheOrigin(t *testing.T) {
	base := start(t, server.Options{Engine: app.Echo, CORS: &server.CORS{Origins: []string{"http://a.example"}, Credentials: true}, AllowJSONP: true})
	for _, c := range []struct {
		site, referer string
		status        int
	}{
		{"", "", 200},
		{"same-origin", "http://elsewhere.example/", 200},
		{"cross-site", "http://a.example/page", 200},
		{"cross-site", "http://evil.example/page", 403},
		{"same-site", "http://evil.example/", 403},
		{"cross-site", "", 403},
	} {
		headers := map[string]string{}
		if c.site != "" {
			headers = map[string]string{"Sec-Fetch-Dest": "script", "Sec-Fetch-Site": c.site}
		}
		if c.referer != "" {
			headers["Referer"] = c.referer
		}
		resp, got := exchange(t, "GET", base+"/engine.io/?EIO=4&transport=polling&j=0", "", headers)
		if resp.StatusCode != c.status {
			t.Errorf("%+v: %s %q", c, resp.Status, got)
		}
	}
}

func TestSocketIO2(t *testing.T) {
	srv, err := app.New("protocol", server.Options{AllowEIO3: true, Recovery: &server.Recovery{}})
	if err != nil {
		t.Fatal(err)
	}
	srv.Of("/deny").Use(func(*server.Socket) error { return fmt.Errorf("nope") })
	ids := make(chan string, 2)
	srv.Of("/ids").OnConnect(func(s *server.Socket) { ids <- s.ID() })
	base := serve(t, srv)

	w, sid := old(t, base)
	w.expect(`42["auth",{}]`) // with no offset: such a client cannot come back
	if srv.Socket(sid) == nil {
		t.Error("the socket of the main namespace does not have the id of the session")
	}
	w.send(`421["message-with-ack",1]`)
	w.expect(`431[1]`)
	w.send(`451-["message",{"_placeholder":true,"num":0}]`)
	w.sendBinary("\x04\x01\x02")
	w.expect(`451-["message-back",{"_placeholder":true,"num":0}]`)
	w.expectBinary("\x04\x01\x02")

	w.send("40/custom?token=a%20b&x=1")
	w.expect("40/custom,")
	w.expect(`42/custom,["auth",{"token":"a b","x":"1"}]`)
	w.send("40/ids")
	w.expect("40/ids,")
	if got := <-ids; got != "/ids#"+sid {
		t.Errorf("id %q", got)
	}
	// Some clients repeat the query in every packet. Source: _parseNamespace of client.js, which
	// reads all packets, of socket.io 4.8.4.
	srv.Of("/ids").On("whoami", func(s *server.Socket, e *server.Event) error { return e.Ack(s.Namespace().Name()) })
	w.send(`42/ids?token=a,7["whoami"]`)
	w.expect(`43/ids,7["/ids"]`)
	w.send("40/deny")
	w.expect(`44/deny,"nope"`)
	w.send("40/refused")
	w.expect(`44/refused,{}`)
	w.send("40/refused?a=1")
	w.expect(`44/refused,{"a":"1"}`)
	w.send("40/unknown")
	w.expect(`44/unknown,{"message":"Invalid namespace"}`)
	w.send("41/ids?token=a,")
	w.send("40")
	w.expectClose()
}

// Under recovery, one broadcast carries an offset for new clients and none for old ones, whatever
// carries it and however it is compressed.
func TestSocketIO2BesideRecovery(t *testing.T) {
	srv, err := server.New(server.Options{AllowEIO3: true, Recovery: &server.Recovery{}, PerMessageDeflate: true, Times: server.Times{PingInterval: server.Never}})
	if err != nil {
		t.Fatal(err)
	}
	base := serve(t, srv)
	w, _ := old(t, base)
	p := three(t, base, "/socket.io/", "")
	p.expect("2:40")
	var fresh comeback
	fresh.connect(t, base)
	for range 2 {
		if err := srv.Emit("x", 1); err != nil {
			t.Fatal(err)
		}
		w.expect(`42["x",1]`)
		p.expect(`9:42["x",1]`)
		fresh.expectEvents("x1")
	}
}

func TestSocketIO2Refused(t *testing.T) {
	srv, err := server.New(server.Options{AllowEIO3: true})
	if err != nil {
		t.Fatal(err)
	}
	srv.Use(func(*server.Socket) error { return &server.ConnectError{Message: "no", Data: map[string]int{"a": 1}} })
	base := serve(t, srv)
	w := dial(t, base, "/socket.io/", "?EIO=3&transport=websocket")
	w.text()
	w.expect(`44{"a":1}`)

	off := start(t, server.Options{})
	if resp, got := exchange(t, "GET", off+"/socket.io/?EIO=3&transport=polling", "", nil); resp.StatusCode != 400 || !strings.Contains(got, `"code":5`) {
		t.Errorf("revision 3 is off by default: %s %q", resp.Status, got)
	}
}

// Members of one room that speak differently get the same, in the same order.
func TestRoomOfAllRevisions(t *testing.T) {
	for _, strategy := range server.Strategies() {
		t.Run(strategy, func(t *testing.T) {
			srv, err := app.New("bench", server.Options{AllowEIO3: true, Fanout: strategy})
			if err != nil {
				t.Fatal(err)
			}
			base := serve(t, srv)
			four := socketIO(t, base)
			four.send(`421["join","r"]`)
			four.expect(`431[]`)
			three3, _ := old(t, base)
			three3.send(`421["join","r"]`)
			three3.expect(`431[]`)
			polled := three(t, base, "/socket.io/", "&b64=1")
			polled.expect("2:40")
			polled.post(`15:421["join","r"]`)
			polled.expect(`5:431[]`)

			const count = 200
			for i := range count {
				if i%2 == 0 {
					srv.To("r").EmitRaw("news", fmt.Appendf(nil, "%d", i), nil)
				} else if err := srv.To("r").Emit("bytes", []byte{byte(i)}); err != nil {
					t.Fatal(err)
				}
			}
			var wantPolled, gotPolled strings.Builder
			for i := range count {
				if i%2 == 0 {
					text := fmt.Sprintf(`42["news",%d]`, i)
					four.expect(text)
					three3.expect(text)
					wantPolled.Write(engineio.AppendPayloadV3(nil, engineio.Packet{Type: engineio.Message, Data: []byte(text[1:])}))
					continue
				}
				text := `451-["bytes",{"_placeholder":true,"num":0}]`
				four.expect(text)
				four.expectBinary(string([]byte{byte(i)}))
				three3.expect(text)
				three3.expectBinary("\x04" + string([]byte{byte(i)}))
				wantPolled.Write(engineio.AppendPayloadV3(nil, engineio.Packet{Type: engineio.Message, Data: []byte(text[1:])}))
				wantPolled.Write(engineio.AppendPayloadV3(nil, engineio.Packet{Type: engineio.Message, Binary: true, Data: []byte{byte(i)}}))
			}
			for gotPolled.Len() < wantPolled.Len() {
				resp, body := exchange(t, http.MethodGet, polled.url, "", nil)
				if resp.StatusCode != 200 {
					t.Fatalf("polled %s", resp.Status)
				}
				gotPolled.WriteString(body)
			}
			if gotPolled.String() != wantPolled.String() {
				t.Errorf("polled %q, want %q", gotPolled.String(), wantPolled.String())
			}
		})
	}
}
