package ledger

import (
	"slices"
	"sync"

	"github.com/throng-io/throng/scenario/internal/stamp"
)

// An op is what an event does to a receiver.
type op uint8

const (
	opArrive op = iota
	opJoin
	opEnd
	opLeave
	opSuspend
	opResume
	opRelist
)

// An event is something that happened to a receiver of this process, in a fleet.
type event struct {
	key   int64 // when it is replayed: when it happened, and the bound of the clocks
	op    op
	to    *Receiver
	by    any // an arrival's; of others a *Membership or []*Membership
	stamp stamp.Stamp
	at    int64 // when a message reached the socket, or when it happened
	read  int64
	from  int64
	until int64
}

// queueShards is among how many locks the receivers are divided.
const queueShards = 16

// A queue has what happened to receivers and is not replayed.
type queue [queueShards]struct {
	shard
	_ [64]byte // a cache line of its own
}

// A shard has the events of some receivers, in order of time.
type shard struct {
	mu    sync.Mutex
	floor int64 // later ones have no earlier key
	fresh []event

	pending []event // taken by the exchange
	next    int     // of those
}

func (q *queue) of(r *Receiver) *shard { return &q[r.ID%queueShards].shard }

// push queues an event that happened at a moment. The shard is locked.
func (f *fleet) push(sh *shard, e event, at int64) {
	sh.floor = max(sh.floor, at+f.Bound())
	e.key = sh.floor
	sh.fresh = append(sh.fresh, e)
}

// take takes the fresh events, of which no later one has a key below the horizon.
func (sh *shard) take(horizon int64) {
	sh.mu.Lock()
	defer sh.mu.Unlock()
	sh.floor = max(sh.floor, horizon)
	if sh.next == len(sh.pending) {
		clear(sh.pending) // they hold clients
		sh.pending, sh.fresh, sh.next = sh.fresh, sh.pending[:0], 0
		return
	}
	sh.pending = append(slices.Delete(sh.pending, 0, sh.next), sh.fresh...)
	clear(sh.fresh)
	sh.fresh, sh.next = sh.fresh[:0], 0
}

// Defer takes an arrival in, in a fleet: once everything before it is known, it is passed to
// Fleet.Delivered. d is copied. It is called on behalf of its receiver, as Receive is.
func (l *Ledger) Defer(d *Delivery) {
	f := l.fleet
	if d.Read > f.stopAt.Load() || int(d.Stamp.Stream) < l.streams && l.books[d.Stamp.Stream].Expect == ExpectNone {
		return
	}
	sh := f.queue.of(d.To)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	f.push(sh, event{op: opArrive, to: d.To, by: d.By, stamp: d.Stamp, at: d.At, read: d.Read, from: d.From, until: d.Until}, d.Read)
}

// early is what the client knows of its membership: the account follows later. It is not changed.
type early struct {
	joined bool
	ended  int64 // when; 0: it has not
	kept   bool  // suspended
}

func (m *Membership) seen() early {
	if e := m.early.Load(); e != nil {
		return *e
	}
	return early{}
}

func (f *fleet) join(r *Receiver, m *Membership) {
	sh := f.queue.of(r)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	e := m.seen()
	if r.gone || e.ended != 0 {
		return
	}
	e.joined = true
	m.early.Store(&e)
	f.push(sh, event{op: opJoin, to: r, by: m}, f.l.clock())
}

func (m *Membership) endEarly(now int64, kept bool) {
	if e := m.seen(); e.ended == 0 {
		e.ended, e.kept = now, kept
		m.early.Store(&e)
	}
}

func (f *fleet) end(r *Receiver, m *Membership, now int64) {
	sh := f.queue.of(r)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	m.endEarly(now, false)
	f.push(sh, event{op: opEnd, to: r, by: m, at: now}, now)
}

func (f *fleet) leave(r *Receiver, now int64) {
	sh := f.queue.of(r)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	if !r.gone {
		r.gone = true
		for _, m := range append(slices.Clip(r.Memberships()), r.Spaces()...) {
			m.endEarly(now, false)
		}
	}
	f.push(sh, event{op: opLeave, to: r, at: now}, now)
}

func (f *fleet) suspend(r *Receiver, now int64) {
	sh := f.queue.of(r)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	if r.gone {
		return
	}
	r.gone = true
	for _, m := range r.Memberships() {
		if m.HasJoined() { // else its join is in flight
			m.endEarly(now, true)
		}
	}
	for _, m := range r.Spaces() {
		m.endEarly(now, false)
	}
	f.push(sh, event{op: opSuspend, to: r, at: now}, now)
}

func (f *fleet) resume(r *Receiver, spaces []*Membership, now int64) {
	sh := f.queue.of(r)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	for _, m := range r.Memberships() {
		if e := m.seen(); e.kept {
			e.ended, e.kept = 0, false
			m.early.Store(&e)
		}
	}
	r.nowSpaces.Store(&spaces)
	r.gone = false
	f.push(sh, event{op: opResume, to: r, by: spaces, at: now}, now)
}

