package bus

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/throng-io/throng/protocol/natsconn"
)

// NATS is a connection to a NATS server or cluster.
type NATS struct {
	conn   *nats.Conn
	health health
	out    *outbox
	msgs   chan *nats.Msg
	log    atomic.Pointer[Log] // nil unless there is one

	ctx    context.Context
	stop   context.CancelFunc
	ending sync.WaitGroup

	received, receivedBytes, reconnects atomic.Uint64

	mu       sync.Mutex
	wanted   map[string]func(channel, payload string) // by subject
	channels map[string]string
	subs     map[string]*nats.Subscription
	lost     uint64        // messages that came too fast for subscriptions that have ended
	again    chan struct{} // see Again
}

var errReconnected = errors.New("the connection ended while messages were under way")

// sendTime is how long the server may take to confirm what was published.
const sendTime = 10 * time.Second

// maxArrived is how many messages may wait for the server; those beyond it are lost.
const maxArrived = 1 << 16

// OpenNATS connects, and fails if that is not possible.
func OpenNATS(a Address, o Options) (*NATS, error) {
	b := &NATS{
		msgs:   make(chan *nats.Msg, maxArrived),
		wanted: map[string]func(string, string){}, channels: map[string]string{}, subs: map[string]*nats.Subscription{},
		again: make(chan struct{}),
	}
	b.out = newOutbox(o.MaxQueue, b.send)
	b.health = health{log: o.Logger, name: "NATS", counts: b.losses}
	b.ctx, b.stop = context.WithCancel(context.Background())
	var credentials []nats.Option
	var err error
	if !a.Embedded { // those of the environment are for another server
		if credentials, err = natsconn.Options(a.URL); err != nil {
			return nil, err
		}
	}
	conn, err := nats.Connect("", append(
		append(credentials, natsconn.Lasting(a.URL)...), nats.Name("throng"), nats.ReconnectWait(retry), nats.ReconnectJitter(retry, retry),
		// A write holds up the pings that would show that nobody is there.
		nats.Timeout(openTime), nats.FlusherTimeout(openTime), nats.PingInterval(5*time.Second), nats.MaxPingsOutstanding(2),
		nats.ReconnectHandler(func(*nats.Conn) {
			b.reconnects.Add(1)
			b.health.works("connection")
			b.health.works("permission")
			b.mu.Lock()
			defer b.mu.Unlock()
			close(b.again)
			b.again = make(chan struct{})
		}),
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) {
			if err != nil {
				b.health.fails("connection", err)
			}
		}),
		nats.ErrorHandler(func(_ *nats.Conn, sub *nats.Subscription, err error) {
			if sub != nil && errors.Is(err, nats.ErrSlowConsumer) {
				return // counted by the subscription
			}
			b.health.fails("permission", err) // a channel is refused, and stays so
		}),
	)...)
	if err != nil {
		return nil, fmt.Errorf("cannot connect to NATS: %w", err)
	}
	b.conn = conn
	b.ending.Go(func() { b.out.run(b.ctx) })
	b.ending.Go(b.dispatch)
	return b, nil
}

// subject is a channel as one token: names of rooms may hold what subjects must not.
func subject(channel string) string {
	if len(channel) > 1024 {
		sum := sha256.Sum256([]byte(channel))
		return "throng.h" + hex.EncodeToString(sum[:])
	}
	return "throng.c" + base64.RawURLEncoding.EncodeToString([]byte(channel))
}

// Publish queues a message. It never waits, and reports whether there was room for it.
func (b *NATS) Publish(i Item) bool { return b.out.put(i) }

// Subscribe calls f for each message of a channel, until Unsubscribe. All messages of the bus come
// one at a time, in the order of the connection. Prefixes are not supported.
func (b *NATS) Subscribe(channel string, _ bool, f func(channel, payload string)) {
	s := subject(channel)
	b.mu.Lock()
	defer b.mu.Unlock()
	b.wanted[s], b.channels[s] = f, channel
	if b.subs[s] != nil {
		return
	}
	sub, err := b.conn.ChanSubscribe(s, b.msgs)
	if err != nil {
		return // the bus is closed
	}
	b.subs[s] = sub
}

// Unsubscribe ends a subscription.
func (b *NATS) Unsubscribe(channel string, _ bool) {
	s := subject(channel)
	b.mu.Lock()
	defer b.mu.Unlock()
	if sub := b.subs[s]; sub != nil {
		b.lost += overrun(sub)
		_ = sub.Unsubscribe() // the connection is closed, or it is not
	}
	delete(b.subs, s)
	delete(b.wanted, s)
	delete(b.channels, s)
}

