package client

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/http3"
	"github.com/quic-go/quic-go/quicvarint"
	"github.com/quic-go/webtransport-go"

	"github.com/throng-io/throng/protocol/engineio"
)

const (
	// quicKeepAlive is how long a connection may be silent before a packet keeps it alive, as in
	// Chromium. QUIC ends a silent one after 30 s, which may be less than the engine's heartbeat.
	quicKeepAlive = 15 * time.Second
	// quicWindow is the least window of a connection: HTTP/3's own streams take a part of it.
	quicWindow = 16 << 10
)

// lingerTime is how long a session's last bytes may take until the server ends it: closing a QUIC
// connection drops what has not left.
var lingerTime = time.Second

// A quicConn is the stream of a WebTransport session as a connection. Its session and its QUIC
// connection serve nothing else, as in browsers.
//
// The stream is not the session's own: the library's streams cannot be written without blocking, so
// that each message would cost a goroutine.
type quicConn struct {
	*quic.Stream
	session *webtransport.Session
	quic    *quic.Conn
	flow    *flow
	udp     *UDP
	own     bool // udp is this session's

	sent   uint64 // bytes of the QUIC connection, at the last tryWrite
	unsent int    // bytes of tryWrite that were not sent then, as far as is known

	once sync.Once
	left bool // a goodbye is on its way
}

func (q *quicConn) LocalAddr() net.Addr  { return q.quic.LocalAddr() }
func (q *quicConn) RemoteAddr() net.Addr { return q.quic.RemoteAddr() }

func (q *quicConn) Read(b []byte) (int, error) {
	n, err := q.Stream.Read(b)
	return n, q.why(err)
}

func (q *quicConn) Write(b []byte) (int, error) {
	n, err := q.Stream.Write(b)
	return n, q.why(err)
}

// why translates the ends of a stream: what the server has closed without complaint is at its end.
func (q *quicConn) why(err error) error {
	if err == nil || errors.Is(err, io.EOF) {
		return err
	}
	if s, ok := errors.AsType[*quic.StreamError](err); ok && s.ErrorCode == webtransport.WTSessionGoneErrorCode && q.over() {
		_, err = q.session.OpenUniStream() // which says why there is no session
	}
	if ended, ok := errors.AsType[*webtransport.SessionError](err); ok && ended.Remote {
		if ended.ErrorCode == 0 {
			return io.EOF
		}
		return newRefusal(ended)
	}
	if ended, ok := errors.AsType[*quic.ApplicationError](err); ok && ended.Remote && ended.ErrorCode == quic.ApplicationErrorCode(http3.ErrCodeNoError) {
		return io.EOF
	}
	return err
}

// maxUnsent is how many bytes may wait for quic-go to send them. It puts them together in one
// buffer, which it copies for each message.
const maxUnsent = 4 << 10

// tryWrite writes b, or nothing, without waiting. It cannot be known whether quic-go is at work or
// has to wait for the server, so all that the connection sends counts as what was written here.
func (q *quicConn) tryWrite(b []byte) int {
	sent := q.quic.ConnectionStats().BytesSent
	q.unsent = max(0, q.unsent-int(min(sent-q.sent, maxUnsent)))
	q.sent = sent
	// an error ends the session when the rest of the queue meets it
	if q.unsent+len(b) > maxUnsent || q.TryWriteAll(b) != nil {
		return 0
	}
	q.unsent += len(b)
	return len(b)
}

// leave writes the last bytes and ends the stream behind them. The end of the session would drop
// them.
func (q *quicConn) leave(last []byte) {
	q.left = true
	_, _ = q.Stream.Write(last)
	_ = q.Stream.Close()
}

// Close ends the QUIC connection: at once, or when the server has taken the goodbye, for which only
// a session with a UDP of its own waits.
func (q *quicConn) Close() error {
	q.once.Do(func() {
		if !q.left || !q.udp.start(q.linger) {
			q.end()
		}
		if q.own {
			_ = q.udp.Close()
		}
	})
	return nil
}

// linger ends the connection after the session, which the server may still be ending.
func (q *quicConn) linger() {
	q.over()
	q.end()
}

// over waits until the session has ended, but not for long, and reports whether it has.
func (q *quicConn) over() bool {
	wait := time.NewTimer(lingerTime)
	defer wait.Stop()
	select {
	case <-q.session.Context().Done():
		return true
	case <-wait.C:
		return false
	}
}

func (q *quicConn) end() {
	_ = q.quic.CloseWithError(quic.ApplicationErrorCode(http3.ErrCodeNoError), "") // which waits until it has ended
	q.flow.close()
}

