package fanout

import (
	"slices"

	"github.com/throng-io/throng/server/internal/frame"
)

// This file turns a call of a sharded hub into the operations of its shards.

// smallAudience is how many members a broadcast may have for the caller to deliver it itself where
// the shards are idle. Waking a goroutine costs about as much as a write or two, and a room of ten
// members may lie in ten shards; beyond that, one caller would do alone the work that the shards
// can do side by side.
const smallAudience = 16

// turn is what is left to do for one call after the lock of the index has been released: operations
// that the caller got to execute itself, and the wait for the shard that is furthest above its
// limit.
type turn struct {
	own  [smallAudience]task
	n    int
	full *shard
	load int

	tally *tally // of a broadcast that is measured
}

type task struct {
	s *shard
	o op
}

func (t *turn) submit(s *shard, o op, inline bool) {
	if t.tally != nil {
		o.tally = t.tally
		t.tally.shares.Add(1)
	}
	mine, load := s.submit(&o, inline)
	if mine {
		t.own[t.n] = task{s, o}
		t.n++
	}
	if load > t.load {
		t.full, t.load = s, load
	}
}

func (t *turn) finish() {
	for i := range t.n {
		t.own[i].s.execute(&t.own[i].o)
	}
	if t.full != nil {
		t.full.wait()
	}
}

// submit turns a broadcast, or a search for its audience, into operations. The caller holds the
// lock of the index.
func (hub *shardedHub) submit(t *turn, to *Audience, f *frame.Frame, g *gather) {
	if to.Except.Len() > 0 || to.Rooms.Len() > 1 {
		hub.submitCuts(t, to, f, g)
		return
	}
	if to.Rooms.Len() == 0 {
		for _, s := range hub.shards {
			if s.members > 0 {
				g.expect()
				t.submit(s, op{kind: opAll, h: to.Skip, f: f, gather: g}, hub.members <= smallAudience)
			}
		}
		return
	}
	name := to.Rooms.At(0)
	r, h := hub.rooms[name], hub.ids[name]
	switch {
	case r != nil && h != nil:
		hub.submitCuts(t, to, f, g)
	case r != nil:
		for _, p := range r.parts {
			g.expect()
			t.submit(p.shard, op{kind: opPart, part: p, h: to.Skip, f: f, gather: g}, r.size <= smallAudience)
		}
	case h != nil && h != to.Skip:
		g.expect()
		t.submit(h.shard, op{kind: opOne, h: h, f: f, gather: g}, true)
	}
}

// cut is what one shard must know of an audience with several rooms or with exceptions. The shard
// finds the members when it comes to the operation.
type cut struct {
	everyone bool
	in, out  []target
}

// target is a part of a room, or one member.
type target struct {
	part *part
	h    *Handle
}

func (t target) shard() *shard {
	if t.part != nil {
		return t.part.shard
	}
	return t.h.shard
}

func byShard(a, b target) int { return a.shard().number - b.shard().number }

func (hub *shardedHub) submitCuts(t *turn, to *Audience, f *frame.Frame, g *gather) {
	in, members := hub.targets(&to.Rooms)
	out, exceptions := hub.targets(&to.Except)
	everyone := to.Rooms.Len() == 0
	if everyone {
		members = hub.members
	}
	inline := members+exceptions <= smallAudience
	cuts := make([]cut, 0, len(hub.shards)) // not to grow: operations point into it
	for _, s := range hub.shards {
		c := cut{everyone: everyone, in: take(&in, s), out: take(&out, s)}
		if len(c.in) == 0 && (!everyone || s.members == 0) {
			continue
		}
		cuts = append(cuts, c)
		g.expect()
		t.submit(s, op{kind: opCut, cut: &cuts[len(cuts)-1], h: to.Skip, f: f, gather: g}, inline)
	}
}

// targets resolves names, sorted by shard, and counts the members behind them.
func (hub *shardedHub) targets(names *Set) (all []target, members int) {
	for i := range names.Len() {
		name := names.At(i)
		if r := hub.rooms[name]; r != nil {
			all = slices.Grow(all, len(r.parts)+1)
			for _, p := range r.parts {
				all = append(all, target{part: p})
			}
			members += r.size
		}
		if h := hub.ids[name]; h != nil {
			all = append(all, target{h: h})
			members++
		}
	}
	slices.SortFunc(all, byShard)
	return all, members
}

// take cuts the targets of s off the front of all. Shards must be asked in the order of their
// numbers.
func take(all *[]target, s *shard) []target {
	n := 0
	for n < len(*all) && (*all)[n].shard() == s {
		n++
	}
	head := (*all)[:n:n]
	*all = (*all)[n:]
	return head
}
