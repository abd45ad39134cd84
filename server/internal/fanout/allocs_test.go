//go:build !race

package fanout

import (
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/throng-io/throng/server/internal/frame"
	"github.com/throng-io/throng/server/internal/outlet"
)

// counter is a member that only counts.
type counter struct {
	framesOnly
	frames, calls atomic.Int64
}

func (m *counter) Outlet() *outlet.Outlet { return outlet.New(m) }

func (m *counter) Deliver(b outlet.Batch, _ int) {
	m.frames.Add(int64(len(b.Frames)))
	m.calls.Add(1)
}

func (m *counter) Queue(*frame.Frame) {
	m.frames.Add(1)
	m.calls.Add(1)
}

// TestBroadcastAllocations compares few receivers with many: what a receiver costs is the slope,
// and it is zero in every strategy.
func TestBroadcastAllocations(t *testing.T) {
	everywhere(t, Options{Shards: 2}, func(t *testing.T, hub Hub) {
		f := text("%0120d", 0)
		m := &counter{}
		var h *Handle
		members := 0
		grow := func(n int) {
			for ; members < n; members++ {
				h = hub.Add(fmt.Sprint(members), m, nil)
				hub.Join(h, "r")
				hub.Join(h, fmt.Sprint("r", members%2))
			}
		}
		send := func(to Audience) func() {
			return func() {
				n := m.frames.Load()
				hub.Broadcast(to, Message{Frame: f})
				for m.frames.Load() < n+int64(members/2) { // until the shards are done
					yield()
				}
			}
		}
		except := rooms("r0")
		except.Except = except.Except.With("r1").With("none")
		for _, n := range []int{40, 2000} {
			grow(n)
			for _, c := range []struct {
				what string
				max  float64
				do   func()
			}{
				{"broadcast to all", 0, send(Audience{Skip: h})},
				{"broadcast to a room", 0, send(rooms("r"))},
				{"broadcast to several rooms with exceptions", 6, send(except)},
				{"direct emit", 0, func() { hub.Emit(h, f) }},
				{"broadcast to an id", 0, func() { hub.Broadcast(rooms(h.id), Message{Frame: f}) }},
			} {
				// A queue or a scratch may grow in one of the runs: not more than one in ten.
				if got := testing.AllocsPerRun(100, c.do); got > c.max {
					t.Errorf("%s, %d members: %v allocations, want at most %v", c.what, n, got, c.max)
				}
			}
		}
	})
}

func TestAudienceAllocations(t *testing.T) {
	var to Audience
	if got := testing.AllocsPerRun(100, func() {
		to = Audience{Rooms: to.Rooms.With("a").With("b").With("a").With("c"), Except: to.Except.With("d")}
	}); got != 0 {
		t.Errorf("an audience of three rooms takes %v allocations", got)
	}
}
