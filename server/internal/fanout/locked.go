package fanout

import (
	"github.com/throng-io/throng/server/internal/frame"
)

// lockedHub keeps all members under one lock and delivers on the caller's goroutine. Senders share
// the lock, so that one broadcast does not wait for another; a change of the membership excludes
// all others, so that the first and the last frame of a member stand where they should.
type lockedHub struct {
	index
	hand func(*Handle, Message) // how one member gets one message
	all  list                   // guarded by the lock of the index

	meter *Meter
}

func newSerial(o Options) Hub  { return &lockedHub{hand: deliver, meter: o.Meter} }
func newWriters(o Options) Hub { return &lockedHub{hand: queue, meter: o.Meter} }
func newNaive(o Options) Hub   { return &lockedHub{hand: encodeAndDeliver, meter: o.Meter} }

func deliver(h *Handle, msg Message) { h.receiver().send(msg.Frame) }

func queue(h *Handle, msg Message) { h.member.Queue(msg.Frame) }

func encodeAndDeliver(h *Handle, msg Message) {
	if msg.Encode != nil {
		msg.Frame = msg.Encode()
	}
	deliver(h, msg)
}

func (hub *lockedHub) Add(id string, m Member, first *frame.Frame) *Handle {
	h := newHandle(id, m)
	hub.mu.Lock()
	defer hub.mu.Unlock()
	if hub.closed {
		h.removed = true
		return h
	}
	hub.add(h)
	hub.all.add(&h.home)
	if first != nil {
		hub.hand(h, Message{Frame: first})
	}
	return h
}

func (hub *lockedHub) Remove(h *Handle, last *frame.Frame) {
	hub.mu.Lock()
	defer hub.mu.Unlock()
	if hub.closed || h.removed {
		return
	}
	hub.drop(h)
	hub.all.remove(&h.home)
	for _, st := range h.seats.all {
		st.in.list.remove(st)
	}
	h.seats = seats{}
	if last != nil {
		hub.hand(h, Message{Frame: last})
	}
}

func (hub *lockedHub) Join(h *Handle, room string) bool {
	hub.mu.Lock()
	defer hub.mu.Unlock()
	st := hub.join(h, room, nil)
	if st != nil {
		st.in.list.add(st)
	}
	return st != nil
}

func (hub *lockedHub) Leave(h *Handle, room string) bool {
	hub.mu.Lock()
	defer hub.mu.Unlock()
	st := hub.leave(h, room)
	if st != nil {
		st.in.list.remove(st)
	}
	return st != nil
}

func (hub *lockedHub) Emit(h *Handle, f *frame.Frame) {
	hub.mu.RLock()
	defer hub.mu.RUnlock()
	if !hub.closed && !h.removed {
		hub.hand(h, Message{Frame: f})
	}
}

func (hub *lockedHub) Broadcast(to Audience, m Message) {
	hub.mu.RLock()
	defer hub.mu.RUnlock()
	if hub.closed {
		return
	}
	t := hub.meter.begin()
	n := 0
	hub.visit(&to, func(h *Handle) {
		hub.hand(h, m)
		n++
	})
	t.done(n)
}

func (hub *lockedHub) Each(to Audience, fn func(h *Handle)) {
	var found []*Handle
	hub.mu.RLock()
	if !hub.closed {
		hub.visit(&to, func(h *Handle) { found = append(found, h) })
	}
	hub.mu.RUnlock()
	for _, h := range found {
		fn(h)
	}
}

// visit calls fn for each member of an audience once.
func (hub *lockedHub) visit(to *Audience, fn func(h *Handle)) {
	if to.Rooms.Len() == 0 {
		for _, r := range hub.all.all {
			if h := r.h; h != to.Skip && !hub.inAny(h, &to.Except, to.Except.Len()) {
				fn(h)
			}
		}
		return
	}
	for i := range to.Rooms.Len() {
		name := to.Rooms.At(i)
		// A member of an earlier room has been visited there.
		offer := func(h *Handle) {
			if h != to.Skip && !hub.inAny(h, &to.Rooms, i) && !hub.inAny(h, &to.Except, to.Except.Len()) {
				fn(h)
			}
		}
		if r := hub.rooms[name]; r != nil {
			for _, m := range r.parts[0].list.all {
				offer(m.h)
			}
		}
		if h := hub.ids[name]; h != nil {
			offer(h)
		}
	}
}

// inAny reports whether h is in one of the first n rooms of names.
func (hub *lockedHub) inAny(h *Handle, names *Set, n int) bool {
	for i := range n {
		name := names.At(i)
		if name == h.id {
			return true
		}
		if r := hub.rooms[name]; r != nil && h.seats.find(r) >= 0 {
			return true
		}
	}
	return false
}

// Settle has nothing to wait for: each call delivers what it sends.
func (hub *lockedHub) Settle(*Handle) {}

func (hub *lockedHub) Close() {
	hub.mu.Lock()
	defer hub.mu.Unlock()
	hub.closed = true
}
