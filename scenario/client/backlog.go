package client

import (
	"cmp"
	"time"
)

// A backlog notes since when there is something of what was given to Send that the system has not
// taken or, over polling, the server has not acknowledged. Its owner's lock guards it.
type backlog struct {
	queued  time.Duration // the oldest in the queue; 0: it is empty
	writing time.Duration // the oldest of what is being written
}

// add notes that something has come into the queue.
func (b *backlog) add() {
	if b.queued == 0 {
		b.queued = max(1, Now())
	}
}

// take notes that the oldest of the queue is being written: all of it, or a part.
func (b *backlog) take(all bool) {
	if b.writing = b.queued; all {
		b.queued = 0
	}
}

// done notes that what was being written is taken.
func (b *backlog) done() { b.writing = 0 }

// since is the time of the oldest that is not; 0: there is none.
func (b *backlog) since() time.Duration { return cmp.Or(b.writing, b.queued) }

// Heard is when, on the clock of [Now], the server was heard last by its heartbeat, or when it
// welcomed the client if that was later; 0: the protocol has no heartbeat. It is for the time after
// Run has returned.
func (c *Client) Heard() time.Duration {
	if c.pingInterval == 0 {
		return 0
	}
	return c.lastPing
}

// Unsent is since when, on the clock of [Now], there is something that was given to Send and may
// not have reached the server, because the system or, over polling, the server had not taken it
// when the session ended; 0: there is nothing.
func (c *Client) Unsent() time.Duration {
	if w := c.ws; w != nil {
		w.mu.Lock()
		defer w.mu.Unlock()
		return w.backlog.since()
	}
	p := c.poll
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.backlog.since()
}
