package server

import (
	"net/netip"
	"sync"
	"time"

	"github.com/throng-io/throng/server/internal/budget"
	"github.com/throng-io/throng/server/internal/session"
)

// countedHandler is the handler of a session that counts for its address.
type countedHandler struct {
	session.Handler
	addresses *addressLimiter
	address   netip.Addr
}

// Closed implements session.Handler.
func (c *countedHandler) Closed(reason session.Reason) {
	c.addresses.release(c.address)
	c.Handler.Closed(reason)
}

// countedAs returns the address that limits count a client by: of IPv6 the network, for which a
// single client has all addresses.
func countedAs(client netip.Addr) netip.Addr {
	if client = client.Unmap(); client.Is6() {
		if p, err := client.WithZone("").Prefix(64); err == nil {
			return p.Addr()
		}
	}
	return client
}

// addressLimiter bounds the sessions and the handshakes of each address. Without limits it does
// nothing. Its methods are safe for concurrent use.
type addressLimiter struct {
	sessions int // at a time and address; 0 is no limit
	rate     int // handshakes per second and address; 0 is no limit

	mu     sync.Mutex
	states map[netip.Addr]*addressState
	sweep  int // how many states there are when the idle ones are looked for
}

// addressState is what is counted of one address.
type addressState struct {
	sessions   int
	handshakes budget.Rate
}

func (l *addressLimiter) limited() bool { return l.sessions > 0 || l.rate > 0 }

// admit counts one handshake, and the session that it is for, and returns why it is refused, or "".
func (l *addressLimiter) admit(a netip.Addr, now time.Time) string {
	if !l.limited() {
		return ""
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	state := l.state(a, now)
	if l.rate > 0 && !state.handshakes.Take(now, l.rate, time.Second/time.Duration(l.rate)) {
		return "too many handshakes"
	}
	if l.sessions > 0 && state.sessions >= l.sessions {
		return "too many sessions"
	}
	state.sessions++
	return ""
}

// state returns the state of an address, and from time to time forgets those that are as good as
// new: without sessions, and without a handshake in the last second.
func (l *addressLimiter) state(a netip.Addr, now time.Time) *addressState {
	if state := l.states[a]; state != nil {
		return state
	}
	if len(l.states) >= l.sweep {
		for other, state := range l.states {
			if state.sessions == 0 && state.handshakes.Quiet(now, time.Second) {
				delete(l.states, other)
			}
		}
		l.sweep = max(1024, 2*len(l.states))
	}
	state := &addressState{}
	if l.states == nil {
		l.states = map[netip.Addr]*addressState{}
	}
	l.states[a] = state
	return state
}

// release counts one session of an address less.
func (l *addressLimiter) release(a netip.Addr) {
	if !l.limited() {
		return
	}
	l.mu.Lock()
	l.state(a, time.Now()).sessions--
	l.mu.Unlock()
}
