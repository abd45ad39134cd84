package transport

import (
	"maps"

	"github.com/throng-io/throng/server/internal/session"
)

// Totals is what an engine has carried since its start.
type Totals struct {
	session.Counts
	Polling, WebSocket, WebTransport int // sessions now

	Upgrades uint64
	Ended    map[session.Reason]uint64 // sessions, by the reason
}

// Totals adds up what the sessions have carried, past ones included. It looks at each session, so
// it is for a question from time to time.
func (e *Engine) Totals() Totals {
	e.mu.RLock()
	defer e.mu.RUnlock()
	t := e.past
	t.Ended = maps.Clone(t.Ended)
	for _, s := range e.sessions {
		if s == nil {
			continue
		}
		c, transport := s.Counts()
		t.Add(c)
		switch transport {
		case session.WebTransport:
			t.WebTransport++
		case session.WebSocket:
			t.WebSocket++
		default:
			t.Polling++
		}
	}
	return t
}

// ended takes a session out of the table and keeps what it has carried.
func (e *Engine) ended(s *session.Session, reason session.Reason) {
	c, _ := s.Counts()
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.sessions, s.ID)
	e.past.Add(c)
	if e.past.Ended == nil {
		e.past.Ended = map[session.Reason]uint64{}
	}
	e.past.Ended[reason]++
}

func (e *Engine) upgraded() {
	e.mu.Lock()
	e.past.Upgrades++
	e.mu.Unlock()
}
