package client

import (
	"bytes"
	"encoding/json"
	"time"

	"github.com/throng-io/throng/protocol/socketio"
)

// A Session identifies a client to a server with connection state recovery. A client that
// reconnects with it within the server's time limit is the same socket as before: with its id, its
// rooms, and the events that it missed.
type Session struct {
	PID    string // private id, from the answer to CONNECT
	Offset string // of the last event that carried one; "" = none did. Of Events its id

	// of Events: how long the server asks clients to wait before they come back; 0 = not said
	Retry time.Duration
}

// Session returns the data for connection state recovery; the zero Session when the server offers
// none. Only the first namespace and the JSON parser take part. Call it after Run has returned.
func (c *Client) Session() Session {
	s := Session{PID: c.pid, Offset: string(c.offset)}
	if c.poll != nil && c.poll.events != nil {
		s.Retry = c.poll.events.retry
	}
	return s
}

// Patience is how long the server waits for the client's answer to a ping, or in revision 3 for its
// ping, before it gives the client up. 0: it has no heartbeat.
func (c *Client) Patience() time.Duration {
	if c.old {
		return c.pingInterval + c.pingTimeout
	}
	return c.pingTimeout
}

// Recovered reports whether the server took the client for the socket that it
// had been, with Config.Recover.
func (c *Client) Recovered() bool { return c.recovered }

// auth is the payload of a CONNECT: the caller's auth and, in the first namespace, the recovery
// fields.
func (d *dialing) auth(namespace string) json.RawMessage {
	auth, was := d.cfg.Auth, d.cfg.Recover
	if was.PID == "" || namespace != d.c.namespaces[0] || d.c.parser.IsBinary() {
		return auth
	}
	out := append([]byte(`{"pid":`), socketio.AppendString(nil, was.PID)...)
	out = socketio.AppendString(append(out, `,"offset":`...), was.Offset)
	members, is := bytes.CutPrefix(bytes.TrimSpace(auth), []byte("{"))
	if members = bytes.TrimSpace(members); is && len(members) > 1 {
		return append(append(out, ','), members...)
	}
	return append(out, '}')
}

// SIDs returns the client's socket ids, by namespace in the order of Config: the names by which a
// server may send to one client. They do not change, and the caller must not change the slice.
func (c *Client) SIDs() []string { return c.sids }

// welcomed takes the socket id of a namespace, and the private id of the first one.
func (c *Client) welcomed(space int, sid, pid string) {
	if c.sids == nil {
		c.sids = make([]string, len(c.namespaces))
	}
	c.sids[space] = sid
	if space == 0 && !c.parser.IsBinary() {
		was := c.dialing.cfg.Recover
		c.recovered = pid != "" && pid == was.PID
		c.pid = pid
		if c.recovered {
			c.offset = append(c.offset[:0], was.Offset...)
		}
	}
}

// remember keeps the offset of an event: its last argument, where that is a
// string, as official clients take it.
func (c *Client) remember(args []byte) {
	n := len(args)
	if n < 2 || args[n-1] != '"' {
		return
	}
	begin := bytes.LastIndexByte(args[:n-1], '"')
	if begin < 0 || begin > 0 && args[begin-1] != ',' {
		return
	}
	c.offset = append(c.offset[:0], args[begin+1:n-1]...)
}

// Vanish makes the client go without a word, as one does whose network is gone:
// Run returns with [TransportClose], nothing is read or sent any more, and the
// connections stay open until CloseVanished. The server has to find out by itself. It does
// not wait.
func (c *Client) Vanish() {
	c.mu.Lock()
	if c.end != nil {
		c.mu.Unlock()
		return
	}
	c.end = &CloseError{Reason: TransportClose}
	c.mu.Unlock()
	c.pace.end()
	c.beat.stop()
	switch {
	case c.ws != nil:
		c.ws.shut(nil)
	case c.poll != nil:
		c.poll.shut(nil)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, link := range c.links {
		if link != nil {
			_ = link.SetDeadline(past)
		}
	}
}

// CloseVanished closes the connections of a client that has vanished, without a word.
func (c *Client) CloseVanished() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, link := range c.links {
		if link != nil {
			_ = link.hardClose()
		}
	}
}

// Stall makes the client read nothing for a while from now on. It needs a Config.Slow, whose zero
// value reads as fast as possible until then. A read in progress may still return data.
func (c *Client) Stall(d time.Duration) {
	if c.pace != nil {
		c.pace.until.Store(int64(Now() + d))
	}
}
