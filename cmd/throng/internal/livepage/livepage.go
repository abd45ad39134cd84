// Package livepage shows a run as a web page while it runs: the state of the moment, its history,
// and in the end the report.
//
// The page is one file that needs no network but its own server. It is kept up to date over
// Socket.IO, by a server of ours on the listener of the page: a script in the page speaks the
// protocol over a plain websocket, or the official client does, where its files are given. A
// goroutine of its own reads the board once a second and encodes once for all viewers. One that
// cannot keep up skips updates; nothing here waits for anybody, and the number of viewers is
// bounded.
package livepage

import (
	"bytes"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"html/template"
	"io/fs"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/valyala/fasthttp"

	"github.com/throng-io/throng/cmd/throng/internal/board"
	"github.com/throng-io/throng/protocol/hostname"
	"github.com/throng-io/throng/server"
)

const (
	every      = time.Second     // between two updates
	recent     = 5               // seconds in an update, for viewers that missed one
	maxViewers = 64              // at a time
	maxReport  = 16 << 20        // bytes of a report that is handed to the viewers
	patience   = 2 * time.Second // for viewers to take what is queued, in the end
)

//go:embed page.html
var pageText string

//go:embed page.css
var style string

//go:embed page.js
var script string

var pageTemplate = template.Must(template.New("page").Parse(pageText))

// Options say how to serve the page.
type Options struct {
	// Client holds the files of the official browser client, the folder dist of the npm package
	// socket.io-client. nil: the page's own script speaks the protocol.
	Client fs.FS
	// Logger receives what goes wrong. Default: nothing is logged, for a terminal view may be on.
	Logger *slog.Logger
}

// Page is a page that is being served.
type Page struct {
	srv  *server.Server
	http *fasthttp.Server
	ln   net.Listener
	page []byte

	shown atomic.Pointer[board.Board]
	quit  chan struct{}
	all   sync.WaitGroup
}

// message is the argument of two events: "all" is what a new viewer needs, "now" what has happened
// since.
type message struct {
	State  board.State   `json:"state"`
	Points []board.Point `json:"points"`
}

// New makes a page that shows a board. Serve serves it, and Close must be called.
func New(b *board.Board, o Options) (*Page, error) {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	srv, err := server.New(server.Options{
		CheckOrigin: true, Client: o.Client, Fanout: "serial", Limits: server.Limits{QueueBytes: 2 * maxReport, MaxPayload: 4096}, Logger: o.Logger,
	})
	if err != nil {
		return nil, err
	}
	p := &Page{srv: srv, quit: make(chan struct{})}
	p.shown.Store(b)
	var text bytes.Buffer
	err = pageTemplate.Execute(&text, map[string]any{"Style": template.CSS(style), "Script": template.JS(script), "Official": o.Client != nil})
	if err != nil {
		return nil, err
	}
	p.page = text.Bytes()
	srv.Use(func(*server.Socket) error {
		if len(srv.Everyone().Sockets()) >= maxViewers {
			return errors.New("too many viewers")
		}
		return nil
	})
	srv.OnConnect(func(s *server.Socket) {
		var m message
		m.State, m.Points = p.shown.Load().Read(-1)
		_ = s.Emit("all", m) // it can be encoded
	})
	p.http = &fasthttp.Server{
		Handler: p.answer, NoDefaultServerHeader: true, StreamRequestBody: true, MaxRequestBodySize: 4096,
		ReadTimeout: 30 * time.Second, IdleTimeout: time.Minute, CloseOnShutdown: true, Logger: discard{},
	}
	return p, nil
}

type discard struct{}

func (discard) Printf(string, ...any) {}

// Serve answers on the listener until Close, and keeps the viewers up to date.
func (p *Page) Serve(ln net.Listener) {
	p.ln = ln
	p.all.Go(func() { _ = p.http.Serve(ln) }) // it ends by Close; without its page a run goes on
	p.all.Go(func() {
		tick := time.NewTicker(every)
		defer tick.Stop()
		for {
			select {
			case <-p.quit:
				return
			case <-tick.C:
				p.tell(p.srv.Everyone().Volatile())
			}
		}
	})
}

func (p *Page) tell(to server.Target) {
	var m message
	m.State, m.Points = p.shown.Load().Read(recent)
	_ = to.Emit("now", m)
}

// Show turns to the board of another run.
func (p *Page) Show(b *board.Board) {
	p.shown.Store(b)
	p.tell(p.srv.Everyone())
}

// Report hands the report of the run that has ended to the viewers, who can read it when this
// process is gone. One that is too large, or nil, is left out: the state names its place.
func (p *Page) Report(page []byte) {
	p.tell(p.srv.Everyone())
	if len(page) > 0 && len(page) <= maxReport {
		_ = p.srv.Emit("report", map[string]string{"name": p.shown.Load().State().Name, "html": string(page)})
	}
}

// Close says goodbye to the viewers and ends the page's goroutines.
func (p *Page) Close() {
	close(p.quit)
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	_ = p.srv.Shutdown(ctx)
	_ = p.http.ShutdownWithContext(ctx)
	if p.ln != nil { // by a server that has not quite begun it is not closed
		_ = p.ln.Close()
	}
	p.all.Wait()
}

// answer serves the page itself; everything else is the Socket.IO server's.
func (p *Page) answer(ctx *fasthttp.RequestCtx) {
	if addr, ok := ctx.LocalAddr().(*net.TCPAddr); ok && addr.IP.IsLoopback() && !hostname.Loopback(string(ctx.Host())) {
		// A page from elsewhere could have its own name point here, and read the answers.
		ctx.Error(hostname.Refusal, fasthttp.StatusMisdirectedRequest)
		return
	}
	if string(ctx.Path()) != "/" {
		p.srv.Handler(ctx)
		return
	}
	h := &ctx.Response.Header
	h.SetContentType("text/html; charset=utf-8")
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; script-src 'self' 'unsafe-inline'; connect-src 'self' "+socketOrigin(ctx)+"; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cache-Control", "no-store")
	ctx.SetBody(p.page)
}

// socketOrigin names the page's own host for websockets: not every browser counts them among
// 'self'.
func socketOrigin(ctx *fasthttp.RequestCtx) string {
	host := ctx.Host()
	if bytes.ContainsAny(host, " ;,'\"") {
		return ""
	}
	return fmt.Sprintf("ws://%s wss://%s", host, host)
}
