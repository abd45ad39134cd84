package server_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/fasthttp/websocket"
	"github.com/valyala/fasthttp"

	"github.com/throng-io/throng/server"
	"github.com/throng-io/throng/server/app"
)

func TestHeadersHook(t *testing.T) {
	base := start(t, server.Options{Engine: app.Echo, Headers: func(ctx *fasthttp.RequestCtx, first bool) {
		ctx.Response.Header.Set("X-Every", "yes")
		ctx.Response.Header.Set("Content-Type", "the server sets its own")
		if first {
			ctx.Response.Header.Set("X-First", "yes")
		}
		if ctx.QueryArgs().Has("panic") {
			panic("in the hook")
		}
	}, Logger: silent})
	check := func(what string, resp *http.Response, first, every string) {
		t.Helper()
		if got := resp.Header.Get("X-First"); got != first {
			t.Errorf("%s: X-First is %q, want %q", what, got, first)
		}
		if got := resp.Header.Get("X-Every"); got != every {
			t.Errorf("%s: X-Every is %q, want %q", what, got, every)
		}
	}
	url := base + "/engine.io/?EIO=4&transport=polling"
	resp, body := exchange(t, "GET", url, "", nil)
	check("handshake", resp, "yes", "yes")
	if got := resp.Header.Get("Content-Type"); got != "text/plain; charset=UTF-8" {
		t.Errorf("content type %q", got)
	}
	sid := handshakeOf(t, body).SID
	resp, _ = exchange(t, "POST", url+"&sid="+sid, "4a", nil)
	check("post", resp, "", "yes")
	resp, _ = exchange(t, "GET", url+"&sid="+sid, "", nil)
	check("poll", resp, "", "yes")
	resp, _ = exchange(t, "GET", url+"&sid=unknown", "", nil)
	check("refusal", resp, "", "")
	resp, _ = exchange(t, "GET", url+"&panic=1", "", nil)
	check("after a panic", resp, "yes", "yes")
	for query, first := range map[string]string{"": "yes", "&sid=" + sid: ""} {
		conn, resp, err := websocket.DefaultDialer.Dial("ws"+strings.TrimPrefix(base, "http")+"/engine.io/?EIO=4&transport=websocket"+query, nil)
		if err != nil {
			t.Fatal(err)
		}
		check("websocket"+query, resp, first, "yes")
		_ = resp.Body.Close()
		_ = conn.Close()
	}
}

func TestConnectionErrorHook(t *testing.T) {
	var mu sync.Mutex
	var told []string
	base := start(t, server.Options{Engine: app.Echo, OnConnectionError: func(e *server.ConnectionError) {
		mu.Lock()
		defer mu.Unlock()
		told = append(told, fmt.Sprintf("%s %d %s %s", e.Request.QueryArgs().Peek("n"), e.Code, e.Message, e.Context))
	}, AllowRequest: func(ctx *fasthttp.RequestCtx) error {
		if ctx.QueryArgs().Has("deny") {
			return fmt.Errorf("not you")
		}
		return nil
	}})
	p := poll(t, base, "/engine.io/")
	url := base + "/engine.io/?EIO=4&transport="
	for i, c := range []struct{ method, query, want string }{
		{"GET", "pigeon", "0 Transport unknown "},
		{"GET", "polling&sid=nope", "1 Session ID unknown "},
		{"POST", "polling", "2 Bad handshake method "},
		{"GET", "websocket", "3 Bad request TRANSPORT_HANDSHAKE_ERROR"},
		{"GET", "websocket&sid=" + p.sid, "3 Bad request TRANSPORT_MISMATCH"},
		{"GET", "polling&EIO=3&sid=" + p.sid, "3 Bad request PROTOCOL_MISMATCH"},
		{"GET", "polling&deny=1", "4 not you "},
		{"GET", "polling&EIO=3", "5 Unsupported protocol version "},
	} {
		exchange(t, c.method, fmt.Sprintf("%s%s&n=%d", url, c.query, i), "", nil)
		mu.Lock()
		if want := fmt.Sprintf("%d %s", i, c.want); len(told) != i+1 || told[i] != want {
			t.Errorf("told %q, want %q", told, want)
		}
		mu.Unlock()
	}
}

