package client

import (
	"context"
	"errors"
	"time"
)

// Message is one event or acknowledgement as it arrived. It and everything it
// points to are valid until the handler returns: copy what must live longer.
type Message struct {
	Name        []byte        // the event's name without quotes, as it stands in the JSON; nil for an acknowledgement
	Args        []byte        // raw JSON list of the arguments, e.g. `1,{"a":2}`; empty without arguments
	Attachments [][]byte      // binary attachments in order
	ID          uint64        // of the acknowledgement, or of the one the sender of the event asks for
	HasID       bool          // an event with an ID asks for an acknowledgement; an acknowledgement always has one
	At          time.Duration // when the read that brought it returned, on the clock of Now
}

// Handler takes what a client receives. Its methods are called one at a time,
// on the goroutine that called [Client.Run], in the order of arrival. They may
// call Send and Close; while they run nothing more is read.
type Handler interface {
	Event(m *Message)
	Ack(m *Message)
}

// Timings are the durations of the stages of a Dial that were passed.
type Timings struct {
	TCP       time.Duration // name resolution and the TCP connection
	TLS       time.Duration // TLS handshake; 0 without TLS
	Open      time.Duration // from the request to the engine's open packet
	Namespace time.Duration // from CONNECT to the server's answer
	Upgrade   time.Duration // from the second connection's start to the upgrade packet; 0 without an upgrade
}

// Client is one connected simulated client.
type Client struct {
	Timings    Timings // set by Dial
	UpgradeErr error   // why an asked upgrade failed and the client stayed on polling; a *DialError; set by Dial
}

// Dial opens the transport, joins the namespace and, for Upgrade, moves on to
// websocket. Errors are *DialError. It starts nothing that outlives it.
func Dial(ctx context.Context, cfg *Config) (*Client, error) {
	return nil, errors.New("client: being written")
}

// Run reads until the session ends and hands every event and acknowledgement to h.
func (c *Client) Run(h Handler) error { return errors.New("client: being written") }

// Send sends one Socket.IO text packet, without the Engine.IO '4' before it.
func (c *Client) Send(packet []byte) error { return errors.New("client: being written") }

// SendBinary sends one Socket.IO packet with its attachments.
func (c *Client) SendBinary(packet []byte, attachments ...[]byte) error {
	return errors.New("client: being written")
}

// Close ends the session from any goroutine.
func (c *Client) Close() error { return nil }

// Bytes returns what was read and written so far above TCP.
func (c *Client) Bytes() (in, out uint64) { return 0, 0 }
