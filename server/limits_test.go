package server_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/fasthttp/websocket"

	"github.com/throng-io/throng/server"
)

// CVE-2026-48804: a packet whose attachments never come is held for a bounded
// time only, however many of them come.
func TestAttachmentTimeout(t *testing.T) {
	srv, err := server.New(server.Options{AttachmentTimeout: 50 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	srv.On("file", func(_ *server.Socket, e *server.Event) error { return e.Ack() })
	base := serve(t, srv)
	patient, w := socketIO(t, base), socketIO(t, base)
	const packet = `["file",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]`
	patient.send(`452-1` + packet)
	patient.sendBinary("a")
	patient.sendBinary("b")
	patient.expect("431[]")
	w.send(`452-2` + packet)
	w.sendBinary("a")
	w.expectClose()
	patient.send(`451-3["file",{"_placeholder":true,"num":0}]`)
	patient.sendBinary("a")
	patient.expect("433[]")
}

func TestSessionsPerAddress(t *testing.T) {
	base := start(t, server.Options{MaxPerAddress: 2})
	a := socketIO(t, base)
	poll(t, base, "/socket.io/")
	url := base + "/socket.io/?EIO=4&transport=polling"
	if resp, body := exchange(t, "GET", url, "", nil); resp.StatusCode != 403 || body != `{"code":4,"message":"too many sessions"}` {
		t.Errorf("the third session: %s %s", resp.Status, body)
	}
	_ = a.conn.Close()
	for deadline := time.Now().Add(10 * time.Second); ; { // until the server has noticed
		resp, body := exchange(t, "GET", url, "", nil)
		if resp.StatusCode == 200 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("a place is free: %s %s", resp.Status, body)
		}
	}
}

func TestHandshakeRate(t *testing.T) {
	base := start(t, server.Options{MaxHandshakes: 5})
	url := base + "/socket.io/?EIO=4&transport=polling"
	refused := 0
	for range 50 { // faster than five in a second
		if resp, body := exchange(t, "GET", url, "", nil); resp.StatusCode == 403 {
			refused++
			if body != `{"code":4,"message":"too many handshakes"}` {
				t.Errorf("refused with %s", body)
			}
		}
	}
	if refused == 0 || refused > 45 {
		t.Errorf("%d of 50 handshakes were refused", refused)
	}
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		if resp, _ := exchange(t, "GET", url, "", nil); resp.StatusCode == 200 {
			return
		}
	}
	t.Error("no handshake was accepted any more")
}

// CVE-2019-13611: a page of another origin must not open a websocket with its
// visitor's cookies.
func TestOriginOfWebsockets(t *testing.T) {
	named := &server.CORS{Origins: []string{"https://app.example", "https://b.example"}}
	for _, c := range []struct {
		opts   server.Options
		origin string
		ok     bool
	}{
		{server.Options{}, "https://evil.example", true},
		{server.Options{CORS: &server.CORS{Origins: []string{"*"}}, CheckOrigin: true}, "https://evil.example", true},
		{server.Options{CORS: named}, "https://evil.example", false},
		{server.Options{CORS: named}, "https://app.example.evil.example", false},
		{server.Options{CORS: named}, "null", false},
		{server.Options{CORS: named}, "https://b.example", true},
		{server.Options{CORS: named}, "", true},
		{server.Options{CORS: named}, "http://HOST", true},
		{server.Options{CheckOrigin: true}, "https://evil.example", false},
		{server.Options{CheckOrigin: true}, "https://HOST", true},
		{server.Options{CheckOrigin: true}, "", true},
	} {
		t.Run(fmt.Sprintf("%v %v %s", c.opts.CORS, c.opts.CheckOrigin, c.origin), func(t *testing.T) {
			base := start(t, c.opts)
			host := strings.TrimPrefix(base, "http://")
			header := http.Header{}
			if c.origin != "" {
				header.Set("Origin", strings.Replace(c.origin, "HOST", host, 1))
			}
			conn, resp, err := websocket.DefaultDialer.Dial("ws://"+host+"/socket.io/?EIO=4&transport=websocket", header)
			if err == nil {
				_ = conn.Close()
			}
			if resp != nil {
				_ = resp.Body.Close()
			}
			if (err == nil) != c.ok {
				t.Errorf("the websocket was opened: %v", err == nil)
			}
			polling, _ := http.NewRequestWithContext(t.Context(), "GET", base+"/socket.io/?EIO=4&transport=polling", nil)
			polling.Header = header
			resp, err = http.DefaultClient.Do(polling)
			if err != nil {
				t.Fatal(err)
			}
			_ = resp.Body.Close()
			if resp.StatusCode != 200 {
				t.Errorf("polling: %s", resp.Status)
			}
		})
	}
}

func TestNewID(t *testing.T) {
	made := make(chan string, 10)
	n := 0
	base := start(t, server.Options{NewID: func() string {
		n++
		id := fmt.Sprintf("id-%d", n)
		made <- id
		return id
	}})
	w := &wire{t: t}
	var err error
	if w.conn, _, err = websocket.DefaultDialer.Dial("ws"+strings.TrimPrefix(base, "http")+"/socket.io/?EIO=4&transport=websocket", nil); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = w.conn.Close() }()
	if got := handshakeOf(t, w.text()).SID; got != <-made {
		t.Errorf("session %q", got)
	}
	w.send("40")
	var joined struct{ Sid string }
	if err := json.Unmarshal([]byte(strings.TrimPrefix(w.text(), "40")), &joined); err != nil || joined.Sid != <-made {
		t.Errorf("socket %q, %v", joined.Sid, err)
	}
}
