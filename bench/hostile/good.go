package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"slices"
	"sort"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/throng-io/throng/protocol/socketio"
	"github.com/throng-io/throng/scenario/client"
	"github.com/throng-io/throng/scenario/machine"
)

// crowd are the clients that behave.
type crowd struct {
	all   []*good
	ended sync.WaitGroup

	stopping atomic.Bool
	sent     atomic.Int64 // messages to all
}

// good is one of them. What it counts is its own until the crowd has ended.
type good struct {
	*client.Client
	transport string

	asked   atomic.Int64
	sentAt  sync.Map // number of an echo -> when it was asked for
	dropped atomic.Pointer[string]

	mu       sync.Mutex
	answered int64
	heard    int64 // messages to all
	disorder int64 // or twice
	took     []time.Duration
}

// Ack implements client.Handler.
func (g *good) Ack(m *client.Message) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.answered++
	if at, ok := g.sentAt.LoadAndDelete(int64(m.ID)); ok {
		g.took = append(g.took, time.Since(at.(time.Time)))
	} else {
		g.disorder++
	}
}

// Event implements client.Handler.
func (g *good) Event(m *client.Message) {
	if string(m.Name) != "news" {
		return
	}
	var n int64
	err := socketio.Bind(m.Args, nil, &n)
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.heard++; err != nil || n != g.heard {
		g.disorder++
	}
}

// ways are how ten clients come, with TLS or without.
var ways = []struct {
	transport string
	secure    bool
}{
	{client.WebSocket, false},
	{client.Polling, false},
	{client.WebTransport, true},
	{client.Upgrade, false},
	{client.WebSocket, true},
	{client.WebSocket, false},
	{client.Polling, true},
	{client.UpgradeWebTransport, true},
	{client.Upgrade, true},
	{client.WebSocket, false},
}

// trust accepts the certificate that the server under attack has made for itself.
var trust = &tls.Config{InsecureSkipVerify: true} //nolint:gosec // on this machine, for the length of a test

// config is how the client with a number comes, and a name for it.
func (d *doors) config(i int) (conf *client.Config, name string) {
	w := ways[i%len(ways)]
	conf = &client.Config{URL: d.plain, Transport: w.transport, TLS: trust, H3: d.quic}
	if d.quic == "" {
		switch w.transport {
		case client.WebTransport:
			conf.Transport = client.WebSocket
		case client.UpgradeWebTransport:
			conf.Transport = client.Upgrade
		}
	}
	name = conf.Transport
	if w.secure && d.secure != "" {
		conf.URL, name = d.secure, name+" with TLS"
	}
	return conf, name
}

// gather connects n clients, by all the ways that the server offers.
func gather(ctx context.Context, at *doors, n int) (*crowd, error) {
	c := &crowd{}
	for i := range n {
		conf, name := at.config(i)
		one, err := client.Dial(ctx, conf)
		if err != nil {
			c.end()
			return nil, fmt.Errorf("good client %d, by %s: %w", i+1, name, err)
		}
		g := &good{Client: one, transport: name}
		c.all = append(c.all, g)
		c.ended.Go(func() {
			err := g.Run(g)
			if !c.stopping.Load() {
				why := fmt.Sprint(err)
				g.dropped.Store(&why)
			}
		})
	}
	return c, nil
}

// talk lets each client ask for an echo every second, and the first one send to
// all five times a second, until ctx ends.
func (c *crowd) talk(ctx context.Context) {
	var all sync.WaitGroup
	for i, g := range c.all {
		all.Go(func() {
			// Spread over the second.
			if !machine.Pause(ctx, time.Duration(i)*time.Second/time.Duration(len(c.all))) {
				return
			}
			for machine.Pause(ctx, time.Second) {
				id := g.asked.Add(1)
				g.sentAt.Store(id, time.Now())
				// a failure shows as one that is not answered
				_ = g.Send(fmt.Appendf(nil, `2%d["echo",%d]`, id, id))
			}
		})
	}
	all.Go(func() {
		for machine.Pause(ctx, 200*time.Millisecond) {
			n := c.sent.Add(1)
			_ = c.all[0].Send(fmt.Appendf(nil, `2["all","news",%d]`, n))
		}
	})
	all.Wait()
}

// settle waits until all that was sent has come, or until patience is over.
func (c *crowd) settle(patience time.Duration) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	for c.missing() > 0 && machine.Pause(ctx, 20*time.Millisecond) {
	}
}

func (c *crowd) missing() int64 {
	var n int64
	for _, g := range c.all {
		g.mu.Lock()
		n += max(0, g.asked.Load()-g.answered) + max(0, c.sent.Load()-g.heard)
		g.mu.Unlock()
	}
	return n
}

// end disconnects the clients.
func (c *crowd) end() {
	c.stopping.Store(true)
	for _, g := range c.all {
		_ = g.Close()
	}
	c.ended.Wait()
}

// account adds up what the clients have seen.
func (c *crowd) account() (l ledger) {
	var took []time.Duration
	reasons := map[string]int{}
	for _, g := range c.all {
		g.mu.Lock()
		l.Sent += g.asked.Load() + c.sent.Load()
		l.Received += g.answered + g.heard
		l.Disorder += g.disorder
		took = append(took, g.took...)
		g.mu.Unlock()
		if why := g.dropped.Load(); why != nil {
			l.Dropped++
			reasons[g.transport+": "+*why]++
		}
	}
	l.Lost = max(0, l.Sent-l.Received)
	for reason, n := range reasons {
		l.Reasons = append(l.Reasons, strconv.Itoa(n)+" "+reason)
	}
	sort.Strings(l.Reasons)
	slices.Sort(took)
	if n := len(took); n > 0 {
		l.Median, l.Tail, l.Longest = took[n/2], took[n*99/100], took[n-1]
	}
	return l
}

// ledger is what became of the good clients' messages.
type ledger struct {
	Sent, Received, Lost, Disorder int64
	Dropped                        int // clients
	Reasons                        []string
	Median, Tail, Longest          time.Duration // of the echoes
}
