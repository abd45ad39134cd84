package server_test

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/fasthttp/websocket"

	"github.com/throng-io/throng/server"
	"github.com/throng-io/throng/server/app"
)

// poller is a client on polling.
type poller struct {
	t   *testing.T
	url string
	sid string
}

// poll opens a session on polling; for Socket.IO it joins the main namespace.
func poll(t *testing.T, base, path string) *poller {
	t.Helper()
	p := &poller{t: t, url: base + path + "?EIO=4&transport=polling"}
	p.sid = handshakeOf(t, p.get()).SID
	p.url += "&sid=" + p.sid
	if path == "/socket.io/" {
		p.post("40")
		p.expectPrefix(`40{"sid":"`)
	}
	return p
}

func (p *poller) get() string {
	p.t.Helper()
	_, body := exchange(p.t, "GET", p.url, "", nil)
	return body
}

func (p *poller) post(body string) {
	p.t.Helper()
	if resp, got := exchange(p.t, "POST", p.url, body, nil); resp.StatusCode != 200 || got != "ok" {
		p.t.Fatalf("posted %q: %s %q", body, resp.Status, got)
	}
}

func (p *poller) expect(want string) {
	p.t.Helper()
	if got := p.get(); got != want {
		p.t.Fatalf("polled %q, want %q", got, want)
	}
}

func (p *poller) expectPrefix(want string) {
	p.t.Helper()
	if got := p.get(); !strings.HasPrefix(got, want) {
		p.t.Fatalf("polled %q, want %q...", got, want)
	}
}

// through sends a request over connections that others use as well, as a proxy does.
func (p *poller) through(c *http.Client, method, body string) string {
	req, err := http.NewRequestWithContext(p.t.Context(), method, p.url, strings.NewReader(body))
	if err != nil {
		return err.Error()
	}
	resp, err := c.Do(req)
	if err != nil {
		return err.Error()
	}
	defer func() { _ = resp.Body.Close() }()
	b, err := io.ReadAll(resp.Body)
	return string(b) + errorText(err)
}

// hold starts a poll and returns the channel of its answer.
func (p *poller) hold() <-chan string {
	answer := make(chan string, 1)
	go func() {
		_, body := exchange(p.t, "GET", p.url, "", nil)
		answer <- body
	}()
	return answer
}

// gone checks that the session has ended.
func (p *poller) gone(code string) {
	p.t.Helper()
	if resp, got := exchange(p.t, "POST", p.url, "3", nil); resp.StatusCode != 400 || !strings.Contains(got, code) {
		p.t.Errorf("the session lives on: %s %q", resp.Status, got)
	}
}

func TestPollingEventsAndBinary(t *testing.T) {
	everyStrategy(t, func(t *testing.T, srv *server.Server, base string) {
		app.Protocol(srv)
		p := &poller{t: t, url: base + "/socket.io/?EIO=4&transport=polling"}
		p.url += "&sid=" + handshakeOf(t, p.get()).SID
		p.post(`40{"token":"x"}`)
		if got := p.get(); !strings.HasPrefix(got, `40{"sid":"`) {
			t.Fatalf("polled %q", got)
		} else if !strings.HasSuffix(got, "\x1e"+`42["auth",{"token":"x"}]`) {
			p.expect(`42["auth",{"token":"x"}]`)
		}
		p.post(`451-["message",{"_placeholder":true,"num":0}]` + "\x1ebAQID")
		p.expect(`451-["message-back",{"_placeholder":true,"num":0}]` + "\x1ebAQID")
	})
}

