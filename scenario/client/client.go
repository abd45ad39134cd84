package client

import (
	"cmp"
	"context"
	"errors"
	"sync"
	"time"

	"github.com/throng-io/throng/protocol/engineio"
	"github.com/throng-io/throng/protocol/socketio"
	ws "github.com/throng-io/throng/protocol/websocket"
)

// Message is one event or acknowledgement as it arrived. It and everything it
// points to are valid until the handler returns: copy what must live longer.
type Message struct {
	// the event's name without quotes, as it stands in the JSON; nil for an acknowledgement and for
	// a message of bare Engine.IO
	Name        []byte
	Args        []byte   // raw list of the arguments in the client's parser, e.g. `1,{"a":2}`; empty without arguments; of bare Engine.IO the text
	Space       int      // the namespace: 0 for Config.Namespace, then Config.More in order
	Attachments [][]byte // binary attachments in order
	// of the acknowledgement, or of the one the sender of the event asks for
	ID uint64
	// an event with an ID asks for an acknowledgement; an acknowledgement always has one, but for
	// Events
	HasID  bool
	Status int           // of the HTTP answer that acknowledges a request of Events
	Err    error         // why such a request has none
	At     time.Duration // when the read that brought it returned, on the clock of Now

	// Woke is for the handler to set when it has woken a goroutine that goes on because of the
	// message: Readers then let it run before they read on.
	Woke bool

	// It reached the client's socket between From and Until, on the same clock. They are equal
	// unless more than one message was read at once. Both are 0 where the system does not report
	// arrival times: only Linux does, over TCP without TLS.
	From, Until time.Duration
}

// Handler receives a client's events and acknowledgements. Its methods are called one at a time, on
// the goroutine that called [Client.Run], in the order of arrival. They may call Send and Close;
// while they run nothing more is read.
type Handler interface {
	Event(m *Message)
	Ack(m *Message)
}

// Timings are the durations of the stages of a Dial that were passed.
type Timings struct {
	TCP       time.Duration // name resolution and the TCP connection; 0 with WebTransport
	TLS       time.Duration // TLS handshake; 0 without TLS
	QUIC      time.Duration // name resolution and QUIC's handshake, TLS included; 0 without WebTransport
	Open      time.Duration // from the request to the engine's open packet
	Namespace time.Duration // from CONNECT to the server's answer
	// from the second connection's start to the upgrade packet; 0 without an upgrade
	Upgrade time.Duration
	// of all of that, how long the answers lay in the sockets until this process read them; 0 where
	// the system does not tell
	Waited time.Duration
}

// Client is one connected simulated client. Its methods may be called from any
// goroutine, Run from one only.
type Client struct {
	Timings Timings // set by Dial
	// why an asked upgrade failed and the client stayed on polling; a *DialError; set by Dial
	UpgradeErr error

	// One of the two is set when Dial has returned.
	ws   *websocket
	poll *polling

	namespaces   []string // none for bare Engine.IO
	parser       socketio.Parser
	plain        bool // a baseline: no Socket.IO
	raw          bool // Frames or Events: nothing of Socket.IO
	old          bool // revision 3 of Engine.IO
	recovered    bool // it is the socket of an earlier session
	maxQueue     int
	maxMessage   int
	pingInterval time.Duration
	pingTimeout  time.Duration
	beat         *heartbeat // the client's own pings; nil: the server pings

	dialing *dialing // nil when Dial has returned

	// Of the reading goroutine.
	joined     int // namespaces
	running    bool
	grace      bool // the time for a ping is over, but not all that arrived is read
	lastPing   time.Duration
	early      []early
	earlyBytes int
	*work
	decoder *socketio.Decoder // nil until an attachment comes

	pid    string
	sids   []string // by namespace
	offset []byte   // of the reading goroutine

	pace  *pace // nil: as fast as possible
	bytes traffic
	wg    sync.WaitGroup // of the goroutines that send

	mu          sync.Mutex
	quic        *quicConn // of WebTransport, while it lasts
	heart       Heart     // nil: round trips are not measured
	links       [2]*conn
	interrupted bool        // all I/O must fail from now on
	end         *CloseError // nil while the session lasts
}

// A work is what a message is taken apart into. It is its client's for the time of Run, or of the
// Readers that have the client read, and clients that wait have none of their own.
type work struct {
	pkt socketio.Packet
	msg Message
}

