package client

import (
	"encoding/json"
	"errors"

	"github.com/throng-io/throng/protocol/engineio"
	"github.com/throng-io/throng/protocol/socketio"
)

// earlyCost is about what keeping a message before Run takes besides its bytes: a server may send
// empty ones.
const earlyCost = 80

// early is a message that came before Run.
type early struct {
	binary bool
	data   []byte
	came   arrival
}

// packet handles one engine packet; h is nil during Dial.
func (c *Client) packet(h Handler, p engineio.Packet, came arrival) error {
	switch p.Type {
	case engineio.Message:
		return c.message(h, p.Data, p.Binary, came)
	case engineio.Pong:
		if c.beat != nil {
			c.beat.ponged(came)
		}
	case engineio.Ping:
		if c.old {
			return newerError("the server sent a ping, as Engine.IO 4 does")
		}
		// not when it was read: a busy process may handle it late
		c.lastPing, c.grace = Now(), false
		c.arm()
		var err error
		if c.ws != nil {
			err = c.ws.pong()
			c.ws.echo()
		} else {
			err = c.poll.pong()
		}
		if errors.Is(err, ErrBackpressure) {
			return nil // the server does not read; it will give up on us
		}
		return err
	case engineio.Close:
		return &CloseError{Reason: TransportClose, Cause: errors.New("engine close packet")}
	}
	return nil // noop, and packets without meaning on an open session
}

// message handles one Socket.IO message.
func (c *Client) message(h Handler, b []byte, binary bool, came arrival) error {
	if h == nil {
		return c.joining(b, binary, came)
	}
	if len(c.namespaces) == 0 {
		c.msg = Message{Args: b, At: came.at, From: came.from, Until: came.until}
		if binary {
			c.msg.Args, c.msg.Attachments = nil, [][]byte{b}
		}
		h.Event(&c.msg)
		return nil
	}
	if c.parser.IsBinary() {
		if !binary {
			return &CloseError{Reason: ParseError, Cause: errTextPacket}
		}
		if err := c.pkt.ParseMessagePack(b); err != nil {
			return &CloseError{Reason: ParseError, Cause: err}
		}
		return c.dispatch(h, &c.pkt, came)
	}
	if binary || c.decoder != nil && c.decoder.Pending() > 0 {
		return c.assemble(h, b, binary, came)
	}
	p := &c.pkt
	if err := p.Parse(b); err != nil {
		return &CloseError{Reason: ParseError, Cause: err}
	}
	if p.Attachments > 0 {
		return c.assemble(h, b, false, came)
	}
	return c.dispatch(h, p, came)
}

// assemble handles the messages of packets with attachments, which are rare
// enough to parse the text twice and to have a decoder only where needed.
func (c *Client) assemble(h Handler, b []byte, binary bool, came arrival) error {
	if c.decoder == nil {
		c.decoder = &socketio.Decoder{MaxBytes: c.maxMessage}
	}
	var (
		p   *socketio.Packet
		err error
	)
	if binary {
		p, err = c.decoder.Binary(b)
	} else {
		p, err = c.decoder.Text(b)
	}
	if errors.Is(err, socketio.ErrTooLarge) {
		return &LimitError{What: "sum of the attachments of a packet", Limit: c.maxMessage}
	}
	if err != nil {
		return &CloseError{Reason: ParseError, Cause: err}
	}
	if p == nil {
		return nil
	}
	err = c.dispatch(h, p, came)
	c.decoder.Reset()
	return err
}

// errTextPacket reports that the server speaks JSON to a client with another parser.
var errTextPacket = errors.New("a text packet where the MessagePack parser was asked for: the server speaks JSON")

// space returns the place of a namespace among the client's, -1 for another.
func (c *Client) space(name []byte) int {
	for i, own := range c.namespaces {
		if string(name) == own {
			return i
		}
	}
	return -1
}

