package server_test

import (
	"bufio"
	"bytes"
	"compress/flate"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/fasthttp/websocket"
	"github.com/valyala/fasthttp"

	"github.com/throng-io/throng/server"
)

// The websocket layer: of the library ws, but each could have happened here.
func TestAdvisoriesOfWebSockets(t *testing.T) {
	try(t, server.Options{}, []advisory{
		{id: "CVE-2026-48779", test: func(x *attacked) {
			for _, piece := range []string{"", "a"} {
				b := joinBare(x.T, x.base)
				b.write(masked(0x01, "42") + strings.Repeat(masked(0x00, piece), 4500))
				b.expectCode(websocket.CloseMessageTooBig)
			}
		}},
		{id: "CVE-2026-45736, CVE-2016-10518", test: func(x *attacked) {
			b := joinBare(x.T, x.base)
			b.write(masked(0x81, `421["echo","`+strings.Repeat("secret", 20)+`"]`))
			b.expect(0x81, `431["secret`)
			for _, ping := range []string{"", "x", "123456"} {
				b.write(masked(0x89, ping))
				if first, got := b.frame(); first != 0x8a || got != ping {
					x.Errorf("ping %q was answered by %x %q", ping, first, got)
				}
			}
			b.write(masked(0x88, "\x03\xe8 bye"))
			b.expectCode(websocket.CloseNormalClosure) // the code alone
		}},
		{id: "CVE-2024-37890", test: func(x *attacked) {
			var many []string
			for i := range 3000 {
				many = append(many, fmt.Sprintf("a%d: 1", i))
			}
			if status, _, _ := x.raw(upgradeOf("EIO=4&transport=websocket", many...)); status != 431 {
				x.Errorf("3 000 headers: %d", status)
			}
			for _, header := range []string{"Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="} {
				request := strings.Replace(upgradeOf("EIO=4&transport=websocket"), header+"\r\n", "", 1)
				if status, _, _ := x.raw(request); status != 400 {
					x.Errorf("without %s: %d", header, status)
				}
			}
		}},
		{id: "CVE-2021-32640", test: func(x *attacked) {
			for header, want := range map[string]int{"Sec-WebSocket-Protocol: b": 400, "Sec-WebSocket-Extensions: b": 101, "Connection: Upgrade,": 101} {
				if status, _, _ := x.raw(upgradeOf("EIO=4&transport=websocket", header+strings.Repeat(" ", 6000)+"x")); status != want {
					x.Errorf("%s: %d, want %d", header, status, want)
				}
			}
		}},
		{id: "GHSA-5v72-xg48-5rpm", test: func(x *attacked) {
			for _, name := range []string{"constructor", "__proto__", `permessage-deflate; x="`, ";;;,,,", "permessage-deflate; server_max_window_bits=0"} {
				status, header, _ := x.raw(upgradeOf("EIO=4&transport=websocket", "Sec-WebSocket-Extensions: "+name))
				if got := header.Get("Sec-WebSocket-Extensions"); status != 101 || got != "" {
					x.Errorf("%s: %d %s", name, status, got)
				}
			}
		}},
		{id: "CVE-2016-10542, CVE-2020-27813", test: lengths},
		{id: "CVE-2016-10544", test: func(x *attacked) { // a compressed frame where nothing is compressed
			b := joinBare(x.T, x.base)
			b.write(masked(0xc1, "\x4a\x04\x00"))
			b.expectCode(websocket.CloseProtocolError)
		}},
	})
	try(t, server.Options{PerMessageDeflate: true}, []advisory{{id: "CVE-2016-10544, compressed", test: bomb}})
}

// bomb sends a message that is small until it is decompressed.
func bomb(x *attacked) {
	var b bytes.Buffer
	w, err := flate.NewWriter(&b, flate.BestCompression)
	if err != nil {
		x.Fatal(err)
	}
	for range 16 {
		_, _ = w.Write(make([]byte, 1<<20))
	}
	_ = w.Flush()
	for range 20 {
		conn, err := net.Dial("tcp", strings.TrimPrefix(x.base, "http://"))
		if err != nil {
			x.Fatal(err)
		}
		c := &bare{x.T, conn, bufio.NewReader(conn)}
		c.write(upgradeOf("EIO=4&transport=websocket", "Sec-WebSocket-Extensions: permessage-deflate"))
		resp, err := http.ReadResponse(c.r, nil)
		if err != nil || !strings.HasPrefix(resp.Header.Get("Sec-WebSocket-Extensions"), "permessage-deflate") {
			x.Fatalf("%v, %v", resp, err)
		}
		c.expect(0x81, "0{")
		_, _ = io.WriteString(c, masked(0xc2, strings.TrimSuffix(b.String(), "\x00\x00\xff\xff"))) // it may have enough before the end
		if first, got := c.frame(); first != 0x88 || got != "\x03\xf1" {
			x.Errorf("answered by %x %q, want a close frame with 1009", first, got)
		}
		_ = conn.Close()
	}
	if heap() > 200<<20 {
		x.Errorf("%d bytes are in use", heap())
	}
}

