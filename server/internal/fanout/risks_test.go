package fanout

import (
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/throng-io/throng/server/internal/frame"
)

// hold stops the shard of a new member in the middle of a broadcast, so that all
// that is submitted until release is called waits in its queue.
func hold(hub *shardedHub) (release func()) {
	m := &recorder{entered: make(chan struct{}), release: make(chan struct{})}
	h := hub.Add("holder", m, nil)
	hub.Join(h, "hold")
	var wg sync.WaitGroup
	wg.Go(func() { hub.Broadcast(rooms("hold"), Message{Frame: text("hold")}) })
	<-m.entered
	return func() {
		close(m.release)
		wg.Wait()
		hub.Remove(h, nil)
	}
}

func join(hub Hub, id string, names ...string) (*recorder, *Handle) {
	m := &recorder{}
	h := hub.Add(id, m, text("hello"))
	for _, name := range names {
		hub.Join(h, name)
	}
	return m, h
}

func TestLeavingBetweenQueueingAndSending(t *testing.T) {
	queued(t, Options{Shards: 1}, func(t *testing.T, hub *shardedHub) {
		stays, _ := join(hub, "stays", "r")
		leaves, lh := join(hub, "leaves", "r")
		comes, ch := join(hub, "comes")
		release := hold(hub)
		hub.Broadcast(rooms("r"), Message{Frame: text("1")})
		hub.Leave(lh, "r")
		hub.Join(ch, "r")
		hub.Broadcast(rooms("r"), Message{Frame: text("2")})
		// The room dies and is made again while its first life still waits.
		hub.Leave(ch, "r")
		hub.Leave(hub.Lookup("stays"), "r")
		if got := hub.Size("r"); got != 0 {
			t.Errorf("the room has size %d before the queue is worked off, want 0", got)
		}
		hub.Broadcast(rooms("r"), Message{Frame: text("nobody")})
		hub.Join(lh, "r")
		hub.Broadcast(rooms("r"), Message{Frame: text("3")})
		release()
		hub.Close()
		compare(t, "who stays", stays.texts(t), []string{"hello", "1", "2"})
		compare(t, "who leaves and returns", leaves.texts(t), []string{"hello", "1", "3"})
		compare(t, "who comes and leaves", comes.texts(t), []string{"hello", "2"})
	})
}

func TestRemovalDuringBatch(t *testing.T) {
	queued(t, Options{Shards: 1}, func(t *testing.T, hub *shardedHub) {
		goes, gh := join(hub, "goes", "r")
		stays, _ := join(hub, "stays", "r")
		release := hold(hub)
		hub.Broadcast(rooms("r"), Message{Frame: text("1")})
		hub.Emit(gh, text("2"))
		hub.Remove(gh, text("last"))
		hub.Broadcast(rooms("r"), Message{Frame: text("3")})
		hub.Broadcast(rooms("goes"), Message{Frame: text("no such id")})
		hub.Emit(gh, text("too late"))
		again, _ := join(hub, "goes", "r") // a new member with the old id
		hub.Broadcast(rooms("goes"), Message{Frame: text("4")})
		release()
		hub.Close()
		compare(t, "who goes", goes.texts(t), []string{"hello", "1", "2", "last"})
		compare(t, "who stays", stays.texts(t), []string{"hello", "1", "3"})
		compare(t, "who has the id now", again.texts(t), []string{"hello", "4"})
	})
}

func TestCloseDuringBroadcast(t *testing.T) {
	queued(t, Options{Shards: 1}, func(t *testing.T, hub *shardedHub) {
		var all []*recorder
		for i := range 40 {
			m, _ := join(hub, fmt.Sprint(i))
			all = append(all, m)
		}
		release := hold(hub)
		for i := range 3 {
			hub.Broadcast(Audience{}, Message{Frame: text("%d", i)})
		}
		closed := make(chan struct{})
		go func() {
			hub.Close()
			close(closed)
		}()
		for owed := hub.shards[0].owed.Load(); owed < 4; owed = hub.shards[0].owed.Load() { // three and the one of Close
			yield()
		}
		hub.Broadcast(Audience{}, Message{Frame: text("after Close")})
		select {
		case <-closed:
			t.Error("Close has returned with broadcasts undelivered")
		default:
		}
		release()
		<-closed
		for i, m := range all {
			compare(t, fmt.Sprint(i), m.texts(t), []string{"hello", "0", "1", "2"})
		}
	})
}

