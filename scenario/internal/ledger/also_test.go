package ledger

import (
	"sync/atomic"
	"testing"

	"github.com/throng-io/throng/scenario/internal/stamp"
	"github.com/throng-io/throng/scenario/result"
)

// A message that is for two audiences is one message, and each of its receivers is in its rows.
func TestAlso(t *testing.T) {
	var now atomic.Int64
	peers, own := &Audience{}, &Audience{}
	peers.Admit(0, false)
	own.Admit(0, false)
	also := &Book{Expect: ExpectOthers, Late: lateLimit}
	books := []*Book{{Expect: ExpectAll, Late: lateLimit}, {Expect: ExpectAll, Late: lateLimit, Also: also}}
	completed := 0
	l := New(Config{Books: books, Clock: now.Load, Complete: func(s *Slot, _ bool) { completed += int(s.Book.Stream) }})
	var r []*Receiver // two with the peer's key, three with the sender's own, and a stranger
	for i, a := range []*Audience{peers, peers, own, own, own, nil} {
		one := &Receiver{ID: uint32(i)}
		if a != nil {
			one = newReceiver(uint32(i), a)
			one.join(one.Memberships()[0])
		}
		r = append(r, one)
	}
	sender := r[2]
	for n := range 3 {
		due := int64(10 * n)
		s, seq := l.Emit(books[1], sender, peers, due, 0)
		_, same := l.Emit(also, sender, own, due, 0)
		if seq != same || s.Book != books[1] {
			t.Fatalf("message %d has the numbers %d and %d", n, seq, same)
		}
	}
	get := func(to, seq int) Arrival {
		kind, _, _ := l.Receive(r[to], &stamp.Stamp{Stream: 1, Sender: sender.ID, Seq: uint32(seq), Due: int64(10 * seq)}, 30)
		return kind
	}
	for to, want := range []Arrival{Counted, Counted, Unexpected, Counted, Counted, Unexpected} {
		if got := get(to, 0); got != want {
			t.Errorf("receiver %d: %d, want %d", to, got, want)
		}
	}
	if get(0, 1) != Counted || get(3, 1) != Counted || get(3, 1) != Duplicate { // one lost with each key
		t.Error("the second message was taken for another")
	}
	if kind, _, _ := l.Receive(r[0], &stamp.Stamp{Stream: 2, Sender: sender.ID}, 30); kind != Unknown {
		t.Errorf("a stamp of the book that is also there: %d", kind)
	}
	l.Watch(20 + lateLimit + 1)
	if sums := l.SoFar(nil); len(sums) != 2 {
		t.Errorf("%d streams", len(sums))
	}
	rows := l.Close(20 + lateLimit + 1)
	var sum result.Ledger
	for i := range rows[1] {
		sum.Add(rows[1][i].Deliveries())
	}
	want := result.Ledger{Due: 3, Sent: 3, Expected: 12, Received: 6, Lost: 6, Duplicate: 1}
	if sum != want || len(rows) != 2 || len(rows[0]) != 0 || completed == 0 {
		t.Errorf("%d streams, %+v, want %+v", len(rows), sum, want)
	}
}
