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