// dispatch passes messages to their subscriptions.
func (b *NATS) dispatch() {
	for {
		select {
		case m := <-b.msgs:
			b.mu.Lock()
			f, channel := b.wanted[m.Subject], b.channels[m.Subject]
			b.mu.Unlock()
			if f != nil {
				b.received.Add(1)
				b.receivedBytes.Add(uint64(len(channel) + len(m.Data)))
				f(channel, string(m.Data))
			}
		case <-b.ctx.Done():
			return
		}
	}
}

// Ready waits until the server has the subscriptions.
func (b *NATS) Ready(ctx context.Context) error {
	if _, limited := ctx.Deadline(); !limited {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, time.Minute)
		defer cancel()
	}
	if l := b.log.Load(); l != nil {
		if err := l.Ready(ctx); err != nil {
			return b.health.because(fmt.Errorf("JetStream: %w", err))
		}
	}
	return b.health.because(b.conn.FlushWithContext(ctx))
}

// send publishes a batch, and waits until the server has it. While there is no connection nothing
// is sent.
func (b *NATS) send(ctx context.Context, batch []Item) (unsent []Item) {
	if !b.conn.IsConnected() {
		return batch
	}
	errs := make([]error, len(batch))
	connections := b.conn.Stats().Reconnects
	logged := func(int) error { return nil }
	if l := b.log.Load(); l != nil {
		logged = l.add(ctx, batch)
	}
	for i := range batch {
		if batch[i].Verb != toLog {
			errs[i] = b.conn.Publish(subject(batch[i].Channel), batch[i].Payload)
		}
	}
	ctx, cancel := context.WithTimeout(ctx, sendTime)
	defer cancel()
	flushed := b.conn.FlushWithContext(ctx) // what is under way when a connection ends may be lost
	if flushed == nil && b.conn.Stats().Reconnects != connections {
		flushed = errReconnected // the next connection has answered
	}
	var refusal error
	for i := range batch {
		if batch[i].Verb == toLog {
			errs[i] = logged(i)
		}
		if errors.Is(errs[i], nats.ErrMaxPayload) {
			refusal = fmt.Errorf("a message has %d bytes, and the server takes %d: raise its max_payload: %w", len(batch[i].Payload), b.MaxPayload(), errs[i])
		} else if errs[i] == nil && batch[i].Verb != toLog {
			errs[i] = flushed
		}
		b.out.count(&batch[i], errs[i])
		if batch[i].Done != nil {
			batch[i].Done("", errs[i])
		}
	}
	b.health.note("publishing", refusal)
	return nil
}

// Reachable returns an error while there is no connection.
func (b *NATS) Reachable() error {
	if b.conn.IsConnected() {
		return nil
	}
	return errors.New("there is no connection to NATS")
}

// Again is closed when the connection has been made anew.
func (b *NATS) Again() <-chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.again
}

// MaxPayload is the largest message that the server takes, in bytes.
func (b *NATS) MaxPayload() int { return int(b.conn.MaxPayload()) }

// overrun is how many messages of a subscription came too fast.
func overrun(s *nats.Subscription) uint64 {
	n, err := s.Dropped()
	if err != nil || n < 0 {
		return 0 // it has ended
	}
	return uint64(n)
}

// losses are the messages that were dropped, in both directions, and that failed.
func (b *NATS) losses() (dropped, failed uint64) {
	s := b.counted()
	return s.Dropped, s.Failed
}

// counted are the counters of the outboxes, and the messages that came too fast.
func (b *NATS) counted() Stats {
	s := b.out.stats()
	if l := b.log.Load(); l != nil {
		s = s.with(l.keys)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	s.Dropped += b.lost
	for _, sub := range b.subs {
		s.Dropped += overrun(sub)
	}
	return s
}

// Stats returns what went over the bus.
func (b *NATS) Stats() Stats {
	s := b.counted()
	s.Connected = b.health.healthy()
	s.Received, s.ReceivedBytes, s.Reconnects = b.received.Load(), b.receivedBytes.Load(), b.reconnects.Load()
	s.Missed = b.health.missed()
	return s
}

// Close sends the queued items, for a second at most, and disconnects.
func (b *NATS) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	b.out.close(ctx)
	if l := b.log.Load(); l != nil {
		l.keys.close(ctx)
	}
	b.stop()
	b.health.close()
	b.ending.Wait()
	b.conn.Close()
	return nil
}