// dispatch passes a packet of one of the client's namespaces to the handler.
func (c *Client) dispatch(h Handler, p *socketio.Packet, came arrival) error {
	space := c.space(p.Namespace)
	if space < 0 {
		return nil // the official client, too, ignores namespaces it never asked for
	}
	m := &c.msg
	*m = Message{Space: space, ID: p.ID, HasID: p.HasID, Attachments: p.Binary, At: came.at, From: came.from, Until: came.until}
	switch p.Type {
	case socketio.Event, socketio.BinaryEvent:
		var err error
		if m.Name, m.Args, err = c.parser.SplitEvent(p.Data); err != nil {
			return &CloseError{Reason: ParseError, Cause: err}
		}
		if c.pid != "" && space == 0 && !m.HasID {
			c.remember(m.Args)
		}
		h.Event(m)
	case socketio.Ack, socketio.BinaryAck:
		if p.HasID && p.Data != nil {
			m.Args = c.parser.AckArgs(p.Data)
			h.Ack(m)
		}
	case socketio.Disconnect:
		return &CloseError{Reason: ServerDisconnect}
	case socketio.ConnectError:
		return &CloseError{Reason: ServerDisconnect, Cause: c.connectError(p.Data)}
	}
	return nil
}

// joining handles a message during Dial: the answer to CONNECT is taken, all
// else is kept for Run.
func (c *Client) joining(b []byte, binary bool, came arrival) error {
	d := c.dialing
	if d.joined < len(c.namespaces) {
		taken, err := c.answered(b, binary, came)
		if taken || err != nil {
			return err
		}
	}
	if d.early += len(b) + earlyCost; d.early > c.maxMessage {
		return &LimitError{What: "sum of the messages that came while the client connected", Limit: c.maxMessage}
	}
	c.early = append(c.early, early{binary: binary, data: append([]byte(nil), b...), came: came})
	return nil
}

// answered takes the answer to a CONNECT; anything else is left.
func (c *Client) answered(b []byte, binary bool, came arrival) (taken bool, err error) {
	if !binary && c.parser.IsBinary() && len(b) > 0 && b[0] == '0'+byte(socketio.ConnectError) {
		return true, protocolError(errTextPacket.Error())
	}
	if binary != c.parser.IsBinary() || !binary && (len(b) == 0 || b[0] != '0'+byte(socketio.Connect) && b[0] != '0'+byte(socketio.ConnectError)) {
		return false, nil
	}
	var p socketio.Packet
	if err := c.parser.Parse(&p, b); err != nil {
		return true, &CloseError{Reason: ParseError, Cause: err}
	}
	if p.Type != socketio.Connect && p.Type != socketio.ConnectError {
		return false, nil
	}
	space, d := c.space(p.Namespace), c.dialing
	// A server of revision 3 lets its clients into the main namespace first, unasked, and answers
	// no other CONNECT of one that a middleware has refused there.
	barred := c.old && p.Type == socketio.ConnectError && string(p.Namespace) == "/"
	if space < 0 && !barred || p.Type == socketio.Connect && d.in[space] {
		return true, nil // it was not asked for, or has been answered: others may still be awaited
	}
	if d.cfg.Joining != nil {
		// a payload that cannot be decoded is refused below
		data, _ := c.parser.AppendJSON(nil, p.Data)
		d.cfg.Joining(Handshake{Refused: p.Type == socketio.ConnectError, Namespace: string(p.Namespace), Data: data, At: came.at})
	}
	if p.Type == socketio.ConnectError {
		return true, c.connectError(p.Data)
	}
	if c.old {
		d.enter(space)
		return true, nil
	}
	var answer struct {
		SID string `json:"sid"`
		PID string `json:"pid"`
	}
	data, err := c.parser.AppendJSON(nil, p.Data)
	if err != nil || json.Unmarshal(data, &answer) != nil || answer.SID == "" {
		return true, versionError("CONNECT was answered without a sid, as Socket.IO 2 does")
	}
	c.welcomed(space, answer.SID, answer.PID)
	d.enter(space)
	return true, nil
}

// connectError decodes the payload of a CONNECT_ERROR: an object, or a bare
// string from old servers.
func (c *Client) connectError(data []byte) *ConnectError {
	if text, err := c.parser.AppendJSON(nil, data); err == nil {
		data = text
	}
	var e struct {
		Message string          `json:"message"`
		Data    json.RawMessage `json:"data"`
	}
	if json.Unmarshal(data, &e) != nil {
		if json.Unmarshal(data, &e.Message) != nil {
			e.Message = string(data)
		}
	}
	return &ConnectError{Message: e.Message, Data: e.Data}
}
