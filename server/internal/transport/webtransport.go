package transport

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/http3"
	"github.com/quic-go/webtransport-go"
	"github.com/valyala/fasthttp"

	"github.com/throng-io/throng/server/internal/frame"
)

// Limits of a QUIC connection: a client has one request and one stream.
const (
	maxStreams    = 2
	maxUniStreams = 8 // three of HTTP/3, and some that mean nothing
	// What a client may have on its way to a handler that is at work. TCP has the buffers of the
	// system for it.
	firstWindow = 64 << 10
	maxWindow   = 1 << 20
)

// WebTransport serves the sessions of an Engine on one UDP socket.
type WebTransport struct {
	engine *Engine
	asks   Doorkeeper
	server webtransport.Server
	socket quic.Transport
	ln     *quic.EarlyListener
	conns  sync.WaitGroup

	closing  sync.Once
	closeErr error

	mu       sync.Mutex
	arrivals map[*arrival]struct{}
	refusing bool
}

// Doorkeeper decides on requests for WebTransport, which do not pass the HTTP server.
type Doorkeeper interface {
	// Admit reports whether a request may go on. If not, it has answered it.
	Admit(ctx *fasthttp.RequestCtx) bool
	// Vacate is called for each request for which Allow of the Config was called, when its session
	// has been opened or refused.
	Vacate(ctx *fasthttp.RequestCtx)
}

// NewWebTransport returns a server of WebTransport on a socket, which it owns from then on.
func (e *Engine) NewWebTransport(socket net.PacketConn, config *tls.Config, asks Doorkeeper) (*WebTransport, error) {
	w := &WebTransport{engine: e, asks: asks, socket: quic.Transport{Conn: socket}, arrivals: map[*arrival]struct{}{}}
	w.server = webtransport.Server{
		H3:          &http3.Server{Handler: http.HandlerFunc(w.handle), MaxHeaderBytes: e.cfg.MaxHeader},
		CheckOrigin: func(*http.Request) bool { return true }, // admit decides
	}
	webtransport.ConfigureHTTP3Server(w.server.H3)
	h3 := w.server.H3
	below := h3.ConnContext
	h3.ConnContext = func(ctx context.Context, conn *quic.Conn) context.Context {
		return context.WithValue(below(ctx, conn), arrivalKey{}, w.arrive(conn))
	}
	patience := e.cfg.Session.PingInterval + e.cfg.Session.PingTimeout
	conf := &quic.Config{
		HandshakeIdleTimeout: e.cfg.UpgradeTimeout, MaxIdleTimeout: max(patience, minIdle),
		MaxIncomingStreams: maxStreams, MaxIncomingUniStreams: maxUniStreams,
		InitialStreamReceiveWindow: firstWindow, MaxStreamReceiveWindow: maxWindow,
		InitialConnectionReceiveWindow: 2 * firstWindow, MaxConnectionReceiveWindow: 2 * maxWindow,
		EnableDatagrams: true, EnableStreamResetPartialDelivery: true, // as the library demands
	}
	if e.cfg.Session.PingInterval > browserIdle/2 {
		conf.KeepAlivePeriod = browserIdle / 2
	}
	var err error
	if w.ln, err = w.socket.ListenEarly(http3.ConfigureTLSConfig(config), conf); err != nil {
		_ = socket.Close()
		return nil, err
	}
	return w, nil
}

const (
	// browserIdle is after how much silence browsers give a connection up.
	browserIdle = 30 * time.Second
	minIdle     = 30 * time.Second
)

// arrival is a connection whose client has not said yet what it wants.
type arrival struct {
	to   *WebTransport
	conn *quic.Conn
	late *time.Timer
}

type arrivalKey struct{}

// arrive begins the time that a client has for its request and its first packet.
func (w *WebTransport) arrive(conn *quic.Conn) *arrival {
	a := &arrival{to: w, conn: conn}
	w.mu.Lock()
	defer w.mu.Unlock()
	d := w.engine.cfg.UpgradeTimeout
	if w.refusing {
		d = 0
	}
	w.arrivals[a] = struct{}{}
	a.late = time.AfterFunc(d, a.cut)
	context.AfterFunc(conn.Context(), func() { a.leave() })
	return a
}

// leave ends the time of the arrival. It returns false if that has been over before.
func (a *arrival) leave() bool {
	a.to.mu.Lock()
	defer a.to.mu.Unlock()
	_, here := a.to.arrivals[a]
	delete(a.to.arrivals, a)
	a.late.Stop()
	return here
}