// mainOnly is the namespaces of most clients.
var mainOnly = []string{"/"}

// Dial opens the transport, joins the namespace and, for Upgrade and UpgradeWebTransport, moves on
// before it returns. Messages that arrive meanwhile are kept for Run. A failed upgrade is not an
// error: the client stays on polling and UpgradeErr returns the cause.
//
// Errors are *DialError. The end of ctx interrupts every stage; ctx has no meaning after Dial has
// returned. No goroutine outlives a Dial that failed; after a successful Dial a goroutine exists
// only while data is queued for sending.
func Dial(ctx context.Context, cfg *Config) (*Client, error) {
	if err := cfg.check(); err != nil {
		return nil, &DialError{Stage: "config", Class: "config", Err: err}
	}
	t, err := newTarget(cfg)
	if err != nil {
		return nil, &DialError{Stage: "config", Class: "config", Err: err}
	}
	c := &Client{
		pace:       newPace(cfg.Slow),
		parser:     cfg.Parser,
		maxQueue:   cmp.Or(cfg.MaxQueue, defaultMaxQueue),
		maxMessage: cmp.Or(cfg.MaxMessage, defaultMaxMessage),
		old:        cfg.Engine == Engine3,
		raw:        cfg.Protocol == Frames || cfg.Protocol == Events,
	}
	if c.old || cfg.Ping > 0 {
		c.beat = &heartbeat{c: c}
	}
	if cfg.Namespace != NoNamespace && !c.raw {
		c.namespaces = mainOnly
		if name := cmp.Or(cfg.Namespace, "/"); name != "/" || len(cfg.More) > 0 {
			c.namespaces = append([]string{name}, cfg.More...)
		}
	}
	if err := c.dial(ctx, cfg, t); err != nil {
		if failed, ok := errors.AsType[*DialError](err); ok {
			failed.Protocol = cfg.Protocol
		}
		reason := TransportError
		if _, refused := errors.AsType[*ConnectError](err); refused {
			reason = ServerDisconnect
		}
		c.finish(&CloseError{Reason: reason, Cause: err})
		c.wg.Wait()
		return nil, err
	}
	c.Timings.Waited = time.Duration(c.bytes.waited.Load())
	return c, nil
}

func (c *Client) dial(ctx context.Context, cfg *Config, t *target) error {
	limited, cancel := context.WithTimeout(ctx, cmp.Or(cfg.Timeout, defaultTimeout))
	defer cancel()
	d := &dialing{ctx: limited, c: c, target: t, cfg: cfg}
	c.dialing = d
	defer func() { c.dialing = nil }()
	switch cfg.Protocol {
	case Frames:
		return d.frames()
	case Events:
		return d.events()
	}
	if plainTransport(cfg.Transport) {
		return d.plain()
	}
	switch cfg.Transport {
	case "", WebSocket:
		return d.websocket()
	case WebTransport:
		return d.webtransport()
	}
	if err := d.polling(); err != nil {
		return err
	}
	if cfg.Transport == Polling {
		c.poll.release()
		return nil
	}
	d.ctx = ctx
	return d.upgrade(cfg.Transport == UpgradeWebTransport)
}

// Run reads until the session ends and passes every event and acknowledgement to h, beginning with
// those that arrived during Dial. It answers pings. The error is always a
// *CloseError. Call Run once, on a goroutine of the caller; when it
// returns, the client has no goroutine and no connection any more.
func (c *Client) Run(h Handler) error {
	return c.over(c.run(h))
}

// over ends the session for the error that ended its reading, unless it has ended, and returns why
// it has.
func (c *Client) over(err error) error {
	c.finish(closeError(err))
	c.wg.Wait()
	c.drop()
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.end
}

func (c *Client) run(h Handler) error {
	if c.ws == nil && !c.poll.claim() {
		return ErrClosed
	}
	if err := c.begin(h); err != nil {
		return err
	}
	if c.beat != nil {
		c.beat.begin()
	}
	c.pace.start()
	if c.ws != nil {
		c.ws.rd.late, c.ws.rd.pace = c.late, c.pace
		return c.ws.run(h)
	}
	c.poll.get.rd.late, c.poll.get.rd.pace = c.late, c.pace
	switch {
	case c.poll.events != nil:
		return c.poll.follow(h)
	case c.plain && c.poll.every > 0:
		return c.poll.ask(h)
	case c.plain:
		return c.poll.listen(h)
	}
	return c.poll.run(h)
}

