package client

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"
)

func TestConfigErrors(t *testing.T) {
	for want, cfg := range map[string]Config{
		"scheme":              {URL: "ftp://localhost"},
		"no host":             {URL: "http://"},
		"has a path":          {URL: "http://localhost/chat"},
		"Transport":           {URL: "http://localhost", Transport: "flash"},
		"begin with a":        {URL: "http://localhost", Namespace: "chat"},
		"no comma":            {URL: "http://localhost", Namespace: "/a,b"},
		"Path":                {URL: "http://localhost", Path: "socket.io/"},
		"not be negative":     {URL: "http://localhost", MaxQueue: -1},
		"a valid Header name": {URL: "http://localhost", Header: map[string][]string{"a b": {"c"}}},
		"holds a line end":    {URL: "http://localhost", Header: map[string][]string{"a": {"c\r\nd: e"}}},
		"client itself":       {URL: "http://localhost", Header: map[string][]string{"connection": {"close"}}},
		"invalid":             {URL: "http://local host"},
	} {
		e := fails(t, t.Context(), &cfg, "config", "config")
		if !strings.Contains(e, want) {
			t.Errorf("%v does not tell %q", e, want)
		}
	}
}

func TestDialRefused(t *testing.T) {
	for _, transport := range []string{WebSocket, Polling, Upgrade} { // no system assigns port 1 as an ephemeral port
		fails(t, t.Context(), &Config{URL: "http://127.0.0.1:1", Transport: transport}, "tcp", "refused")
	}
}

// The address is none of this machine's.
func TestDialLocalAddr(t *testing.T) {
	url := session(t, 25000, 20000, func(p *peer) {
		p.put(text(`42["from","` + p.RemoteAddr().(*net.TCPAddr).IP.String() + `"]`))
		p.slurp()
	})
	fails(t, t.Context(), &Config{URL: url, LocalAddr: netip.MustParseAddr("192.0.2.1")}, "tcp", "ports")
	h := newHeard()
	run(t, dial(t, &Config{URL: url, LocalAddr: netip.MustParseAddr("127.0.0.1")}), h)
	equal(t, h.wait(t, 1), `event from ["127.0.0.1"]`)
}

func TestHandshakeErrors(t *testing.T) {
	head := func(lines ...string) string { return strings.Join(lines, "\r\n") + "\r\n\r\n" }
	for _, test := range []struct{ name, class, answer string }{
		{"engine body", "engine.1", "HTTP/1.1 400 Bad Request\r\nContent-Length: 41\r\n\r\n" + `{"code":1,"message":"Session ID unknown"}`},
		{"engine message", "engine.0", "HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-type: text/html\r\nContent-Length: 17\r\n\r\nTransport unknown"},
		{"forbidden", "engine.4", "HTTP/1.1 403 Forbidden\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{\"cod\r\n20;x=y\r\ne\":4,\"message\":\"no tea for you\"}\r\n0\r\nX: y\r\n\r\n"},
		{"proxy", "http.502", "HTTP/1.1 502 Bad Gateway\r\nContent-Length: 9\r\n\r\n<p>down\n!"},
		{"until close", "http.404", "HTTP/1.0 404 Not Found\r\n\r\nnothing here"},
		{"no HTTP", "protocol", "SSH-2.0-OpenSSH_9.9\r\n"},
		{"no status", "protocol", head("HTTP/1.1 abc def")},
		{"no Upgrade", "protocol", head("HTTP/1.1 101 S", "Connection: upgrade", "Sec-WebSocket-Accept: KEY")},
		{"no Connection", "protocol", head("HTTP/1.1 101 S", "Upgrade: websocket", "Sec-WebSocket-Accept: KEY")},
		{"no Accept", "protocol", head("HTTP/1.1 101 S", "Upgrade: websocket", "Connection: upgrade")},
		{"wrong Accept", "protocol", head("HTTP/1.1 101 S", "Upgrade: websocket", "Connection: upgrade", "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")},
		{"extension", "protocol", head("HTTP/1.1 101 S", "Upgrade: websocket", "Connection: upgrade", "Sec-WebSocket-Accept: KEY", "Sec-WebSocket-Extensions: permessage-deflate")},
		{"bad length", "http.200", head("HTTP/1.1 200 OK", "Content-Length: 1e9")},
		{"gzip", "http.400", head("HTTP/1.1 400 B", "Content-Encoding: gzip", "Content-Length: 3") + "abc"},
		{"long head", "protocol", "HTTP/1.1 200 OK\r\nX: " + strings.Repeat("x", maxHead+10)},
		{"hangs up", "closed", ""},
		{"hangs up in the head", "closed", "HTTP/1.1 101 S\r\nUpgrade"},
		{"hangs up in the body", "http.400", "HTTP/1.1 400 B\r\nContent-Length: 10\r\n\r\nabc"},
		{"not an open packet", "protocol", head("HTTP/1.1 101 S", "Upgrade: websocket", "Connection: upgrade", "Sec-WebSocket-Accept: KEY") + text("40")},
		{"bad open packet", "protocol", head("HTTP/1.1 101 S", "Upgrade: websocket", "Connection: upgrade", "Sec-WebSocket-Accept: KEY") + text("0{}")},
		{"closes at once", "closed", head("HTTP/1.1 101 S", "Upgrade: websocket", "Connection: upgrade", "Sec-WebSocket-Accept: KEY") + frame(0x88, "")},
		{"oversize", "limit", head("HTTP/1.1 101 S", "Upgrade: websocket", "Connection: upgrade", "Sec-WebSocket-Accept: KEY") + text(strings.Repeat("x", 2000))},
	} {
		t.Run(test.name, func(t *testing.T) {
			url := listen(t, func(p *peer) {
				if req, _ := p.request(); req != nil {
					p.put(strings.ReplaceAll(test.answer, "KEY", acceptKey(req)))
				}
			})
			fails(t, t.Context(), &Config{URL: url, MaxMessage: 1000}, "open", test.class)
		})
	}
}