func (a *arrival) cut() {
	if a.leave() {
		cutQUIC(a.conn)
	}
}

// Serve accepts connections until Close.
func (w *WebTransport) Serve() error {
	w.engine.quic.Add(1)
	defer w.engine.quic.Add(-1)
	for {
		conn, err := w.ln.Accept(context.Background())
		switch {
		case errors.Is(err, quic.ErrServerClosed):
			return nil
		case err != nil:
			return err
		}
		w.conns.Go(func() {
			_ = w.server.ServeQUICConn(conn) // an error: the connection has ended before it began
		})
	}
}

// Refuse ends Serve, and all connections that have not begun a session.
func (w *WebTransport) Refuse() {
	_ = w.ln.Close() // an error: it is closed
	w.mu.Lock()
	w.refusing = true
	all := slices.Collect(maps.Keys(w.arrivals))
	w.mu.Unlock()
	for _, a := range all {
		a.cut()
	}
}

// Close ends all connections, and closes the socket.
func (w *WebTransport) Close() error {
	w.closing.Do(func() {
		w.Refuse()
		w.closeErr = errors.Join(w.server.Close(), w.socket.Close(), w.socket.Conn.Close())
		w.conns.Wait()
	})
	return w.closeErr
}

// handle answers a request.
func (w *WebTransport) handle(rw http.ResponseWriter, r *http.Request) {
	a, _ := r.Context().Value(arrivalKey{}).(*arrival)
	if a == nil || r.Method != http.MethodConnect {
		http.NotFound(rw, r)
		return
	}
	ctx, err := requestOfHTTP3(a.conn, r)
	if err != nil {
		http.Error(rw, err.Error(), http.StatusBadRequest)
		return
	}
	if w.asks.Admit(ctx) {
		w.open(ctx, a, rw, r)
		return
	}
	rw.WriteHeader(ctx.Response.StatusCode())
	_, _ = rw.Write(ctx.Response.Body()) // an error: the client has left
}

// open accepts a request and serves its session until the end.
func (w *WebTransport) open(ctx *fasthttp.RequestCtx, a *arrival, rw http.ResponseWriter, r *http.Request) {
	if !w.engine.enter() {
		rw.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	whole, err := w.server.Upgrade(rw, r)
	if err != nil {
		w.engine.live.Done()
		rw.WriteHeader(http.StatusBadRequest)
		_, _ = io.WriteString(rw, err.Error())
		return
	}
	c := &bidi{
		carrier: carrier{engine: w.engine, form: frame.Framed},
		conn:    a.conn, whole: whole, arrival: a, request: ctx,
	}
	c.link = c
	if c.stream, err = whole.AcceptStream(context.Background()); err != nil {
		c.end(err)
		return
	}
	c.serve()
}

// requestOfHTTP3 returns a request of HTTP/3 as those of HTTP/1.1 are, for the functions that
// decide on it and read it.
func requestOfHTTP3(conn *quic.Conn, r *http.Request) (*fasthttp.RequestCtx, error) {
	var text bytes.Buffer
	fmt.Fprintf(&text, "CONNECT %s HTTP/1.1\r\nHost: %s\r\n", r.URL.RequestURI(), r.Host)
	if err := r.Header.Write(&text); err != nil { // which leaves out what would split a line
		return nil, err
	}
	text.WriteString("\r\n")
	ctx := &fasthttp.RequestCtx{}
	ctx.Init2(&secured{conn: conn}, nil, false)
	return ctx, ctx.Request.Header.Read(bufio.NewReader(&text))
}

// secured is a QUIC connection as functions that read a request know connections.
type secured struct {
	net.Conn // nil: nobody reads or writes
	conn     *quic.Conn
}

func (s *secured) Handshake() error                     { return nil }
func (s *secured) ConnectionState() tls.ConnectionState { return s.conn.ConnectionState().TLS }
func (s *secured) LocalAddr() net.Addr                  { return asTCP(s.conn.LocalAddr()) }
func (s *secured) RemoteAddr() net.Addr                 { return asTCP(s.conn.RemoteAddr()) }

// asTCP returns an address in the type that fasthttp reads.
func asTCP(a net.Addr) net.Addr {
	if u, ok := a.(*net.UDPAddr); ok {
		return &net.TCPAddr{IP: u.IP, Port: u.Port, Zone: u.Zone}
	}
	return a
}
