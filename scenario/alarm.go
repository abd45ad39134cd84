package scenario

import (
	"sync/atomic"
	"time"

	"github.com/throng-io/throng/scenario/client"
)

// An alarm wakes the one goroutine that owns it, when another one rings or a moment has come. To
// wait costs no timer as long as a moment that was waited for before is still to come: the timer
// then rings early and is set anew.
type alarm struct {
	bell  chan struct{}
	rang  *atomic.Bool  // the timer has
	timer *time.Timer   // nil: none has been needed
	set   time.Duration // when the timer rings, on the clock of the client; 0: it does not
}

func newAlarm() alarm { return alarm{bell: make(chan struct{}, 1), rang: new(atomic.Bool)} }

// ring wakes the owner, at once or from its next wait. Any goroutine may call it.
func (a *alarm) ring() {
	select {
	case a.bell <- struct{}{}:
	default:
	}
}

// wait waits until somebody rings, or the moment that late was asked for has come.
func (a *alarm) wait() { <-a.bell }

// late reports whether a moment has come; if not, the timer rings by then.
func (a *alarm) late(until time.Duration) bool {
	if a.rang.Swap(false) {
		a.set = 0
	}
	if a.set > 0 && a.set <= until {
		return false // nor has the earlier one
	}
	left := until - client.Now()
	if left <= 0 {
		return true
	}
	a.set = until
	if a.timer == nil {
		a.timer = time.AfterFunc(left, func() {
			a.rang.Store(true)
			a.ring()
		})
		return false
	}
	a.timer.Reset(left)
	return false
}

// silence stops the timer.
func (a *alarm) silence() {
	if a.timer != nil {
		a.timer.Stop()
	}
}
