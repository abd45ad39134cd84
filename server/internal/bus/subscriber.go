package bus

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/redis/rueidis"
)

// subscription is a channel, or with prefix all channels that begin with it.
type subscription struct {
	channel string
	prefix  bool
}

// subscriber holds one connection for all subscriptions, and makes it anew when it ends. In a Redis
// Cluster a sharded channel belongs to one server, so there each has a call of its own, on
// connections that the client shares between them.
type subscriber struct {
	bus  *Redis
	wake chan struct{} // something has changed

	mu        sync.Mutex
	wanted    map[subscription]func(channel, payload string)
	confirmed map[subscription]bool
	changed   []subscription // added or removed since the goroutine looked
	waiting   []chan struct{}
	receivers map[subscription]*receiver // of a cluster's sharded channels
}

// receiver is the call for one sharded channel of a cluster. The subscriber's lock guards it.
type receiver struct {
	ctx context.Context // ends when the channel is wanted no more
	end context.CancelFunc
}

func newSubscriber(bus *Redis) *subscriber {
	return &subscriber{
		bus: bus, wake: make(chan struct{}, 1),
		wanted: map[subscription]func(string, string){}, confirmed: map[subscription]bool{}, receivers: map[subscription]*receiver{},
	}
}

func (s *subscriber) add(sub subscription, f func(string, string)) {
	s.mu.Lock()
	s.wanted[sub] = f
	s.changed = append(s.changed, sub)
	s.mu.Unlock()
	s.nudge()
}

func (s *subscriber) remove(sub subscription) {
	s.mu.Lock()
	delete(s.wanted, sub)
	s.changed = append(s.changed, sub)
	s.mu.Unlock()
	s.nudge()
}

