package client

import (
	"time"
)

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
		c.ws.rd.end()
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
	n, err := rd.fillNow()
	if err == nil && n == 0 && !rd.src.hidden() {
		return timeout
	}
	return err
}
