// Package transport carries sessions over HTTP: long-polling, websocket, and the upgrade from the
// first to the second. It is the only package that knows fasthttp's RequestCtx and the websocket
// library's opening handshake.
//
// A request is checked in the order of the official server, finds or opens its session, and is then
// either a poll (polling.go), a post (polling.go) or a websocket. A connection whose poll is held
// leaves the HTTP server, on Linux, for the engine's poller (heldpolls_linux.go). The library does
// the opening handshake of every websocket (websocket.go). The rest is the same for all of them
// (inbound.go, socket.go); only the reader differs:
//
//   - On TCP and unix sockets, on Linux, also with TLS by NewTLSListener, the connection
//     becomes a descriptor of its own on the engine's poller, and the HTTP server is done
//     with it (socket_linux.go). Nothing waits and nothing is kept while the client is silent.
//   - With TLS of others, and on other systems, the goroutine that fasthttp gives to a
//     hijacked connection reads it until the end (stream.go).
package transport

import (
	"context"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/fasthttp/websocket"
	"github.com/valyala/fasthttp"

	"github.com/throng-io/throng/protocol/engineio"
	"github.com/throng-io/throng/server/internal/budget"
	"github.com/throng-io/throng/server/internal/frame"
	"github.com/throng-io/throng/server/internal/session"
)

// Config is what an Engine needs. All fields are required but the hooks.
type Config struct {
	Session           session.Config
	UpgradeTimeout    time.Duration
	MessageTimeout    time.Duration  // from the first byte of a websocket message to the last
	Partial           *budget.Budget // bytes of messages and bodies that have not come whole
	IdleTime          time.Duration  // that a connection may pass between two polls
	MaxPayload        int            // bytes of a polling body or websocket message
	MaxPackets        int            // packets in a polling body
	MaxHeader         int            // bytes of the head of a request for WebTransport
	Polling, Upgrades bool
	WebSocket         bool
	Subprotocols      []string
	Revision3         bool   // serve clients of Engine.IO 3 as well
	JSONP             bool   // serve polls of script elements
	CORS              *CORS  // nil: no header at all
	Cookie            string // name of the session cookie; empty: none
	CookieAttributes  string // what follows its value
	// Headers is called for each request that a session takes, and for the one that opens it
	// (first), to add to the answer.
	Headers func(ctx *fasthttp.RequestCtx, first bool)
	// Deflate offers compression to websockets.
	Deflate bool
	// Compress is the size in bytes from which answers to polls are compressed. 0: none are.
	Compress int
	// Allow refuses a handshake by returning false, with a message of its own or "" for the usual
	// one.
	Allow func(*fasthttp.RequestCtx) (message string, ok bool)
	// NewID returns an unguessable session id, in place of one that is in use if taken is set.
	NewID func(taken bool) string
	// Open is called for each new session, before it carries anything. What it needs of the request
	// it must copy.
	Open func(*session.Session, *fasthttp.RequestCtx) session.Handler
	// Refused is called for each request that is answered with an error code.
	Refused func(*fasthttp.RequestCtx, *Refusal)
	// Trouble is called when the system refuses what connections need. It may be often.
	Trouble func(message string, err error)
}

// Engine serves the sessions of one server. It is safe for concurrent use.
type Engine struct {
	cfg      Config
	upgrader websocket.FastHTTPUpgrader
	deflater websocket.FastHTTPUpgrader // for websockets with compression
	poller   poller
	quic     atomic.Int32 // sockets on which WebTransport is served

	mu       sync.RWMutex
	sessions map[string]*session.Session // by id; nil for one that is not open yet
	past     Totals                      // of the sessions that have ended
	stopped  bool
	open     sync.WaitGroup // sessions
	live     sync.WaitGroup // sessions and hijacked connections
}

// New returns an Engine. It starts nothing.
func New(cfg Config) *Engine {
	upgrader := websocket.FastHTTPUpgrader{
		CheckOrigin: func(*fasthttp.RequestCtx) bool { return true }, // Allow decides
	}
	deflater := upgrader
	deflater.EnableCompression = true
	e := &Engine{cfg: cfg, sessions: map[string]*session.Session{}, upgrader: upgrader, deflater: deflater}
	e.cfg.Session.Ending, e.cfg.Session.Gone = e.ended, e.gone
	return e
}

// Handle answers one request of the engine's path. serveConn serves a connection from its next
// request on, as the HTTP server does, and returns when the connection is closed: the engine needs
// it to take over connections whose polls are held, and does not take them over if it is nil.
func (e *Engine) Handle(ctx *fasthttp.RequestCtx, serveConn func(net.Conn)) {
	upgrade := AsksForWebSocket(ctx)
	if e.cfg.CORS != nil {
		e.cfg.CORS.Apply(ctx)
		if string(ctx.Method()) == fasthttp.MethodOptions {
			e.cfg.CORS.preflight(ctx)
			return
		}
	}
	q := parseQuery(ctx)
	s, refusal := e.verify(ctx, q, upgrade)
	if refusal != nil {
		e.refuse(ctx, refusal, upgrade)
		return
	}
	if e.cfg.Headers != nil {
		e.cfg.Headers(ctx, s == nil)
	}
	switch {
	case upgrade:
		e.serveWebSocket(ctx, q, s)
	case s == nil:
		e.openPolling(ctx, q)
	default:
		e.servePolling(ctx, q, s, serveConn)
	}
}

