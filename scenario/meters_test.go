package scenario

import (
	"sync"
	"sync/atomic"
	"testing"
)

// A connection that ends during the summation must be counted exactly once.
func TestBytesOfEndingConnectionsAreCountedOnce(t *testing.T) {
	const n = 1000
	g := &group{actors: make([]atomic.Pointer[actor], n)}
	tr := &trial{kinds: kinds{transports: []string{"websocket"}}, groups: []*group{g}}
	g.t = tr
	tr.meters.ended = make([]struct{ in, out int64 }, 1)
	for i := range g.actors {
		g.actors[i].Store(&actor{conn: &fakeConn{}})
	}
	c := &collector{t: tr, messages: make([]int64, 1)}
	var ending sync.WaitGroup
	ending.Go(func() {
		for i := range g.actors {
			a := g.actors[i].Load()
			if i%2 == 0 {
				a = g.away(i)
			}
			tr.ended(a, 10, 20)
		}
	})
	for range 200 {
		if got := c.carried()[0]; got.in != n*10 || got.out != n*20 {
			t.Fatalf("%d bytes in, %d out; want %d and %d", got.in, got.out, n*10, n*20)
		}
	}
	ending.Wait()
	if got := c.carried()[0]; got.in != n*10 || got.out != n*20 {
		t.Fatalf("at the end %d bytes in, %d out", got.in, got.out)
	}
	if len(tr.meters.leaving) > 0 {
		t.Error("somebody is leaving for ever")
	}
}
