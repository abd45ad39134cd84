// Package session is one Engine.IO session: its heartbeat, its inbound calls and its bounded
// outbox. It knows no transport: the reader of packets pushes them in with Receive, and the outbox
// is emptied either by a Conn (a websocket) or by polls (Poll). An upgrade is a change from the
// second to the first.
//
// # Outbound
//
// Deliver and Queue never block. With a Conn attached and nothing waiting, the bytes go to the
// kernel at once, on the caller's goroutine; and so they go to a held poll. Frames that the kernel
// does not take, and all frames behind them, wait in the outbox, which a flusher goroutine empties;
// it exists only while there is something to flush. The outbox is bounded in packets and bytes, and
// in the time in which nothing of it is taken: a session that would exceed that is closed with
// SlowConsumer, so one slow reader neither delays another nor grows the process.
//
// # Inbound
//
// Receive calls the handler, one packet at a time and in order, whichever goroutine carries it.
// While the handler is at work nothing else of the connection is read: further packets stay in the
// system's buffer, whose size bounds them, and beyond that the client has to wait. A pong may be
// there, too. So a client whose pong is late is not given up while the handler is busy and
// something of it waits to be handled; it is pinged again at once. When the handler returns, the
// heartbeat is strict again. Closed is called exactly once, after the last Message has returned, on
// a goroutine of its own: closing a session is therefore safe from anywhere, a handler or an
// emitter that holds locks included.
package session

import (
	"errors"
	"sync"
	"time"

	"github.com/throng-io/throng/server/internal/deadline"
	"github.com/throng-io/throng/server/internal/frame"
	"github.com/throng-io/throng/server/internal/outlet"
)

// Reason is why a session ended. The values are the official server's, except SlowConsumer, which
// it does not have.
type Reason string

// The reasons for which a session ends.
const (
	TransportClose Reason = "transport close"
	TransportError Reason = "transport error"
	PingTimeout    Reason = "ping timeout"
	ParseError     Reason = "parse error"
	ForcedClose    Reason = "forced close"
	ServerShutdown Reason = "server shutting down"
	SlowConsumer   Reason = "slow consumer"
)

// ErrClosed is returned for a packet that reaches a session after its end.
var ErrClosed = errors.New("session closed")

// ErrBusy is returned for a second poll or post while one is running. The session has been closed
// with TransportError, as the protocol asks.
var ErrBusy = errors.New("a request of this kind is already running")

// While an upgrade probes, a held poll is answered after releaseFirst, and each time twice as long
// after, up to releaseLast: a client that has not seen the probe's answer yet polls again, and
// would then hold its upgrade up until the next heartbeat. A near client is waited for
// milliseconds, a far one does not poll many times.
const (
	releaseFirst = 5 * time.Millisecond
	releaseLast  = 80 * time.Millisecond
)

// ErrUpgraded is returned for a poll of a session that has left polling.
var ErrUpgraded = errors.New("session is on a websocket")

// Handler is what a session carries packets to.
type Handler interface {
	// Message takes one Engine.IO message. data is valid during the call. An error closes the
	// session with ForcedClose.
	Message(data []byte, binary bool) error
	// Opened is called once, before the first Message, if WantsOpened says so. WantsOpened is given
	// whether the client speaks revision 3, and does not change its mind.
	Opened()
	WantsOpened(three bool) bool
	// Upgraded is called when an upgrade has moved the session to a Conn.
	Upgraded()
	// Over is called when the session has ended, before Closed, and perhaps before that, when its
	// client is known to have left: unlike the others also while another method is at work.
	Over()
	// Closed is called once, after the last Message.
	Closed(reason Reason)
}

// Conn is a connection that takes bytes as they are, with one frame per packet.
type Conn interface {
	// Form is the form of the frames for Write and TryWrite. It does not change.
	Form() frame.Form
	// TryWrite writes what can be written without blocking, of frames in the Conn's form. n <
	// len(b) with a nil error means that the rest has to wait. A Conn that cannot write without
	// blocking always returns 0.
	TryWrite(b []byte) (n int, err error)
	// Write writes frames in the Conn's form, without the first skip bytes of the first one, and
	// may block. Only one goroutine calls it at a time, and none calls TryWrite meanwhile.
	Write(frames []*frame.Frame, skip int) error
	Peer
	// Goodbye sends the closing handshake and makes the reader stop at the peer's answer, or soon.
	// Nothing else is being written. It must not block for longer than a moment.
	Goodbye()
	// Interrupt ends blocked reads and writes, and all later ones.
	Interrupt()
}

// Descriptor is a Conn to whose descriptor messages can be written as they are.
type Descriptor interface {
	// Descriptor returns the descriptor of a socket that does not block, -1 if there is none. It is
	// closed after the session has ended, and Conn's methods may use it at any time but to write
	// what is not given to them.
	Descriptor() int
}

// Peer is what a Conn knows of the other end.
type Peer interface {
	// Progress returns a number that grows when the peer takes something of what was written, and
	// at no other time. It does not block, and may be called during a Write.
	Progress() uint64
	// Unread reports whether the peer has sent something that the handler has not been given. A
	// Conn that cannot know returns true. It does not block.
	Unread() bool
}