// An application sees what waits for a client, and that the client takes it.
func TestQueued(t *testing.T) {
	srv, err := server.New(server.Options{})
	if err != nil {
		t.Fatal(err)
	}
	joined := make(chan *server.Socket, 1)
	srv.OnConnect(func(s *server.Socket) { joined <- s })
	p := poll(t, serve(t, srv), "/socket.io/")
	s := <-joined
	before := s.Queued()
	const messages, size = 3, 1000
	for range messages {
		if err := s.Emit("news", strings.Repeat("x", size)); err != nil {
			t.Fatal(err)
		}
	}
	waiting := s.Queued()
	p.expectPrefix(`42["news","xxx`)
	if after := s.Queued(); before != 0 || waiting < messages*size || waiting > messages*(size+100) || after != 0 {
		t.Errorf("%d, %d and %d bytes wait, before, after and when they have been read; want none, %d and some, none", before, waiting, after, messages*size)
	}
}

func TestUpgrade(t *testing.T) {
	base := start(t, server.Options{Engine: app.Echo})
	p := poll(t, base, "/engine.io/")
	held := p.hold()
	w := open(t, base, "/engine.io/", "&sid="+p.sid)
	w.send("2probe")
	w.expect("3probe")
	if got := <-held; got != "6" {
		t.Errorf("the held poll got %q during the probe", got)
	}
	p.expect("6") // as does one that comes later
	p.post("4before the upgrade")
	w.send("5")
	w.expect("4before the upgrade")
	w.send("4after")
	w.expect("4after")
	p.gone(`"code":3`)
	second := open(t, base, "/engine.io/", "&sid="+p.sid)
	second.expectClose()
	w.send("4untouched")
	w.expect("4untouched")
}

func TestUpgradeIsRefused(t *testing.T) {
	base := start(t, server.Options{Engine: app.Echo})
	t.Run("while another probes", func(t *testing.T) {
		p := poll(t, base, "/engine.io/")
		first := open(t, base, "/engine.io/", "&sid="+p.sid)
		first.send("2probe")
		first.expect("3probe")
		open(t, base, "/engine.io/", "&sid="+p.sid).expectClose()
		first.send("5")
		first.send("4a")
		first.expect("4a")
	})
	t.Run("of a session born on websocket", func(t *testing.T) {
		w := &wire{t: t}
		var err error
		if w.conn, _, err = websocket.DefaultDialer.Dial("ws"+strings.TrimPrefix(base, "http")+"/engine.io/?EIO=4&transport=websocket", nil); err != nil {
			t.Fatal(err)
		}
		defer func() { _ = w.conn.Close() }()
		sid := handshakeOf(t, w.text()).SID
		w.send("4known") // the server sends the handshake a moment before others may name the session
		w.expect("4known")
		open(t, base, "/engine.io/", "&sid="+sid).expectClose()
		w.send("4mine")
		w.expect("4mine")
	})
	t.Run("after a wrong first packet", func(t *testing.T) {
		p := poll(t, base, "/engine.io/")
		w := open(t, base, "/engine.io/", "&sid="+p.sid)
		w.send("4hello")
		w.expectClose()
		p.post("4still polling")
		p.expect("4still polling")
	})
	t.Run("after its time", func(t *testing.T) {
		base := start(t, server.Options{Engine: app.Echo, Times: server.Times{UpgradeTimeout: 50 * time.Millisecond}})
		p := poll(t, base, "/engine.io/")
		w := open(t, base, "/engine.io/", "&sid="+p.sid)
		w.send("2probe") // it may come too late to be answered
		_, data, err := w.next()
		if err == nil && data == "3probe" {
			_, data, err = w.next()
		}
		if err == nil || isTimeout(err) {
			t.Errorf("the websocket is still open: %q, %v", data, err)
		}
		p.post("4still polling")
		p.expect("4still polling")
	})
}

