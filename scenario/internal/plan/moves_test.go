package plan

import (
	"math"
	"slices"
	"testing"
	"time"

	"github.com/throng-io/throng/scenario/file"
)

func every(t *testing.T, text string) *file.Dist {
	t.Helper()
	_, s := groupOf(t, "groups: {a: {count: 1, life: \""+text+"\"}}\n")
	return &s.Groups[0].Life
}

// Moves come in order of time, at the rate that is asked for, and do not depend on how many others
// there are.
func TestMoves(t *testing.T) {
	const clients, until = 200, int64(100 * time.Second)
	type move struct {
		due    int64
		client int
		draw   uint64
	}
	play := func(seed uint64, clients int) (all []move) {
		m := NewMoves(seed, 3, clients, every(t, "exp(5s)"))
		for {
			due, client, ok := m.Next()
			if !ok || due >= until {
				return all
			}
			all = append(all, move{due, client, m.Choice(client, 1)})
			m.Advance()
		}
	}
	all := play(7, clients)
	if !slices.IsSortedFunc(all, func(a, b move) int { return int(a.due - b.due) }) {
		t.Error("the moves are out of order")
	}
	if want := float64(clients) * 100 / 5; math.Abs(float64(len(all))-want) > 4*math.Sqrt(want) {
		t.Errorf("%d moves, want some %v", len(all), want)
	}
	if !slices.Equal(all, play(7, clients)) || slices.Equal(all, play(8, clients)) {
		t.Error("the moves are no function of the seed")
	}
	few := slices.DeleteFunc(slices.Clone(all), func(m move) bool { return m.client >= 10 })
	if !slices.Equal(few, play(7, 10)) {
		t.Error("a client's moves depend on how many others there are")
	}
	draws := map[uint64]bool{}
	for _, m := range all {
		draws[m.draw] = true
	}
	if len(draws) != len(all) {
		t.Errorf("%d choices for %d moves", len(draws), len(all))
	}
	if _, _, ok := NewMoves(1, 0, 0, every(t, "1s")).Next(); ok {
		t.Error("a group without clients has a move")
	}
	m := NewMoves(1, 0, 1, &file.Dist{})
	if first, _, _ := m.Next(); first < int64(time.Millisecond) {
		t.Errorf("moves come %d ns apart, and a pacer never rests", first)
	}
}
