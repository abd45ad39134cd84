package server_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net"
	"net/http"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/fasthttp/websocket"
	"github.com/valyala/fasthttp"

	"github.com/throng-io/throng/server"
)

// CVE-2026-48804: a packet whose attachments never come is held for a bounded time only, however
// many of them come.
func TestAttachmentTimeout(t *testing.T) {
	const pieces = 60
	srv, err := server.New(server.Options{Times: server.Times{AttachmentTimeout: time.Hour, PingInterval: server.Never}, Limits: server.Limits{MaxAttachments: pieces}})
	if err != nil {
		t.Fatal(err)
	}
	srv.On("file", func(_ *server.Socket, e *server.Event) error { return e.Ack() })
	base := serve(t, srv)
	patient, w := socketIO(t, base), joinBare(t, base)
	const packet = `["file",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]`
	patient.send(`452-1` + packet)
	patient.sendBinary("a")
	patient.sendBinary("b")
	patient.expect("431[]")
	// A pong tells that the server has what came before it.
	w.write(masked(0x81, `452-2`+packet) + masked(0x82, "a") + masked(0x89, "?"))
	w.expect(0x8a, "?")
	srv.Advance(time.Hour)
	w.expectCode(0)
	patient.send(`451-3["file",{"_placeholder":true,"num":0}]`)
	patient.sendBinary("a")
	patient.expect("433[]")
	// One that comes now and then wins no time for the others.
	slow, ended := joinBare(t, base), false
	slow.write(masked(0x81, fmt.Sprintf(`45%d-4["file"%s]`, pieces, placeholders(pieces))))
	for i := 0; i < pieces && !ended; i++ {
		srv.Advance(time.Hour / 10)
		_, _ = slow.Write([]byte(masked(0x82, "a") + masked(0x89, "?")))
		first, data := slow.frame()
		if ended = first == 0x88 || first == 0; !ended && first != 0x8a {
			t.Fatalf("got %x %q", first, data)
		}
	}
	if !ended {
		t.Errorf("%d attachments, a tenth of the time apart, were all taken", pieces)
	}
}

func placeholders(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `,{"_placeholder":true,"num":%d}`, i)
	}
	return b.String()
}

func TestSessionsPerAddress(t *testing.T) {
	base := start(t, server.Options{Limits: server.Limits{MaxPerAddress: 2}})
	a := socketIO(t, base)
	poll(t, base, "/socket.io/")
	url := base + "/socket.io/?EIO=4&transport=polling"
	if resp, body := exchange(t, "GET", url, "", nil); resp.StatusCode != 403 || body != `{"code":4,"message":"too many sessions"}` {
		t.Errorf("the third session: %s %s", resp.Status, body)
	}
	_ = a.conn.Close()
	eventually(t, "a place is free", func() bool { return refusal(t, base) == "" })
}

// Clients behind a proxy have limits of their own if it is trusted.
func TestLimitsBehindAProxy(t *testing.T) {
	srv, err := server.New(server.Options{Limits: server.Limits{MaxPerAddress: 1}, TrustedProxies: []string{"127.0.0.1"}})
	if err != nil {
		t.Fatal(err)
	}
	addresses := make(chan string, 1)
	srv.OnConnect(func(s *server.Socket) { addresses <- s.Handshake().Address })
	base := serve(t, srv)
	for _, client := range []string{"198.51.100.1", "2001:db8::1"} {
		header := http.Header{"X-Forwarded-For": {client}}
		for i, want := range []int{http.StatusSwitchingProtocols, http.StatusBadRequest} {
			conn, resp, err := websocket.DefaultDialer.Dial("ws"+strings.TrimPrefix(base, "http")+"/socket.io/?EIO=4&transport=websocket", header)
			if resp == nil || resp.StatusCode != want {
				t.Fatalf("session %d of %s: %v, %v", i+1, client, resp, err)
			}
			_ = resp.Body.Close()
			if err != nil {
				continue
			}
			t.Cleanup(func() { _ = conn.Close() })
			w := &wire{t, conn}
			handshakeOf(t, w.text())
			w.send("40")
			if got := <-addresses; got != client {
				t.Errorf("the address of %s is %s", client, got)
			}
		}
	}
}

func TestHandshakeRate(t *testing.T) {
	base := start(t, server.Options{Limits: server.Limits{MaxHandshakes: 5}})
	for i := range 5 {
		if got := refusal(t, base); got != "" {
			t.Errorf("handshake %d: %s", i+1, got)
		}
	}
	got := ""
	for range 1000 { // sooner or later they come faster than five in a second
		if got = refusal(t, base); got != "" {
			break
		}
	}
	if got != `403{"code":4,"message":"too many handshakes"}` {
		t.Errorf("refused with %q", got)
	}
	eventually(t, "handshakes are accepted again", func() bool { return refusal(t, base) == "" })
}