// The heartbeat goes on after an upgrade even if a ping was lost with polling: the official server
// stops it for ever then.
func TestHeartbeatSurvivesUpgrade(t *testing.T) {
	srv, err := server.New(server.Options{Engine: app.Echo, Times: server.Times{PingInterval: time.Hour, PingTimeout: time.Hour}})
	if err != nil {
		t.Fatal(err)
	}
	base := serve(t, srv)
	p := poll(t, base, "/engine.io/")
	srv.Advance(time.Hour)
	p.expect("2") // and never answered
	w := open(t, base, "/engine.io/", "&sid="+p.sid)
	w.send("2probe")
	w.expect("3probe")
	w.send("5")
	w.send("4here")
	w.expect("4here")
	srv.Advance(time.Hour)
	_ = w.conn.SetReadDeadline(time.Now().Add(patience))
	if _, b, err := w.conn.ReadMessage(); err != nil || string(b) != "2" {
		t.Fatalf("got %q, %v; want a ping", b, err)
	}
	srv.Advance(time.Hour)
	w.expectClose() // because this one was not answered
}

func TestPollingHeartbeat(t *testing.T) {
	base := start(t, server.Options{
		Engine: app.Echo, Times: server.Times{PingInterval: 20 * time.Millisecond, PingTimeout: 20 * time.Millisecond},
	})
	p := poll(t, base, "/engine.io/")
	time.Sleep(40 * time.Millisecond) // exactly what it takes: nobody finds the session alive after that
	p.gone(`"code":1`)
}

func TestOverlappingPolls(t *testing.T) {
	base := start(t, server.Options{Engine: app.Echo})
	p := poll(t, base, "/engine.io/")
	held := p.hold()
	for {
		resp, body := exchange(t, "GET", p.url, "", nil)
		if resp.StatusCode == 400 {
			if body != "" && !strings.Contains(body, `"code":1`) {
				t.Errorf("the second poll got %q", body)
			}
			break
		}
	}
	if got := <-held; got != "1" && got != "" {
		t.Errorf("the first poll got %q", got)
	}
	p.gone(`"code":1`)
}

