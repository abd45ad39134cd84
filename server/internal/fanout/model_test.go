package fanout

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"sort"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"github.com/throng-io/throng/server/internal/frame"
)

// modelMember is what a member should be and have got, in plain maps.
type modelMember struct {
	id    string
	rooms map[string]bool
	want  []string
	rec   *recorder
	h     *Handle
}

// model says what one caller's operations must lead to if nobody else touches its members. It
// shares no code with any hub.
type model struct {
	hub     Hub
	name    string
	sent    int
	members []*modelMember
	left    []*modelMember
	private bool // broadcasts go to rooms of this caller only
}

func (m *model) next() (string, *frame.Frame) {
	m.sent++
	s := fmt.Sprintf("%s:%d", m.name, m.sent)
	return s, text("%s", s)
}

func (m *model) in(mm *modelMember, names []string) bool {
	return slices.ContainsFunc(names, func(n string) bool { return mm.id == n || mm.rooms[n] })
}

func (m *model) reached(mm *modelMember, in, except []string, skip *modelMember) bool {
	return mm != skip && (len(in) == 0 || m.in(mm, in)) && !m.in(mm, except)
}

// step does one random operation to the hub and to the model.
func (m *model) step(pick func(n int) int) {
	roomName := func() string { return fmt.Sprintf("%s-%d", m.name, pick(5)) }
	someone := func() *modelMember {
		if len(m.members) == 0 {
			return nil
		}
		return m.members[pick(len(m.members))]
	}
	if mm := someone(); mm != nil {
		switch pick(10) {
		case 0, 1:
			r := roomName()
			if m.hub.Join(mm.h, r) == mm.rooms[r] {
				panic("Join does not tell whether the member was there")
			}
			mm.rooms[r] = true
			return
		case 2:
			r := roomName()
			if m.hub.Leave(mm.h, r) != mm.rooms[r] {
				panic("Leave does not tell whether the member was there")
			}
			delete(mm.rooms, r)
			return
		case 3:
			if pick(3) == 0 {
				m.remove(mm, pick(2) == 0)
				return
			}
		case 4, 5:
			s, f := m.next()
			m.hub.Emit(mm.h, f)
			mm.want = append(mm.want, s)
			return
		case 6, 7, 8:
			m.broadcast(pick, roomName, someone)
			return
		}
	}
	m.add(pick(4) > 0)
}

func (m *model) add(first bool) {
	id := fmt.Sprintf("%s#%d", m.name, len(m.members)+len(m.left))
	mm := &modelMember{id: id, rooms: map[string]bool{}, rec: &recorder{}}
	if len(m.members)%2 == 1 {
		mm.rec.wire = newWire()
	}
	var f *frame.Frame
	if first {
		var s string
		s, f = m.next()
		mm.want = []string{s}
	}
	mm.h = m.hub.Add(mm.id, mm.rec, f)
	m.members = append(m.members, mm)
}

func (m *model) remove(mm *modelMember, last bool) {
	var f *frame.Frame
	if last {
		var s string
		s, f = m.next()
		mm.want = append(mm.want, s)
	}
	m.hub.Remove(mm.h, f)
	// What comes after must do nothing.
	m.hub.Emit(mm.h, text("after removal"))
	m.hub.Join(mm.h, "after removal")
	m.hub.Remove(mm.h, text("removed twice"))
	m.members = slices.DeleteFunc(m.members, func(x *modelMember) bool { return x == mm })
	m.left = append(m.left, mm)
}

func (m *model) broadcast(pick func(int) int, roomName func() string, someone func() *modelMember) {
	var in, except []string
	name := func() string {
		if pick(4) == 0 {
			return someone().id
		}
		return roomName()
	}
	switch n := pick(6); {
	case n == 0 || m.private:
		in = append(in, name())
	case n == 1:
		for range 5 { // more than a Set holds inline
			in = append(in, name())
		}
	case n < 4:
		in = append(in, name(), name())
	}
	for range max(0, pick(5)-2) {
		except = append(except, name())
	}
	var skip *modelMember
	to := Audience{}
	if pick(3) == 0 {
		skip = someone()
		to.Skip = skip.h
	}
	for _, n := range in {
		to.Rooms = to.Rooms.With(n)
	}
	for _, n := range except {
		to.Except = to.Except.With(n)
	}
	s, f := m.next()
	m.hub.Broadcast(to, Message{Frame: f, Encode: func() *frame.Frame { return text("%s", s) }})
	for _, mm := range m.members {
		if m.reached(mm, in, except, skip) {
			mm.want = append(mm.want, s)
		}
	}
}

// checkMembership compares the queries with the model.
func (m *model) checkMembership(t rapid.TB) {
	t.Helper()
	sizes := map[string]int{}
	for _, mm := range m.members {
		if m.hub.Lookup(mm.id) != mm.h {
			t.Errorf("%s is not found by its id", mm.id)
		}
		got := m.hub.Rooms(mm.h)
		sort.Strings(got)
		if want := slices.Sorted(maps.Keys(mm.rooms)); !slices.Equal(got, want) {
			t.Errorf("%s is in rooms %v, want %v", mm.id, got, want)
		}
		for r := range mm.rooms {
			sizes[r]++
		}
	}
	for i := range 5 {
		r := fmt.Sprintf("%s-%d", m.name, i)
		if got := m.hub.Size(r); got != sizes[r] {
			t.Errorf("room %s has size %d, want %d", r, got, sizes[r])
		}
		got, want := 0, 0
		m.hub.Each(rooms(r), func(h *Handle) {
			if !slices.ContainsFunc(m.members, func(mm *modelMember) bool { return mm.h == h && mm.rooms[r] }) {
				t.Errorf("Each finds %s in room %s", h.ID(), r)
			}
			got++
		})
		if want = sizes[r]; got != want {
			t.Errorf("Each finds %d members in room %s, want %d", got, r, want)
		}
	}
}