// lengths announces frames of lengths that overflow sums, on both ways to read.
func lengths(x *attacked) {
	for _, size := range []uint64{1_000_001, 1 << 31, 1<<32 + 1, 1 << 62, 1<<63 - 1, 1 << 63, 1<<64 - 1} {
		for _, first := range []byte{0x81, 0x82, 0x01} {
			frame := string(binary.BigEndian.AppendUint64([]byte{first, 0xff}, size)) + "maskdata"
			b := joinBare(x.T, x.base)
			b.write(frame)
			if size >= 1<<63 { // no length at all
				if first, _ := b.frame(); first != 0x88 && first != 0 {
					x.Errorf("length %d: answered with %x", size, first)
				}
				continue
			}
			b.expectCode(websocket.CloseMessageTooBig)
			again := joinBare(x.T, x.base) // the rest of a message that began small
			again.write(masked(0x01, strings.Repeat("a", 1000)) + string(binary.BigEndian.AppendUint64([]byte{0x80, 0xff}, size)) + "mask")
			if first, _ := again.frame(); first != 0x88 {
				x.Errorf("continuation of %d: answered with %x", size, first)
			}
		}
	}
}

// Section C of the list is about clients, who verify TLS and decode as strictly as a server: that
// is tested where the client is (scenario/client).

// Other servers of the protocol.
func TestAdvisoriesOfOtherServers(t *testing.T) {
	try(t, server.Options{Times: server.Times{AttachmentTimeout: 100 * time.Millisecond}, CORS: &server.CORS{Origins: []string{"https://good.example"}}}, []advisory{
		{id: "CVE-2026-48802", test: func(x *attacked) {
			w := socketIO(x.T, x.base)
			w.send(`421["echo"]`)
			w.expect(`431[]`)
			before := runtime.NumGoroutine()
			for range 20_000 {
				w.send("3")
			}
			w.send(`422["echo"]`)
			w.expect(`432[]`)
			if after := runtime.NumGoroutine(); after > before+20 {
				x.Errorf("%d goroutines became %d", before, after)
			}
			_ = w.conn.Close()
		}},
		{id: "CVE-2026-48804", test: func(x *attacked) {
			var all []*wire
			for range 50 {
				w := socketIO(x.T, x.base)
				w.send(`40/d1`)
				w.expectPrefix(`40/d1`)
				w.send(`451-/d1,["echo",{"_placeholder":true,"num":0},"` + strings.Repeat("a", 10_000) + `"]`)
				all = append(all, w)
			}
			for _, w := range all {
				w.expectClose()
			}
		}},
		{id: "CVE-2026-48809", test: func(x *attacked) {
			for sid, want := range map[string]int{"unknown": 400, x.session(): 413} {
				request := "POST /socket.io/?EIO=4&transport=polling&sid=" + sid + " HTTP/1.1\r\nHost: test\r\nContent-Length: 900000000\r\n\r\n4" + strings.Repeat("a", 10_000)
				if status, _, _ := x.raw(request); status != want { // without waiting for the body
					x.Errorf("%s: %d, want %d", sid, status, want)
				}
			}
		}},
		{id: "CVE-2025-61765", none: "there is no message queue, and what is decoded is JSON or MessagePack"},
		{id: "CVE-2019-13611", test: func(x *attacked) {
			for origin, want := range map[string]int{"https://evil.example": 400, "null": 400, "https://good.example": 101, "https://good.example.evil.example": 400} {
				if status, _, _ := x.raw(upgradeOf("EIO=4&transport=websocket", "Origin: "+origin)); status != want {
					x.Errorf("%s: %d, want %d", origin, status, want)
				}
			}
		}},
		{id: "payload flood of 2020", test: func(x *attacked) {
			url := x.base + "/socket.io/?EIO=4&transport=polling&sid=" + x.session()
			if resp, _ := exchange(x.T, "POST", url, strings.Repeat("3\x1e", 100_000)+"3", nil); resp.StatusCode != 400 {
				x.Errorf("100 001 packets: %s", resp.Status)
			}
		}},
		{id: "leaks of go-socket.io", test: func(x *attacked) {
			var all sync.WaitGroup
			for range 8 {
				all.Go(func() {
					for range 25 {
						w := socketIO(x.T, x.base)
						_ = w.conn.NetConn().Close()
					}
				})
			}
			all.Wait()
		}},
		{id: "socketioxide 487, 554", test: func(x *attacked) {
			p := poll(x.T, x.base, "/socket.io/")
			held := p.hold()
			w := open(x.T, x.base, "/socket.io/", "&sid="+p.sid)
			w.send("2probe")
			w.expect("3probe")
			if got := <-held; got != "6" {
				x.Errorf("the held poll got %q", got)
			}
			for range 3 { // not one noop, but one for each poll until the upgrade
				p.expect("6")
			}
			w.send("5")
			w.send(`421["echo"]`)
			w.expect(`431[]`)
			_ = w.conn.Close()
		}},
	})
}