func TestCookie(t *testing.T) {
	for want, cookie := range map[string]*server.Cookie{
		"": nil,
		"io={sid}; Path=/; HttpOnly; SameSite=Lax": {},
		"s={sid}; Max-Age=90; Domain=a.example; Path=/x; Secure; SameSite=None": {
			Name: "s", Path: "/x", Domain: "a.example", MaxAge: 90 * time.Second, SameSite: "None", Secure: true, Readable: true,
		},
		"io={sid}; Path=/; HttpOnly; SameSite=Strict": {SameSite: "strict"},
	} {
		base := start(t, server.Options{Engine: app.Echo, Cookie: cookie})
		resp, body := exchange(t, "GET", base+"/engine.io/?EIO=4&transport=polling", "", nil)
		if got := strings.ReplaceAll(resp.Header.Get("Set-Cookie"), handshakeOf(t, body).SID, "{sid}"); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestCORSOptions(t *testing.T) {
	base := start(t, server.Options{CORS: &server.CORS{
		Origins: []string{"http://a.example"}, Match: func(origin string) bool { return strings.HasSuffix(origin, ".b.example") },
		Credentials: true, Methods: []string{"GET", "POST"}, AllowedHeaders: []string{"X-One", "X-Two"},
		ExposedHeaders: []string{"X-Three"}, MaxAge: 90 * time.Second,
	}})
	url := base + "/socket.io/?EIO=4&transport=polling"
	for origin, want := range map[string]string{
		"http://a.example": "http://a.example", "https://x.b.example": "https://x.b.example", "http://c.example": "", "": "",
	} {
		headers := map[string]string{}
		if origin != "" {
			headers["Origin"] = origin
		}
		resp, _ := exchange(t, "GET", url, "", headers)
		h := resp.Header
		if got := h.Get("Access-Control-Allow-Origin"); got != want || h.Get("Vary") != "Origin" || h.Get("Access-Control-Expose-Headers") != "X-Three" {
			t.Errorf("%q is allowed as %q: %v", origin, got, h)
		}
		ws, upgraded, err := websocket.DefaultDialer.Dial("ws"+strings.TrimPrefix(base, "http")+"/socket.io/?EIO=4&transport=websocket", http.Header{"Origin": {origin}})
		if allowed := want != "" || origin == ""; (err == nil) != allowed {
			t.Errorf("a websocket of %q: %v", origin, err)
		}
		if upgraded != nil {
			_ = upgraded.Body.Close()
		}
		if ws != nil {
			_ = ws.Close()
		}
	}
	resp, _ := exchange(t, "OPTIONS", url, "", map[string]string{"Origin": "http://a.example", "Access-Control-Request-Headers": "x-other"})
	for name, want := range map[string]string{
		"Access-Control-Allow-Methods": "GET,POST", "Access-Control-Allow-Headers": "X-One,X-Two", "Access-Control-Max-Age": "90",
	} {
		if got := resp.Header.Get(name); got != want || resp.StatusCode != 204 {
			t.Errorf("%s: %q, want %q (%s)", name, got, want, resp.Status)
		}
	}
	// The answer depends on the header also where that is missing (cors 2.8.6,
	// configureAllowedHeaders).
	base = start(t, server.Options{CORS: &server.CORS{Origins: []string{"http://a.example"}}})
	resp, _ = exchange(t, "OPTIONS", base+"/socket.io/?EIO=4&transport=polling", "", nil)
	if got := resp.Header.Get("Vary"); got != "Origin, Access-Control-Request-Headers" || resp.StatusCode != 204 {
		t.Errorf("Vary is %q (%s)", got, resp.Status)
	}
}

func TestTrailingSlash(t *testing.T) {
	with := start(t, server.Options{})
	without := start(t, server.Options{NoTrailingSlash: true})
	for _, c := range []struct {
		base, path string
		status     int
	}{
		{with, "/socket.io/?EIO=4&transport=polling", 200},
		{with, "/socket.io?EIO=4&transport=polling", 404},
		{without, "/socket.io?EIO=4&transport=polling", 200},
		{without, "/socket.io/?EIO=4&transport=polling", 200},
		{without, "/socket.io", 400},
		{without, "/socket.iox?EIO=4&transport=polling", 404},
	} {
		if resp, got := exchange(t, "GET", c.base+c.path, "", nil); resp.StatusCode != c.status {
			t.Errorf("%s: %s %q, want %d", c.path, resp.Status, got, c.status)
		}
	}
}

func TestOldBrowsers(t *testing.T) {
	base := start(t, server.Options{})
	for agent, want := range map[string]string{"Mozilla/5.0 (Windows NT 6.1; Trident/7.0; rv:11.0)": "0", "Mozilla/5.0": ""} {
		resp, _ := exchange(t, "GET", base+"/socket.io/?EIO=4&transport=polling", "", map[string]string{"User-Agent": agent})
		if got := resp.Header.Get("X-XSS-Protection"); got != want {
			t.Errorf("%s: %q", agent, got)
		}
	}
}
