package fanout

import (
	"math"
	"sync"

	"github.com/throng-io/throng/server/internal/frame"
)

// shardedHub spreads the members over shards. Every call is turned into operations, one for each
// shard that it concerns, and each shard executes its operations one after the other in the order
// in which they were submitted. That is the whole argument for the order: a caller's next call is
// submitted after its last one.
//
// Operations are submitted with the lock of the index held, shared for sends and exclusive for
// changes of the membership, so that a broadcast finds the same membership in all shards. Nothing
// is delivered, and no goroutine waits, under that lock.
type shardedHub struct {
	index
	opts    Options
	batched bool
	shards  []*shard // guarded by the lock of the index
	running sync.WaitGroup
}

func newSharded(opts Options) Hub {
	opts.ShardMembers = math.MaxInt
	return &shardedHub{opts: opts}
}

func newBatched(opts Options) Hub {
	return &shardedHub{opts: opts, batched: true}
}

func (hub *shardedHub) Add(id string, m Member, first *frame.Frame) *Handle {
	h := newHandle(id, m)
	var t turn
	hub.mu.Lock()
	if hub.closed {
		h.removed = true
		hub.mu.Unlock()
		return h
	}
	h.shard = hub.place()
	h.shard.members++
	hub.add(h)
	t.submit(h.shard, op{kind: opAdd, h: h, f: first}, true)
	hub.mu.Unlock()
	t.finish()
	return h
}

// place returns the shard for the next member: the one with the fewest members, or a new one while
// there are less than opts.Shards and when all are full. Members never move, for their order would
// have to move with them.
func (hub *shardedHub) place() *shard {
	var least *shard
	for _, s := range hub.shards {
		if least == nil || s.members < least.members {
			least = s
		}
	}
	switch {
	case least == nil:
	case least.members == 0:
		return least
	case len(hub.shards) >= hub.opts.Shards && least.members < hub.opts.ShardMembers:
		return least
	}
	s := newShard(len(hub.shards), hub.opts, hub.batched)
	hub.shards = append(hub.shards, s)
	hub.running.Go(s.run)
	return s
}

func (hub *shardedHub) Remove(h *Handle, last *frame.Frame) {
	var t turn
	hub.mu.Lock()
	if hub.closed || h.removed {
		hub.mu.Unlock()
		return
	}
	hub.drop(h)
	h.shard.members--
	t.submit(h.shard, op{kind: opRemove, h: h, f: last}, true)
	hub.mu.Unlock()
	t.full = nil // closing connections does not wait for room
	t.finish()
}

func (hub *shardedHub) Join(h *Handle, room string) bool {
	var t turn
	hub.mu.Lock()
	st := hub.join(h, room, h.shard)
	if st != nil {
		t.submit(h.shard, op{kind: opJoin, seat: st}, true)
	}
	hub.mu.Unlock()
	t.finish()
	return st != nil
}

func (hub *shardedHub) Leave(h *Handle, room string) bool {
	var t turn
	hub.mu.Lock()
	st := hub.leave(h, room)
	if st != nil {
		t.submit(h.shard, op{kind: opLeave, seat: st}, true)
	}
	hub.mu.Unlock()
	t.finish()
	return st != nil
}

// Emit passes the queue by when the shard owes nothing: what this caller sent before has then been
// delivered, because an operation counts as owed from its submission until its last delivery, and
// one that a caller executes itself is over when its call returns. A concurrent caller may submit a
// broadcast at the same moment; between the two there is no order.
func (hub *shardedHub) Emit(h *Handle, f *frame.Frame) {
	s := h.shard
	if s == nil || (s.owed.Load() == 0 && h.deliver(f)) {
		return
	}
	var t turn
	t.submit(s, op{kind: opOne, h: h, f: f}, true)
	t.finish()
}

// Write sends a message that has no frame yet to the member at once, if nothing is before it: wire
// is its bytes, which are not kept. It returns false, and has done nothing, if it must be sent by
// Hub.Emit. The order is that of Emit.
func (h *Handle) Write(wire []byte, packets int) bool {
	if h.shard == nil || h.shard.owed.Load() != 0 {
		return false
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.state == present && h.out.Write(wire, packets)
}

// deliver gives f to the member unless it has left. It returns false if the first frame is still to
// come: somebody has looked the member up while it is being added.
func (h *Handle) deliver(f *frame.Frame) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.state == present {
		h.receiver().send(f)
	}
	return h.state != arriving
}

func (hub *shardedHub) Broadcast(to Audience, m Message) {
	t := turn{tally: hub.opts.Meter.begin()}
	hub.mu.RLock()
	if !hub.closed {
		hub.submit(&t, &to, m.Frame, nil)
	}
	hub.mu.RUnlock()
	t.finish()
	t.tally.done(0)
}

func (hub *shardedHub) Each(to Audience, fn func(h *Handle)) {
	var t turn
	var g gather
	hub.mu.RLock()
	if !hub.closed {
		hub.submit(&t, &to, nil, &g)
	}
	hub.mu.RUnlock()
	t.finish()
	g.missing.Wait()
	for _, h := range g.found {
		fn(h)
	}
}

// gather collects the members of an audience for Each.
type gather struct {
	missing sync.WaitGroup // shards that have not answered
	mu      sync.Mutex
	found   []*Handle
}

func (g *gather) expect() {
	if g != nil {
		g.missing.Add(1)
	}
}

func (g *gather) add(members []receiver, skip *Handle) {
	g.mu.Lock()
	for _, m := range members {
		if m.h != skip {
			g.found = append(g.found, m.h)
		}
	}
	g.mu.Unlock()
	g.missing.Done()
}

// Settle asks each shard to say when it comes to this point of its queue; for one member its own,
// unless that owes nothing, see Emit.
func (hub *shardedHub) Settle(of *Handle) {
	var g gather
	hub.mu.RLock()
	asked := hub.shards
	switch {
	case hub.closed, of != nil && of.shard.owed.Load() == 0:
		asked = nil
	case of != nil:
		asked = []*shard{of.shard}
	}
	for _, s := range asked {
		g.expect()
		s.submit(&op{kind: opSettle, gather: &g}, false)
	}
	hub.mu.RUnlock()
	g.missing.Wait()
}

func (hub *shardedHub) Close() {
	hub.mu.Lock()
	if !hub.closed {
		hub.closed = true
		for _, s := range hub.shards {
			s.close()
		}
	}
	hub.mu.Unlock()
	hub.running.Wait()
}
