package lateness

import (
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// The echo comes back over a real connection, and its samples are no longer than the test was.
func TestEcho(t *testing.T) {
	began := time.Now()
	now := func() int64 { return int64(time.Since(began)) }
	enough := make(chan struct{})
	var n atomic.Int64
	e, err := Start(Interval, now, func(at, late int64) {
		if late < 0 || at-late < 0 || at > now() {
			t.Errorf("a sample of %d read at %d", late, at)
		}
		if n.Add(1) == 20 {
			close(enough)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	<-enough
	e.Close()
	if held := e.Held(now()); held > now() {
		t.Errorf("held for %d of %d", held, now())
	}
}

// A message read right after a stall may have waited through it; a message read later did not.
func TestHeld(t *testing.T) {
	const ms = int64(time.Millisecond)
	e := &Echo{}
	e.last.Store(&stall{})
	held := func(at, want int64) {
		t.Helper()
		if got := e.Held(at); got != want {
			t.Errorf("at %d: held for %d us, want %d", at, got/1000, want/1000)
		}
	}
	e.next.Store(1000 * ms)
	e.note(100*ms, 100*ms, 100*ms+ms/20) // 50 us: a quiet machine
	held(101*ms, ms/10)
	held(102*ms, 0)

	e.unread.Store(200 * ms) // one was written and nothing has been read since
	held(230*ms, 30*ms)
	e.unread.Store(0)
	e.note(200*ms, 200*ms, 250*ms)
	e.note(249*ms, 249*ms, 250*ms) // a short one does not hide a long one
	held(251*ms, 51*ms)
	held(299*ms, 99*ms)
	held(301*ms, 0)

	e.next.Store(400 * ms) // the whole process was stopped, and not even the writer runs yet
	held(402*ms, 0)
	held(1400*ms, 1000*ms)
	e.next.Store(1402 * ms)
	e.note(400*ms, 1400*ms, 1401*ms) // then it runs: written late, read at once
	held(1401*ms, 1001*ms)
}