// Config is shared by the sessions of a server.
type Config struct {
	PingInterval, PingTimeout time.Duration
	// MaxPackets and MaxBytes bound the outbox.
	MaxPackets, MaxBytes int
	// WriteTimeout is how long the peer may read almost nothing of the outbox: less than leastRate.
	WriteTimeout time.Duration
	// Clock runs the heartbeats, and the watch over outboxes.
	Clock *deadline.Clock
	// Ending is called between Handler.Over and Closed, and Gone after that. nil: neither is.
	Ending func(s *Session, reason Reason)
	Gone   func()
	// KeepWriter gives each Conn a writer goroutine for its whole life, and sends everything
	// through it.
	KeepWriter bool
}

type state uint8

const (
	open    state = iota
	closing       // the server has closed it; the queue still goes out
	closed
)

// Session is one Engine.IO session. Its methods may be called from any goroutine.
//
// What a broadcast needs lies in the outlet, which is also the lock.
type Session struct {
	mu        *outlet.Outlet
	state     state
	form      frame.Form // of conn, or of the answers to polls
	flushing  bool       // a flusher goroutine runs
	writing   bool       // and is inside Conn.Write
	lingering bool       // the session has ended, and the flusher writes what is left
	finished  bool       // Closed has returned

	releasing bool // held polls are answered while probe is set
	pollLate  bool // poll came while an upgrade was under way
	posting   bool
	// of the heartbeat
	awaitingPong, extended bool

	upgrades int32 // upgrades whose connections are not open yet
	cfg      *Config
	conn     Conn           // nil while polling
	counts   Counts         // without what the outlet has written by itself
	out      []*frame.Frame // waiting, oldest first
	head     int            // bytes of out[0] that are written
	outBytes int            // of out and of what the flusher holds

	ID      string
	handler Handler
	timer   deadline.Entry // of the heartbeat, and of the ends that wait for the client
	recv    sync.Mutex     // held while the handler runs
	ended   chan struct{}  // closed when Closed has returned; nil until somebody waits for it
	writers sync.WaitGroup // goroutines at work for the session

	// Guarded by mu, as is all above ID.
	reason Reason
	probe  Conn          // an upgrade under way
	poll   Poll          // that is held; nil when none is
	expiry time.Duration // by the clock: when the heartbeat ends the session, if nothing comes
	wake   *sync.Cond    // for a kept writer
	stall  *stall        // nil as long as nothing has to wait
}

// New returns a session that is not open yet: Open makes it so. form is what its client takes as
// long as it has no Conn.
func New(cfg *Config, id string, form frame.Form) *Session {
	s := &Session{ID: id, cfg: cfg, form: form}
	s.mu = outlet.New((*owner)(s))
	s.timer.Fire = s.onTimer
	return s
}

// Open gives a new session its handler, its connection unless it begins with polling (nil), and its
// first packet if it has one to send by itself, and starts the heartbeat.
func (s *Session) Open(h Handler, c Conn, first *frame.Frame) {
	s.mu.Lock()
	s.handler = h
	if s.state != open { // the layer above has ended it before it began
		s.state, s.conn = closing, c
		s.end(s.reason)
		s.mu.Unlock()
		return
	}
	s.mu.Unlock()
	opened := h.WantsOpened(s.Revision() == 3)
	if opened {
		s.recv.Lock() // nothing comes before Opened
	}
	s.mu.Lock()
	s.renew()
	if c != nil {
		s.attach(c)
	}
	s.mu.Unlock()
	if first != nil {
		s.Send(first)
	}
	s.alive()
	if opened {
		s.spawn(func() {
			defer s.recv.Unlock()
			s.handler.Opened()
		})
	}
}

// spawn calls f on a goroutine of its own, for which WaitWriters waits unless the session has
// ended.
func (s *Session) spawn(f func()) {
	s.mu.Lock()
	tracked := s.state != closed // WaitWriters may be at work otherwise
	if tracked {
		s.writers.Add(1)
	}
	s.mu.Unlock()
	go func() {
		if tracked {
			defer s.writers.Done()
		}
		f()
	}()
}

// Form returns the form that the client takes now.
func (s *Session) Form() frame.Form {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.form
}

// Revision returns the revision of Engine.IO that the client speaks, 3 or 4. It never changes.
func (s *Session) Revision() int {
	if s.Form()&frame.Revision3 != 0 {
		return 3
	}
	return 4
}

func (s *Session) attach(c Conn) {
	s.conn, s.form = c, c.Form()
	if s.cfg.KeepWriter {
		s.wake = sync.NewCond(s.mu)
		s.startFlusher()
		return
	}
	if d, ok := c.(Descriptor); ok && s.form == 0 {
		s.mu.Attach(d.Descriptor())
	}
}

// The transports, as Transport names them.
const (
	Polling      = "polling"
	WebSocket    = "websocket"
	WebTransport = "webtransport"
)

// Transport names the transport that carries the session now.
func (s *Session) Transport() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.transport()
}

func (s *Session) transport() string {
	switch {
	case s.conn == nil:
		return Polling
	case s.form&frame.Framed != 0:
		return WebTransport
	}
	return WebSocket
}

// Done is closed when the session has ended and its handler knows.
func (s *Session) Done() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended == nil {
		s.ended = make(chan struct{})
		if s.finished {
			close(s.ended)
		}
	}
	return s.ended
}

// WaitWriters returns when no goroutine of the session uses its Conn any more. The session must be
// closed. Whoever owns the connection calls it before giving the connection back.
func (s *Session) WaitWriters() { s.writers.Wait() }
