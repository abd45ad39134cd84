package transport

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/http3"
	"github.com/quic-go/quic-go/quicvarint"
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
	engine    *Engine
	admission Admission
	h3        http3.Server
	socket    quic.Transport
	ln        *quic.EarlyListener
	conns     sync.WaitGroup

	closing  sync.Once
	closeErr error

	mu       sync.Mutex
	pending  map[*pendingConn]struct{}
	refusing bool
}

// Admission decides on requests for WebTransport, which do not pass the HTTP server.
type Admission interface {
	// Admit reports whether a request may go on. If not, it has answered it.
	Admit(ctx *fasthttp.RequestCtx) bool
	// Release is called for each request for which Allow of the Config was called, when its session
	// has been opened or refused.
	Release(ctx *fasthttp.RequestCtx)
}

// NewWebTransport returns a server of WebTransport on a socket, which it owns from then on.
func (e *Engine) NewWebTransport(socket net.PacketConn, config *tls.Config, admission Admission) (*WebTransport, error) {
	w := &WebTransport{engine: e, admission: admission, pending: map[*pendingConn]struct{}{}}
	w.socket.Conn = socket
	w.socket.ConnContext = func(ctx context.Context, _ *quic.ClientInfo) (context.Context, error) {
		if w.waiting() >= maxPending {
			return nil, errTooManyPending
		}
		return context.WithValue(ctx, pendingKey{}, &pendingConn{to: w, stream: make(chan offer, 1)}), nil
	}
	w.socket.VerifySourceAddress = func(net.Addr) bool { return w.waiting() >= verifyPending }
	w.h3 = http3.Server{Handler: http.HandlerFunc(w.handle), MaxHeaderBytes: e.cfg.MaxHeader}
	webtransport.ConfigureHTTP3Server(&w.h3)
	conf := &quic.Config{
		HandshakeIdleTimeout: e.cfg.UpgradeTimeout, MaxIdleTimeout: 2 * browserIdle,
		MaxIncomingStreams: maxStreams, MaxIncomingUniStreams: maxUniStreams,
		InitialStreamReceiveWindow: firstWindow, MaxStreamReceiveWindow: maxWindow,
		InitialConnectionReceiveWindow: 2 * firstWindow, MaxConnectionReceiveWindow: 2 * maxWindow,
		EnableDatagrams: true, EnableStreamResetPartialDelivery: true, // as the library demands
	}
	if e.cfg.Session.PingInterval > browserIdle-5*time.Second { // heartbeats would come too late
		conf.KeepAlivePeriod = browserIdle / 2
	}
	var err error
	if w.ln, err = w.socket.ListenEarly(http3.ConfigureTLSConfig(config), conf); err != nil {
		_ = socket.Close()
		return nil, err
	}
	return w, nil
}

// browserIdle is after how much silence browsers give a connection up.
const browserIdle = 30 * time.Second

// Bounds of connections whose clients have not begun a session yet: from the first on, new ones
// must prove their address (RFC 9000, section 8.1), and at the second they are refused.
const (
	verifyPending = 256
	maxPending    = 4096
)

var errTooManyPending = errors.New("too many connections have not begun a session")

func (w *WebTransport) waiting() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.pending)
}

// pendingConn is a connection whose client has not begun a session yet.
type pendingConn struct {
	to     *WebTransport
	conn   *quic.Conn
	late   *time.Timer
	stream chan offer      // the first one
	ctx    context.Context // ends when the client has its session, or is given up
	end    context.CancelFunc
}

type pendingKey struct{}

// offer is a stream for a session, whose id is that of its request.
type offer struct {
	session quic.StreamID
	stream  *quic.Stream
}

// begin begins the time that a client has for its request and its first packet.
func (a *pendingConn) begin(conn *quic.Conn) {
	a.to.mu.Lock()
	defer a.to.mu.Unlock()
	a.conn = conn
	a.ctx, a.end = context.WithCancel(context.Background())
	d := a.to.engine.cfg.UpgradeTimeout
	if a.to.refusing {
		d = 0
	}
	a.to.pending[a] = struct{}{}
	a.late = time.AfterFunc(d, a.cut)
}

// finish ends the time that the client has for its first packet. It returns false if the time was
// over before.
func (a *pendingConn) finish() bool {
	a.to.mu.Lock()
	defer a.to.mu.Unlock()
	_, here := a.to.pending[a]
	delete(a.to.pending, a)
	a.late.Stop()
	a.end()
	return here
}

func (a *pendingConn) cut() {
	if a.finish() {
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
		w.conns.Go(func() { w.serve(conn) })
	}
}

