package server_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/gofiber/fiber/v3"
	"github.com/valyala/fasthttp/fasthttputil"

	"github.com/throng-io/throng/server"
)

// mounts are the ways to have the server inside of another one. Each returns the address of that.
var mounts = map[string]func(t *testing.T, srv *server.Server) string{
	"fiber": func(t *testing.T, srv *server.Server) string {
		app := fiber.New(fiber.Config{StreamRequestBody: true})
		app.All("/socket.io/*", func(c fiber.Ctx) error {
			srv.Handler(c.RequestCtx())
			return nil
		})
		ln := listen(t)
		served := make(chan error)
		go func() { served <- app.Listener(ln, fiber.ListenConfig{DisableStartupMessage: true}) }()
		t.Cleanup(func() {
			stop(t, srv)
			if err := errors.Join(app.Shutdown(), <-served); err != nil {
				t.Error(err)
			}
		})
		return "http://" + ln.Addr().String()
	},
	"net/http, in memory": func(t *testing.T, srv *server.Server) string {
		inside := fasthttputil.NewInmemoryListener()
		dial := func(context.Context, string, string) (net.Conn, error) { return inside.Dial() }
		return proxied(t, srv, inside, &http.Transport{DialContext: dial})
	},
	"net/http, an address of its own": func(t *testing.T, srv *server.Server) string {
		ln := listen(t)
		dial := func(context.Context, string, string) (net.Conn, error) { return net.Dial("tcp", ln.Addr().String()) }
		return proxied(t, srv, ln, &http.Transport{DialContext: dial})
	},
}

func listen(t *testing.T) net.Listener {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return ln
}

func stop(t *testing.T, srv *server.Server) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := srv.Shutdown(ctx); err != nil {
		t.Error(err)
	}
}

// proxied serves srv on ln behind a server of net/http.
func proxied(t *testing.T, srv *server.Server, ln net.Listener, transport *http.Transport) string {
	t.Helper()
	served := make(chan error)
	go func() { served <- srv.Serve(ln) }()
	site := httptest.NewServer(&httputil.ReverseProxy{
		Rewrite:   func(r *httputil.ProxyRequest) { r.SetURL(&url.URL{Scheme: "http", Host: r.In.Host}) },
		Transport: transport,
	})
	t.Cleanup(func() {
		stop(t, srv)
		transport.CloseIdleConnections()
		site.Close()
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
	return site.URL
}

func TestMounts(t *testing.T) {
	for name, mount := range mounts {
		t.Run(name, func(t *testing.T) {
			srv, err := server.New(server.Options{Limits: server.Limits{MaxPayload: 100_000}})
			if err != nil {
				t.Fatal(err)
			}
			reasons := make(chan string, 10)
			srv.OnDisconnect(func(_ *server.Socket, reason string) { reasons <- reason })
			srv.On("echo", func(_ *server.Socket, e *server.Event) error { return e.AckRaw(e.Raw()) })
			base := mount(t, srv)

			w := socketIO(t, base)
			w.send(`451-1["echo",{"_placeholder":true,"num":0}]`)
			w.sendBinary("\x00\xff")
			w.expect(`461-1[{"_placeholder":true,"num":0}]`)
			w.expectBinary("\x00\xff")

			p := poll(t, base, "/socket.io/")
			held := p.hold()
			eventually(t, "two sockets", func() bool { return len(srv.Sockets()) == 2 })
			if err := srv.Emit("news", "é"); err != nil {
				t.Fatal(err)
			}
			if got := <-held; got != `42["news","é"]` {
				t.Errorf("polled %q", got)
			}
			w.expect(`42["news","é"]`)
			p.post(`420["echo","` + strings.Repeat("x", 50_000) + `"]`)
			p.expectPrefix(`430["xxx`)
			if resp, _ := exchange(t, "POST", p.url, "4"+strings.Repeat("x", 100_000), nil); resp.StatusCode != http.StatusRequestEntityTooLarge {
				t.Errorf("a body beyond the limit: %s", resp.Status)
			}

			// The session goes on over a websocket.
			p = poll(t, base, "/socket.io/")
			up := open(t, base, "/socket.io/", "&sid="+p.sid)
			up.send("2probe")
			up.expect("3probe")
			up.send("5")
			up.send(`421["echo",1]`)
			up.expect("431[1]")
			_ = up.conn.Close()
			for {
				select {
				case reason := <-reasons:
					if reason == "transport close" {
						return
					}
				case <-time.After(patience):
					t.Fatal("the end of a websocket was not noticed")
				}
			}
		})
	}
}

// The two halves of a site have their own paths.
func TestFiberKeepsItsRoutes(t *testing.T) {
	srv, err := server.New(server.Options{Path: "/live"})
	if err != nil {
		t.Fatal(err)
	}
	app := fiber.New()
	app.All("/live/*", func(c fiber.Ctx) error {
		srv.Handler(c.RequestCtx())
		return nil
	})
	app.Get("/hello/:name", func(c fiber.Ctx) error { return c.SendString("hello " + c.Params("name")) })
	ln := listen(t)
	served := make(chan error)
	go func() { served <- app.Listener(ln, fiber.ListenConfig{DisableStartupMessage: true}) }()
	base := "http://" + ln.Addr().String()
	for path, want := range map[string]string{
		"/hello/ann": "200 hello ann", "/live/?EIO=4&transport=polling": `200 0{"sid":`, "/live/?EIO=9&transport=polling": `400 {"code":5`, "/other": "404 ",
	} {
		resp, body := exchange(t, "GET", base+path, "", nil)
		if got := fmt.Sprint(resp.StatusCode, " ", body); !strings.HasPrefix(got, want) {
			t.Errorf("%s: %q, want %q", path, got, want)
		}
	}
	stop(t, srv)
	if err := errors.Join(app.Shutdown(), <-served); err != nil {
		t.Error(err)
	}
}
