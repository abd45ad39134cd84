package client

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"time"

	ws "github.com/throng-io/throng/protocol/websocket"
)

// The values of [Config.Protocol].
const (
	SocketIO = "socketio"
	// Frames is a plain websocket whose frames have a form of the server's own. A packet given to
	// Send is one text frame, and each frame that arrives is an event without a name: the Args of a
	// text, the one attachment of a binary frame. SendBinary without a packet sends binary frames.
	Frames = "websocket"
	// Events is a stream of server-sent events, on which the server answers a GET. A packet given
	// to Send is an HTTP request: see [Client.Send].
	Events = "sse"
)

// plainPing is the longest payload that a ping frame of the client has: the time.
const plainPing = 8

// frames opens a plain websocket and, where the Config says so, greets the server and waits for its
// welcome.
func (d *dialing) frames() error {
	c := d.c
	release, began, err := d.open()
	if err != nil {
		return err
	}
	defer release()

	c.Timings.Open = Now() - began
	c.pingInterval, c.pingTimeout, c.lastPing = d.cfg.Ping, d.cfg.Ping, Now()
	if err := d.greet(); err != nil {
		return d.fail("namespace", err)
	}
	c.ws.rd.park()
	return nil
}

// greet sends the first frame and waits for the one that answers it.
func (d *dialing) greet() error {
	c, began := d.c, Now()
	if len(d.cfg.Hello) > 0 {
		if err := c.Send(d.cfg.Hello); err != nil {
			return err
		}
	}
	if d.cfg.Welcome == nil {
		return nil
	}
	for {
		opcode, frame, err := c.ws.next()
		if err != nil {
			return c.ws.refusal(err)
		}
		is, err := d.cfg.Welcome(frame, opcode == ws.Binary)
		if err != nil {
			return err
		}
		if is {
			c.Timings.Namespace = c.ws.rd.at - began
			return nil
		}
		if err := c.joining(frame, opcode == ws.Binary, c.ws.rd.arrival()); err != nil {
			return err
		}
	}
}

// timePing is a ping frame that carries the time.
func timePing() []byte {
	var at [plainPing]byte
	binary.BigEndian.PutUint64(at[:], uint64(Now()))
	return appendFrame(nil, ws.Ping, "", at[:])
}

// closed is the end of a session by a close frame of the server. Of a plain websocket the code is
// the reason, since it means what the server's authors say.
func (c *Client) closed(code ws.Code, reason []byte) *CloseError {
	if code == ws.CodeNoStatus {
		return &CloseError{Reason: TransportClose, Cause: errors.New("websocket: close frame without a code")}
	}
	e := &CloseError{Reason: TransportClose, Cause: fmt.Errorf("websocket: close frame %d %q", code, reason)}
	if c.raw {
		e.Reason = fmt.Sprintf("close %d", code)
	}
	return e
}

// subprotocol checks the server's choice.
func (t *target) subprotocol(chosen string) error {
	for name := range strings.SplitSeq(t.subprotocols, ", ") {
		if name == chosen {
			return nil
		}
	}
	if chosen == "" {
		return nil // section 4.2.2 of RFC 6455: a server may choose none
	}
	return protocolError(fmt.Sprintf("websocket handshake: the server chose the subprotocol %q, which was not offered", chosen))
}

// checkProtocol validates the fields of other protocols than Socket.IO.
func (cfg *Config) checkProtocol() error {
	switch cfg.Protocol {
	case "", SocketIO:
		if cfg.Ping != 0 || len(cfg.Hello) > 0 || cfg.Welcome != nil || len(cfg.Subprotocols) > 0 {
			return errors.New("the fields Ping, Hello, Welcome and Subprotocols cannot be used with Socket.IO")
		}
		return nil
	case Frames, Events:
	default:
		return fmt.Errorf("the Protocol %q must be %s, %s or %s", cfg.Protocol, SocketIO, Frames, Events)
	}
	if cfg.Transport != "" || cfg.Engine != 0 || cfg.Namespace != "" || len(cfg.More) > 0 || cfg.Parser.IsBinary() || len(cfg.Auth) > 0 {
		return fmt.Errorf("the Protocol %s has no transport, engine, namespace, parser or auth", cfg.Protocol)
	}
	if cfg.Ping < 0 || cfg.Ping > 0 && cfg.Ping < time.Millisecond {
		return errors.New("the Ping must be at least 1 ms, or 0")
	}
	for _, name := range cfg.Subprotocols {
		if name == "" || strings.ContainsFunc(name, func(r rune) bool { return r <= ' ' || r > '~' || strings.ContainsRune(`()<>@,;:\"/[]?={}`, r) }) {
			return fmt.Errorf("%q is not the name of a Subprotocol", name)
		}
	}
	if cfg.Protocol == Events && (cfg.Ping != 0 || len(cfg.Hello) > 0 || cfg.Welcome != nil || len(cfg.Subprotocols) > 0) {
		return errors.New("the fields Ping, Hello, Welcome and Subprotocols are for websockets")
	}
	return nil
}
