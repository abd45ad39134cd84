// Package bus carries bytes between the nodes of a cluster, over a broker that is there already.
//
// Items to publish wait in a queue that is bounded in bytes, and one goroutine sends them: a broker
// that does not answer delays no caller, and items beyond the bound are dropped and counted.
package bus

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

// Stats counts what went over a bus.
type Stats struct {
	Connected                 bool   // publishing works, and every subscription that is wanted is there
	Published, PublishedBytes uint64 // messages that the broker has accepted, with their channels
	Received, ReceivedBytes   uint64 // messages that came from it
	Dropped                   uint64 // messages and commands not sent because the queue was full, or not taken in time
	Failed                    uint64 // messages and commands that the broker refused, or under way when a connection ended
	Reconnects                uint64 // connections for subscriptions that were made anew
	Missed                    uint64 // messages that a stream dropped before they were read here
	Queued                    int    // bytes that wait to be sent
}

// Item is something to publish.
type Item struct {
	Channel string
	Payload []byte
	Fields  []string                      // of an entry of a stream, in place of Payload
	Verb    string                        // a command about the key Channel with Fields, in place of an entry of a stream
	Done    func(reply string, err error) // called once, in the order of items; or nil
}

// size is what the item takes while it waits.
func (i *Item) size() int { return i.bytes() + 64 }

// bytes is how many bytes of the item are sent.
func (i *Item) bytes() int {
	n := len(i.Channel) + len(i.Payload)
	for _, f := range i.Fields {
		n += len(f)
	}
	return n
}

// outbox is the queue of what is to be sent, and the goroutine that sends it.
type outbox struct {
	limit int
	send  func(ctx context.Context, batch []Item) (unsent []Item)

	doubtful bool // the connection ended with items under way; send's own

	published, bytesOut, dropped, failed atomic.Uint64

	mu     sync.Mutex
	queue  []Item
	bytes  int
	wake   chan struct{}
	closed bool
	done   chan struct{}
}

// maxBatch is how many messages are sent before answers are waited for.
const maxBatch = 512

// retry is the pause before what could not be sent is tried again.
const retry = 100 * time.Millisecond

func newOutbox(limit int, send func(context.Context, []Item) []Item) *outbox {
	return &outbox{limit: limit, send: send, wake: make(chan struct{}, 1), done: make(chan struct{})}
}

// put queues an item, and reports whether there was room for it.
func (o *outbox) put(i Item) bool {
	size := i.size()
	o.mu.Lock()
	if o.closed || o.bytes+size > o.limit {
		o.mu.Unlock()
		o.dropped.Add(1)
		return false
	}
	o.queue = append(o.queue, i)
	o.bytes += size
	o.mu.Unlock()
	select {
	case o.wake <- struct{}{}:
	default:
	}
	return true
}

// run sends until ctx ends, or until the outbox is closed and empty.
func (o *outbox) run(ctx context.Context) {
	defer close(o.done)
	var batch []Item
	for {
		o.mu.Lock()
		if len(batch) == 0 {
			n := min(len(o.queue), maxBatch)
			batch = append(batch[:0], o.queue[:n]...)
			rest := copy(o.queue, o.queue[n:])
			clear(o.queue[rest:])
			o.queue = o.queue[:rest]
		}
		closed := o.closed
		o.mu.Unlock()
		if len(batch) == 0 {
			if closed {
				return
			}
			select {
			case <-o.wake:
				continue
			case <-ctx.Done():
				return
			}
		}
		all := size(batch)
		unsent := o.send(ctx, batch)
		o.mu.Lock()
		o.bytes -= all - size(unsent)
		o.mu.Unlock()
		if batch = append(batch[:0], unsent...); len(batch) == 0 {
			continue
		}
		select {
		case <-time.After(retry):
		case <-ctx.Done():
			return
		}
	}
}

func size(items []Item) (n int) {
	for i := range items {
		n += items[i].size()
	}
	return n
}

// close stops the queue and waits until it is empty or ctx ends.
func (o *outbox) close(ctx context.Context) {
	o.mu.Lock()
	o.closed = true
	o.mu.Unlock()
	select {
	case o.wake <- struct{}{}:
	default:
	}
	select {
	case <-o.done:
	case <-ctx.Done():
	}
}

// count notes what has become of an item that was sent.
func (o *outbox) count(i *Item, err error) {
	if err != nil {
		o.failed.Add(1)
		return
	}
	o.published.Add(1)
	o.bytesOut.Add(uint64(i.bytes()))
}

func (o *outbox) stats() Stats {
	o.mu.Lock()
	queued := o.bytes
	o.mu.Unlock()
	return Stats{
		Published: o.published.Load(), PublishedBytes: o.bytesOut.Load(), Dropped: o.dropped.Load(), Failed: o.failed.Load(), Queued: queued,
	}
}

// with adds an outbox of commands. A command is no message, so that its success counts nowhere; a
// loss must be seen.
func (s Stats) with(commands *outbox) Stats {
	other := commands.stats()
	s.Dropped += other.Dropped
	s.Failed += other.Failed
	s.Queued += other.Queued
	return s
}