// CVE-2019-13611: a page of another origin must not open a websocket with its visitor's cookies.
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

// A NewID that panics costs neither the session nor the shutdown, which waits for every session.
func TestNewIDThatPanics(t *testing.T) {
	srv, err := server.New(server.Options{Logger: silent, NewID: func() string { panic("on purpose") }})
	if err != nil {
		t.Fatal(err)
	}
	open(t, serve(t, srv), "/socket.io/", "")
	if n := srv.Stats().HandlerPanics; n != 1 {
		t.Errorf("%d panics are counted", n)
	}
}

// Of a NewID that makes one id again and again, each session and each socket has another one: the
// polls of one client must not meet the session of another.
func TestNewIDThatRepeats(t *testing.T) {
	srv, err := server.New(server.Options{Logger: silent, NewID: func() string { return "again" }})
	if err != nil {
		t.Fatal(err)
	}
	sockets := make(chan string, 2)
	srv.OnConnect(func(s *server.Socket) { sockets <- s.ID() })
	base := serve(t, srv)
	one, two := poll(t, base, "/socket.io/"), poll(t, base, "/socket.io/")
	if one.sid == two.sid {
		t.Errorf("two sessions have the id %q", one.sid)
	}
	if first := <-sockets; first == <-sockets {
		t.Errorf("two sockets have the id %q", first)
	}
	if n := srv.Stats().Sessions; n != 2 {
		t.Errorf("%d sessions", n)
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

// The ids of sessions begin with the name of their node, and stay as long; those of sockets do not.
func TestSessionPrefix(t *testing.T) {
	base := start(t, server.Options{SessionPrefix: "n-1"})
	w := &wire{t: t}
	var err error
	if w.conn, _, err = websocket.DefaultDialer.Dial("ws"+strings.TrimPrefix(base, "http")+"/socket.io/?EIO=4&transport=websocket", nil); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = w.conn.Close() }()
	session := handshakeOf(t, w.text()).SID
	w.send("40")
	var joined struct{ Sid string }
	if err := json.Unmarshal([]byte(strings.TrimPrefix(w.text(), "40")), &joined); err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(session, "n-1") || len(session) != 20 || strings.HasPrefix(joined.Sid, "n-1") || len(joined.Sid) != 20 {
		t.Errorf("session %q and socket %q", session, joined.Sid)
	}
	for _, wrong := range []string{"node1", "a b", "a&b", "é", "a\n"} {
		if _, err := server.New(server.Options{SessionPrefix: wrong}); err == nil {
			t.Errorf("the prefix %q is taken", wrong)
		}
	}
}

// refusal is the answer to a handshake over polling.
func refusal(t *testing.T, base string) string {
	t.Helper()
	resp, body := exchange(t, "GET", base+"/socket.io/?EIO=4&transport=polling", "", nil)
	if resp.StatusCode == 200 {
		return ""
	}
	return fmt.Sprint(resp.StatusCode, body)
}

func TestMaxSessions(t *testing.T) {
	base := start(t, server.Options{Limits: server.Limits{MaxSessions: 2}})
	a := socketIO(t, base)
	socketIO(t, base)
	if got := refusal(t, base); got != `403{"code":4,"message":"too many sessions"}` {
		t.Errorf("the third session: %q", got)
	}
	_ = a.conn.Close()
	eventually(t, "a place is free", func() bool { return refusal(t, base) == "" })
}

// Handshakes that come together, and wait for the application, cannot all get the last place; and
// one that comes to nothing gives its place back.
func TestPlacesAreReserved(t *testing.T) {
	for name, opts := range map[string]server.Options{
		"sessions": {Limits: server.Limits{MaxSessions: 2}}, "pending": {Limits: server.Limits{MaxPending: 2}}, "address": {Limits: server.Limits{MaxPerAddress: 2}},
	} {
		t.Run(name, func(t *testing.T) {
			const asked, places = 8, 2
			decide := make(chan error)
			opts.Logger = silent
			opts.AllowRequest = func(*fasthttp.RequestCtx) error {
				err := <-decide
				if err == nil {
					return nil
				}
				if err.Error() == "panic" {
					panic(err)
				}
				return err
			}
			base := start(t, opts)
			answers := make(chan string, asked)
			ask := func(query string) {
				_, body := exchange(t, "GET", base+"/socket.io/?transport=polling"+query, "", nil)
				answers <- body
			}
			for range asked {
				go ask("&EIO=4")
			}
			for range asked - places { // while the others wait
				if got := <-answers; !strings.Contains(got, "too many sessions") {
					t.Errorf("refused with %s", got)
				}
			}
			for _, err := range []error{errors.New("no"), errors.New("panic")} {
				decide <- err
				if got := <-answers; !strings.Contains(got, "no") && !strings.Contains(got, "internal error") {
					t.Errorf("refused with %s", got)
				}
			}
			go ask("&EIO=3") // is not served, which is found out later
			decide <- nil
			if got := <-answers; !strings.Contains(got, "Unsupported protocol") {
				t.Errorf("refused with %s", got)
			}
			for range places { // all of them are free again
				go ask("&EIO=4")
				decide <- nil
				if got := <-answers; !strings.HasPrefix(got, `0{"sid"`) {
					t.Errorf("got %s", got)
				}
			}
			ask("&EIO=4")
			if got := <-answers; !strings.Contains(got, "too many sessions") {
				t.Errorf("one too many got %s", got)
			}
		})
	}
}

// Sessions that join no namespace cannot fill the server.
func TestMaxPending(t *testing.T) {
	const full = `403{"code":4,"message":"too many sessions without a namespace"}`
	base := start(t, server.Options{Limits: server.Limits{MaxPending: 2}, Times: server.Times{ConnectTimeout: time.Hour}})
	socketIO(t, base) // does not count
	open(t, base, "/socket.io/", "")
	if got := refusal(t, base); got != "" {
		t.Errorf("the second: %s", got)
	}
	if got := refusal(t, base); got != full {
		t.Errorf("the third: %q", got)
	}

	// Those that take too long make room, and a session that has joined is not one of them.
	srv, err := server.New(server.Options{Limits: server.Limits{MaxPending: 1}, Times: server.Times{ConnectTimeout: time.Hour, PingInterval: server.Never}})
	if err != nil {
		t.Fatal(err)
	}
	base = serve(t, srv)
	joined := socketIO(t, base)
	open(t, base, "/socket.io/", "")
	if got := refusal(t, base); got != full {
		t.Errorf("beside an idle one: %q", got)
	}
	srv.Advance(time.Hour)
	eventually(t, "the idle one is gone", func() bool { return refusal(t, base) == "" })
	if err := srv.Emit("x"); err != nil {
		t.Fatal(err)
	}
	joined.expect(`42["x"]`)
}

// eventually waits for what is a matter of time.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !holds(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain: %s", what)
		}
	}
}

