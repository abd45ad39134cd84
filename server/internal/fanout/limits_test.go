package fanout

import (
	"fmt"
	"slices"
	"testing"

	"github.com/throng-io/throng/server/internal/frame"
	"github.com/throng-io/throng/server/internal/outlet"
)

// TestQueueIsBounded has a sender that is faster than the shard.
func TestQueueIsBounded(t *testing.T) {
	limits := Options{Shards: 1, QueuePackets: 5, QueueBytes: 1 << 10}
	for _, size := range []int{10, 500, 5000} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			queued(t, limits, func(t *testing.T, hub *shardedHub) {
				const sent = 300
				var all []*recorder
				for i := range 2 * smallAudience {
					m, _ := join(hub, fmt.Sprint(i))
					all = append(all, m)
				}
				s := hub.shards[0]
				for i := range sent {
					hub.Broadcast(Audience{}, Message{Frame: text("%0*d", size, i)})
					s.mu.Lock()
					waiting := s.waiting
					s.mu.Unlock()
					if waiting.packets > limits.QueuePackets || waiting.bytes > limits.QueueBytes {
						t.Fatalf("%d operations with %d bytes wait when Broadcast has returned", waiting.packets, waiting.bytes)
					}
				}
				hub.Close()
				for i, m := range all {
					if got := len(m.texts(t)); got != sent+1 {
						t.Errorf("member %d got %d frames, want %d", i, got, sent+1)
					}
				}
				if s.waiting.packets != 0 || s.waiting.bytes != 0 || s.owed.Load() != 1 {
					t.Errorf("a closed shard still counts %+v and owes %d", s.waiting, s.owed.Load())
				}
			})
		})
	}
}

func TestIdleHubDeliversAtOnce(t *testing.T) {
	everywhere(t, Options{}, func(t *testing.T, hub Hub) {
		want := []string{"hello"}
		m, h := join(hub, "a", "r")
		for i := range 5 {
			join(hub, fmt.Sprint(i), "r")
		}
		for i, send := range []func(f *frame.Frame){
			func(f *frame.Frame) { hub.Emit(h, f) },
			func(f *frame.Frame) { hub.Broadcast(rooms("a"), Message{Frame: f}) },
			func(f *frame.Frame) { hub.Broadcast(rooms("r"), Message{Frame: f}) },
			func(f *frame.Frame) { hub.Broadcast(rooms("r", "a"), Message{Frame: f}) },
			func(f *frame.Frame) { hub.Broadcast(Audience{}, Message{Frame: f}) },
		} {
			send(text("%d", i))
			want = append(want, fmt.Sprint(i))
			compare(t, "the member, when the call has returned,", m.texts(t), want)
		}
	})
}

func TestBatchIsOneWrite(t *testing.T) {
	hub := open(t, "batched", Options{Shards: 1}).(*shardedHub)
	both, _ := join(hub, "both", "r", "q")
	one, oh := join(hub, "one", "r")
	none, _ := join(hub, "none")
	release := hold(hub)
	for range 4 {
		hub.Broadcast(rooms("r"), Message{Frame: text("r")})
		hub.Broadcast(rooms("q"), Message{Frame: text("q")})
	}
	hub.Emit(oh, text("direct"))
	release()
	hub.Close()
	compare(t, "who is in both", both.texts(t), []string{"hello", "r", "q", "r", "q", "r", "q", "r", "q"})
	compare(t, "who is in one", one.texts(t), []string{"hello", "r", "r", "r", "r", "direct"})
	for _, m := range []*recorder{both, one} {
		if m.calls != 2 {
			t.Errorf("a member got %d deliveries, want hello and one more", m.calls)
		}
	}
	if none.calls != 1 {
		t.Errorf("who is in no room got %d deliveries, want hello only", none.calls)
	}
}

// TestRoundIsBounded looks at the bytes that a member gets in one piece.
func TestRoundIsBounded(t *testing.T) {
	for _, size := range []int{100, 10_000, roundBytes - 10, roundBytes, 3 * roundBytes} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			hub := open(t, "batched", Options{Shards: 1, QueueBytes: 1 << 30, QueuePackets: 1 << 20}).(*shardedHub)
			m := &meter{}
			hub.Add("m", m, nil)
			release := hold(hub)
			const sent = 1000
			f := text("%0*d", size, 0)
			for range sent {
				hub.Broadcast(Audience{}, Message{Frame: f})
			}
			release()
			hub.Close()
			if m.frames != sent {
				t.Errorf("%d frames arrived, want %d", m.frames, sent)
			}
			if limit := max(2*roundBytes, len(f.Wire())); m.most > limit || m.mostFrames > roundFrames {
				t.Errorf("one delivery had %d bytes in %d frames, want at most %d in %d", m.most, m.mostFrames, limit, roundFrames)
			}
		})
	}
}

type meter struct {
	framesOnly
	frames, most, mostFrames int
}

func (m *meter) Outlet() *outlet.Outlet { return outlet.New(m) }

func (m *meter) Deliver(b outlet.Batch, _ int) {
	m.frames += len(b.Frames)
	m.most, m.mostFrames = max(m.most, len(b.Wire)), max(m.mostFrames, len(b.Frames))
}

