package scenario

import (
	"slices"
	"sync"
)

// A pendingCall is an emission that waits for its acknowledgement.
type pendingCall struct {
	due, sent int64
	lag       int64 // how late the generator itself sent it
	stream    int32 // or joinCall
	phase     int32
	seq       uint32 // of the message; for a join the room
	state     callState
}

// waited is how long a call has waited at a moment for its answer: how late the generator itself
// sent it is not the server's doing.
func (c *pendingCall) waited(at int64) int64 { return at - c.due - c.lag }

// joinCall is the stream of a join.
const joinCall = -1

type callState uint8

const (
	callOpen     callState = iota
	callAnswered           // also: taken back
	callExpired            // its limit passed, or its connection ended; a later answer is late
	callUnknown            // the id was never given out
)

// A callBook gives out the ids of a client's calls, 0, 1, 2, ..., and keeps the calls that
// are not answered, in a ring that grows to the calls under way at once.
type callBook struct {
	mu      sync.Mutex
	first   uint64 // ids before it were given out on an earlier connection of the client
	base    uint64 // the oldest id in the ring
	next    uint64
	ring    []pendingCall // a power of two
	expired spans         // expired calls: distinguishes a late answer from a duplicate
	overdue []overdueCall // in a trial with faults; at most maxOverdue
	newest  int64         // when the latest of the answered calls was sent
}

// An overdueCall has not been answered within its limit, on a connection that stays.
type overdueCall struct {
	id     uint64
	due    int64
	limit  int64 // until when the server could answer in time
	stream int32 // or joinCall, or flowCall of a step that joins a room or leaves it
}

// maxOverdue bounds the memory for overdue calls of a client. More of them are not needed to judge
// a server.
const maxOverdue = 256

// maxExpired bounds the memory for expired calls, in ranges of ids: beyond it, late answers to the
// oldest pass for second ones.
const maxExpired = 1 << 12

func (b *callBook) at(id uint64) *pendingCall { return &b.ring[id&uint64(len(b.ring)-1)] }

// follow continues the ids of an earlier connection, as the official client does. Otherwise an
// answer replayed on a recovered connection could match a later call.
func (b *callBook) follow(before *callBook) {
	before.mu.Lock()
	defer before.mu.Unlock()
	b.first, b.base, b.next = before.next, before.next, before.next
}

// trim forgets the closed calls at the ring's old end.
func (b *callBook) trim() {
	for b.base < b.next && b.at(b.base).state != callOpen {
		b.base++
	}
}

func (b *callBook) open(c pendingCall) (id uint64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.next-b.base == uint64(len(b.ring)) {
		bigger := make([]pendingCall, max(2, 2*len(b.ring)))
		for id := b.base; id < b.next; id++ {
			bigger[id&uint64(len(bigger)-1)] = *b.at(id)
		}
		b.ring = bigger
	}
	c.state = callOpen
	id = b.next
	b.next++
	*b.at(id) = c
	return id
}

// answer closes a call and returns its previous state: open for a first answer. Only then is the
// call returned too.
func (b *callBook) answer(id uint64) (c pendingCall, was callState) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if id >= b.next {
		return c, callUnknown
	}
	if b.expired.take(id) {
		b.overdue = slices.DeleteFunc(b.overdue, func(o overdueCall) bool { return o.id == id })
		return c, callExpired
	}
	if id < b.first {
		return c, callExpired
	}
	if id < b.base || b.at(id).state != callOpen {
		return c, callAnswered
	}
	c = *b.at(id)
	b.newest = max(b.newest, c.sent)
	b.at(id).state = callAnswered
	b.trim()
	return c, callOpen
}

// isOpen reports whether a call waits for its answer.
func (b *callBook) isOpen(id uint64) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.waits(id)
}

// waits is isOpen where mu is locked.
func (b *callBook) waits(id uint64) bool {
	return id >= b.base && id < b.next && b.at(id).state == callOpen
}

// giveUp closes a call that is not waited for any more, so that its place in the ring is free
// again. Its answer is late then. closed is called with mu locked, if it was open.
func (b *callBook) giveUp(id uint64, closed func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.waits(id) {
		b.close(id)
		b.trim()
		closed()
	}
}

// close notes that a call's limit has passed, or its connection has ended. mu is locked.
func (b *callBook) close(id uint64) {
	b.at(id).state = callExpired
	b.expired.add(id)
	if len(b.expired) > maxExpired {
		b.expired = slices.Delete(b.expired, 0, 1)
	}
}

// oldest returns the call that has waited longest.
func (b *callBook) oldest() (id uint64, is bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for id := b.base; id < b.next; id++ {
		if b.at(id).state == callOpen {
			return id, true
		}
	}
	return 0, false
}

// expire visits the open calls, oldest first, and closes those for which over is true.
func (b *callBook) expire(over func(id uint64, c *pendingCall) bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for id := b.base; id < b.next; id++ {
		c := b.at(id)
		if c.state != callOpen || !over(id, c) {
			continue
		}
		b.close(id)
	}
	b.trim()
}

// ignored takes out the overdue calls that the server has ignored: a call that was made after the
// limit of theirs had passed was answered on the same connection, which therefore carried both.
func (b *callBook) ignored() (list []overdueCall) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, o := range b.overdue {
		if o.limit <= b.newest {
			list = append(list, o)
		}
	}
	b.overdue = nil
	return list
}