// The list of a header field may be spread over several.
func TestHandshakeFields(t *testing.T) {
	url := listen(t, func(p *peer) {
		req, _ := p.request()
		if req == nil {
			return
		}
		p.put("HTTP/1.1 101 S\r\nConnection: keep-alive\r\nUpgrade: h2c\r\nconnection: Upgrade\r\nupgrade: WebSocket\r\nSec-WebSocket-Accept: " + acceptKey(req) + "\r\n\r\n")
		p.put(text(open(25000, 20000, "")) + text(`40{"sid":"public"}`))
		p.slurp()
	})
	dial(t, &Config{URL: url})
}

func TestRedirectSaysWhereTo(t *testing.T) {
	for answer, want := range map[string]string{
		"HTTP/1.1 301 Moved\r\nLocation: https://there.test/\r\nContent-Length: 5\r\n\r\nmoved": `HTTP status 301: "moved to https://there.test/"`,
		"HTTP/1.1 404 No\r\nLocation: https://there.test/\r\nContent-Length: 2\r\n\r\nno":       `HTTP status 404: "no"`,
	} {
		url := listen(t, func(p *peer) {
			if req, _ := p.request(); req != nil {
				p.put(answer)
			}
		})
		if _, err := Dial(t.Context(), &Config{URL: url}); err == nil || !strings.HasSuffix(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
}

func TestNamespaceErrors(t *testing.T) {
	for _, test := range []struct{ name, class, wire string }{
		{"refused", "connect_error", text(`44/chat,{"message":"not you","data":{"code":7}}`)},
		{"refused by an old server", "connect_error", text(`44/chat,"not you"`)},
		{"no sid", "version", text(`40/chat,{}`)},
		{"old server", "version", text(`40/chat`)},
		{"not JSON", "protocol", text(`40/chat,{"sid":`)},
		{"engine close", "closed", text(`1`)},
		{"end", "closed", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			url := listen(t, func(p *peer) {
				req, _ := p.request()
				p.switchTo(req)
				p.put(text(open(25000, 20000, "")))
				p.expect(`40/chat,{"token":"t"}`)
				p.put(test.wire)
			})
			_, err := Dial(t.Context(), &Config{URL: url, Namespace: "/chat", Auth: json.RawMessage(`{"token":"t"}`)})
			if e, ok := errors.AsType[*DialError](err); !ok || e.Stage != "namespace" || e.Class != test.class {
				t.Fatalf("%v, want %s", err, test.class)
			}
			refused, ok := errors.AsType[*ConnectError](err)
			if ok != (test.class == "connect_error") {
				t.Fatal(err)
			}
			if refused != nil && refused.Message != "not you" || test.name == "refused" && string(refused.Data) != `{"code":7}` {
				t.Errorf("%+v", refused)
			}
			if want := `connect_error: not you {"code":7}`; test.name == "refused" && !strings.HasSuffix(err.Error(), want) {
				t.Errorf("%v, want it to end with %s", err, want)
			}
		})
	}
}

// Messages that arrive before the answer to CONNECT, or in the same read after it, are delivered by
// Run, in order. Packets of other namespaces are ignored.
func TestEarlyEvents(t *testing.T) {
	url := listen(t, func(p *peer) {
		req, _ := p.request()
		p.switchTo(req)
		p.put(text(open(25000, 20000, "")) + text("2"))
		p.expect(`40`)
		p.expect("3")
		p.put(text(`42["early",1]`) + text(`451-["bin",{"_placeholder":true,"num":0}]`) + frame(0x82, "xyz") +
			text(`42/other,["other"]`) + text(`40/other,{"sid":"o"}`) + text(`40{"sid":"s"}`) + text(`42["behind",2]`) + text(`43`))
		p.expect(`42["now"]`)
		p.put(text(`42["later",3]`))
		p.slurp()
	})
	c := dial(t, &Config{URL: url})
	if err := c.Send([]byte(`2["now"]`)); err != nil {
		t.Fatal(err)
	}
	h := newHeard()
	run(t, c, h)
	equal(t, h.wait(t, 4), "event early [1]", `event bin [{"_placeholder":true,"num":0}] 78797a`, "event behind [2]", "event later [3]")
}

// The request carries what the configuration says.
func TestRequest(t *testing.T) {
	lines := make(chan string, 1)
	server := listen(t, func(p *peer) {
		req, _ := p.request()
		lines <- fmt.Sprint(req.RequestURI, " ", req.Host, " ", req.Header["Origin"], req.Header["Cookie"], req.Header["X-N"])
		p.answer(403, `{"code":4,"message":"Forbidden"}`)
	})
	fails(t, t.Context(), &Config{
		URL: server + "?v=1", Path: "/engine/", Query: url.Values{"a": {"b c", "d"}},
		Header: map[string][]string{"Origin": {"http://o.test"}, "Cookie": {"k=v"}, "Host": {"h.test"}, "X-N": {"1", "2"}},
	}, "open", "engine.4")
	equal(t, []string{<-lines}, "/engine/?EIO=4&transport=websocket&v=1&a=b+c&a=d h.test [http://o.test] [k=v] [1 2]")
}

// Servers choose the text of a session's id. In a query it is escaped, as official clients do.
func TestSessionIDIsEscaped(t *testing.T) {
	const sid = "a+b/c=d&EIO=3 #\r\nX: y"
	requests := make(chan string, 10)
	url := listen(t, func(p *peer) {
		for {
			req, body := p.request()
			if req == nil {
				return
			}
			requests <- fmt.Sprintf("%s %q", req.Method, req.URL.Query()["sid"])
			switch {
			case req.Method == http.MethodPost:
				p.answer(200, "ok")
				if strings.HasSuffix(body, "1") {
					return
				}
			case req.URL.Query().Get("sid") == "":
				p.answer(200, `0{"sid":"a+b/c=d&EIO=3 #\r\nX: y","upgrades":[],"pingInterval":25000,"pingTimeout":20000}`)
			default:
				p.answer(200, joined)
			}
		}
	})
	dial(t, &Config{URL: url, Transport: Polling})
	equal(t, []string{<-requests, <-requests, <-requests}, "GET []", fmt.Sprintf("POST %q", []string{sid}), fmt.Sprintf("GET %q", []string{sid}))
}

// The end of the context interrupts each stage at which a server can fall
// silent, and the time limit does the same.
func TestDialInterrupted(t *testing.T) {
	stages := map[string]struct {
		stage, transport string
		script           func(p *peer)
	}{
		"websocket handshake": {"open", WebSocket, func(p *peer) { p.request() }},
		"half a head":         {"open", WebSocket, func(p *peer) { p.request(); p.put("HTTP/1.1 101 Swi") }},
		"open packet":         {"open", WebSocket, func(p *peer) { req, _ := p.request(); p.switchTo(req) }},
		"half an open packet": {"open", WebSocket, func(p *peer) {
			req, _ := p.request()
			p.switchTo(req)
			p.put(text(open(1, 1, ""))[:20])
		}},
		"namespace": {"namespace", WebSocket, func(p *peer) {
			req, _ := p.request()
			p.switchTo(req)
			p.put(text(open(25000, 20000, "")))
			_, _, _ = p.clientFrame()
		}},
		"polling handshake": {"open", Polling, func(p *peer) { p.request() }},
		"polling CONNECT": {"namespace", Polling, func(p *peer) {
			p.request()
			p.answer(200, open(25000, 20000, ""))
			p.request()
		}},
		"polling namespace": {"namespace", Polling, func(p *peer) {
			p.request()
			p.answer(200, open(25000, 20000, ""))
			p.request()
			p.answer(200, "ok")
			p.request()
		}},
		"TLS": {"tls", "tls", func(p *peer) { _, _ = p.r.Peek(1) }},
	}
	for name, stage := range stages {
		t.Run(name, func(t *testing.T) {
			reached := make(chan struct{}, 20)
			url := listen(t, func(p *peer) {
				stage.script(p)
				reached <- struct{}{}
				p.slurp()
			})
			cfg := &Config{URL: url, Transport: stage.transport}
			if stage.transport == "tls" {
				cfg = &Config{URL: "https" + strings.TrimPrefix(url, "http")}
			}
			ctx, cancel := context.WithCancel(t.Context())
			go func() {
				<-reached
				cancel()
			}()
			began := time.Now()
			fails(t, ctx, cfg, stage.stage, "canceled")
			if took := time.Since(began); took > patience {
				t.Errorf("the cancellation took %v", took)
			}
			// A slow machine may not get as far as the stage within a short time.
			var e *DialError
			for cfg.Timeout = 30 * time.Millisecond; cfg.Timeout < patience; cfg.Timeout *= 4 {
				if _, err := Dial(t.Context(), cfg); !errors.As(err, &e) || e.Class != "timeout" {
					t.Fatalf("%v, want a timeout", err)
				}
				if e.Stage == stage.stage {
					return
				}
			}
			t.Errorf("%v, want it in the stage %s", e, stage.stage)
		})
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	fails(t, ctx, &Config{URL: "http://127.0.0.1:1"}, "tcp", "canceled")
}

// TLS: bytes are counted below it, sends go through the queue, and the
// server's certificate is checked.
func TestTLS(t *testing.T) {
	certificate := httptest.NewTLSServer(nil) // for its certificate only
	defer certificate.Close()
	ln, err := tls.Listen("tcp", "127.0.0.1:0", certificate.TLS)
	if err != nil {
		t.Fatal(err)
	}
	rest := make(chan string, 1)
	addr := accept(t, ln, func(p *peer) {
		req, _ := p.request()
		if req == nil {
			return
		}
		p.switchTo(req)
		p.put(text(open(25000, 20000, "")))
		p.expect("40")
		p.put(text(`40{"sid":"public"}`) + text(`42["a","`+strings.Repeat("x", 100_000)+`"]`))
		for i := range 100 {
			p.expect(fmt.Sprintf(`42["m",%d]`, i))
		}
		p.put(text(`42["b"]`))
		var got []string
		for {
			first, payload, err := p.clientFrame()
			if err != nil {
				break
			}
			got = append(got, fmt.Sprintf("%#x %s", first, payload))
		}
		rest <- strings.Join(got, ", ")
	})
	fails(t, t.Context(), &Config{URL: "https://" + addr}, "tls", "tls")
	cfg := &Config{URL: "wss://" + addr, TLS: certificate.Client().Transport.(*http.Transport).TLSClientConfig}
	c := dial(t, cfg)
	if c.Timings.TCP == 0 || c.Timings.TLS == 0 || c.Timings.Open == 0 || c.Timings.Namespace == 0 || c.Timings.Upgrade != 0 {
		t.Errorf("%+v", c.Timings)
	}
	h := newHeard()
	done := run(t, c, h)
	for i := range 100 {
		if err := c.Send(fmt.Appendf(nil, `2["m",%d]`, i)); err != nil {
			t.Fatal(err)
		}
	}
	if got := h.wait(t, 2); len(got[0]) != 100_000+len(`event a [""]`) || got[1] != "event b []" {
		t.Errorf("%.60q", got)
	}
	if in, out := c.Bytes(); in < 100_000 || out < 100*(10+6) {
		t.Errorf("%d bytes in, %d out", in, out)
	}
	for busy := true; busy; { // a goodbye is said only where nothing is being sent
		c.ws.mu.Lock()
		busy = c.ws.flushing
		c.ws.mu.Unlock()
	}
	c.Close()
	ends(t, done, ClientDisconnect)
	if got := <-rest; got != "0x81 41, 0x88 " {
		t.Errorf("goodbye: %s", got)
	}
}
