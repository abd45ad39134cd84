package client

import (
	"context"
	"crypto/tls"
	"net"
	"slices"
	"time"

	"github.com/throng-io/throng/protocol/engineio"
	"github.com/throng-io/throng/protocol/socketio"
	ws "github.com/throng-io/throng/protocol/websocket"
)

// connect opens one connection to t and measures its stages into tm, if given.
func (t *target) connect(ctx context.Context, bytes *traffic, tm *Timings) (*conn, error) {
	dialer := net.Dialer{
		KeepAlive: -1, // the heartbeat does its work, without three more system calls
		Control:   t.control,
	}
	if t.local.IsValid() {
		dialer.LocalAddr = &net.TCPAddr{IP: t.local.AsSlice(), Zone: t.local.Zone()}
	}
	began := Now()
	var tcp net.Conn
	var err error
	if t.dial != nil {
		tcp, err = t.dial(ctx, &dialer, t.addr)
	} else {
		tcp, err = t.names.Dial(ctx, &dialer, t.network, t.addr)
	}
	if err != nil {
		return nil, dialError(ctx, "tcp", err)
	}
	done := Now()
	if tm != nil {
		tm.TCP = done - began
	}
	plain := &counted{Conn: tcp, bytes: bytes}
	if t.tls == nil {
		return newConn(plain, rawConn(tcp), bytes), nil
	}
	raw := rawConn(tcp)
	if raw != nil && stampArrivals(raw) {
		plain.below = newBeneath(raw, bytes)
	}
	secure := tls.Client(plain, t.tls)
	if err := secure.HandshakeContext(ctx); err != nil {
		tcp.Close()
		return nil, dialError(ctx, "tls", err)
	}
	if tm != nil {
		tm.TLS, tm.Resumed = Now()-done, secure.ConnectionState().DidResume
	}
	c := newConn(secure, nil, bytes)
	if plain.below != nil {
		c.below, plain.below.waits = plain.below, &c.waits
	}
	if raw != nil {
		c.out = newEager(tcp, raw)
		plain.out = c.out
	}
	return c, nil
}

// past is a deadline that interrupts at once.
var past = time.Unix(1, 0)

// guard makes the end of ctx interrupt all I/O of c. The caller releases the
// guard, and with it any deadline of c's connections.
func guard(ctx context.Context, c *Client) (release func()) {
	fired := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		c.interrupt(true)
		close(fired)
	})
	return func() {
		if !stop() {
			<-fired
		}
		c.interrupt(false)
	}
}

// dialing is the state of a Dial.
type dialing struct {
	ctx    context.Context
	c      *Client
	target *target
	cfg    *Config
	in     []bool // of the client's namespaces, those that the server has let it into
	joined int    // how many those are
	early  int    // bytes of the messages that are kept for Run
}

// enter notes that the server has let the client into a namespace.
func (d *dialing) enter(space int) {
	d.in[space] = true
	d.joined++
}

func (d *dialing) fail(stage string, err error) error {
	return dialError(d.ctx, stage, err)
}

// open connects and makes the opening handshake of a websocket, which began then. Without an error
// the end of the dialing's context ends the connection until release.
func (d *dialing) open() (release func(), began time.Duration, err error) {
	c := d.c
	link, err := d.target.connect(d.ctx, &c.bytes, &c.Timings)
	if err != nil {
		return nil, 0, err
	}
	c.ws = newWebsocket(c, link)
	c.adopt(mainSlot, link)
	release = guard(d.ctx, c)
	began = Now()
	if err := c.ws.handshake(d.target, ""); err != nil {
		err = d.fail("open", err) // while the guard can still tell why
		release()
		return nil, 0, err
	}
	return release, began, nil
}

// websocket opens the session on websocket and joins the namespace.
func (d *dialing) websocket() error {
	c := d.c
	release, began, err := d.open()
	if err != nil {
		return err
	}
	defer release()

	opcode, payload, err := c.ws.next()
	if err != nil {
		return d.fail("open", c.ws.refusal(err))
	}
	p, err := engineio.Parse(payload)
	if err != nil || opcode != ws.Text || p.Type != engineio.Open {
		return d.fail("open", protocolError("the first message is not the engine's open packet"))
	}
	if _, err := d.opened(p, began); err != nil {
		return d.fail("open", err)
	}

	return d.joinAll()
}

