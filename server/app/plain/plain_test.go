package plain

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/fasthttp/websocket"
	"github.com/valyala/fasthttp"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	// fasthttp's own, which end by themselves some seconds after a server's end or live as long as the process.
	goleak.VerifyTestMain(m,
		goleak.IgnoreAnyFunction("github.com/valyala/fasthttp.(*workerPool).Start.func2"),
		goleak.IgnoreAnyFunction("github.com/valyala/fasthttp.updateServerDate.func1"))
}

// serve serves a hub for the length of the test.
func serve(t *testing.T, limit int) (h *Hub, base string) {
	t.Helper()
	h = New(limit)
	s := &fasthttp.Server{Handler: h.Handle, StreamRequestBody: true, CloseOnShutdown: true}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- s.Serve(ln) }()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		if err := s.ShutdownWithContext(ctx); err != nil {
			t.Error(err)
		}
		if err := <-done; err != nil {
			t.Error(err)
		}
		http.DefaultClient.CloseIdleConnections()
	})
	return h, ln.Addr().String()
}

func dial(t *testing.T, base string) *websocket.Conn {
	t.Helper()
	c, _, err := websocket.DefaultDialer.Dial("ws://"+base+"/plain/ws", nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func say(t *testing.T, c *websocket.Conn, text string) {
	t.Helper()
	if err := c.WriteMessage(websocket.TextMessage, []byte(text)); err != nil {
		t.Fatal(err)
	}
}

func hear(t *testing.T, c *websocket.Conn, want string) {
	t.Helper()
	_ = c.SetReadDeadline(time.Now().Add(time.Minute))
	_, got, err := c.ReadMessage()
	if err != nil || string(got) != want {
		t.Fatalf("%q %v, want %q", got, err, want)
	}
}

func post(t *testing.T, url, body string) (status int, answer string) {
	t.Helper()
	res, err := http.Post(url, "text/plain", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, _ := io.ReadAll(res.Body)
	return res.StatusCode, string(text)
}

func get(t *testing.T, url string) (status int, answer string) {
	t.Helper()
	res, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, _ := io.ReadAll(res.Body)
	return res.StatusCode, string(text)
}

// A client of each kind joins a room; what one says to it, all hear.
func TestRoomOverEveryTransport(t *testing.T) {
	_, base := serve(t, 1<<20)
	ws := dial(t, base)
	say(t, ws, `[1,"join","r"]`)
	hear(t, ws, `[1]`)

	_, id := post(t, "http://"+base+"/plain/poll", "")
	poll := "http://" + base + "/plain/poll?sid=" + id
	if status, _ := post(t, poll, `[7,"join","r"]`); status != 200 {
		t.Fatalf("status %d", status)
	}
	if _, got := get(t, poll); got != "[7]\n" {
		t.Fatalf("poll: %q", got)
	}

	res, err := http.Get("http://" + base + "/plain/sse")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	events := bufio.NewReader(res.Body)
	event := func() string {
		line, err := events.ReadString('\n')
		if err != nil {
			t.Fatal(err)
		}
		if _, err := events.Discard(1); err != nil { // the empty line
			t.Fatal(err)
		}
		return strings.TrimSuffix(strings.TrimPrefix(line, "data: "), "\n")
	}
	sse := "http://" + base + "/plain/sse?sid=" + event()
	if status, _ := post(t, sse, "[3,\"join\",\"r\"]\n[4,\"echo\",{\"a\":1},2]\n"); status != 200 {
		t.Fatalf("status %d", status)
	}
	if got := []string{event(), event()}; !slices.Equal(got, []string{`[3]`, `[4,{"a":1},2]`}) {
		t.Fatalf("events %q", got)
	}

	say(t, ws, `["room","r","msg",{"x":"é"}]`)
	const want = `["msg",{"x":"é"}]`
	hear(t, ws, want)
	if got := event(); got != want {
		t.Errorf("event %q", got)
	}
	if _, got := get(t, poll); got != want+"\n" { // the broadcast is over when its sender has heard it
		t.Errorf("poll: %q", got)
	}
	say(t, ws, `["room","r","msg",1,true]`) // not to the sender
	say(t, ws, `["echo",2]`)
	hear(t, ws, `["echo",2]`)
	if got := event(); got != `["msg",1]` {
		t.Errorf("event %q", got)
	}
	say(t, ws, `[9,"leave","r"]`)
	hear(t, ws, `[9]`)
	if status, _ := post(t, sse, `[5,"all","news",[1]]`); status != 200 {
		t.Errorf("status %d", status)
	}
	hear(t, ws, `["news",[1]]`)
}

func TestBadMessages(t *testing.T) {
	h, base := serve(t, 1000)
	for _, text := range []string{`{}`, `[`, `[1]`, `["fly"]`, `["join"]`, `["join",5]`, `["room",5,"a",1]`, `x`, `[1,2]`, strings.Repeat(" ", 2000)} {
		c := dial(t, base)
		say(t, c, text)
		_ = c.SetReadDeadline(time.Now().Add(time.Minute))
		if _, got, err := c.ReadMessage(); err == nil {
			t.Errorf("%q was answered with %q", text, got)
		}
		_, id := post(t, "http://"+base+"/plain/poll", "")
		if status, answer := post(t, "http://"+base+"/plain/poll?sid="+id, text); status != 400 && strings.TrimSpace(text) != "" {
			t.Errorf("%q over polling: status %d %q", text, status, answer)
		}
	}
	for path, want := range map[string]int{"/plain/poll?sid=nobody": 404, "/plain/poll": 405, "/plain/other": 404, "/plain/ws": 400} {
		if status, _ := get(t, "http://"+base+path); status != want {
			t.Errorf("GET %s: status %d, want %d", path, status, want)
		}
	}
	if status, _ := post(t, "http://"+base+"/plain/sse?sid=nobody", "[]"); status != 404 {
		t.Errorf("POST to no session: status %d", status)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.rooms) != 0 {
		t.Errorf("rooms %v are left", h.rooms)
	}
}

// Who does not read is disconnected, and nobody waits for it.
func TestSlowClient(t *testing.T) {
	h, _ := serve(t, 1<<20)
	slow, quick := h.join(true), h.join(true)
	heard := make(chan int)
	go func() {
		n := 0
		for range quick.queue {
			n++
			if n == queueLength+10 {
				heard <- n
				return
			}
		}
	}()
	for i := range queueLength + 10 {
		for len(quick.queue) > queueLength/2 {
			time.Sleep(time.Millisecond)
		}
		if _, err := h.perform(quick, "all", []byte(`"msg",`+fmt.Sprint(i)), false); err != nil {
			t.Fatal(err)
		}
	}
	<-heard
	select {
	case <-slow.gone:
	default:
		t.Error("the slow one is still there")
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if _, here := h.all[quick]; !here || len(h.all) != 1 {
		t.Errorf("%d are left", len(h.all))
	}
}

func TestForgottenSession(t *testing.T) {
	h := New(1000)
	p := h.join(false)
	p.asked = time.Now().Add(-2 * pollIdle)
	h.join(false)
	if h.find([]byte(p.id)) != nil {
		t.Error("a session that nobody polls is kept")
	}
}

func FuzzReceive(f *testing.F) {
	for _, seed := range []string{`["join","r"]`, `[1,"echo",{"a":[1,2]}]`, `["room","r","e",1,true]`, `["all","e"]`, `[18446744073709551615,"leave","r"]`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		h := New(1 << 16)
		p := h.join(true)
		_ = h.receive(p, text)
		for len(p.queue) > 0 {
			if m := <-p.queue; !json.Valid(m.json) {
				t.Errorf("%q is answered with %q, which is no JSON", text, m.json)
			}
		}
	})
}