// small has queues and shards so small that their limits are met all the time.
var small = Options{Shards: 3, ShardMembers: 4, QueuePackets: 3, QueueBytes: 64}

// everyKind runs a test over all strategies, and over those that use rings once more by them.
func everyKind(t *testing.T, all []Options, test func(t *testing.T, name string, opts Options)) {
	for _, opts := range all {
		for _, name := range Names() {
			t.Run(fmt.Sprintf("%s/shards=%d/queue=%d", name, opts.Shards, opts.QueuePackets), func(t *testing.T) { test(t, name, opts) })
		}
	}
	for _, name := range slices.DeleteFunc(Names(), func(name string) bool { return !UsesRings(name) }) {
		t.Run(name+" by rings", func(t *testing.T) {
			opts := all[len(all)-1]
			opts.Rings = ringsFor(t)
			test(t, name, opts)
		})
	}
}

func TestOneCaller(t *testing.T) {
	everyKind(t, []Options{{}, small}, func(t *testing.T, name string, opts Options) {
		rapid.Check(t, func(t *rapid.T) {
			hub, err := New(name, opts)
			if err != nil {
				t.Fatal(err)
			}
			defer hub.Close()
			m := &model{hub: hub, name: "a"}
			dice := rapid.IntRange(0, 1<<16)
			pick := func(n int) int { return dice.Draw(t, "pick") % n }
			for range rapid.IntRange(0, 120).Draw(t, "steps") {
				m.step(pick)
			}
			m.checkMembership(t)
			if got := hub.Len(); got != len(m.members) {
				t.Errorf("hub has %d members, want %d", got, len(m.members))
			}
			hub.Close()
			for _, mm := range append(m.members, m.left...) {
				if got := mm.rec.texts(t); !slices.Equal(got, mm.want) {
					t.Errorf("%s got %v, want %v", mm.id, got, mm.want)
				}
			}
		})
	})
}

// TestSeveralCallers lets callers work on members and rooms of their own, for which the model knows
// each one's exact sequence, while each also broadcasts to rooms and members of all, where what
// must hold is: whoever stayed all the time gets all, each once, in the order of its sender.
func TestSeveralCallers(t *testing.T) {
	const callers, steps = 6, 400
	everyKind(t, []Options{{Shards: 2, ShardMembers: 16}, small}, func(t *testing.T, name string, opts Options) {
		hub := open(t, name, opts)
		stayers := make([]*recorder, 30) // more than a small audience
		for i := range stayers {
			stayers[i] = &recorder{}
			h := hub.Add(fmt.Sprintf("stayer%d", i), stayers[i], text("hello:0"))
			if i%2 == 0 {
				hub.Join(h, "even")
			}
		}
		var all, even [callers][]string
		models := make([]*model, callers)
		var wg sync.WaitGroup
		for c := range callers {
			m := &model{hub: hub, name: fmt.Sprintf("c%d", c), private: true}
			models[c] = m
			dice := rand.New(rand.NewPCG(uint64(c), 1))
			wg.Go(func() {
				for i := range steps {
					m.step(dice.IntN)
					switch dice.IntN(4) {
					case 0:
						s := fmt.Sprintf("s%d:%d", c, i)
						hub.Broadcast(Audience{}, Message{Frame: text("%s", s)})
						all[c], even[c] = append(all[c], s), append(even[c], s)
						for _, mm := range m.members {
							mm.want = append(mm.want, s)
						}
					case 1:
						s := fmt.Sprintf("s%d:%d", c, i)
						hub.Broadcast(rooms("even", "nobody"), Message{Frame: text("%s", s)})
						even[c] = append(even[c], s)
					}
				}
				m.checkMembership(t)
			})
		}
		wg.Wait()
		hub.Close()
		for i, rec := range stayers {
			want := &all
			if i%2 == 0 {
				want = &even
			}
			for c := range callers {
				compare(t, fmt.Sprintf("stayer%d", i), only(rec.texts(t), fmt.Sprintf("s%d:", c)), want[c])
			}
		}
		for c, m := range models {
			for _, mm := range append(m.members, m.left...) {
				got := mm.rec.texts(t)
				compare(t, mm.id, only(got, fmt.Sprintf("c%d:", c), fmt.Sprintf("s%d:", c)), mm.want)
				once := slices.Compact(slices.Sorted(slices.Values(got)))
				if len(once) != len(got) {
					t.Errorf("%s got %d frames, %d of them different", mm.id, len(got), len(once))
				}
			}
		}
	})
}

func compare(t *testing.T, who string, got, want []string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s got\n%v, want\n%v", who, got, want)
	}
}

func only(all []string, prefixes ...string) []string {
	return slices.DeleteFunc(slices.Clone(all), func(s string) bool {
		return !slices.ContainsFunc(prefixes, func(p string) bool { return len(s) > len(p) && s[:len(p)] == p })
	})
}