// What is sent to a client that has dropped its poll must not vanish in it: the session ends, and
// the application knows.
func TestDroppedPollEndsTheSession(t *testing.T) {
	srv, err := server.New(server.Options{})
	if err != nil {
		t.Fatal(err)
	}
	reasons := make(chan string, 1)
	srv.OnDisconnect(func(_ *server.Socket, reason string) { reasons <- reason })
	base := serve(t, srv)
	p := poll(t, base, "/socket.io/")
	conn, err := net.Dial("tcp", strings.TrimPrefix(base, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	_, path, _ := strings.Cut(strings.TrimPrefix(p.url, "http://"), "/")
	if _, err := conn.Write([]byte("GET /" + path + " HTTP/1.1\r\nHost: x\r\n\r\n")); err != nil {
		t.Fatal(err)
	}
	_ = conn.SetReadDeadline(time.Now().Add(30 * time.Millisecond))
	if _, err := conn.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatalf("the poll was not held: %v", err)
	}
	if err := conn.Close(); err != nil {
		t.Fatal(err)
	}
	if got := <-reasons; got != "transport error" {
		t.Errorf("reason %q", got)
	}
	p.gone(`"code":1`)
}

// A post that is cut off is none: not even the part that came is delivered, since nobody knows what
// it is a part of.
func TestCutPostIsNotDelivered(t *testing.T) {
	messages, reasons := make(chan string, 10), make(chan string, 10)
	base := start(t, server.Options{
		Engine:      func(_ *server.EngineSession, data []byte, _ bool) { messages <- string(data) },
		EngineClose: func(_ *server.EngineSession, reason string) { reasons <- reason },
	})
	for name, c := range map[string]struct{ head, body string }{
		"a length":      {"Content-Length: 9", "4pay 100"},
		"chunks":        {"Transfer-Encoding: chunked", "8\r\n4pay 100\r\n"},
		"within chunks": {"Transfer-Encoding: chunked", "9\r\n4pay 100"},
	} {
		p := poll(t, base, "/engine.io/")
		conn := p.beginPost(c.head, c.body)
		if err := conn.(*net.TCPConn).CloseWrite(); err != nil {
			t.Fatal(err)
		}
		if answer, err := io.ReadAll(conn); err != nil || !strings.HasPrefix(string(answer), "HTTP/1.1 400 ") {
			t.Errorf("%s: answered %q, %v", name, answer, err)
		}
		if reason := <-reasons; reason != "transport error" {
			t.Errorf("%s: the session ended with %q", name, reason)
		}
		p.gone(`"code":1`)
	}
	if len(messages) > 0 {
		t.Errorf("%q was delivered of posts that were cut off", <-messages)
	}
}

// A post that is under way during an upgrade belongs to a transport that the session has left:
// nothing of it is delivered, and whatever becomes of it, the session goes on.
func TestPostDuringUpgrade(t *testing.T) {
	base := start(t, server.Options{Engine: app.Echo, Limits: server.Limits{MaxPayload: 20}})
	for name, c := range map[string]struct {
		head, begin, end string
		status           string
	}{
		"cut off":   {"Content-Length: 9", "4pay", "", "400"},
		"whole":     {"Content-Length: 9\r\nConnection: close", "4pay", " load", "400"},
		"malformed": {"Content-Length: 9\r\nConnection: close", "4pay", "\x1e?load", "400"},
		"too large": {"Transfer-Encoding: chunked", "4\r\n4pay\r\n", "14\r\nabcdefghijklmnopqrst\r\n", "413"},
	} {
		p := poll(t, base, "/engine.io/")
		conn := p.beginPost(c.head, c.begin)
		w := open(t, base, "/engine.io/", "&sid="+p.sid)
		w.send("2probe")
		w.expect("3probe")
		w.send("5")
		w.send("4here")
		w.expect("4here")
		if _, err := io.WriteString(conn, c.end); err != nil {
			t.Fatal(err)
		}
		if err := conn.(*net.TCPConn).CloseWrite(); err != nil {
			t.Fatal(err)
		}
		if answer, err := io.ReadAll(conn); err != nil || !strings.HasPrefix(string(answer), "HTTP/1.1 "+c.status) {
			t.Errorf("%s: answered %q, %v", name, answer, err)
		}
		w.send("4and now")
		w.expect("4and now")
	}
}

// A post whose session ends while the body comes is refused: "ok" would say that it was delivered.
func TestPostOutlivesItsSession(t *testing.T) {
	base := start(t, server.Options{Engine: app.Echo})
	for range 100 {
		p := poll(t, base, "/engine.io/")
		conn := p.beginPost("Content-Length: 4\r\nConnection: close", "4pa")
		for resp := (&http.Response{StatusCode: 200}); resp.StatusCode == 200; { // until the posts overlap
			resp, _ = exchange(t, "POST", p.url, "6", nil)
		}
		// It may be the second of the two, and its connection closed already.
		_, _ = conn.Write([]byte("y"))
		read, _ := io.ReadAll(conn)
		answer := string(read)
		if strings.HasPrefix(answer, "HTTP/1.1 200 ") {
			t.Fatalf("answered %q", answer)
		}
		if strings.HasPrefix(answer, "HTTP/1.1 400 ") && strings.Contains(answer, `"code":1`) {
			return
		}
	}
	t.Error("the post is never refused for its session")
}

// beginPost sends the beginning of a post on a connection of its own.
func (p *poller) beginPost(head, body string) net.Conn {
	p.t.Helper()
	base, target, _ := strings.Cut(strings.TrimPrefix(p.url, "http://"), "/")
	conn := connectTo(p.t, "http://"+base)
	p.t.Cleanup(func() { _ = conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(patience))
	if _, err := fmt.Fprintf(conn, "POST /%s HTTP/1.1\r\nHost: x\r\n%s\r\n\r\n%s", target, head, body); err != nil {
		p.t.Fatal(err)
	}
	return conn
}

func TestServerDisconnectOverPolling(t *testing.T) {
	srv, err := server.New(server.Options{})
	if err != nil {
		t.Fatal(err)
	}
	srv.On("bye", func(s *server.Socket, _ *server.Event) error {
		err := s.Emit("last words")
		s.Disconnect(true)
		return err
	})
	p := poll(t, serve(t, srv), "/socket.io/")
	p.post(`42["bye"]`)
	p.expect(`42["last words"]` + "\x1e41")
	p.expect("6\x1e1")
	p.gone(`"code":1`)
}

// A client that closes its session has a poll held, or sends it just before: it is answered with a
// noop, whichever comes first.
func TestClosePacketReleasesThePoll(t *testing.T) {
	base := start(t, server.Options{Engine: app.Echo})
	for answered, late := 0, 0; answered < 50; {
		p := poll(t, base, "/engine.io/")
		held := p.hold()
		p.post("1")
		switch got := <-held; {
		case got == "6":
			answered++
		case strings.Contains(got, "Session ID unknown") && late < 1000: // it was sent long after the other
			late++
		default:
			t.Fatalf("polled %q, %d came too late", got, late)
		}
		p.gone("Session ID unknown")
	}
}

// A poll that is sent after the end of an upgrade is refused, also if it overtakes that on its own
// connection.
func TestPollAfterUpgradeIsRefused(t *testing.T) {
	base := start(t, server.Options{Engine: app.Echo})
	for i := range 50 {
		p := poll(t, base, "/engine.io/")
		w := open(t, base, "/engine.io/", "&sid="+p.sid)
		overtaking := i%2 == 0
		var held <-chan string
		if overtaking {
			held = p.hold()
			time.Sleep(2 * time.Millisecond) // usually it is there then
		}
		w.send("2probe")
		w.send("5")
		w.expect("3probe")
		if !overtaking {
			w.send("4here")
			w.expect("4here")
			held = p.hold()
		}
		got := <-held
		for got == "6" { // the upgrade took its time, and polls are not held for long meanwhile
			got = p.get()
		}
		if got != `{"code":3,"message":"Bad request"}` {
			t.Fatalf("polled %q", got)
		}
		w.send("4there")
		w.expect("4there")
		_ = w.conn.Close()
	}
}

// Behind a proxy a connection carries the requests of many sessions, and each request of a session
// may come on another one: what the engine knows of a connection must not answer the wrong client,
// and nothing may be lost when it goes back to the HTTP server.
func TestSessionsShareConnections(t *testing.T) {
	everyStrategy(t, func(t *testing.T, srv *server.Server, base string) {
		const sessions, rounds, each = 6, 40, 3
		srv.On("who", func(s *server.Socket, e *server.Event) error {
			args, _ := e.Raw()
			s.EmitRaw("you", args, nil)
			return nil
		})
		proxy := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 2 * sessions}}
		t.Cleanup(proxy.CloseIdleConnections)
		heard := make(chan string, sessions*(rounds+1)) // "": a round
		for i := range sessions {
			p := poll(t, base, "/socket.io/")
			go func() {
				for next := 0; next < rounds*each; {
					for m := range strings.SplitSeq(p.through(proxy, "GET", ""), "\x1e") {
						switch m {
						case fmt.Sprintf(`42["you",%d]`, i):
						case fmt.Sprintf(`42["n",%d]`, next):
							if next++; next%each == 0 {
								heard <- ""
							}
						default:
							heard <- fmt.Sprintf("session %d: %.100q in place of message %d", i, m, next)
							return
						}
					}
					if got := p.through(proxy, "POST", fmt.Sprintf(`42["who",%d]`, i)); got != "ok" {
						heard <- fmt.Sprintf("session %d: posted: %s", i, got)
						return
					}
				}
			}()
		}
		for n := range rounds * each {
			if err := srv.Emit("n", n); err != nil {
				t.Fatal(err)
			}
			if n%each < each-1 {
				continue
			}
			for range sessions {
				if fault := <-heard; fault != "" {
					t.Fatal(fault)
				}
			}
		}
	})
}

