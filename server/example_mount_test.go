package server_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"

	"github.com/gofiber/fiber/v3"
	"github.com/valyala/fasthttp/fasthttputil"

	"github.com/throng-io/throng/server"
)

// In an application of Fiber, which is built on fasthttp too, the handler is one
// route: requests and websockets go straight to it.
func ExampleServer_Handler_fiber() {
	srv, err := server.New(server.Options{})
	if err != nil {
		panic(err)
	}
	srv.On("ping", func(_ *server.Socket, e *server.Event) error { return e.Ack("pong") })

	app := fiber.New(fiber.Config{StreamRequestBody: true}) // see Server.Handler
	app.All("/socket.io/*", func(c fiber.Ctx) error {
		srv.Handler(c.RequestCtx())
		return nil
	})
	app.Get("/", func(c fiber.Ctx) error { return c.SendString("the rest of the site") })

	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	served := make(chan error)
	go func() { served <- app.Listener(ln, fiber.ListenConfig{DisableStartupMessage: true}) }()

	visit(ln.Addr().String())
	_ = srv.Shutdown(context.Background()) // first: it tells the clients
	if err := errors.Join(app.Shutdown(), <-served); err != nil {
		panic(err)
	}
	// Output:
	// 431["pong"]
	// the rest of the site
}

// In a server of net/http, whose connections fasthttp cannot take over, a
// reverse proxy passes the requests on, websockets included. Both are in one
// process here, so it needs no port: the proxy dials a listener in memory. With
// a great many clients let Server listen on an address of its own instead, which
// spares the way through net/http.
func ExampleServer_Serve_netHTTP() {
	srv, err := server.New(server.Options{})
	if err != nil {
		panic(err)
	}
	srv.On("ping", func(_ *server.Socket, e *server.Event) error { return e.Ack("pong") })

	inside := fasthttputil.NewInmemoryListener()
	served := make(chan error)
	go func() { served <- srv.Serve(inside) }()
	dial := func(context.Context, string, string) (net.Conn, error) { return inside.Dial() }
	transport := &http.Transport{DialContext: dial}

	mux := http.NewServeMux()
	mux.Handle("/socket.io/", &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(&url.URL{Scheme: "http", Host: r.In.Host})
			r.SetXForwarded()
		},
		Transport: transport,
	})
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "the rest of the site") })
	site := &http.Server{Handler: mux} //nolint:gosec // an example: set ReadHeaderTimeout

	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	go func() { served <- site.Serve(ln) }()

	visit(ln.Addr().String())
	_ = srv.Shutdown(context.Background()) // first: it tells the clients
	_ = site.Shutdown(context.Background())
	transport.CloseIdleConnections()
	for range 2 {
		if err := <-served; err != nil && !errors.Is(err, http.ErrServerClosed) {
			panic(err)
		}
	}
	// Output:
	// 431["pong"]
	// the rest of the site
}

// visit asks a site for its page, and its Socket.IO server for an answer.
func visit(host string) {
	c := (&site{url: "ws://" + host}).connect("40")
	c.say(`421["ping"]`)
	fmt.Println(c.hear())
	_ = c.conn.Close()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Get("http://" + host + "/")
	if err != nil {
		panic(err)
	}
	body, _ := io.ReadAll(resp.Body)
	_ = resp.Body.Close()
	fmt.Println(string(body))
}