// The libraries that this server is built of.
func TestAdvisoriesOfBuildingBlocks(t *testing.T) {
	try(t, server.Options{CORS: &server.CORS{Origins: []string{"https://a.example", "https://b.example"}, Credentials: true}, Cookie: &server.Cookie{Name: "io"}}, []advisory{
		{id: "panics of the websocket library", test: libraryPanics},
		{id: "CVE-2022-21221", test: func(x *attacked) {
			for _, path := range []string{`/socket.io/..\..\go.mod`, "/socket.io/%2e%2e/%2e%2e/go.mod", "/socket.io/..%5c..%5cgo.mod", "/../go.mod"} {
				if status, _, body := x.raw(get(path)); status != 400 && status != 404 || strings.Contains(body, "module") {
					x.Errorf("%s: %d %s", path, status, body)
				}
			}
		}},
		{id: "AIKIDO-2025-10638", test: func(x *attacked) {
			sid := x.session()
			head := "POST /socket.io/?EIO=4&transport=polling&sid=" + sid + " HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n"
			status, _, body := x.raw(head + "1;a\nb\r\n3\r\n0\r\n\r\n" + get("/smuggled"))
			if status == 200 || status == 404 || strings.Contains(body, "not found") {
				x.Errorf("a chunk extension with a line feed: %d %s", status, body)
			}
		}},
		{id: "fasthttp 1794, 1796, 1797", test: func(x *attacked) {
			for _, header := range []string{": empty", "X: a\rb", "X: a\x00b", "X\x00: a", " X: a", "X : a", "Content-Length: 1\r\nContent-Length: 2", "Content-Length: -1"} {
				if status, _, _ := x.raw(get("/socket.io/?EIO=4&transport=polling", header)); status == 200 {
					x.Errorf("%q is taken", header)
				}
			}
		}},
		{id: "fasthttp 875", test: func(x *attacked) {
			for _, header := range []string{"Origin: https://a.example%0d%0aX-Evil: 1", "Origin: https://a.example\x0bX-Evil", "Access-Control-Request-Headers: x%0d%0aX-Evil: 1", "Cookie: io=a%0d%0aX-Evil: 1"} {
				request := get("/socket.io/?EIO=4&transport=polling&sid=x%0d%0aX-Evil:%201&t=%0d%0aX-Evil:1", header)
				for _, method := range []string{"GET", "OPTIONS"} {
					if _, h, _ := x.raw(strings.Replace(request, "GET", method, 1)); h.Get("X-Evil") != "" {
						x.Errorf("%s %q splits the header", method, header)
					}
				}
			}
		}},
	})
}

// libraryPanics has many writers at work on connections that end, where the library is under them:
// it panics at concurrent writes, at reads after errors, and when a connection is used after its
// handler.
func libraryPanics(x *attacked) {
	// Who writes never waits, and nobody is to be a slow consumer for that.
	srv, err := server.New(server.Options{Logger: silent, Times: server.Times{PingInterval: server.Never}, Limits: server.Limits{QueuePackets: 1 << 20, QueueBytes: 1 << 28}})
	if err != nil {
		x.Fatal(err)
	}
	srv.OnConnect(func(s *server.Socket) { s.Join("r") })
	base := serveTLS(x.T, srv)
	x.Run("writers", func(t *testing.T) { // they end with it, also when it fails
		stop := make(chan struct{})
		var writers sync.WaitGroup
		defer writers.Wait()
		defer close(stop)
		for range 4 {
			writers.Go(func() {
				for {
					select {
					case <-stop:
						return
					default:
						_ = srv.To("r").Emit("x", []byte("binary"), "text")
						runtime.Gosched()
					}
				}
			})
		}
		for i := range 60 {
			b := joinBare(t, base)
			switch i % 3 {
			case 0:
				b.write(masked(0x89, "ping") + masked(0x88, ""))
			case 1:
				b.write("no frame at all, but rather long")
			}
			_ = b.Close()
		}
	})
	eventually(x.T, "the sessions are gone", func() bool { return srv.Stats().Sessions == 0 })
}