// A client that posts text which is not UTF-8 is refused, and nothing of it reaches the others: on
// a websocket they would have to fail their connections for it (RFC 6455, section 8.1).
func TestPostedTextIsUTF8(t *testing.T) {
	srv, others := broadcasting(t)
	base := serve(t, srv)
	victim := open(t, base, "/engine.io/", "")
	victim.expect("4welcome")
	octets := map[string]string{"Content-Type": "application/octet-stream"}
	for name, c := range map[string]struct {
		p       func() *poller
		body    string
		headers map[string]string
	}{
		"revision 4":            {func() *poller { return poll(t, base, "/engine.io/") }, "4fine\x1e4\xff\xfe", nil},
		"revision 3":            {func() *poller { return three(t, base, "/engine.io/", "") }, "5:4fine2:4\xff", nil},
		"revision 3, in binary": {func() *poller { return three(t, base, "/engine.io/", "") }, "\x00\x05\xff4fine\x00\x02\xff4\xff", octets},
		"JSONP":                 {func() *poller { return &poller{t: t, url: scripted(t, base)} }, "d=4fine%1E4%FF", nil},
	} {
		t.Run(name, func(t *testing.T) {
			p := c.p()
			if resp, body := exchange(t, "POST", p.url, c.body, c.headers); resp.StatusCode != 400 {
				t.Errorf("%s %q", resp.Status, body)
			}
			p.gone("Session ID unknown")
			if got := <-others; got != "fine" {
				t.Errorf("the others got %q", got)
			}
		})
	}
	victim.expect("4fine")
}

