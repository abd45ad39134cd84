package client

import (
	"sync/atomic"
	"time"

	"github.com/throng-io/throng/protocol/engineio"
)

// A heartbeat is the pings of a client that does not wait for the server's: in revision 3 of
// Engine.IO the client pings and the server answers, and over a plain websocket both may send ping
// frames. It needs no goroutine while it waits, only a timer.
type heartbeat struct {
	c     *Client
	timer *time.Timer // nil before Run; guarded by the client's mu

	sent atomic.Int64 // when the last ping left, as Now; 0: none has
	open atomic.Bool  // its pong has not come
}

// begin lets the first ping leave when one interval has passed since the session was opened.
func (b *heartbeat) begin() {
	c := b.c
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.end == nil {
		b.timer = time.AfterFunc(c.lastPing+c.pingInterval-Now(), b.ping)
	}
}

// stop ends the pings. A ping under way is waited for as every goroutine that sends. A nil
// heartbeat has none.
func (b *heartbeat) stop() {
	if b == nil {
		return
	}
	b.c.mu.Lock()
	defer b.c.mu.Unlock()
	if b.timer != nil {
		b.timer.Stop()
	}
}

// ping sends one and limits the wait for its pong.
func (b *heartbeat) ping() {
	c := b.c
	c.mu.Lock()
	if c.end != nil {
		c.mu.Unlock()
		return
	}
	c.wg.Add(1)
	defer c.wg.Done()
	b.sent.Store(int64(Now()))
	b.open.Store(true)
	// Before it is sent: its pong moves the deadline again. A failure shows in the next read.
	_ = c.links[mainSlot].SetReadDeadline(time.Now().Add(c.pingTimeout))
	c.mu.Unlock()
	// A ping that does not fit into a full queue is lost: the server does not read.
	switch {
	case c.raw:
		_ = c.ws.sendFrames(timePing())
		return
	case c.ws != nil:
		_ = c.ws.engine(engineio.Ping, "")
		return
	}
	_ = c.poll.enqueue(0, func(queue []byte) []byte {
		return engineio.AppendPayload(queue, engineio.Packet{Type: engineio.Ping})
	})
}

// ponged takes a pong. The next ping leaves one interval after it. It belongs to the reading
// goroutine.
func (b *heartbeat) ponged(came arrival) {
	c := b.c
	if !b.open.Swap(false) {
		return
	}
	c.lastPing, c.grace = Now(), false
	if heart := c.beats(); heart != nil {
		heart.RTT(max(0, came.moment()-time.Duration(b.sent.Load())))
	}
	c.arm()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.end == nil && b.timer != nil {
		b.timer.Reset(c.pingInterval)
	}
}

// limit is when the client gives the server up, as the official client does: a pong may take
// pingTimeout, and whatever arrives in its place shows that the server lives, for as long as there
// may be between two pongs. read is when the last bytes arrived.
func (b *heartbeat) limit(read time.Duration) time.Duration {
	c, sent := b.c, time.Duration(b.sent.Load())
	between := c.pingInterval + c.pingTimeout
	switch {
	case !b.open.Load():
		return c.lastPing + between
	case read > sent:
		return read + between
	}
	return sent + c.pingTimeout
}
