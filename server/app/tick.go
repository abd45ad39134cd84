package app

import (
	"bytes"
	"fmt"
	"sync"
	"time"

	"github.com/throng-io/throng/server"
)

// mostTicks bounds what one request may ask for.
const mostTicks = 1_000_000

// tick is a request to be sent an event at a steady pace.
type tick struct {
	event  string
	data   []byte
	period time.Duration
	count  int
}

func parseTick(e *server.Event) (t tick, err error) {
	args, _ := e.Raw()
	parser := e.Parser()
	event, rest := parser.NextArg(args)
	if t.event, err = text(e, event, "event"); err != nil {
		return t, err
	}
	data, rest := parser.NextArg(rest)
	var milliseconds float64
	if err := parser.Bind(rest, nil, &milliseconds, &t.count); err != nil {
		return t, err
	}
	if milliseconds < 0.1 || milliseconds > 60_000 || t.count < 1 || t.count > mostTicks {
		return t, fmt.Errorf("a tick every %v ms, %d times; the period goes from 0.1 to 60000 ms, the count from 1 to %d", milliseconds, t.count, mostTicks)
	}
	t.data = bytes.Clone(data) // the event is over before the last tick
	t.period = time.Duration(milliseconds * float64(time.Millisecond))
	return t, nil
}

// ticker sends to one socket. It is in Socket.Data.
type ticker struct {
	mu   sync.Mutex
	quit chan struct{} // nil: none runs
	done chan struct{}
}

// start replaces what runs by t.
func (r *ticker) start(s *server.Socket, t tick) {
	r.stop()
	r.mu.Lock()
	defer r.mu.Unlock()
	quit, done := make(chan struct{}), make(chan struct{})
	r.quit, r.done = quit, done
	go func() {
		defer close(done)
		t.run(s, quit)
	}()
}

// stop ends what runs, and waits for it.
func (r *ticker) stop() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.quit != nil {
		close(r.quit)
		<-r.done
		r.quit = nil
	}
}

// run keeps an absolute schedule and sends all that is due. A pause of one period after each
// message would add up how late each of them is: a millisecond is soon 1.1 of them, and time.Ticker
// drops ticks that are not received in time.
func (t tick) run(s *server.Socket, quit <-chan struct{}) {
	begun := time.Now()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for sent := 0; sent < t.count; {
		select {
		case <-quit:
			return
		case <-timer.C:
		}
		for due := int(time.Since(begun)/t.period) + 1; sent < min(due, t.count); sent++ {
			s.EmitRaw(t.event, t.data, nil)
		}
		timer.Reset(time.Until(begun.Add(time.Duration(sent) * t.period)))
	}
}