// begin handles what came during Dial, and sets the time by which the first ping has to come.
func (c *Client) begin(h Handler) error {
	c.running = true
	if c.ws == nil {
		c.poll.get.rd.dials = false
	} else if c.ws.rd != nil {
		c.ws.rd.dials = false
	}
	if c.work == nil {
		c.work = &work{}
	}
	c.listen(h)
	waiting := c.early
	c.early = nil
	for _, e := range waiting {
		if err := c.message(h, e.data, e.binary, e.came); err != nil {
			return err
		}
	}
	c.arm()
	return nil
}

// drop gives the read buffers and the QUIC connection back: an owner may keep an ended client for
// its figures.
func (c *Client) drop() {
	switch {
	case c.ws == nil:
		c.poll.drop()
	case c.ws.rd != nil:
		c.ws.rd.release()
	}
	in, out := c.Bytes()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.bytes.in.Store(in)
	c.bytes.out.Store(out)
	c.quic = nil
}

// arm sets the time by which the next ping has to come. It is called once for
// a ping and not for every message: only pings prove that the server's heartbeat
// is alive.
func (c *Client) arm() {
	if !c.running || c.plain || c.pingInterval == 0 {
		return // a baseline has no heartbeat
	}
	c.mu.Lock()
	link, ended := c.links[mainSlot], c.end != nil
	c.mu.Unlock()
	if ended {
		return // its deadline must stay
	}
	_ = link.SetReadDeadline(time.Now().Add(c.lastPing + c.pingInterval + c.pingTimeout - Now()))
}

// late is called when the time for a ping is over. The ping may be among the
// bytes that have arrived and that a busy process has not read yet: as long as
// there are such bytes, the client reads on for at most another pingTimeout.
func (c *Client) late(rd *reader) error {
	c.mu.Lock()
	ended := c.end
	c.mu.Unlock()
	if ended != nil {
		return ended // another goroutine has set the deadline, to end the read
	}
	if c.beat != nil {
		if left := c.beat.limit(rd.at) - Now(); left > 0 {
			return rd.src.SetReadDeadline(time.Now().Add(left))
		}
	}
	if c.pace != nil {
		// The unread data may hold the ping, so the server decides whether the pong is overdue.
		return rd.src.SetReadDeadline(time.Now().Add(c.pingInterval + c.pingTimeout))
	}
	timeout := &CloseError{Reason: PingTimeout}
	if c.grace || rd.src.SetReadDeadline(time.Now().Add(c.pingTimeout)) != nil {
		return timeout
	}
	c.grace = true
	if n, err := rd.fillNow(); n == 0 && err == nil {
		return timeout
	} else if err != nil {
		return err
	}
	return nil
}

// Send sends one Socket.IO text packet, without the Engine.IO '4' before it, such as `2["echo",1]`;
// for a namespace other than the main one the caller writes the namespace into it. The bytes are
// framed before Send returns. It never waits for the network: bytes that the kernel does not take
// are queued up to Config.MaxQueue, beyond which nothing is sent and the error is
// [ErrBackpressure]. Packets leave in the order of the calls.
//
// Of [Frames] the packet is one text frame. Of [Events] it is an HTTP request in the form
//
//	[ID] METHOD PATH CRLF [NAME: VALUE CRLF]... CRLF BODY
//
// without a blank behind the ID, such as "7POST /say\r\n\r\n{}". Requests of a client follow each
// other over a connection of their own, with the header fields of its Config. An answer is passed
// to Handler.Ack if the request has an ID, and otherwise only if its status is not 2xx or the
// request failed.
//
// After the end of the session the error is [ErrClosed], or the failure of the
// connection where Send is the one to find it.
func (c *Client) Send(packet []byte) error {
	switch {
	case c.plain && c.ws != nil:
		return c.ws.sendPlain(packet)
	case c.plain:
		return c.poll.sendPlain(packet)
	case c.ws != nil:
		return c.ws.send(packet)
	case c.raw:
		return c.poll.sendRequest(packet)
	}
	return c.poll.send(packet)
}

