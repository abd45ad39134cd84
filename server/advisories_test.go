package server_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/fasthttp/websocket"

	"github.com/throng-io/throng/server"
)

// attacked is a server with clients that are to notice nothing.
type attacked struct {
	*testing.T
	srv  *server.Server
	base string
	good []*wire
	n    int // checks so far
}

const goodClients = 3

// attack starts a server with everything switched on that can be attacked.
func attack(t *testing.T, opts server.Options) *attacked {
	t.Helper()
	opts.Logger, opts.Times.PingInterval = silent, server.Never // the good clients read seldom
	srv, err := server.New(opts)
	if err != nil {
		t.Fatal(err)
	}
	srv.Dynamic(func(name string, _ []byte) bool { return strings.HasPrefix(name, "/d") })
	srv.On("echo", func(_ *server.Socket, e *server.Event) error { return e.AckRaw(e.Raw()) })
	srv.On("panic", func(*server.Socket, *server.Event) error { panic("on purpose") })
	x := &attacked{T: t, srv: srv, base: serve(t, srv)}
	for range goodClients {
		x.good = append(x.good, socketIO(t, x.base))
	}
	return x
}

// survived checks that the good clients live on, and that nothing else does.
func (x *attacked) survived() {
	x.Helper()
	x.n++
	for _, w := range x.good {
		w.t = x.T
		w.send(fmt.Sprintf(`42%d["echo","still here"]`, x.n))
		w.expect(fmt.Sprintf(`43%d["still here"]`, x.n))
	}
	eventually(x.T, "the sessions of the attack are gone", func() bool { return x.srv.Stats().WebSocket == goodClients })
}

// raw sends bytes on a connection of their own and returns the answer's status, 0 if the connection
// ends without one, and its body.
func (x *attacked) raw(request string) (status int, header http.Header, body string) {
	x.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(x.base, "http://"))
	if err != nil {
		x.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	_ = conn.SetDeadline(time.Now().Add(patience))
	if _, err := io.WriteString(conn, request); err != nil {
		x.Logf("the server would not read all: %v", err)
	}
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		if isTimeout(err) {
			x.Errorf("no answer to %.100q", request)
		}
		return 0, nil, ""
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode == http.StatusSwitchingProtocols {
		return resp.StatusCode, resp.Header, ""
	}
	b, _ := io.ReadAll(resp.Body)
	return resp.StatusCode, resp.Header, string(b)
}

// get is a GET request with more headers.
func get(target string, more ...string) string {
	return "GET " + target + " HTTP/1.1\r\nHost: test\r\n" + strings.Join(append(more, ""), "\r\n") + "\r\n"
}

// upgrade is a request for a websocket.
func upgradeOf(query string, more ...string) string {
	return get("/socket.io/?"+query, append([]string{
		"Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
	}, more...)...)
}

// session opens a session over polling.
func (x *attacked) session() (sid string) {
	x.Helper()
	_, body := exchange(x.T, "GET", x.base+"/socket.io/?EIO=4&transport=polling", "", nil)
	return handshakeOf(x.T, body).SID
}

// closes sends packets on a connection of their own, which the server must end.
func (x *attacked) closes(packets ...string) {
	x.Helper()
	w := socketIO(x.T, x.base)
	for _, p := range packets {
		w.send(p)
	}
	w.expectClose()
}

// An advisory is a hole that a server of the protocol, or a part of one, has had.
type advisory struct {
	id   string
	none string // why it cannot apply here; else
	test func(x *attacked)
}

// try sends each triggering input to one server, beside good clients.
func try(t *testing.T, opts server.Options, all []advisory) {
	x := attack(t, opts)
	before := working()
	for _, a := range all {
		if a.none != "" {
			continue
		}
		t.Run(a.id, func(t *testing.T) {
			sub := *x
			sub.T = t
			a.test(&sub)
			sub.survived()
			x.n = sub.n
		})
	}
	for _, w := range x.good {
		w.t = t
	}
	eventually(t, "the goroutines of the attacks have ended", func() bool { return working() <= before })
}

