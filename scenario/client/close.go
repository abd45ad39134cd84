package client

import (
	"time"

	"github.com/throng-io/throng/protocol/engineio"
	ws "github.com/throng-io/throng/protocol/websocket"
)

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