// CVE-2026-48779: a message cannot come in endless pieces, empty or not, nor take for ever.
func TestFragments(t *testing.T) {
	everyLink(t, func(t *testing.T, serve serving) {
		client := func(timeout time.Duration) *bare {
			srv, err := server.New(server.Options{Times: server.Times{MessageTimeout: timeout}})
			if err != nil {
				t.Fatal(err)
			}
			srv.On("x", func(_ *server.Socket, e *server.Event) error { return e.Ack() })
			return joinBare(t, serve(t, srv))
		}
		for _, piece := range []string{"", "y"} {
			many := client(time.Hour)
			many.write(masked(0x01, `421["x`) + strings.Repeat(masked(0x00, piece), 5000))
			many.expectCode(websocket.CloseMessageTooBig)
		}
		good := client(time.Hour)
		good.write(masked(0x01, `421["x`) + strings.Repeat(masked(0x00, ""), 4094) + masked(0x80, `"]`))
		good.expect(0x81, "431[]")
		slow := client(100 * time.Millisecond)
		slow.write(masked(0x01, `421["x`))
		// Pings between the pieces win no time.
		for ended := false; !ended; {
			_ = slow.SetDeadline(time.Now().Add(20 * time.Millisecond))
			if _, err := slow.Write([]byte(masked(0x89, ""))); err != nil && !isTimeout(err) {
				break
			}
			for {
				if _, err := slow.r.ReadByte(); err != nil {
					ended = !isTimeout(err)
					break
				}
			}
		}
	})
}

func isTimeout(err error) bool {
	var network net.Error
	return errors.As(err, &network) && network.Timeout()
}

