package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/valyala/fasthttp"

	"github.com/throng-io/throng/protocol/hostname"
	"github.com/throng-io/throng/server/internal/budget"
	"github.com/throng-io/throng/server/internal/deadline"
	"github.com/throng-io/throng/server/internal/fanout"
	"github.com/throng-io/throng/server/internal/outlet"
	"github.com/throng-io/throng/server/internal/session"
	"github.com/throng-io/throng/server/internal/transport"
)

// Server is a Socket.IO server. Its methods are safe for concurrent use. The embedded Namespace is
// the main one, "/".
type Server struct {
	*Namespace

	opts      Options
	engine    *transport.Engine
	clock     *deadline.Clock
	ticks     sync.Once     // start, with the first session
	abortTime time.Duration // the constant; shorter in tests
	addresses addressLimiter
	refused   refusals
	logs      logs
	panics    atomic.Uint64
	panicked  *source
	troubled  *source
	meter     fanout.Meter
	rings     *outlet.Rings  // nil without
	partial   *budget.Budget // bytes of incomplete messages
	last      struct{ path, query, address, header lastString }

	joins    sync.WaitGroup // of clients whose middleware is at work, and ends beside what must not wait
	sessions atomic.Int64
	pending  atomic.Int64 // those that have joined no namespace yet

	client  map[string]*clientFile
	proxies []netip.Prefix
	deflate int32 // the size from which messages are compressed, 0 if none are

	mu         sync.RWMutex
	namespaces map[string]*Namespace
	closing    map[string]chan struct{} // by name: closed when the adapter of a removed namespace is
	patterns   []*Namespace             // of dynamic namespaces
	children   int                      // namespaces made for clients
	created    []func(*Namespace)
	watches    []*Watch
	http       []httpServer
	quic       []*transport.WebTransport
	stopped    bool
}

// New returns a server with the given options, or an error that names the option that is wrong. It
// starts nothing: mount Handler, or call Serve.
func New(opts Options) (*Server, error) {
	opts, err := opts.WithDefaults()
	if err != nil {
		return nil, err
	}
	client, err := clientFiles(opts.Client)
	if err != nil {
		return nil, err
	}
	s := &Server{
		opts: opts, logs: logs{to: opts.Logger}, client: client, clock: deadline.New(), abortTime: abortTime,
		partial: budget.New(opts.Limits.MaxPartial), namespaces: map[string]*Namespace{}, closing: map[string]chan struct{}{},
	}
	if !opts.NoIOUring && fanout.UsesRings(opts.Fanout) {
		s.rings = outlet.NewRings(s.withoutRings)
	}
	s.proxies, _ = parseProxies(opts.TrustedProxies) // WithDefaults has checked them
	s.Namespace = s.Of("/")
	cfg := transport.Config{
		Session: session.Config{
			PingInterval: opts.Times.PingInterval, PingTimeout: opts.Times.PingTimeout,
			MaxPackets: opts.Limits.QueuePackets, MaxBytes: opts.Limits.QueueBytes,
			WriteTimeout: opts.Times.WriteTimeout,
			Clock:        s.clock, KeepWriter: opts.Fanout == "writers",
		},
		UpgradeTimeout: opts.Times.UpgradeTimeout,
		MessageTimeout: opts.Times.MessageTimeout,
		Partial:        s.partial,
		IdleTime:       idleTime,
		MaxPayload:     opts.Limits.MaxPayload,
		MaxPackets:     maxPackets,
		MaxHeader:      opts.Limits.MaxHeader,
		Upgrades:       !opts.NoUpgrades,
		Subprotocols:   opts.Subprotocols,
		Revision3:      opts.AllowEIO3,
		JSONP:          opts.AllowJSONP || opts.AllowEIO3,
		CORS:           (*transport.CORS)(opts.CORS),
		Cookie:         opts.Cookie.name(),
		Refused:        s.refuse,
		Trouble:        s.trouble,
		Allow:          s.allow,
		NewID:          s.newSessionID,
		Open:           s.open,
	}
	for _, t := range opts.Transports {
		cfg.Polling = cfg.Polling || t == "polling"
		cfg.WebSocket = cfg.WebSocket || t == "websocket"
	}
	s.addresses.sessions, s.addresses.rate = opts.Limits.MaxPerAddress, opts.Limits.MaxHandshakes
	cfg.CookieAttributes = opts.Cookie.attributes()
	if opts.Headers != nil {
		cfg.Headers = func(ctx *fasthttp.RequestCtx, first bool) {
			_ = s.guard(func() { opts.Headers(ctx, first) })
		}
	}
	if opts.PerMessageDeflate {
		cfg.Deflate, s.deflate = true, int32(min(opts.CompressThreshold, math.MaxInt32))
	}
	if !opts.NoHTTPCompression {
		cfg.Compress = opts.CompressThreshold
	}
	s.engine = transport.New(cfg)
	return s, nil
}

// open is called by the engine for each new session.
func (s *Server) open(sess *session.Session, ctx *fasthttp.RequestCtx) session.Handler {
	s.start()
	address := s.takeReservation(ctx)
	var h session.Handler
	if s.opts.Engine != nil {
		h = newEngineHandler(s, sess, ctx)
	} else {
		h = newConn(s, sess, ctx)
	}
	if s.addresses.limited() {
		h = &countedHandler{h, &s.addresses, address}
	}
	return h
}

// start starts the clock, and finds out what the kernel allows.
func (s *Server) start() {
	s.ticks.Do(func() {
		go s.clock.Run()
		s.rings.Open()
	})
}

// withoutRings says that the kernel refuses io_uring.
func (s *Server) withoutRings(err error) {
	s.logs.write(nil, slog.LevelInfo, "io_uring is not available: a broadcast takes a system call for each receiver", "reason", err)
}

