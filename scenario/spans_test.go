package scenario

import (
	"math/rand/v2"
	"testing"
)

// A set of ranges has the numbers that a map has, in as few ranges as there can be.
func TestSpans(t *testing.T) {
	const most = 40
	r := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		var s spans
		has := map[uint64]bool{}
		for range 300 {
			n := r.Uint64N(most)
			if r.IntN(2) == 0 {
				s.add(n)
				has[n] = true
			} else if took := s.take(n); took != has[n] {
				t.Fatalf("%d was there: %v, want %v; %v", n, took, has[n], s)
			} else {
				delete(has, n)
			}
			ranges := 0
			for n := range uint64(most) {
				if has[n] && (n == 0 || !has[n-1]) {
					ranges++
				}
			}
			if len(s) != ranges {
				t.Fatalf("%v has %d ranges, want %d", s, len(s), ranges)
			}
		}
	}
}

// However many calls of a client have expired, their answers are late ones and no second ones, and
// those that never come take next to no memory.
func TestCallBookOfASilentServer(t *testing.T) {
	var b callBook
	const calls = 100_000
	for range calls {
		b.open(pendingCall{})
	}
	b.expire(func(uint64, *pendingCall) bool { return true })
	if len(b.expired) != 1 || b.base != b.next {
		t.Errorf("%d ranges of expired calls", len(b.expired))
	}
	for id := range uint64(calls) {
		if _, was := b.answer(id); was != callExpired {
			t.Fatalf("answer to %d: %v", id, was)
		}
	}
	if _, was := b.answer(5); was != callAnswered || len(b.expired) != 0 {
		t.Errorf("a second answer: %v, %d ranges", was, len(b.expired))
	}
}