func (m *meter) Queue(*frame.Frame) {}

func TestNothingIsKept(t *testing.T) {
	everywhere(t, Options{Shards: 2, ShardMembers: 8}, func(t *testing.T, hub Hub) {
		for i := range 2000 {
			_, h := join(hub, fmt.Sprint(i), "r", fmt.Sprint("r", i%7), fmt.Sprint("own", i))
			if i%100 == 0 { // enough rooms for the map
				for j := range 3 * indexedSeats {
					hub.Join(h, fmt.Sprint("many", j))
				}
			}
			hub.Broadcast(rooms("r", "own1"), Message{Frame: text("x")})
			if i%2 == 0 {
				hub.Leave(h, "r")
			}
			hub.Remove(h, nil)
			if h.seats.all != nil || h.seats.byRoom != nil {
				t.Fatal("a removed member holds seats")
			}
		}
		hub.Close()
		var x *index
		var lists []*list
		switch hub := hub.(type) {
		case *lockedHub:
			x, lists = &hub.index, []*list{&hub.all}
		case *shardedHub:
			x = &hub.index
			if len(hub.shards) > 2 {
				t.Errorf("%d shards for one member at a time", len(hub.shards))
			}
			for _, s := range hub.shards {
				lists = append(lists, &s.all)
			}
		}
		if len(x.ids) != 0 || len(x.rooms) != 0 || x.members != 0 {
			t.Errorf("the index keeps %d ids, %d rooms, %d members", len(x.ids), len(x.rooms), x.members)
		}
		for _, l := range lists {
			if len(l.seats) != 0 || len(l.all) != 0 {
				t.Errorf("a list keeps %d members", len(l.seats))
			}
		}
	})
}

func TestMembersAreSpread(t *testing.T) {
	hub := open(t, "batched", Options{Shards: 2, ShardMembers: 10}).(*shardedHub)
	var handles []*Handle
	for i := range 45 {
		_, h := join(hub, fmt.Sprint(i))
		handles = append(handles, h)
	}
	sizes := func() (n []int) {
		for _, s := range hub.shards {
			n = append(n, s.members)
		}
		return n
	}
	if got := sizes(); !slices.Equal(got, []int{10, 10, 10, 10, 5}) {
		t.Errorf("shards have %v members", got)
	}
	for _, h := range handles[:20] {
		hub.Remove(h, nil)
	}
	for i := range 20 {
		join(hub, fmt.Sprint("new", i))
	}
	if got := sizes(); len(got) != 5 || slices.Max(got) > 10 {
		t.Errorf("shards have %v members after some were replaced", got)
	}
	sharded := open(t, "sharded", Options{Shards: 3}).(*shardedHub)
	for i := range 2000 {
		join(sharded, fmt.Sprint(i))
	}
	if got := len(sharded.shards); got != 3 {
		t.Errorf("sharded has %d shards, want 3", got)
	}
}

func TestNewRefuses(t *testing.T) {
	if _, err := New("fastest", Options{}); err == nil || err.Error() != `fan-out strategy "fastest" is unknown; use one of naive, serial, writers, sharded, batched` {
		t.Errorf("an unknown strategy gives %v", err)
	}
	for _, opts := range []Options{{Shards: -1}, {ShardMembers: -1}, {QueuePackets: -1}, {QueueBytes: -1}} {
		if _, err := New("batched", opts); err == nil {
			t.Errorf("options %+v are accepted", opts)
		}
	}
}

func TestNaiveEncodesForEachReceiver(t *testing.T) {
	const members = 5
	for _, name := range Names() {
		want := 0
		if name == "naive" {
			want = members
		}
		hub := open(t, name, Options{})
		for i := range members {
			join(hub, fmt.Sprint(i))
		}
		n := 0
		hub.Broadcast(Audience{}, Message{Frame: text("x"), Encode: func() *frame.Frame { n++; return text("x") }})
		hub.Close()
		if n != want {
			t.Errorf("%s calls Encode %d times, want %d", name, n, want)
		}
	}
}

// The list of an audience takes of the limit of a queue as the frame does: it may be longer.
func TestAudiencesCountForTheQueue(t *testing.T) {
	queued(t, Options{Shards: 1}, func(t *testing.T, hub *shardedHub) {
		list := make([]string, 1000)
		for i := range list {
			list[i] = fmt.Sprint("room ", i)
		}
		m, _ := join(hub, "m", list...)
		release := hold(hub)
		hub.Broadcast(rooms(list...), Message{Frame: text("news")})
		s := hub.shards[0]
		waiting := func() int {
			s.mu.Lock()
			defer s.mu.Unlock()
			return s.waiting.bytes
		}
		if n := waiting(); n < 16*len(list) {
			t.Errorf("a message to %d rooms counts as %d bytes", len(list), n)
		}
		release()
		hub.Settle(nil)
		hub.Close()
		if n := waiting(); n != 0 {
			t.Errorf("%d bytes are left in an empty queue", n)
		}
		compare(t, "the member", m.texts(t), []string{"hello", "news"})
	})
}