// trouble says what the system refuses: its clients are served worse, or not at all.
func (s *Server) trouble(message string, err error) {
	s.logs.write(&s.troubled, slog.LevelWarn, message, "error", err)
}

// Handler answers the requests under Options.Path, and leaves the others to Options.Other, without
// which they get 404. It is a fasthttp.RequestHandler: use it as one, or call it from one for the
// paths that are the server's.
//
// The HTTP server around it should stream request bodies (fasthttp.Server.StreamRequestBody), since
// MaxPayload can otherwise only be enforced after a body has been read, should not parse forms
// before (DisablePreParseMultipartForm), and must not have a WriteTimeout below the ping interval,
// for which polls are held.
func (s *Server) Handler(ctx *fasthttp.RequestCtx) { s.handle(ctx, nil) }

// handle is Handler; see [transport.Engine.Handle] for serveConn.
func (s *Server) handle(ctx *fasthttp.RequestCtx, serveConn func(net.Conn)) {
	defer s.leftover(ctx)
	var err error
	defer func() {
		if err != nil { // AllowRequest, or another function of the application
			ctx.Error("internal error\n", fasthttp.StatusInternalServerError)
			ctx.SetConnectionClose()
		}
	}()
	defer s.recovered(&err)
	if s.opts.HealthPath != "" && string(ctx.Path()) == s.opts.HealthPath {
		s.health(ctx)
		return
	}
	if s.opts.Hosts != nil && !hostname.Allowed(string(ctx.Host()), s.opts.Hosts) {
		ctx.Error(hostname.Refusal, fasthttp.StatusMisdirectedRequest)
		return
	}
	// The prefix of the path as it was sent: decoding it first would let two spellings of one path
	// meet different rules in a proxy and here.
	name, ours := s.below(string(ctx.Request.Header.RequestURI()))
	if !ours {
		if s.opts.Other != nil {
			s.opts.Other(ctx)
			return
		}
		notFound(ctx)
		return
	}
	if !s.serveClient(ctx, name) {
		defer s.releaseReservation(ctx)
		s.engine.Handle(ctx, serveConn)
	}
}

// below returns what follows Options.Path in the target of a request, and whether that is the
// server's.
func (s *Server) below(target string) (name string, ours bool) {
	target = originForm(target)
	if name, ours = strings.CutPrefix(target, s.opts.Path); ours || !s.opts.NoTrailingSlash {
		return name, ours
	}
	name, ours = strings.CutPrefix(target, strings.TrimSuffix(s.opts.Path, "/"))
	return name, ours && (name == "" || name[0] == '?')
}

// originForm cuts the scheme and the host off a target: a server must take it with them, although
// clients write them to proxies alone (RFC 9112, section 3.2.2).
func originForm(target string) string {
	if strings.HasPrefix(target, "/") {
		return target
	}
	if _, rest, absolute := strings.Cut(target, "://"); absolute {
		if at := strings.IndexAny(rest, "/?"); at >= 0 && rest[at] == '/' {
			return rest[at:]
		}
	}
	return target
}

// drainTime is how long a shutdown waits for clients that are between two polls. They usually come
// at once, and clients that are gone should not delay it.
const drainTime = 2 * time.Second

// abortTime is how long handlers and middleware may go on when the context of a shutdown has ended.
const abortTime = 10 * time.Second

// Shutdown stops the server: no new sessions are accepted, queued messages go out, all sockets are
// disconnected with the reason "server shutting down", and the goroutines of the server end.
// Polling clients of Serve have two seconds to come for what is queued. When ctx ends first, the
// connections are cut off and its error is returned, at the latest ten seconds later: handlers and
// middleware that are still at work then are not waited for, see Socket.Context. Clients will
// reconnect, to another server or a new one. Handlers must not call Shutdown.
func (s *Server) Shutdown(ctx context.Context) error {
	ended := make(chan error, 1)
	go func() { ended <- s.shutdown(ctx) }()
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
	}
	late := time.NewTimer(s.abortTime)
	defer late.Stop()
	select {
	case err := <-ended:
		return err
	case <-late.C:
		return fmt.Errorf("server: handlers or middleware are still at work %v after the shutdown was cut off; let them end with Socket.Context: %w", s.abortTime, ctx.Err())
	}
}

// shutdown is Shutdown, and waits for everything.
func (s *Server) shutdown(ctx context.Context) error {
	s.mu.Lock()
	if s.stopped {
		s.mu.Unlock()
		return errors.New("server: Shutdown was called before; call it once")
	}
	s.stopped = true
	http, quic := s.http, s.quic
	s.mu.Unlock()

	for _, w := range quic {
		w.Refuse()
	}
	for _, ns := range s.Namespaces() {
		ns.hub.Settle(nil) // what waits there is queued, too, and closing sessions take nothing more
	}
	if len(http)+len(quic) > 0 { // whose clients get no answers any more, soon
		s.engine.Drain(ctx, drainTime)
	}
	gone := s.engine.Stop()
	var result error
	for i := range http {
		if err := http[i].shutdown(ctx); err != nil && !errors.Is(err, ctx.Err()) {
			result = errors.Join(result, err)
		}
	}
	select {
	case <-gone:
	case <-ctx.Done():
		result = errors.Join(result, closeAll(quic))
		s.engine.Abort()
		<-gone
		result = errors.Join(result, ctx.Err())
	}
	result = errors.Join(result, closeAll(quic))
	s.joins.Wait()
	s.ticks.Do(func() { go s.clock.Run() }) // so that Expire has something to end
	s.clock.Expire()                        // for those who wait for answers of other servers
	for _, ns := range s.Namespaces() {
		ns.close()
	}
	s.rings.Close() // which no namespace uses any more
	s.logs.end(nil)
	return result
}