func (s *subscriber) nudge() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// ready waits until everything that is wanted is confirmed.
func (s *subscriber) ready(ctx context.Context) error {
	for {
		s.mu.Lock()
		missing := len(s.changed)
		for sub := range s.wanted {
			if !s.confirmed[sub] {
				missing++
			}
		}
		if missing == 0 {
			s.mu.Unlock()
			return nil
		}
		told := make(chan struct{})
		s.waiting = append(s.waiting, told)
		s.mu.Unlock()
		select {
		case <-told:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// confirm notes that the broker has confirmed a subscription, or its end.
func (s *subscriber) confirm(sub subscription, on bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.note(sub, on)
}

// note is confirm; the lock is held.
func (s *subscriber) note(sub subscription, on bool) {
	if on {
		s.confirmed[sub] = true
	} else {
		delete(s.confirmed, sub)
	}
	s.tell()
}

// tell makes those look again that wait in ready; the lock is held.
func (s *subscriber) tell() {
	for _, told := range s.waiting {
		close(told)
	}
	s.waiting = nil
}

// message passes a message to its subscription.
func (s *subscriber) message(sub subscription, channel, payload string) {
	s.mu.Lock()
	f := s.wanted[sub]
	s.mu.Unlock()
	if f != nil {
		s.bus.arrived(len(channel) + len(payload))
		f(channel, payload)
	}
}

// run keeps a connection, until the bus is closed.
func (s *subscriber) run() {
	if s.bus.sharded && s.bus.Client.Mode() == rueidis.ClientModeCluster {
		s.spread()
		return
	}
	for s.bus.ctx.Err() == nil {
		s.connection()
		pause(s.bus.ctx)
	}
}

func pause(ctx context.Context) {
	select {
	case <-ctx.Done():
	case <-time.After(retry):
	}
}

// connection subscribes to everything on a new connection, and to what changes, until it ends.
func (s *subscriber) connection() {
	conn, release := s.bus.Client.Dedicate()
	defer release()
	defer conn.Close()
	ended := conn.SetPubSubHooks(rueidis.PubSubHooks{
		OnMessage: func(m rueidis.PubSubMessage) {
			sub := subscription{channel: m.Channel}
			if m.Pattern != "" {
				sub = subscription{m.Pattern[:len(m.Pattern)-1], true}
			}
			s.message(sub, m.Channel, m.Message)
		},
		OnSubscription: func(m rueidis.PubSubSubscription) {
			on, sub := false, subscription{channel: m.Channel}
			switch m.Kind {
			case "subscribe", "ssubscribe":
				on = true
			case "psubscribe", "punsubscribe":
				on = m.Kind == "psubscribe"
				sub = subscription{m.Channel[:max(0, len(m.Channel)-1)], true}
			}
			s.confirm(sub, on)
		},
	})
	defer func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		clear(s.confirmed)
	}()
	s.mu.Lock()
	s.changed = nil
	all := make([]subscription, 0, len(s.wanted))
	for sub := range s.wanted {
		all = append(all, sub)
	}
	s.mu.Unlock()
	for {
		err := s.apply(conn, all)
		if err == nil && s.bus.health.works(s) {
			s.bus.reconnects.Add(1)
		}
		if err != nil {
			s.lost(s, err)
			return
		}
		select {
		case err := <-ended:
			s.lost(s, err)
			return
		case <-s.bus.ctx.Done():
			return
		case <-s.wake:
		}
		s.mu.Lock()
		all, s.changed = s.changed, nil
		s.mu.Unlock()
	}
}

// lost notes that a connection has ended, if the bus has not.
func (s *subscriber) lost(part any, err error) {
	if err == nil {
		err = errors.New("the connection ended")
	}
	if s.bus.ctx.Err() == nil {
		s.bus.health.fails(part, err)
	}
}

// apply sends what each subscription is now, all in one round trip.
func (s *subscriber) apply(conn rueidis.DedicatedClient, all []subscription) error {
	commands := make([]rueidis.Completed, 0, len(all))
	s.mu.Lock()
	for _, sub := range all {
		_, on := s.wanted[sub]
		commands = append(commands, s.command(conn.B(), sub, on))
	}
	s.mu.Unlock()
	for len(commands) > 0 {
		n := min(len(commands), maxBatch)
		for _, result := range conn.DoMulti(s.bus.ctx, commands[:n]...) {
			if err := result.Error(); err != nil {
				return err
			}
		}
		commands = commands[n:]
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tell() // there may have been nothing to do
	return nil
}

func (s *subscriber) command(b rueidis.Builder, sub subscription, on bool) rueidis.Completed {
	switch {
	case sub.prefix && on:
		return b.Psubscribe().Pattern(sub.channel + "*").Build()
	case sub.prefix:
		return b.Punsubscribe().Pattern(sub.channel + "*").Build()
	case s.bus.sharded && on:
		return b.Ssubscribe().Channel(sub.channel).Build()
	case s.bus.sharded:
		return b.Sunsubscribe().Channel(sub.channel).Build()
	case on:
		return b.Subscribe().Channel(sub.channel).Build()
	}
	return b.Unsubscribe().Channel(sub.channel).Build()
}

// spread keeps a call for each sharded channel of a cluster.
func (s *subscriber) spread() {
	var calls sync.WaitGroup
	defer calls.Wait()
	for {
		s.mu.Lock()
		for _, sub := range s.changed {
			_, wanted := s.wanted[sub]
			r := s.receivers[sub]
			switch {
			case wanted && r == nil:
				r = s.begin(sub)
				calls.Go(func() { s.hold(sub, r) })
			case !wanted && r != nil:
				r.end()
				delete(s.confirmed, sub)
			}
		}
		s.changed = nil
		s.tell()
		s.mu.Unlock()
		select {
		case <-s.bus.ctx.Done():
			return
		case <-s.wake:
		}
	}
}

// begin makes the receiver of a channel; the lock is held.
func (s *subscriber) begin(sub subscription) *receiver {
	r := &receiver{}
	r.ctx, r.end = context.WithCancel(s.bus.ctx)
	s.receivers[sub] = r
	return r
}

// hold is subscribed to one sharded channel for as long as that is wanted. Where it is wanted
// again, the old call has ended before the next one begins: they share a connection, and there the
// end of the one would be the end of the other.
func (s *subscriber) hold(sub subscription, r *receiver) {
	for again := true; again; {
		s.receive(r.ctx, sub)
		r.end()
		s.mu.Lock()
		delete(s.receivers, sub)
		s.note(sub, false)
		if _, again = s.wanted[sub]; again {
			again = s.bus.ctx.Err() == nil
		}
		if again {
			r = s.begin(sub)
		}
		s.mu.Unlock()
	}
	s.bus.health.works(sub) // it is wanted no more
}

// receive is subscribed to one sharded channel, until ctx ends.
func (s *subscriber) receive(ctx context.Context, sub subscription) {
	client := s.bus.Client
	hooked := rueidis.WithOnSubscriptionHook(ctx, func(m rueidis.PubSubSubscription) {
		if m.Kind != "ssubscribe" {
			return // the channel moves to another server: the call ends
		}
		if s.bus.health.works(sub) {
			s.bus.reconnects.Add(1)
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		if ctx.Err() == nil { // else its end is on the way
			s.note(sub, true)
		}
	})
	for ctx.Err() == nil {
		err := client.Receive(hooked, client.B().Ssubscribe().Channel(sub.channel).Build(), func(m rueidis.PubSubMessage) {
			s.message(sub, m.Channel, m.Message)
		})
		if ctx.Err() == nil {
			s.confirm(sub, false)
			s.lost(sub, err)
			pause(ctx)
		}
	}
	if s.bus.ctx.Err() == nil {
		s.leave(sub)
	}
}

// leave ends a subscription at the server. Without it the connection, which other channels share,
// stays subscribed when a call has ended: the server goes on sending the channel's messages, and
// counts this node where it is not any more.
func (s *subscriber) leave(sub subscription) {
	ctx, cancel := context.WithTimeout(s.bus.ctx, openTime)
	defer cancel()
	client := s.bus.Client
	_ = client.Do(ctx, client.B().Sunsubscribe().Channel(sub.channel).Build()).Error() // a server that is gone has no subscription
}
