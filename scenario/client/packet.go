package client

import (
	"encoding/json"
	"errors"
	"time"

	"github.com/throng-io/throng/protocol/engineio"
	"github.com/throng-io/throng/protocol/socketio"
)

// early is a message that came before Run.
type early struct {
	binary bool
	data   []byte
	at     time.Duration
}

// packet handles one engine packet; h is nil during Dial.
func (c *Client) packet(h Handler, p engineio.Packet, at time.Duration) error {
	switch p.Type {
	case engineio.Message:
		return c.message(h, p.Data, p.Binary, at)
	case engineio.Ping:
		c.lastPing, c.grace = Now(), false // not at: a busy process may handle it late
		c.arm()
		var err error
		if c.ws != nil {
			err = c.ws.pong()
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
	return nil // noop, and what has no meaning on an open session
}

// message handles one Socket.IO message.
func (c *Client) message(h Handler, b []byte, binary bool, at time.Duration) error {
	if h == nil {
		return c.joining(b, binary, at)
	}
	if binary || c.decoder != nil && c.decoder.Pending() > 0 {
		return c.assemble(h, b, binary, at)
	}
	p := &c.pkt
	if err := p.Parse(b); err != nil {
		return &CloseError{Reason: ParseError, Cause: err}
	}
	if p.Attachments > 0 {
		return c.assemble(h, b, false, at)
	}
	return c.dispatch(h, p, at)
}

// assemble handles the messages of packets with attachments, which are rare
// enough to parse the text twice and to have a decoder only where needed.
func (c *Client) assemble(h Handler, b []byte, binary bool, at time.Duration) error {
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
	if err != nil {
		return &CloseError{Reason: ParseError, Cause: err}
	}
	if p == nil {
		return nil
	}
	err = c.dispatch(h, p, at)
	c.decoder.Reset()
	return err
}

// dispatch hands a packet of the client's namespace to the handler.
func (c *Client) dispatch(h Handler, p *socketio.Packet, at time.Duration) error {
	if string(p.Namespace) != c.namespace {
		return nil // the official client, too, ignores namespaces it never asked for
	}
	m := &c.msg
	*m = Message{ID: p.ID, HasID: p.HasID, Attachments: p.Binary, At: at}
	switch p.Type {
	case socketio.Event, socketio.BinaryEvent:
		var err error
		if m.Name, m.Args, err = socketio.SplitEvent(p.Data); err != nil {
			return &CloseError{Reason: ParseError, Cause: err}
		}
		h.Event(m)
	case socketio.Ack, socketio.BinaryAck:
		if p.HasID && p.Data != nil {
			m.Args = socketio.AckArgs(p.Data)
			h.Ack(m)
		}
	case socketio.Disconnect:
		return &CloseError{Reason: ServerDisconnect}
	case socketio.ConnectError:
		return &CloseError{Reason: ServerDisconnect, Cause: connectError(p.Data)}
	}
	return nil
}

// joining handles a message during Dial: the answer to CONNECT is taken, all
// else is kept for Run.
func (c *Client) joining(b []byte, binary bool, at time.Duration) error {
	if !binary && !c.joined && len(b) > 0 && (b[0] == '0'+byte(socketio.Connect) || b[0] == '0'+byte(socketio.ConnectError)) {
		var p socketio.Packet
		if err := p.Parse(b); err != nil {
			return &CloseError{Reason: ParseError, Cause: err}
		}
		if string(p.Namespace) != c.namespace {
			return nil
		}
		if p.Type == socketio.ConnectError {
			return connectError(p.Data)
		}
		var answer struct {
			SID string `json:"sid"`
		}
		if err := json.Unmarshal(p.Data, &answer); err != nil || answer.SID == "" {
			return protocolError("CONNECT was answered without a sid: the server may speak Socket.IO 2")
		}
		c.joined = true
		return nil
	}
	if c.earlyBytes += len(b); c.earlyBytes > c.maxMessage {
		return protocolError("too many messages before the namespace was joined")
	}
	c.early = append(c.early, early{binary: binary, data: append([]byte(nil), b...), at: at})
	return nil
}

// connectError decodes the payload of a CONNECT_ERROR: an object, or a bare
// string from old servers.
func connectError(data []byte) *ConnectError {
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
