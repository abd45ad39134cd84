package admin

import (
	"fmt"
	"sync"
	"testing"
	"time"
)

// However many addresses try passwords at once, few attempts wait for their turn, and the others
// are refused without waiting.
func TestAttemptsThatWait(t *testing.T) {
	var g loginLimiter
	now := time.Now()
	queue := func() int {
		g.mu.Lock()
		defer g.mu.Unlock()
		return g.queue
	}
	if !g.enter("192.0.2.0", now) {
		t.Fatal("the first attempt is refused")
	}
	var all sync.WaitGroup
	for i := 1; i < maxWaiting; i++ {
		all.Go(func() {
			if !g.enter(fmt.Sprint("192.0.2.", i), now) {
				t.Errorf("attempt %d is refused", i+1)
				return
			}
			g.exit()
		})
	}
	for queue() < maxWaiting {
		time.Sleep(time.Millisecond)
	}
	answer := make(chan bool, 1)
	all.Go(func() {
		admitted := g.enter("198.51.100.1", now)
		if admitted {
			g.exit()
		}
		answer <- admitted
	})
	for len(answer) == 0 && queue() <= maxWaiting { // until it is refused, or waits
		time.Sleep(time.Millisecond)
	}
	g.exit()
	all.Wait()
	if <-answer {
		t.Errorf("attempt %d waits, too", maxWaiting+1)
	}
}