// Text with the separator of polled packets is sent as binary over polling: the client would take
// what follows it for packets of the server.
func TestSeparatorInText(t *testing.T) {
	srv, sent := broadcasting(t)
	base := serve(t, srv)
	victim, scriptedVictim := poll(t, base, "/engine.io/"), &poller{t: t, url: scripted(t, base)}
	victim.expect("4welcome")
	scriptedVictim.expect(`___eio[0]("4welcome");`)
	old := three(t, base, "/engine.io/", "")
	old.expect("8:4welcome")
	attacker := open(t, base, "/engine.io/", "")
	attacker.expect("4welcome")
	attacker.send("4a\x1e1")
	<-sent
	attacker.expect("4a\x1e1")
	victim.expect("bYR4x")
	scriptedVictim.expect(`___eio[0]("bYR4x");`)
	old.expect("4:4a\x1e1")
	attacker.send("4b")
	<-sent
	victim.expect("4b")
}

// broadcasting is a bare server that passes what one client sends on to all, and to the test.
func broadcasting(t *testing.T) (*server.Server, <-chan string) {
	t.Helper()
	got := make(chan string, 10)
	var mu sync.Mutex
	var all []*server.EngineSession
	srv, err := server.New(server.Options{
		AllowEIO3: true, Times: server.Times{PingInterval: server.Never},
		Engine: func(_ *server.EngineSession, data []byte, binary bool) {
			got <- string(data)
			mu.Lock()
			defer mu.Unlock()
			for _, s := range all {
				s.Send(data, binary)
			}
		},
		EngineOpen: func(s *server.EngineSession, _ *server.Handshake) {
			mu.Lock()
			defer mu.Unlock()
			all = append(all, s)
			s.Send([]byte("welcome"), false)
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return srv, got
}

// scripted opens a session of JSONP, and returns the URL of its polls.
func scripted(t *testing.T, base string) string {
	t.Helper()
	url := base + "/engine.io/?EIO=4&transport=polling&j=0"
	_, body := exchange(t, "GET", url, "", nil)
	sid := sidIn.FindStringSubmatch(body)
	if sid == nil {
		t.Fatalf("no session id in %q", body)
	}
	return url + "&sid=" + sid[1]
}