// newRefusal is how the server has ended a session: servers that say why at all give one more than
// the code of Engine.IO, and its text.
func newRefusal(e *webtransport.SessionError) error {
	code := engineio.ErrorCode(e.ErrorCode) - 1
	if code >= engineio.UnknownTransport && code <= engineio.UnsupportedProtocol && e.Message == code.String() {
		return &statusError{status: http.StatusBadRequest, engine: true, code: code, message: e.Message}
	}
	return &CloseError{Reason: TransportClose, Cause: e}
}

// connectQUIC opens a session with its stream, and measures its stages. began is when the QUIC
// connection was there.
func (t *target) connectQUIC(ctx context.Context, cfg *Config, c *Client) (q *quicConn, began time.Duration, err error) {
	q = &quicConn{udp: cfg.UDP}
	if q.udp == nil {
		q.udp, q.own = &UDP{}, true
	}
	stage := "quic"
	began = Now()
	if err = q.handshake(ctx, t, &c.bytes); err == nil {
		c.Timings.QUIC = Now() - began
		began += c.Timings.QUIC
		stage = "open"
		if err = q.openStream(ctx, t); err == nil {
			return q, began, nil
		}
		q.end()
	}
	if q.own {
		_ = q.udp.Close()
	}
	return nil, 0, dialError(ctx, stage, err)
}

// handshake opens the QUIC connection.
func (q *quicConn) handshake(ctx context.Context, t *target, bytes *traffic) error {
	remote, err := t.names.resolve(ctx, t.h3.addr, t.local)
	if err != nil {
		return err
	}
	refusable, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	tr, f, err := q.udp.open(t.local, remote, bytes, cancel)
	if err != nil {
		return err
	}
	timeout := defaultTimeout
	if end, ok := ctx.Deadline(); ok {
		timeout = max(time.Until(end), time.Millisecond)
	}
	conf := &quic.Config{
		EnableDatagrams: true, EnableStreamResetPartialDelivery: true,
		HandshakeIdleTimeout: timeout, KeepAlivePeriod: quicKeepAlive,
		MaxIncomingStreams: -1,
	}
	if t.buffer > 0 {
		window := uint64(max(t.buffer, quicWindow))
		conf.InitialStreamReceiveWindow, conf.MaxStreamReceiveWindow = uint64(t.buffer), uint64(t.buffer)
		conf.InitialConnectionReceiveWindow, conf.MaxConnectionReceiveWindow = window, window
	}
	secure := t.h3.tls.Clone()
	secure.NextProtos = []string{http3.NextProtoH3}
	if q.quic, err = tr.Dial(refusable, f.address(remote), secure, conf); err != nil {
		f.close()
		return err
	}
	q.flow = f
	return nil
}

// openStream opens the session and its stream on the QUIC connection.
func (q *quicConn) openStream(ctx context.Context, t *target) error {
	// Not all that follows ends with ctx.
	stop := context.AfterFunc(ctx, q.end)
	defer stop()
	tr := &webtransport.Transport{}
	conn, err := tr.NewClientConn(q.quic)
	if err != nil {
		return err
	}
	page := url.URL{Scheme: "https", Host: t.h3.authority, Path: t.path}
	res, session, err := conn.Dial(ctx, page.String(), t.h3.fields)
	if err != nil {
		if res != nil && res.StatusCode/100 != 2 {
			return &statusError{status: res.StatusCode}
		}
		return err
	}
	q.session = session
	if q.Stream, err = q.quic.OpenStreamSync(ctx); err != nil {
		return err
	}
	context.AfterFunc(session.Context(), func() {
		q.CancelRead(webtransport.WTSessionGoneErrorCode)
		q.CancelWrite(webtransport.WTSessionGoneErrorCode)
	})
	_, err = q.Write(quicvarint.Append(quicvarint.Append(nil, streamFrame), firstStream))
	q.SetReliableBoundary()
	return err
}

const (
	streamFrame = 0x41 // begins a stream of WebTransport
	firstStream = 0    // of a client: the request, whose id is the session's
)

