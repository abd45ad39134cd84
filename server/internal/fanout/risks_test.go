package fanout

import (
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/throng-io/throng/server/internal/frame"
	"github.com/throng-io/throng/server/internal/outlet"
)

// hold stops the shard of a new member in the middle of a broadcast, so that all that is submitted
// until release is called waits in its queue.
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
	framesOnly
	recorder
	limit, refused int
}

func (m *outbox) Outlet() *outlet.Outlet { return outlet.New(m) }

func (m *outbox) Deliver(b outlet.Batch, _ int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, f := range b.Frames {
		if len(m.got) == m.limit {
			m.refused++
			continue
		}
		m.got = append(m.got, read(f))
	}
}

func (m *outbox) Queue(f *frame.Frame) { m.Deliver(outlet.Alone(f), 0) }

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

// TestEmitToArriving is the moment between an Add's submission and its execution, in which nothing
// is owed and the member can be looked up.
func TestEmitToArriving(t *testing.T) {
	m := &recorder{}
	h := newHandle("", m)
	if h.deliver(text("early")) || m.calls > 0 {
		t.Error("a direct emit does not take the queue while hello is still to come")
	}
	h.state = present
	if !h.deliver(text("in time")) || m.calls != 1 {
		t.Error("a direct emit to a present member is not delivered at once")
	}
	h.state = gone
	if !h.deliver(text("late")) || m.calls != 1 {
		t.Error("a direct emit to a member that has left is delivered, or queued")
	}
}

// TestHelloComesFirst has others look a member up and send to it in all ways while it is being
// added.
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

// Settle waits for what was sent before it, until the last member has it, or the one that is meant.
func TestSettle(t *testing.T) {
	for _, one := range []bool{false, true} {
		t.Run(fmt.Sprintf("one=%v", one), func(t *testing.T) { testSettle(t, one) })
	}
}

func testSettle(t *testing.T, one bool) {
	t.Helper()
	queued(t, Options{Shards: 1}, func(t *testing.T, hub *shardedHub) {
		m, _ := join(hub, "m", "r")
		last := &recorder{entered: make(chan struct{}), release: make(chan struct{})}
		h := hub.Add("last", last, nil)
		hub.Join(h, "r")
		of := h
		if !one {
			of = nil
		}
		release := hold(hub)
		for i := range 3 {
			hub.Broadcast(rooms("r"), Message{Frame: text("%d", i)})
		}
		var before []string
		settled := make(chan struct{})
		go func() {
			defer close(settled)
			hub.Settle(of)
			before = last.texts(t)
		}()
		for owed := hub.shards[0].owed.Load(); owed < 4; owed = hub.shards[0].owed.Load() { // three and the one of Settle
			yield()
		}
		release()
		<-last.entered
		for range 1000 {
			yield()
			select {
			case <-settled:
				t.Fatal("Settle has returned with broadcasts undelivered")
			default:
			}
		}
		close(last.release)
		<-settled
		compare(t, "the last", before, []string{"0", "1", "2"})
		hub.Close()
		hub.Settle(of) // returns
		compare(t, "the first", m.texts(t), []string{"hello", "0", "1", "2"})
	})
}
