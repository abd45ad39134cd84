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
	receivers map[subscription]context.CancelFunc // of a cluster's sharded channels
}

func newSubscriber(bus *Redis) *subscriber {
	return &subscriber{
		bus: bus, wake: make(chan struct{}, 1),
		wanted: map[subscription]func(string, string){}, confirmed: map[subscription]bool{}, receivers: map[subscription]context.CancelFunc{},
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
	if on {
		s.confirmed[sub] = true
	} else {
		delete(s.confirmed, sub)
	}
	waiting := s.waiting
	s.waiting = nil
	s.mu.Unlock()
	for _, told := range waiting {
		close(told)
	}
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
	s.confirm(subscription{}, false) // wakes the waiters: there may have been nothing to do
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
		changed := s.changed
		s.changed = nil
		for _, sub := range changed {
			_, wanted := s.wanted[sub]
			end, running := s.receivers[sub]
			switch {
			case wanted && !running:
				ctx, cancel := context.WithCancel(s.bus.ctx)
				s.receivers[sub] = cancel
				calls.Go(func() { s.receive(ctx, sub) })
			case !wanted && running:
				delete(s.receivers, sub)
				end()
			}
		}
		s.mu.Unlock()
		s.confirm(subscription{}, false)
		select {
		case <-s.bus.ctx.Done():
			return
		case <-s.wake:
		}
	}
}

// receive is subscribed to one sharded channel, until ctx ends.
func (s *subscriber) receive(ctx context.Context, sub subscription) {
	client := s.bus.Client
	for ctx.Err() == nil {
		hooked := rueidis.WithOnSubscriptionHook(ctx, func(rueidis.PubSubSubscription) {
			if s.bus.health.works(sub) {
				s.bus.reconnects.Add(1)
			}
			s.confirm(sub, true)
		})
		err := client.Receive(hooked, client.B().Ssubscribe().Channel(sub.channel).Build(), func(m rueidis.PubSubMessage) {
			s.message(sub, m.Channel, m.Message)
		})
		if ctx.Err() == nil {
			s.confirm(sub, false)
			s.lost(sub, err)
			pause(ctx)
		}
	}
	s.bus.health.works(sub) // it is wanted no more
	s.confirm(sub, false)
}