// What has not come whole is bounded for all clients together, whatever carries it, and those who
// send whole messages do not notice.
func TestMaxPartial(t *testing.T) {
	t.Parallel()
	everyLink(t, func(t *testing.T, over serving) {
		t.Parallel() // it takes the time of a goodbye
		srv, err := server.New(server.Options{Limits: server.Limits{MaxPartial: 100_000}})
		if err != nil {
			t.Fatal(err)
		}
		srv.On("x", func(_ *server.Socket, e *server.Event) error { return e.Ack() })
		base := serve(t, srv)
		good := socketIO(t, base)
		first := joinBare(t, over(t, srv))
		// A fragment. The answer to a ping behind it tells that it has come, and that to another
		// one that it has been counted.
		first.write(masked(0x02, strings.Repeat("a", 80_000)))
		for _, ping := range []string{"come", "counted"} {
			first.write(masked(0x89, ping))
			first.expect(0x8a, ping)
		}
		second := joinBare(t, over(t, srv))
		second.write(masked(0x02, strings.Repeat("b", 30_000)))
		second.expectCode(websocket.CloseTryAgainLater)
		third := socketIO(t, base) // with attachments that do not come
		third.send(`455-["x"` + placeholders(5) + `]`)
		for range 3 { // each of them is short enough
			third.sendBinary(strings.Repeat("c", 9000))
		}
		third.expectClose()
		p := poll(t, base, "/socket.io/")
		if resp, _ := exchange(t, "POST", p.url, "4"+strings.Repeat("d", 30_000), nil); resp.StatusCode == 200 {
			t.Errorf("a body was taken: %s", resp.Status)
		}
		good.send(`421["x"]`)
		good.expect("431[]")
		_ = first.Close()
		eventually(t, "the room is given back", func() bool {
			w := socketIO(t, base)
			// As long as there is no room, the server may have hung up before all is written.
			_ = w.conn.WriteMessage(websocket.TextMessage, []byte(`451-2["x",{"_placeholder":true,"num":0},"`+strings.Repeat("c", 40_000)+`"]`))
			_ = w.conn.WriteMessage(websocket.BinaryMessage, []byte("b"))
			_, data, err := w.next()
			return err == nil && data == "432[]"
		})
	})
}

// A request's head is bounded in bytes, and so in the number of its headers.
func TestMaxHeader(t *testing.T) {
	base := start(t, server.Options{Limits: server.Limits{MaxHeader: 2000}}) // the library's own limit is 4096
	url := base + "/socket.io/?EIO=4&transport=polling"
	many := map[string]string{}
	for i := range 250 {
		many[fmt.Sprint("X-", i)] = "v"
	}
	for name, headers := range map[string]map[string]string{
		"long": {"Cookie": strings.Repeat("c", 2000)}, "many": many,
	} {
		if resp, _ := exchange(t, "GET", url, "", headers); resp.StatusCode != 431 {
			t.Errorf("%s: %s", name, resp.Status)
		}
	}
	if resp, _ := exchange(t, "GET", url, "", map[string]string{"Cookie": strings.Repeat("c", 1500)}); resp.StatusCode != 200 {
		t.Errorf("within the limit: %s", resp.Status)
	}
}

// JSON is not nested without end, and packets of a polling body not counted so.
func TestDepthAndPackets(t *testing.T) {
	srv, err := server.New(server.Options{})
	if err != nil {
		t.Fatal(err)
	}
	srv.On("x", func(_ *server.Socket, e *server.Event) error { return e.Ack() })
	base := serve(t, srv)
	nested := func(depth int) string {
		return `421["x",` + strings.Repeat("[", depth) + strings.Repeat("]", depth) + `]`
	}
	w := socketIO(t, base)
	w.send(nested(127))
	w.expect("431[]")
	w.send(nested(128))
	w.expectClose()
	deep := socketIO(t, base)
	deep.send(nested(400_000))
	deep.expectClose()

	p := poll(t, base, "/socket.io/")
	p.post(strings.Repeat("6\x1e", 65535) + "6") // packets that mean nothing
	if resp, _ := exchange(t, "POST", p.url, strings.Repeat("6\x1e", 65536)+"6", nil); resp.StatusCode != 400 {
		t.Errorf("65 537 packets: %s", resp.Status)
	}
	p.gone(`"code":1`)
}

// lacking is a listener without descriptors to spare: so many times.
type lacking struct {
	net.Listener
	times int
	tried chan struct{}
}

func (l *lacking) Accept() (net.Conn, error) {
	if l.times == 0 {
		return l.Listener.Accept()
	}
	l.times--
	l.tried <- struct{}{}
	return nil, &net.OpError{Op: "accept", Net: "tcp", Err: os.NewSyscallError("accept4", syscall.EMFILE)}
}

func TestServeOutlivesALackOfDescriptors(t *testing.T) {
	for _, times := range []int{3, math.MaxInt} {
		srv, err := server.New(server.Options{Logger: silent})
		if err != nil {
			t.Fatal(err)
		}
		tcp, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		ln := &lacking{tcp, times, make(chan struct{}, 100)}
		serveOn(t, srv, ln) // which checks that Serve ends well
		for range 3 {
			select {
			case <-ln.tried:
			case <-time.After(patience):
				t.Fatal("it does not try again")
			}
		}
		if times == 3 {
			poll(t, "http://"+tcp.Addr().String(), "/socket.io/")
		}
	}
}
