package lateness

import (
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// Messages are read from a real source, and their samples are no longer than the test was.
func TestProbe(t *testing.T) {
	for name, open := range map[string]func(every time.Duration, now func() int64) (source, error){
		"of this system": open,
		"loopback":       func(every time.Duration, now func() int64) (source, error) { return openLoopback(every, now) },
	} {
		t.Run(name, func(t *testing.T) {
			began := time.Now()
			now := func() int64 { return int64(time.Since(began)) }
			s, err := open(Interval, now)
			if err != nil {
				t.Fatal(err)
			}
			enough := make(chan struct{})
			var n atomic.Int64
			p := start(s, func(at, late int64) {
				if late < 0 || at-late < 0 || at > now() {
					t.Errorf("a sample of %d read at %d", late, at)
				}
				if n.Add(1) == 20 {
					close(enough)
				}
			})
			<-enough
			p.Close()
			if held := p.Held(now()); held > now() {
				t.Errorf("held for %d of %d", held, now())
			}
			if least := int64(19 * Interval); now() < least {
				t.Errorf("20 messages came in %d ns, which is less than %d", now(), least)
			}
		})
	}
}

// A message read right after a stall may have waited through it; a message read later did not.
func TestHeld(t *testing.T) {
	const ms = int64(time.Millisecond)
	l := &loopback{}
	p := &Probe{source: l}
	p.last.Store(&stall{})
	held := func(at, want int64) {
		t.Helper()
		if got := p.Held(at); got != want {
			t.Errorf("at %d: held for %d us, want %d", at, got/1000, want/1000)
		}
	}
	l.next.Store(1000 * ms)
	p.note(100*ms, 100*ms, 100*ms+ms/20) // 50 us: a quiet machine
	held(101*ms, ms/10)
	held(102*ms, 0)

	l.unread.Store(200 * ms) // one was written and nothing has been read since
	held(230*ms, 30*ms)
	l.unread.Store(0)
	p.note(200*ms, 200*ms, 250*ms)
	p.note(249*ms, 249*ms, 250*ms) // a short one does not hide a long one
	held(251*ms, 51*ms)
	held(299*ms, 99*ms)
	held(301*ms, 0)

	l.next.Store(400 * ms) // the whole process was stopped, and not even the writer runs yet
	held(402*ms, 0)
	held(1400*ms, 1000*ms)
	l.next.Store(1402 * ms)
	p.note(400*ms, 1400*ms, 1401*ms) // then it runs: written late, read at once
	held(1401*ms, 1001*ms)
}