// TestConcurrentClose has broadcasts, direct emits, joins and removals meet Close.
func TestConcurrentClose(t *testing.T) {
	everywhere(t, small, func(t *testing.T, hub Hub) {
		all := make([]*recorder, 30)
		for i := range all {
			all[i], _ = join(hub, fmt.Sprint(i), "r")
		}
		var wg sync.WaitGroup
		for c := range 4 {
			wg.Go(func() {
				for i := range 200 {
					hub.Broadcast(rooms("r"), Message{Frame: text("%d:%04d", c, i)})
					h := hub.Add(fmt.Sprint(c, i), &recorder{}, text("hello"))
					hub.Join(h, "q")
					hub.Emit(h, text("x"))
					hub.Each(rooms("q"), func(*Handle) {})
					hub.Remove(h, nil)
					if c == 0 && i == 100 {
						wg.Go(hub.Close)
						wg.Go(hub.Close)
					}
				}
			})
		}
		wg.Wait()
		for i, m := range all {
			got := m.texts(t)
			if got[0] != "hello" {
				t.Errorf("member %d got %q first", i, got[0])
			}
			for c := range 4 {
				for j, s := range only(got, fmt.Sprintf("%d:", c)) {
					if want := fmt.Sprintf("%d:%04d", c, j); s != want {
						t.Fatalf("member %d got %s where %s was due", i, s, want)
					}
				}
			}
		}
	})
}

// outbox is a member that never sends anything on: a reader that has stopped.
type outbox struct {
	recorder
	limit, refused int
}

func (m *outbox) Deliver(frames []*frame.Frame, _ []byte) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, f := range frames {
		if len(m.got) == m.limit {
			m.refused++
			continue
		}
		m.got = append(m.got, read(f))
	}
}

func (m *outbox) Queue(f *frame.Frame) { m.Deliver(f.Alone(), nil) }

func TestStoppedReaderCostsItsOutboxOnly(t *testing.T) {
	everywhere(t, Options{Shards: 1}, func(t *testing.T, hub Hub) {
		const sent, limit = 100, 10
		stopped := &outbox{limit: limit}
		hub.Join(hub.Add("stopped", stopped, nil), "r")
		var fast []*recorder
		for i := range 20 {
			m, _ := join(hub, fmt.Sprint(i), "r")
			fast = append(fast, m)
		}
		want := []string{"hello"}
		for i := range sent {
			hub.Broadcast(rooms("r"), Message{Frame: text("%d", i)})
			want = append(want, fmt.Sprint(i))
		}
		hub.Close()
		for i, m := range fast {
			compare(t, fmt.Sprint(i), m.texts(t), want)
		}
		if stopped.refused != sent-limit || len(stopped.got) != limit {
			t.Errorf("who has stopped took %d and refused %d, want %d and %d", len(stopped.got), stopped.refused, limit, sent-limit)
		}
	})
}

// TestHelloComesFirst has others look a member up and send to it in all ways
// while it is being added.
func TestHelloComesFirst(t *testing.T) {
	everywhere(t, small, func(t *testing.T, hub Hub) {
		const cycles = 200
		done := make(chan struct{})
		var wg sync.WaitGroup
		for _, send := range []func(){
			func() {
				if h := hub.Lookup("m"); h != nil {
					hub.Emit(h, text("emit"))
				}
			},
			func() { hub.Broadcast(rooms("m"), Message{Frame: text("id")}) },
			func() { hub.Broadcast(Audience{}, Message{Frame: text("all")}) },
		} {
			wg.Go(func() {
				for {
					select {
					case <-done:
						return
					default:
						send()
					}
				}
			})
		}
		var all []*recorder
		for range cycles {
			m, h := join(hub, "m")
			hub.Broadcast(rooms("m"), Message{Frame: text("mine")})
			hub.Remove(h, text("last"))
			all = append(all, m)
		}
		close(done)
		wg.Wait()
		hub.Close()
		for _, m := range all {
			got := m.texts(t)
			if got[0] != "hello" || got[len(got)-1] != "last" || !slices.Contains(got, "mine") {
				t.Fatalf("got %v, want hello first, mine, and last at the end", got)
			}
		}
	})
}

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

type meter struct{ frames, most, mostFrames int }

func (m *meter) Deliver(frames []*frame.Frame, wire []byte) {
	m.frames += len(frames)
	m.most, m.mostFrames = max(m.most, len(wire)), max(m.mostFrames, len(frames))
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
			if len(l.seats) != 0 || len(l.handles) != 0 {
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