func (f *fleet) relist(r *Receiver, list []*Membership) {
	sh := f.queue.of(r)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	r.now.Store(&list)
	f.push(sh, event{op: opRelist, to: r, by: list}, f.l.clock())
}

// A timed is messages in order of the time when they were sent.
type timed struct{ list []emission }

// An emission is a message that was sent at a moment and is for an audience; nil: an echo.
type emission struct {
	at   int64
	slot *Slot
	to   *Audience
}

func (t *timed) first() int64 {
	if len(t.list) == 0 {
		return endOfTime
	}
	return t.list[0].at
}

// slowest is the agent that has announced least; nil: there is none, or it is in no one's way.
func (f *fleet) slowest() (slowest *peer) {
	for _, p := range f.others {
		if !p.lost && p.watermark != endOfTime && (slowest == nil || p.watermark < slowest.watermark) {
			slowest = p
		}
	}
	return slowest
}

// maxDeferred bounds the events that wait for the announcements of other agents: about 200 MB.
const maxDeferred = 2 << 20

// advance replays what happened up to the horizon. The exchange's lock is held.
func (f *fleet) advance() {
	horizon := f.l.clock() - 1 // first: what is sent or happens from now on is later
	f.own.list = f.sent.take(f.own.list)
	slowest := f.slowest()
	if slowest != nil {
		horizon = min(horizon, slowest.watermark)
	}
	for i := range f.queue {
		f.queue[i].take(horizon)
	}
	stop := f.stopAt.Load()
	for {
		messages := &f.own
		for _, p := range f.others {
			if p.waiting.first() < messages.first() {
				messages = &p.waiting
			}
		}
		f.replayTo(min(horizon, messages.first()-1), stop)
		if messages.first() > horizon {
			break
		}
		e := messages.list[0]
		messages.list = messages.list[1:]
		f.enter(&e)
	}
	f.horizon.Store(horizon)
	f.l.trim()
	if slowest != nil && f.waiting() > f.most {
		slowest.lost = true
		if f.GaveUp != nil {
			f.GaveUp(slowest.agent)
		}
		f.advance()
	}
}

// waiting is how many events wait for announcements.
func (f *fleet) waiting() (n int) {
	for i := range f.queue {
		n += len(f.queue[i].pending) - f.queue[i].next
	}
	return n
}

// enter replays a message.
func (f *fleet) enter(e *emission) {
	f.l.enter(e.slot, e.to)
	e.slot.carriedElsewhere()
	if e.to != nil {
		f.l.reportIfComplete(e.slot) // it may have no receiver here
	}
}

// replayTo replays the events up to a moment, in order of time.
func (f *fleet) replayTo(end, stop int64) {
	for {
		var first *shard
		for i := range f.queue {
			sh := &f.queue[i].shard
			if sh.next < len(sh.pending) && (first == nil || sh.pending[sh.next].key < first.pending[first.next].key) {
				first = sh
			}
		}
		if first == nil || first.pending[first.next].key > end {
			return
		}
		e := &first.pending[first.next]
		first.next++
		if max(e.at, e.read) <= stop {
			f.replay(e)
		}
	}
}

func (f *fleet) replay(e *event) {
	l := f.l
	switch e.op {
	case opArrive:
		f.receive(e)
	case opJoin:
		e.to.join(e.by.(*Membership))
	case opEnd:
		p := e.to.parts(e.at)
		l.end(e.to, e.by.(*Membership), &p)
	case opLeave:
		l.leave(e.to, e.at)
	case opSuspend:
		l.suspend(e.to, e.at)
	case opResume:
		e.to.resume(e.by.([]*Membership), e.at)
	case opRelist:
		list := e.by.([]*Membership)
		e.to.members.Store(&list)
	}
}

// receive replays an arrival.
func (f *fleet) receive(e *event) {
	d := &f.delivery // it would be on the heap, each time
	*d = Delivery{To: e.to, Stamp: e.stamp, By: e.by, At: e.at, Read: e.read, From: e.from, Until: e.until, Kind: Unknown}
	b, p := f.bookOf(&d.Stamp)
	if b != nil {
		if f.Came != nil {
			wrote := d.Stamp.Due
			if s, _ := b.find(d.Stamp.Seq); s != nil && s.Due == d.Stamp.Due {
				wrote += s.Lag()
			}
			d.At = f.Came(d, wrote)
		}
		d.Kind, d.Slot, d.Rank = f.l.receiveOf(b, d.To, &d.Stamp, d.At)
		if d.Kind == Unknown && p != nil && p.lost {
			d.Kind = Ignored
		}
	}
	f.Delivered(d)
}