// working counts the goroutines that the server has at work, without those that it keeps for all
// clients, and those of the HTTP server, which end only later.
func working() int {
	stacks := make([]byte, 8<<20)
	stacks = stacks[:runtime.Stack(stacks, true)]
	n := 0
	for stack := range strings.SplitSeq(string(stacks), "\n\n") {
		kept := strings.Contains(stack, "(*shard).run") || strings.Contains(stack, "(*Poller).work")
		if strings.Contains(stack, "throng/server") && !strings.Contains(stack, "throng/server_test") && !kept {
			n++
		}
	}
	return n
}

// The packages of Socket.IO and Engine.IO.
func TestAdvisoriesOfSocketIO(t *testing.T) {
	t.Parallel() // it waits for connections that were reset
	try(t, server.Options{AllowEIO3: true, Client: fstest.MapFS{
		"socket.io.js": {Data: []byte("client")}, "package.json": {Data: []byte("{}")},
	}}, []advisory{
		{id: "GHSA-2gc4-cqfq-p2gv", test: otherRevision},
		{id: "CVE-2026-69185", test: func(x *attacked) { x.closes(`450-["a"]`) }},
		{id: "CVE-2026-33151", test: func(x *attacked) { x.closes(`45999999999-["a"]`); x.closes(`4511-["a"]`) }},
		{id: "CVE-2026-59725", test: func(x *attacked) {
			url := x.base + "/socket.io/?EIO=4&transport=polling&sid=" + x.session()
			resp, _ := exchange(x.T, "POST", url, "2", map[string]string{"Content-Type": "application/octet-stream"})
			if resp.StatusCode != 400 {
				x.Errorf("answered with %s", resp.Status)
			}
		}},
		{id: "GHSA-gr94-w7qr-f4j3", none: "there is no WebTransport"},
		{id: "CVE-2024-38355", test: func(x *attacked) {
			w := socketIO(x.T, x.base)
			w.send(`42["error",{"a":1}]`)
			w.send(`421["echo","alive"]`)
			w.expect(`431["alive"]`)
			_ = w.conn.Close()
			x.closes(`42["panic"]`)
		}},
		{id: "CVE-2023-32695", test: func(x *attacked) {
			for _, name := range []string{`{"toString":"foo"}`, `null`, `[]`, `true`, `"connect"`, `"disconnecting"`} {
				x.closes(`42[` + name + `]`)
			}
		}},
		{id: "CVE-2023-31125", test: unknownTransports},
		{id: "CVE-2022-41940", test: func(x *attacked) {
			for range 50 {
				conn, err := net.Dial("tcp", strings.TrimPrefix(x.base, "http://"))
				if err != nil {
					x.Fatal(err)
				}
				_, _ = io.WriteString(conn, upgradeOf("EIO=9&transport=websocket"))
				_ = conn.(*net.TCPConn).SetLinger(0) // a reset instead of an end
				_ = conn.Close()
			}
		}},
		{id: "CVE-2022-2421", test: func(x *attacked) {
			for _, num := range []string{`"splice"`, `-1`, `1`, `0.5`, `1e99`, `null`, `"0"`, `18446744073709551616`} {
				w := socketIO(x.T, x.base)
				w.send(`451-["echo",{"_placeholder":true,"num":` + num + `}]`)
				_ = w.conn.WriteMessage(websocket.BinaryMessage, []byte("a")) // the connection may be gone already
				w.expectClose()
			}
		}},
		{id: "CVE-2022-21676", test: func(x *attacked) {
			for _, first := range []byte{0xa1, 0x91, 0xb1, 0xf1, 0x83} { // reserved bits; an unknown opcode
				early := dialBare(x.T, x.base, masked(first, "40"))
				early.expectCode(websocket.CloseProtocolError)
				late := joinBare(x.T, x.base)
				late.write(masked(first, "3"))
				late.expectCode(websocket.CloseProtocolError)
			}
		}},
		{id: "CVE-2020-36048", test: manyPackets},
		{id: "CVE-2020-36049", test: func(x *attacked) {
			w := socketIO(x.T, x.base)
			long := strings.Repeat(`\u0041`, 160_000)
			w.send(`421["echo","` + long + `"]`)
			w.expect(`431["` + long + `"]`)
			w.send(`422["echo",` + strings.Repeat("9", 900_000) + `]`)
			w.expectPrefix(`432[9`)
			w.send("4" + strings.Repeat("2", 1_000_000))
			if code := w.expectClose(); code != websocket.CloseMessageTooBig {
				x.Errorf("closed with %d", code)
			}
		}},
		{id: "CVE-2020-28481", test: func(x *attacked) {
			_, header, _ := x.raw(get("/socket.io/?EIO=4&transport=polling", "Origin: https://evil.example"))
			for name := range header {
				if strings.HasPrefix(name, "Access-Control") {
					x.Errorf("%s: %s", name, header.Get(name))
				}
			}
			if _, err := server.New(server.Options{CORS: &server.CORS{Origins: []string{"*"}, Credentials: true}}); err == nil {
				x.Error("every origin with credentials is taken")
			}
		}},
		{id: "CVE-2017-16031", test: unpredictableIDs},
		{id: "websocket without upgrade", test: func(x *attacked) {
			if status, _, body := x.raw(get("/socket.io/?EIO=4&transport=websocket")); status != 400 || body != `{"code":3,"message":"Bad request"}` {
				x.Errorf("%d %s", status, body)
			}
		}},
		{id: "socket.io 4.8.4", test: statelessAndExact},
		{id: "CVE-2024-47764", test: func(x *attacked) {
			for _, name := range []string{"a b", "a;Path=/", "a=b", "a\r\nSet-Cookie: b", "é"} {
				if _, err := server.New(server.Options{Cookie: &server.Cookie{Name: name}}); err == nil {
					x.Errorf("the cookie %q is taken", name)
				}
			}
			for _, c := range []server.Cookie{{Path: "/; Secure"}, {Path: "/a\r\nX: y"}, {Domain: "a; b"}, {SameSite: "lax; x"}} {
				if _, err := server.New(server.Options{Cookie: &c}); err == nil {
					x.Errorf("the cookie %+v is taken", c)
				}
			}
		}},
	})
}