// serve takes the streams of a connection until its client has begun a session.
func (w *WebTransport) serve(conn *quic.Conn) {
	a := conn.Context().Value(pendingKey{}).(*pendingConn)
	a.begin(conn)
	h3, err := w.h3.NewRawServerConn(conn)
	if err != nil {
		a.finish()
		cutQUIC(conn)
		return
	}
	// A client that has its session has all its streams: nobody waits for more of them.
	w.conns.Go(func() {
		for {
			s, err := conn.AcceptUniStream(a.ctx)
			if err != nil {
				return
			}
			w.conns.Go(func() { takeUni(h3, s) })
		}
	})
	for {
		s, err := conn.AcceptStream(a.ctx)
		if err != nil {
			a.finish()
			return
		}
		w.conns.Go(func() { a.take(h3, s) })
	}
}

// takeUni serves a unidirectional stream, of which HTTP/3 has some and Engine.IO none.
func takeUni(h3 *http3.RawServerConn, s *quic.ReceiveStream) {
	switch kind, err := quicvarint.Peek(s); {
	case err != nil:
	case kind == streamType:
		s.CancelRead(notOfOurs)
	default:
		h3.HandleUnidirectionalStream(s)
	}
}

// take serves a bidirectional stream: a request, or the stream for its session.
func (a *pendingConn) take(h3 *http3.RawServerConn, s *quic.Stream) {
	kind, err := quicvarint.Peek(s)
	if err != nil {
		return
	}
	if kind != streamFrame {
		h3.HandleRequestStream(s)
		return
	}
	r := quicvarint.NewReader(s)
	_, err = quicvarint.Read(r)
	id, failed := quicvarint.Read(r)
	if err == nil && failed == nil {
		select {
		case a.stream <- offer{quic.StreamID(id), s}: //nolint:gosec // a varint has 62 bits
			return
		default: // one is enough
		}
	}
	s.CancelRead(notOfOurs)
	s.CancelWrite(notOfOurs)
}

// Refuse ends Serve, and all connections that have not begun a session.
func (w *WebTransport) Refuse() {
	_ = w.ln.Close() // an error: it is closed
	w.mu.Lock()
	w.refusing = true
	all := slices.Collect(maps.Keys(w.pending))
	w.mu.Unlock()
	for _, a := range all {
		a.cut()
	}
}

// Close ends all connections, and closes the socket.
func (w *WebTransport) Close() error {
	w.closing.Do(func() {
		w.Refuse()
		w.closeErr = errors.Join(w.socket.Close(), w.socket.Conn.Close())
		w.conns.Wait()
	})
	return w.closeErr
}

// isWebTransport knows the protocol of a request by its name now and the one before
// draft-ietf-webtrans-http3-15.
func isWebTransport(protocol string) bool {
	return protocol == "webtransport" || protocol == "webtransport-h3"
}

// handle answers a request.
func (w *WebTransport) handle(rw http.ResponseWriter, r *http.Request) {
	a := r.Context().Value(pendingKey{}).(*pendingConn)
	if r.Method != http.MethodConnect || !isWebTransport(r.Proto) {
		http.Error(rw, "only WebTransport is served here\n", http.StatusNotFound)
		return
	}
	// The answer depends on the settings of the client.
	select {
	case <-rw.(http3.Settingser).ReceivedSettings():
	case <-a.conn.Context().Done():
		return
	}
	ctx, err := requestOfHTTP3(a.conn, r)
	if err != nil {
		http.Error(rw, err.Error(), http.StatusBadRequest)
		return
	}
	if w.admission.Admit(ctx) {
		w.open(ctx, a, rw)
		return
	}
	rw.WriteHeader(ctx.Response.StatusCode())
	_, _ = rw.Write(ctx.Response.Body()) // an error: the client has left
}

// open accepts a request and serves its session until the end.
func (w *WebTransport) open(ctx *fasthttp.RequestCtx, a *pendingConn, rw http.ResponseWriter) {
	if !w.engine.enter() {
		rw.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	c := &webTransportConn{
		baseConn: baseConn{engine: w.engine, form: frame.Framed},
		conn:     a.conn, pendingConn: a, requestCtx: ctx, watched: make(chan struct{}),
		request: rw.(http3.HTTPStreamer).HTTPStream(),
	}
	c.link = c
	rw.WriteHeader(http.StatusOK)
	rw.(http.Flusher).Flush()
	select {
	case o := <-a.stream:
		if o.session == c.request.StreamID() {
			c.stream = o.stream
			c.serve()
			return
		}
	case <-a.conn.Context().Done():
	}
	w.engine.live.Done()
	cutQUIC(a.conn)
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
