package fleet

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"
)

// Whatever is lost, comes twice or comes late, each receiver gets every message once and in order,
// and the sender keeps nothing in the end.
func TestStreams(t *testing.T) {
	for seed := range uint64(50) {
		rng := rand.New(rand.NewPCG(seed, 1))
		receivers := []int{1, 2, 3}
		o := newOutgoing(stream{kind: down}, receivers...)
		in, got := map[int]*incoming{}, map[int][]string{}
		for _, r := range receivers {
			in[r] = &incoming{}
		}
		type packet struct {
			n    uint64
			data []byte
		}
		now := time.Now()
		var sent []string
		deliver := func(p packet) {
			for _, r := range receivers {
				for range rng.IntN(3) { // lost, once, twice
					if in[r].accept(p.n) {
						got[r] = append(got[r], string(p.data))
					}
				}
			}
		}
		numbers := map[string]uint64{}
		for i := 0; i < 200 || len(o.kept) > 0; i++ {
			if i > 20_000 {
				t.Fatalf("seed %d: %d messages are still not confirmed", seed, len(o.kept))
			}
			now = now.Add(200 * time.Millisecond)
			if i < 200 && rng.IntN(2) == 0 {
				data := fmt.Appendf(nil, "message %d", o.next)
				numbers[string(data)] = o.next
				n := o.next
				if err := o.add(data, now); err != nil {
					t.Fatal(err)
				}
				sent = append(sent, string(data))
				deliver(packet{n, data})
			}
			for _, data := range o.overdue(now) {
				deliver(packet{numbers[string(data)], data})
			}
			for _, r := range receivers {
				if rng.IntN(3) == 0 { // beats are lost as well
					o.confirm(r, in[r].next, now)
				}
			}
		}
		for _, r := range receivers {
			if fmt.Sprint(got[r]) != fmt.Sprint(sent) {
				t.Fatalf("seed %d: receiver %d got %q, sent was %q", seed, r, got[r], sent)
			}
		}
		if o.bytes != 0 {
			t.Errorf("seed %d: %d bytes are still counted", seed, o.bytes)
		}
	}
}

// Once a receiver takes again what it could not, each of its confirmations brings what follows: it
// gets all at the pace of these, and no more at once than may be on its way.
func TestCatchUp(t *testing.T) {
	const size, messages = chunk, 200
	start := time.Now()
	o := newOutgoing(stream{kind: up}, 5)
	for range messages {
		if err := o.add(make([]byte, size), start); err != nil {
			t.Fatal(err)
		}
	}
	if got := o.overdue(start.Add(resendWait / 2)); got != nil {
		t.Fatalf("%d messages are sent again while they may be on their way", len(got))
	}
	const window = resendMost / size
	in, now, sent := &incoming{}, start.Add(resendWait), uint64(0)
	for rounds := 0; in.next < messages; rounds++ {
		if rounds > messages/window {
			t.Fatalf("after %d confirmations %d messages have come", rounds, in.next)
		}
		again := o.overdue(now)
		if len(again) > window {
			t.Fatalf("%d messages are sent again at once", len(again))
		}
		for range again {
			if !in.accept(sent) {
				t.Fatalf("message %d comes, and %d is waited for", sent, in.next)
			}
			sent++
		}
		o.confirm(5, in.next, now)
	}
	if sent != messages || len(o.kept) > 0 || o.overdue(now.Add(time.Hour)) != nil {
		t.Errorf("%d messages were sent again, and %d are kept", sent, len(o.kept))
	}
	if err := o.add([]byte("live"), now); err != nil || o.overdue(now) != nil {
		t.Errorf("what has just been sent is sent again; %v", err)
	}
}

// One receiver that lacks something gets it, however much the others go on to confirm.
func TestOneLacksIt(t *testing.T) {
	now := time.Now()
	o := newOutgoing(stream{kind: down}, 1, 2)
	for n := uint64(1); n <= 10; n++ {
		if err := o.add([]byte("a"), now); err != nil {
			t.Fatal(err)
		}
		o.confirm(1, n, now)
		now = now.Add(resendWait / 4)
	}
	if again := o.overdue(now); len(again) != 10 {
		t.Errorf("%d messages are sent again, want 10", len(again))
	}
}

// A confirmation of what was never sent, or by nobody who should have it, changes nothing.
func TestConfirmNonsense(t *testing.T) {
	now := time.Now()
	o := newOutgoing(stream{kind: up}, 5)
	if err := o.add([]byte("a"), now); err != nil {
		t.Fatal(err)
	}
	o.confirm(5, 7, now)
	o.confirm(6, 1, now)
	if len(o.kept) != 1 {
		t.Errorf("%d messages are kept, want 1", len(o.kept))
	}
	o.confirm(5, 1, now)
	o.confirm(5, 0, now)
	if len(o.kept) != 0 || o.have[5] != 1 {
		t.Errorf("%d messages are kept, the receiver waits for %d", len(o.kept), o.have[5])
	}
	if err := o.add(make([]byte, maxKept+1), now); err == nil {
		t.Error("there is no limit")
	}
	o.without(5)
	if err := o.add(make([]byte, 10), now); err != nil || len(o.kept) != 0 {
		t.Errorf("without receivers: %v, %d kept", err, len(o.kept))
	}
}
