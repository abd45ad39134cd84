package scenario

import (
	"container/heap"
	"time"

	"github.com/throng-io/throng/scenario/file"
)

// A roving is the plan by which the clients of a group change rooms. Each place in the group has a
// sequence of its own, whichever client plays it. One goroutine at a time.
type roving struct {
	seed, group uint64
	every       *file.Dist
	due         agenda
	times       []uint32 // by client, how many moves were due
}

func newRoving(seed uint64, group, clients int, every *file.Dist) *roving {
	r := &roving{seed: seed, group: uint64(group), every: every, times: make([]uint32, clients)}
	for i := range clients {
		r.due = append(r.due, sequel{turn: turn{due: r.gap(i), client: uint32(i)}})
	}
	heap.Init(&r.due)
	return r
}

// gap is the time from a client's last move to its next one.
func (r *roving) gap(client int) int64 {
	return max(int64(time.Millisecond), int64(r.every.At(unit(r.choice(client, 0)))*1e9))
}

// choice is a random number for the client's move that is due; use tells several of them apart, from 1 to 3.
func (r *roving) choice(client int, use uint64) uint64 {
	return draw(r.seed, drawMove, r.group, uint64(client), uint64(r.times[client])<<2|use)
}

// next is the first move that is due; ok is false in a group without clients.
func (r *roving) next() (due int64, client int, ok bool) {
	if len(r.due) == 0 {
		return 0, 0, false
	}
	return r.due[0].due, int(r.due[0].client), true
}

// advance goes on to the next move, and plans that client's one after it.
func (r *roving) advance() {
	client := int(r.due[0].client)
	r.times[client]++
	r.due[0].due += r.gap(client)
	heap.Fix(&r.due, 0)
}