// SendBinary is Send for a packet with attachments, such as
// `51-["upload",{"_placeholder":true,"num":0}]`. No other packet gets between
// them. Without a packet, the attachments are messages of their own: packets of
// the MessagePack parser, or of bare Engine.IO.
func (c *Client) SendBinary(packet []byte, attachments ...[]byte) error {
	if c.plain || c.raw && c.ws == nil {
		return errors.New("a baseline or a stream of events carries no binary")
	}
	if c.ws != nil {
		return c.ws.send(packet, attachments...)
	}
	return c.poll.send(packet, attachments...)
}

// Close ends the session: it sends a close to the server, drops the queue, and makes Run return. No
// close is sent behind a message that the kernel or the server has not taken yet. Over polling it
// waits up to 250 ms for the answer. It waits for the goroutines that send but not for Run, so a
// handler may call it. The error is always nil.
func (c *Client) Close() error {
	c.finish(&CloseError{Reason: ClientDisconnect})
	c.wg.Wait()
	return nil
}

// Cut ends the session as a network failure would: no close is sent, and Run returns with
// [TransportClose]. It does not wait.
func (c *Client) Cut() { c.finish(&CloseError{Reason: TransportClose}) }

// Bytes returns the bytes read and written so far above TCP, including frames, HTTP and TLS; of
// WebTransport above UDP, including QUIC and what it has sent again.
func (c *Client) Bytes() (in, out uint64) {
	c.mu.Lock()
	q := c.quic
	c.mu.Unlock()
	if q != nil {
		s := q.quic.ConnectionStats()
		in, out = s.BytesReceived, s.BytesSent
	}
	return in + c.bytes.in.Load(), out + c.bytes.out.Load()
}

// start runs f, a goroutine that sends, unless the session is over.
func (c *Client) start(f func()) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.end != nil {
		return false
	}
	c.wg.Go(f)
	return true
}

// adopt makes link one of the client's connections: the end of the session and
// the guard of a Dial reach it from now on.
func (c *Client) adopt(slot int, link *conn) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.links[slot] = link
	if c.interrupted {
		_ = link.SetDeadline(past)
	}
	if c.end != nil {
		_ = link.hardClose()
	}
}

// abandon closes a connection that the session does not need.
func (c *Client) abandon(slot int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.links[slot] != nil {
		_ = c.links[slot].hardClose()
		c.links[slot] = nil
	}
}

// interrupt makes all I/O fail, or lets it run again.
func (c *Client) interrupt(on bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.interrupted = on
	deadline := time.Time{}
	if on {
		deadline = past
	}
	for _, link := range c.links {
		if link != nil {
			_ = link.SetDeadline(deadline)
		}
	}
}

// finish ends the session for the reason given, unless it is over, and closes
// its connections.
func (c *Client) finish(reason *CloseError) {
	c.mu.Lock()
	first := c.end == nil
	if first {
		c.end = reason
	}
	c.mu.Unlock()
	if !first {
		return
	}
	c.pace.end()
	c.beat.stop()
	switch {
	case c.ws != nil:
		c.ws.shut(c.goodbye(reason.Reason))
	case c.poll != nil:
		c.poll.shut(c.goodbye(reason.Reason))
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, link := range c.links {
		if link != nil {
			_ = link.hardClose()
		}
	}
}

// goodbye returns the last bytes for the server: the official client leaves
// the namespace and then closes the engine; where the reason is not its own, it
// only closes the engine; and on a transport that failed there is nothing to
// say.
func (c *Client) goodbye(reason string) []byte {
	quic := c.ws != nil && c.ws.quic != nil
	if reason == TransportClose || reason == TransportError || quic && reason == PingTimeout {
		return nil
	}
	leave := c.namespaces
	if reason != ClientDisconnect {
		leave = nil
	}
	out := []byte{}
	for _, name := range leave {
		p := c.parser.AppendDisconnect(nil, name)
		if c.ws == nil {
			out = engineio.AppendPayload(out, engineio.Packet{Type: engineio.Message, Binary: c.parser.IsBinary(), Data: p})
		} else {
			out = c.ws.appendMessage(out, p, c.parser.IsBinary())
		}
	}
	switch {
	case quic:
		return out // the end of the session says the rest
	case (c.plain || c.raw) && c.ws == nil:
		return nil
	case c.ws == nil:
		return engineio.AppendPayload(out, engineio.Packet{Type: engineio.Close})
	}
	return appendClose(out, ws.CodeNoStatus)
}
