package client

import (
	"cmp"
	"context"
	"errors"
	"sync"
	"time"

	"github.com/throng-io/throng/protocol/socketio"
)

// Timings are the durations of the stages of a Dial that were passed.
type Timings struct {
	TCP       time.Duration // name resolution and the TCP connection; 0 with WebTransport
	TLS       time.Duration // TLS handshake; 0 without TLS
	Resumed   bool          // it has resumed the session of an earlier connection
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
	running  bool
	grace    bool // the time for a ping is over, but not all that arrived is read
	lastPing time.Duration
	early    []early
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
	d := &dialing{ctx: limited, c: c, target: t, cfg: cfg, in: make([]bool, len(c.namespaces))}
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