// otherRevision upgrades a session of Engine.IO 4 with Engine.IO 3, and reverse.
func otherRevision(x *attacked) {
	for _, revisions := range [][2]string{{"4", "3"}, {"3", "4"}, {"4", ""}, {"4", "5"}} {
		url := x.base + "/socket.io/?transport=polling&EIO=" + revisions[0]
		_, body := exchange(x.T, "GET", url, "", nil)
		_, rest, _ := strings.Cut(body, `"sid":"`)
		sid, _, _ := strings.Cut(rest, `"`)
		if status, _, body := x.raw(upgradeOf("transport=websocket&EIO=" + revisions[1] + "&sid=" + sid)); status != 400 || body != "Bad request" {
			x.Errorf("%v: %d %q", revisions, status, body)
		}
		resp, _ := exchange(x.T, "GET", strings.Replace(url, "EIO="+revisions[0], "EIO="+revisions[1], 1)+"&sid="+sid, "", nil)
		if resp.StatusCode != 400 {
			x.Errorf("%v: a poll got %s", revisions, resp.Status)
		}
		if resp, _ := exchange(x.T, "POST", url+"&sid="+sid, map[string]string{"4": "3", "3": "1:2"}[revisions[0]], nil); resp.StatusCode != 200 {
			x.Errorf("%v: the session has ended: %s", revisions, resp.Status)
		}
	}
}

func unknownTransports(x *attacked) {
	for _, name := range []string{"__proto__", "constructor", "toString", "webtransport", "", "WebSocket", "polling%00", "%F0%28%8C%28"} {
		if status, _, body := x.raw(upgradeOf("EIO=4&transport=" + name)); status != 400 || body != "Transport unknown" {
			x.Errorf("%q, upgrade: %d %q", name, status, body)
		}
		if status, _, body := x.raw(get("/socket.io/?EIO=4&transport=" + name)); status != 400 || body != `{"code":0,"message":"Transport unknown"}` {
			x.Errorf("%q: %d %q", name, status, body)
		}
	}
	for _, query := range []string{"%", "&&&=&=;", "EIO", "EIO=4&transport[]=polling", "%00=%00", strings.Repeat("a&", 1000)} {
		if status, _, _ := x.raw(get("/socket.io/?" + query)); status != 400 {
			x.Errorf("%.40q: %d", query, status)
		}
	}
}