// webtransport opens the session on WebTransport and joins the namespace.
func (d *dialing) webtransport() error {
	c := d.c
	link, began, err := d.target.connectQUIC(d.ctx, d.cfg, c)
	if err != nil {
		return err
	}
	d.adoptQUIC(mainSlot, link)
	release := guard(d.ctx, c)
	defer release()

	if err := c.ws.sendFrames([]byte{1, '0' + byte(engineio.Open)}); err != nil {
		return d.fail("open", err)
	}
	p, err := c.ws.packet()
	if err != nil {
		return d.fail("open", err)
	}
	if p.Type != engineio.Open || p.Binary {
		return d.fail("open", protocolError("the first message is not the engine's open packet"))
	}
	if _, err := d.opened(p, began); err != nil {
		return d.fail("open", err)
	}
	return d.joinAll()
}

// adoptQUIC makes a session's stream one of the client's connections.
func (d *dialing) adoptQUIC(slot int, link *quicConn) *websocket {
	c := d.c
	conn := newConn(link, nil, &c.bytes)
	conn.below = link.flow
	w := newWebsocket(c, conn)
	w.quic = link
	c.mu.Lock()
	c.quic = link
	c.mu.Unlock()
	if slot == mainSlot {
		c.ws = w
	}
	c.adopt(slot, w.conn)
	return w
}

// packet takes the next packet off the read buffer, reading as long as it has not arrived as a
// whole. It is valid until the next call.
func (w *websocket) packet() (engineio.Packet, error) {
	for {
		b := w.rd.unread()
		p, n, err := engineio.ParseFrame(b, w.limit)
		switch {
		case errors.Is(err, engineio.ErrFrameSize) && b[0]&^0x80 != 0:
			return p, &LimitError{What: "message", Limit: w.limit}
		case err != nil:
			return p, &CloseError{Reason: ParseError, Cause: err}
		case n > 0:
			w.rd.consume(n)
			return p, nil
		}
		if err := w.rd.fill(); err != nil {
			if errors.Is(err, io.EOF) && len(b) > 0 {
				err = io.ErrUnexpectedEOF
			}
			return p, err
		}
	}
}

// webTransport reports whether a transport uses WebTransport.
func webTransport(name string) bool { return name == WebTransport || name == UpgradeWebTransport }

func (cfg *Config) checkWebTransport() error {
	if cfg.Engine == Engine3 || cfg.Via != "" && cfg.ViaH3 == "" {
		return errors.New("WebTransport has no Engine 3, and no Via without ViaH3")
	}
	if _, _, err := net.SplitHostPort(cfg.H3); cfg.H3 != "" && err != nil {
		return fmt.Errorf("the H3 %q must be host:port", cfg.H3)
	}
	return nil
}

// h3 is where and how a target is reached by HTTP/3.
type h3 struct {
	addr      string // host:port, of UDP
	authority string // what the request asks for; "" = as the URL
	tls       *tls.Config
	fields    http.Header
}

// newH3 finds it at the host and port of the URL, unless the Config names others.
func newH3(cfg *Config, u *url.URL, port string) h3 {
	h := h3{addr: net.JoinHostPort(u.Hostname(), port), fields: http.Header{}}
	name := u.Hostname()
	if cfg.H3 != "" {
		h.addr, h.authority = cfg.H3, withoutZone(cfg.H3)
		name, _, _ = net.SplitHostPort(cfg.H3)
	}
	h.addr = cmp.Or(cfg.ViaH3, h.addr)
	h.tls = tlsConfig(cfg.TLS, name)
	for name, values := range cfg.Header {
		if !strings.EqualFold(name, "Host") {
			h.fields[http.CanonicalHeaderKey(name)] = values
		}
	}
	return h
}

// noApplicationProtocol is the TLS alert of a server that does not speak HTTP/3 (RFC 7301, section
// 3.2), as an error code of QUIC (RFC 9001, section 4.8).
const noApplicationProtocol = 0x100 + 120

// quicClass is the class of an error of QUIC or WebTransport; "" of another.
func quicClass(err error) string {
	if _, ok := errors.AsType[*quic.VersionNegotiationError](err); ok {
		return "quic_version"
	}
	if _, ok := errors.AsType[*webtransport.RequirementsNotMetError](err); ok {
		return "no_webtransport"
	}
	if _, ok := errors.AsType[*quic.StatelessResetError](err); ok {
		return "reset"
	}
	if ended, ok := errors.AsType[*quic.StreamError](err); ok && ended.Remote {
		return "reset"
	}
	broken, ok := errors.AsType[*quic.TransportError](err)
	switch {
	case !ok:
		return ""
	case broken.ErrorCode == noApplicationProtocol:
		return "no_webtransport"
	case broken.ErrorCode.IsCryptoError():
		return "tls"
	case broken.ErrorCode == quic.ConnectionRefused:
		return "refused"
	}
	return "quic"
}
