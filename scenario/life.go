package scenario

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/throng-io/throng/scenario/client"
)

// A life holds the means by which a trial starts and ends.
type life struct {
	epoch time.Duration // of the trial's start, on the client's clock or the fleet's
	// of an agent, from the client's clock to the fleet's; nil: they are one
	clock   func(time.Duration) time.Duration
	ctx     context.Context // ends when the trial does
	wg      sync.WaitGroup  // every actor, and the goroutines that actors and faults start
	dials   chan struct{}   // holds one for each connection that is being set up
	loaded  func()          // see Options.Trial
	over    atomic.Bool     // disconnects are ours from now on
	aborted chan error      // takes one

	mu       sync.Mutex
	vanished []conn // connections that stay open without their client
}

func (l *life) init() {
	l.dials, l.aborted = make(chan struct{}, dialsAtOnce), make(chan error, 1)
}

// takeTurn waits until a client may connect, of which dialsAtOnce do at a time; its place in
// life.dials is given back when it has. false: ctx has ended before.
func (t *trial) takeTurn(ctx context.Context) bool {
	select {
	case t.life.dials <- struct{}{}:
		return true
	default:
	}
	t.count.turns.Add(1)
	began := client.Now()
	defer func() { t.count.turnTime.Add(int64(client.Now() - began)) }()
	select {
	case t.life.dials <- struct{}{}:
		return true
	case <-ctx.Done():
		return false
	}
}

// keepVanished remembers a connection that stays open without its client.
func (l *life) keepVanished(c conn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.vanished = append(l.vanished, c)
}

// closeVanished closes the connections whose clients have vanished.
func (l *life) closeVanished() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, c := range l.vanished {
		c.CloseVanished()
	}
	l.vanished = nil
}
