package plain

import (
	"bufio"
	"bytes"
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
	// fasthttp's own, which end by themselves some seconds after a server's end or live as long as
	// the process.
	goleak.VerifyTestMain(m,
		goleak.IgnoreAnyFunction("github.com/valyala/fasthttp.(*workerPool).Start.func2"),
		goleak.IgnoreAnyFunction("github.com/valyala/fasthttp.updateServerDate.func1"))
}

// serve serves a hub with limits for the length of the test.
func serve(t *testing.T, limit, sessions int) (h *Hub, base string) {
	t.Helper()
	h = New(Limits{Message: limit, Sessions: sessions})
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
	_, base := serve(t, 1<<20, 0)
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
	h, base := serve(t, 1000, 0)
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
	h, _ := serve(t, 1<<20, 0)
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
	h := New(Limits{Message: 1000})
	p := h.join(false)
	p.asked = time.Now().Add(-2 * pollIdle)
	h.join(false)
	if h.find([]byte(p.id)) != nil {
		t.Error("a session that nobody polls is kept")
	}
	if h.leave(p); h.polls != 1 {
		t.Errorf("%d sessions of short polling are counted, want the other one", h.polls)
	}
}

// Beyond the limit no transport gets a session, until one ends.
func TestTooManySessions(t *testing.T) {
	h, base := serve(t, 1000, 2)
	ws := dial(t, base)
	say(t, ws, `[1,"join","r"]`)
	hear(t, ws, "[1]") // it is counted
	if status, _ := post(t, "http://"+base+"/plain/poll", ""); status != 200 {
		t.Fatalf("status %d", status)
	}
	for range 3 {
		_, resp, err := websocket.DefaultDialer.Dial("ws://"+base+"/plain/ws", nil)
		if err == nil || resp.StatusCode != 503 {
			t.Errorf("websocket: %v, %v", resp, err)
		}
		if status, _ := post(t, "http://"+base+"/plain/poll", ""); status != 503 {
			t.Errorf("polling: status %d", status)
		}
		if status, _ := get(t, "http://"+base+"/plain/sse"); status != 503 {
			t.Errorf("events: status %d", status)
		}
	}
	_ = ws.Close()
	for deadline := time.Now().Add(time.Minute); h.full(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the place of a session that has ended is not given back")
		}
	}
	if status, _ := post(t, "http://"+base+"/plain/poll", ""); status != 200 {
		t.Errorf("status %d after the end of one", status)
	}
}

// What a client may send at once, and keep, is bounded.
func TestBodiesAndRoomsAreBounded(t *testing.T) {
	h, base := serve(t, 10_000, 0)
	for name, body := range map[string]io.Reader{
		"announced": strings.NewReader(strings.Repeat(" ", 10_001)),
		"in chunks": io.MultiReader(strings.NewReader(strings.Repeat(" ", 10_001))),
	} {
		_, id := post(t, "http://"+base+"/plain/poll", "")
		resp, err := http.Post("http://"+base+"/plain/poll?sid="+id, "text/plain", body)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if resp.StatusCode != 413 || h.find([]byte(id)) != nil {
			t.Errorf("%s: %s; the session is there: %v", name, resp.Status, h.find([]byte(id)) != nil)
		}
	}
	p := h.join(true)
	join := func(room string) error {
		_, err := h.perform(p, "join", []byte(`"`+room+`"`), false)
		return err
	}
	name := strings.Repeat("r", maxRoomName)
	for range 2 { // joining twice is joining once
		if err := join(name); err != nil {
			t.Error(err)
		}
	}
	if join(name+"r") == nil {
		t.Error("the limit of a name does not hold")
	}
	n := 1
	for ; n < 1000 && join(fmt.Sprintf("%s%03d", name[3:], n)) == nil; n++ {
	}
	if n != maxRoomBytes/maxRoomName || p.names != maxRoomBytes {
		t.Errorf("%d rooms with %d bytes", n, p.names)
	}
	for range 2 { // leaving twice is leaving once
		if _, err := h.perform(p, "leave", []byte(`"`+name+`"`), false); err != nil {
			t.Fatal(err)
		}
	}
	if join("x") != nil || p.names != maxRoomBytes-maxRoomName+1 {
		t.Errorf("%d bytes after leaving", p.names)
	}
}

// Nothing of a body that is cut off is taken.
func TestCutBody(t *testing.T) {
	h, base := serve(t, 20_000, 0)
	_, id := post(t, "http://"+base+"/plain/poll", "")
	conn, err := net.Dial("tcp", base)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	_ = conn.SetDeadline(time.Now().Add(time.Minute))
	part := strings.Repeat(`[1,"echo"]`+"\n", 1000) // more than the HTTP server reads by itself
	if _, err := fmt.Fprintf(conn, "POST /plain/poll?sid=%s HTTP/1.1\r\nHost: x\r\nContent-Length: 20000\r\n\r\n%s", id, part); err != nil {
		t.Fatal(err)
	}
	if err := conn.(*net.TCPConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	if answer, err := io.ReadAll(conn); err != nil || !strings.HasPrefix(string(answer), "HTTP/1.1 400 ") {
		t.Errorf("answered %q, %v", answer, err)
	}
	if h.find([]byte(id)) != nil {
		t.Error("the session is there")
	}
}

// A HEAD takes no messages away, and opens no stream.
func TestOtherMethods(t *testing.T) {
	h, base := serve(t, 1000, 0)
	_, id := post(t, "http://"+base+"/plain/poll", "")
	if status, _ := post(t, "http://"+base+"/plain/poll?sid="+id, `[1,"echo"]`); status != 200 {
		t.Fatalf("status %d", status)
	}
	for _, path := range []string{"/plain/poll?sid=" + id, "/plain/sse"} {
		resp, err := http.Head("http://" + base + path)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if resp.StatusCode != 405 {
			t.Errorf("HEAD %s: %s", path, resp.Status)
		}
	}
	if _, got := get(t, "http://"+base+"/plain/poll?sid="+id); got != "[1]\n" {
		t.Errorf("polled %q", got)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.all) != 1 {
		t.Errorf("%d sessions", len(h.all))
	}
}

func FuzzReceive(f *testing.F) {
	for _, seed := range []string{`["join","r"]`, `[1,"echo",{"a":[1,2]}]`, `["room","r","e",1,true]`, `["all","e"]`, `[18446744073709551615,"leave","r"]`, `["echo",1] `, "[1,\"echo\",\r\n[2,\n3]]"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		h := New(Limits{Message: 1 << 16})
		p := h.join(true)
		_ = h.receive(p, text)
		for len(p.queue) > 0 {
			if m := <-p.queue; !json.Valid(m.json) || bytes.ContainsAny(m.json, "\r\n") {
				t.Errorf("%q is answered with %q, which is no JSON, or no line", text, m.json)
			}
		}
	})
}