// joinAll joins the namespaces over a websocket or WebTransport.
func (d *dialing) joinAll() error {
	c := d.c
	began := Now()
	for _, name := range d.asked() {
		p, err := d.connectPacket(name)
		if err != nil {
			return d.fail("namespace", err)
		}
		if p.Binary {
			err = c.ws.send(nil, p.Data)
		} else {
			err = c.ws.send(p.Data)
		}
		if err != nil {
			return d.fail("namespace", err)
		}
	}
	for d.joined < len(c.namespaces) {
		if err := c.ws.step(nil); err != nil {
			return d.fail("namespace", err)
		}
	}
	c.Timings.Namespace = c.ws.rd.at - began
	c.ws.rd.park()
	return nil
}

// opened takes the engine's handshake over.
func (d *dialing) opened(p engineio.Packet, began time.Duration) (engineio.Handshake, error) {
	h, err := engineio.ParseHandshake(p.Data)
	if err != nil {
		return h, &CloseError{Reason: ParseError, Cause: err}
	}
	c := d.c
	c.Timings.Open = Now() - began
	c.pingInterval, c.pingTimeout, c.lastPing = h.PingInterval, h.PingTimeout, Now()
	return h, nil
}

// asked lists the namespaces that the client asks for by CONNECT. A server of revision 3 joins it
// to the main one by itself.
func (d *dialing) asked() []string {
	list := d.c.namespaces
	if !d.c.old {
		return list
	}
	return slices.DeleteFunc(slices.Clone(list), func(name string) bool { return name == "/" })
}

// connectPacket returns the CONNECT of a namespace. With revision 3 it carries the query.
func (d *dialing) connectPacket(namespace string) (engineio.Packet, error) {
	p := engineio.Packet{Type: engineio.Message, Binary: d.c.parser.IsBinary()}
	if d.cfg.Joining != nil {
		d.cfg.Joining(Handshake{Sent: true, Namespace: namespace, Data: d.auth(namespace), At: Now()})
	}
	if query := d.cfg.Query.Encode(); d.c.old && query != "" {
		namespace += "?" + query
	}
	if !p.Binary {
		sp := socketio.Packet{Type: socketio.Connect, Namespace: []byte(namespace), Data: d.auth(namespace)}
		p.Data = sp.Append(nil)
		return p, nil
	}
	var err error
	p.Data, err = d.c.parser.AppendConnect(nil, namespace, d.cfg.Auth)
	return p, err
}

// polling opens the session on polling and joins the namespace.
func (d *dialing) polling() error {
	c := d.c
	link, err := d.target.connect(d.ctx, &c.bytes, &c.Timings)
	if err != nil {
		return err
	}
	c.adopt(mainSlot, link)
	p := newPolling(c, d.target, link)
	p.limit *= batch
	c.poll = p
	release := guard(d.ctx, c)
	defer release()

	began := Now()
	if err := p.get.write(p.appendGet(nil)); err != nil {
		return d.fail("open", err)
	}
	res, err := p.get.answer(p.limit, 200)
	if err != nil {
		return d.fail("open", err)
	}
	payload := c.payload(&res)
	if !payload.next() || payload.packet().Type != engineio.Open {
		return d.fail("open", notOpen(res.body, c.old))
	}
	h, err := d.opened(payload.packet(), began)
	if err != nil {
		return d.fail("open", err)
	}
	p.sid, p.maxPayload, p.upgrades = h.SID, h.MaxPayload, h.Upgrades
	if err := p.deliver(nil, &payload); err != nil {
		return d.fail("open", err)
	}

	began = Now()
	var body []byte
	for _, name := range d.asked() {
		p, err := d.connectPacket(name)
		if err != nil {
			return d.fail("namespace", err)
		}
		body = engineio.AppendPayload(body, p)
	}
	if len(body) > 0 {
		if err := p.exchange(d.ctx, body); err != nil {
			return d.fail("namespace", err)
		}
	}
	for d.joined < len(c.namespaces) {
		if err := d.join(p); err != nil {
			return d.fail("namespace", err)
		}
	}
	c.Timings.Namespace = p.get.rd.at - began
	p.get.rd.park()
	return nil
}

// join polls once for the answer to CONNECT.
func (d *dialing) join(p *polling) error {
	if err := p.step(d.ctx, nil); err != nil {
		return err
	}
	return p.drain(d.ctx)
}
