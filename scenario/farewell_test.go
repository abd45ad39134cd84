package scenario

import (
	"sync/atomic"
	"testing"
	"time"
)

// A partingConn counts how it ends.
type partingConn struct {
	conn
	said, cut *atomic.Int64
}

func (c *partingConn) Close() error {
	c.said.Add(1)
	time.Sleep(time.Millisecond)
	return nil
}

func (c *partingConn) Cut() { c.cut.Add(1) }

func (c *partingConn) Unread() bool { return false }

// Clients say goodbye to a server that answers, and soon stop to where it hangs: the end of a trial
// does not take longer the more clients there are.
func TestFarewell(t *testing.T) {
	const clients = 2000
	for name, test := range map[string]struct {
		after       time.Duration
		least, most int64
	}{
		"it answers": {time.Hour, clients, clients},
		"it hangs":   {time.Nanosecond, handsAtOnce, 2 * handsAtOnce},
	} {
		tr := newIdleTrial(t, `
version: 1
name: farewell
target: {url: "http://127.0.0.1:1"}
groups: {people: {count: 2000}}
phases: [{name: hold, for: 10s}]
`)
		g, all := tr.groups[0], newFarewell()
		var said, cut atomic.Int64
		for i := range clients {
			a := newActor(tr, g, i, i)
			a.conn = &partingConn{said: &said, cut: &cut}
			g.actors[i].Store(a)
		}
		all.after = test.after
		g.disconnect(all)
		tr.life.wg.Wait()
		if s, c := said.Load(), cut.Load(); s+c != clients || s < test.least || s > test.most {
			t.Errorf("%s: %d clients said goodbye and %d went without", name, s, c)
		}
	}
}