// manyPackets sends bodies of as many packets as fit.
func manyPackets(x *attacked) {
	for body, want := range map[string]int{
		strings.Repeat("6\x1e", 400_000) + "6":   400, // too many
		strings.Repeat("4a\x1e", 300_000) + "4a": 200, // the first one is no packet of Socket.IO
		strings.Repeat("\x1e", 900_000):          400,
		strings.Repeat("6", 1_000_001):           413,
		"b" + strings.Repeat("A", 900_000):       200, // binary that nothing has announced
	} {
		url := x.base + "/socket.io/?EIO=4&transport=polling&sid=" + x.session()
		if resp, _ := exchange(x.T, "POST", url, body, nil); resp.StatusCode != want {
			x.Errorf("%.10q...: %s, want %d", body, resp.Status, want)
		}
	}
	url := x.base + "/socket.io/?EIO=3&transport=polling"
	for _, body := range []string{strings.Repeat("1:2", 330_000), strings.Repeat("9", 900_000) + ":2", strings.Repeat("2:4¼", 200_000), "99999999999999999999:4"} {
		_, answer := exchange(x.T, "GET", url, "", nil)
		_, rest, _ := strings.Cut(answer, `"sid":"`)
		sid, _, _ := strings.Cut(rest, `"`)
		exchange(x.T, "POST", url+"&sid="+sid, body, nil)
		for range 2 { // what was queued, and the end, may still be told
			exchange(x.T, "GET", url+"&sid="+sid, "", nil)
		}
		if resp, _ := exchange(x.T, "GET", url+"&sid="+sid, "", nil); resp.StatusCode != 400 {
			x.Errorf("%.10q...: the session lives on: %s", body, resp.Status)
		}
	}
}

// unpredictableIDs looks for a part of the ids that does not change.
func unpredictableIDs(x *attacked) {
	const ids = 150
	seen := map[string]bool{}
	var at [20]map[byte]bool
	for range ids {
		sid := x.session()
		if len(sid) != len(at) || seen[sid] {
			x.Fatalf("id %q", sid)
		}
		seen[sid] = true
		for i := range at {
			if at[i] == nil {
				at[i] = map[byte]bool{}
			}
			at[i][sid[i]] = true
		}
	}
	for i, characters := range at { // of 64, all but a few come up
		if len(characters) < 32 {
			x.Errorf("character %d has %d values in %d ids", i, len(characters), ids)
		}
	}
}

// statelessAndExact is what 4.8.4 mended: matching of namespaces, keys of maps, names of files.
func statelessAndExact(x *attacked) {
	x.srv.Dynamic(server.Matching(regexp.MustCompile(`^/pattern-\d+$`)))
	for range 3 {
		w := open(x.T, x.base, "/socket.io/", "&__proto__=a&constructor=b")
		w.expectPrefix("0{")
		w.send(`40/pattern-1,{"__proto__":{"x":1},"constructor":2}`)
		w.expectPrefix(`40/pattern-1,{"sid":"`)
		_ = w.conn.Close()
	}
	for _, name := range []string{
		"socket.io.js.evil", "socket.io.jsx", "package.json", "../socket.io.js", "socket.io.js/..", "..%2fsocket.io.js", "socket.io%2ejs", "__proto__", "/socket.io.js",
	} {
		if status, _, body := x.raw(get("/socket.io/" + name)); status != 400 && status != 404 || strings.Contains(body, "client") {
			x.Errorf("%s: %d %s", name, status, body)
		}
	}
	if status, _, body := x.raw(get("/socket.io/socket.io.js?v=" + url.QueryEscape("1&2"))); status != 200 || body != "client" {
		x.Errorf("the client itself: %d %s", status, body)
	}
}