// A listener that fails, and requests to a server that stops, are answered or ended (duty 3 of the
// list: every request, on every path of an error).
func TestEveryRequestIsAnswered(t *testing.T) {
	x := attack(t, server.Options{Limits: server.Limits{MaxPayload: 1000, MaxSessions: 10}})
	sid := x.session()
	target := "/socket.io/?EIO=4&transport=polling&sid=" + sid
	for _, request := range []string{
		"PUT " + target + " HTTP/1.1\r\nHost: t\r\n\r\n", "DELETE " + target + " HTTP/1.1\r\nHost: t\r\n\r\n",
		"HEAD " + target + " HTTP/1.1\r\nHost: t\r\n\r\n", "OPTIONS " + target + " HTTP/1.1\r\nHost: t\r\n\r\n",
		"POST " + target + " HTTP/1.1\r\nHost: t\r\nContent-Length: 2000\r\n\r\n" + strings.Repeat("a", 2000),
		"POST " + target + " HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n7d0\r\n" + strings.Repeat("a", 2000) + "\r\n0\r\n\r\n",
		"POST " + target + " HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
		"POST /socket.io/ HTTP/1.1\r\nHost: t\r\nContent-Length: 0\r\n\r\n", "BREW /socket.io/ HTTP/1.1\r\nHost: t\r\n\r\n",
		get("/"), get("*"), get(""), "GET\r\n\r\n", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", "\r\n\r\n\r\n\r\n",
		upgradeOf("EIO=4&transport=websocket&sid=unknown"), upgradeOf("EIO=4&transport=polling"),
		strings.Replace(upgradeOf("EIO=4&transport=websocket"), "GET", "POST", 1),
	} {
		conn, err := net.Dial("tcp", strings.TrimPrefix(x.base, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(conn, request); err != nil {
			t.Fatal(err)
		}
		_ = conn.(*net.TCPConn).CloseWrite()
		_ = conn.SetReadDeadline(time.Now().Add(patience))
		if _, err := io.ReadAll(conn); isTimeout(err) {
			t.Errorf("%.60q is not answered", request)
		}
		_ = conn.Close()
	}
	x.survived()
}

// A refusal's message is the application's, and cannot split the answer.
func TestRefusalCannotSplitTheHeader(t *testing.T) {
	const evil = "no\r\nX-Evil: 1\r\n\r\n"
	srv, err := server.New(server.Options{AllowRequest: func(*fasthttp.RequestCtx) error { return errors.New(evil) }})
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.Get(serve(t, srv) + "/socket.io/?EIO=4&transport=polling")
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if resp.StatusCode != 403 || resp.Header.Get("X-Evil") != "" {
		t.Errorf("%s %v", resp.Status, resp.Header)
	}
}

// No control character of a client comes back in a header: the HTTP server refuses all but the tab,
// and that is neither in an origin nor in the name of a header.
func TestControlCharactersAreNotEchoed(t *testing.T) {
	x := attack(t, server.Options{CORS: &server.CORS{Match: func(string) bool { return true }}})
	for _, c := range []string{"\x00", "\x01", "\t", "\r", "\r\n", "\x7f"} {
		poll := get("/socket.io/?EIO=4&transport=polling", "Origin: http://a"+c+"b")
		if status, _, body := x.raw(poll); status != http.StatusBadRequest {
			t.Errorf("an origin with %q is answered with %d %s", c, status, body)
		}
		asked := get("/socket.io/?EIO=4&transport=polling", "Origin: http://a", "Access-Control-Request-Headers: a"+c+"b")
		status, header, _ := x.raw("OPTIONS" + strings.TrimPrefix(asked, "GET"))
		if got := header.Get("Access-Control-Allow-Headers"); got != "" || status != http.StatusNoContent && status != http.StatusBadRequest {
			t.Errorf("a header with %q is allowed as %q (%d)", c, got, status)
		}
	}
	x.survived()
}
