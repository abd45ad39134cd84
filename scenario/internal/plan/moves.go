package plan

import (
	"container/heap"
	"time"

	"github.com/throng-io/throng/scenario/file"
)

// Moves is the plan by which the clients of a group change rooms. Each place in the group has a
// sequence of its own, whichever client plays it. One goroutine at a time.
type Moves struct {
	seed, group uint64
	every       *file.Dist
	due         agenda
	times       []uint32 // by client, how many moves were due
}

// NewMoves plans the moves of a group's clients; every is in seconds.
func NewMoves(seed uint64, group, clients int, every *file.Dist) *Moves {
	m := &Moves{seed: seed, group: uint64(group), every: every, times: make([]uint32, clients)}
	for i := range clients {
		m.due = append(m.due, followUp{Turn: Turn{Due: m.gap(i), Client: uint32(i)}})
	}
	heap.Init(&m.due)
	return m
}

// gap is the time from a client's last move to its next one.
func (m *Moves) gap(client int) int64 {
	return max(int64(time.Millisecond), int64(m.every.At(Unit(m.Choice(client, 0)))*1e9))
}

// Choice is a random number for the client's due move; use (1 to 3) distinguishes its several
// draws.
func (m *Moves) Choice(client int, use uint64) uint64 {
	return Draw(m.seed, ForMove, m.group, uint64(client), uint64(m.times[client])<<2|use)
}

// Next is the first move that is due; ok is false in a group without clients.
func (m *Moves) Next() (due int64, client int, ok bool) {
	if len(m.due) == 0 {
		return 0, 0, false
	}
	return m.due[0].Due, int(m.due[0].Client), true
}

// Advance goes on to the next move, and plans that client's one after it.
func (m *Moves) Advance() {
	client := int(m.due[0].Client)
	m.times[client]++
	m.due[0].Due += m.gap(client)
	heap.Fix(&m.due, 0)
}