// create makes a session and what stands above it. It returns nil when the engine has stopped. The
// caller must call begin.
func (e *Engine) create(ctx *fasthttp.RequestCtx, form frame.Form) (*session.Session, session.Handler) {
	e.mu.Lock()
	stopped := e.stopped
	if !stopped {
		e.live.Add(1) // until the handler's Closed has returned
		e.open.Add(1)
	}
	e.mu.Unlock()
	if stopped {
		return nil, nil
	}
	s := session.New(&e.cfg.Session, e.newID(), form)
	return s, e.cfg.Open(s, ctx)
}

// newID returns the id of a new session, and holds it for that. If two sessions had one, requests
// of one client would meet the other's, and a shutdown would wait in vain for the first.
func (e *Engine) newID() string {
	for taken := false; ; {
		id := e.cfg.NewID(taken)
		e.mu.Lock()
		if _, taken = e.sessions[id]; !taken {
			e.sessions[id] = nil
		}
		e.mu.Unlock()
		if !taken {
			return id
		}
	}
}

// begin opens a session and makes it known to later requests.
func (e *Engine) begin(s *session.Session, h session.Handler, c session.Conn, first *frame.Frame) {
	s.Open(h, c, first)
	e.mu.Lock()
	stopped := e.stopped
	if !stopped && !s.Ended() {
		e.sessions[s.ID] = s
	}
	e.mu.Unlock()
	if stopped {
		s.Close(session.ServerShutdown)
	}
}

// gone is called when the handler of a session knows that it has ended.
func (e *Engine) gone() {
	e.open.Done()
	e.live.Done()
}

func (e *Engine) lookup(sid string) *session.Session {
	e.mu.RLock()
	defer e.mu.RUnlock()
	s := e.sessions[sid]
	if s == nil || s.Ended() {
		return nil
	}
	return s
}

// handshake is the first packet of a session, which begins with polling or not.
func (e *Engine) handshake(s *session.Session, polling bool) engineio.Packet {
	h := engineio.Handshake{
		SID: s.ID, Upgrades: []string{}, MaxPayload: e.cfg.MaxPayload,
		PingInterval: e.cfg.Session.PingInterval, PingTimeout: e.cfg.Session.PingTimeout,
	}
	if polling && e.cfg.Upgrades {
		if e.cfg.WebSocket {
			h.Upgrades = append(h.Upgrades, "websocket")
		}
		if e.quic.Load() > 0 && s.Revision() == 4 {
			h.Upgrades = append(h.Upgrades, "webtransport")
		}
	}
	return engineio.Packet{Type: engineio.Open, Data: h.AppendJSON(nil)}
}

// Drain ends all sessions, after their queues have gone out, and refuses new ones. It returns when
// they are gone, or else after d or with ctx. Then it gives up those for which something is queued
// and whose clients have not come for it: a Stop follows, and after that they cannot.
func (e *Engine) Drain(ctx context.Context, d time.Duration) {
	e.stop(func(s *session.Session) { s.Shut(session.ServerShutdown) })
	ended := make(chan struct{})
	go func() {
		e.open.Wait()
		close(ended)
	}()
	late := time.NewTimer(d)
	defer late.Stop()
	select {
	case <-ended:
		return
	case <-late.C:
	case <-ctx.Done():
	}
	e.stop(func(s *session.Session) {
		if s.Transport() == "polling" {
			s.Close(session.ServerShutdown)
		}
	})
}

// Stop ends all sessions, after their queues have gone out, and refuses new ones. The returned
// channel is closed when all of them, and all their connections, are gone.
func (e *Engine) Stop() <-chan struct{} {
	e.poller.stop(false)
	e.stop(func(s *session.Session) { s.Shut(session.ServerShutdown) })
	done := make(chan struct{})
	go func() {
		e.live.Wait()
		e.poller.close()
		close(done)
	}()
	return done
}

// Abort ends all sessions at once. It follows a Stop that took too long.
func (e *Engine) Abort() {
	e.stop(func(s *session.Session) { s.Close(session.ServerShutdown) })
	e.poller.stop(true)
}

// stop refuses new sessions and ends those there are.
func (e *Engine) stop(end func(*session.Session)) {
	e.mu.Lock()
	e.stopped = true
	all := make([]*session.Session, 0, len(e.sessions))
	for _, s := range e.sessions {
		if s != nil {
			all = append(all, s)
		}
	}
	e.mu.Unlock()
	for _, s := range all {
		end(s)
	}
}
