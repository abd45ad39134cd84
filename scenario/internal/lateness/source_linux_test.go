package lateness

import (
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// Nobody reads for a while: the messages that were due meanwhile have waited since, each for its
// own time, and before they are read the wait shows already.
func TestTimerOfAStall(t *testing.T) {
	began := time.Now()
	now := func() int64 { return int64(time.Since(began)) }
	s, err := openTimer(Interval, now)
	if err != nil {
		t.Fatal(err)
	}
	defer s.close()
	first := s.next.Load()
	p := &Probe{sample: func(int64, int64) {}, source: s}
	p.last.Store(&stall{})
	const stalled = 50 * time.Millisecond
	time.Sleep(stalled)
	before := now()
	if held := p.Held(before); held != before-first {
		t.Errorf("nothing was read since %d, by %d, and it is held for %d", first, before, held)
	}
	var waits []int64
	read := int64(0)
	p.sample = func(at, late int64) { read, waits = at, append(waits, late) }
	if err := s.read(p.take); err != nil {
		t.Fatal(err)
	}
	if least := int(stalled/Interval) - 1; len(waits) < least {
		t.Fatalf("%d messages were read, want %d at least", len(waits), least)
	}
	for i := range waits[1:] {
		if waits[i]-waits[i+1] != int64(Interval) {
			t.Errorf("message %d waited %d and the next one %d", i, waits[i], waits[i+1])
		}
	}
	if waits[0] < int64(stalled-Interval) || p.Held(read) < waits[0] {
		t.Errorf("the first waited %d; held for %d", waits[0], p.Held(read))
	}
}

// Others read the messages when they come to it: what they find then is what has become due.
func TestTimerThatOthersRead(t *testing.T) {
	began := time.Now()
	now := func() int64 { return int64(time.Since(began)) }
	var read func()
	var waits []int64
	p := watched(Interval, now, func(_ int, f func()) bool { read = f; return true }, func(_, late int64) { waits = append(waits, late) })
	if p == nil {
		t.Fatal("no probe")
	}
	defer p.Close()
	const stalled = 50 * time.Millisecond
	time.Sleep(stalled)
	if held := p.Held(now()); held < int64(stalled-2*Interval) {
		t.Errorf("nothing was read for %v, and it is held for %d ns", stalled, held)
	}
	read()
	if least := int(stalled/Interval) - 1; len(waits) < least || waits[0] < int64(stalled-2*Interval) || waits[len(waits)-1] >= waits[0] {
		t.Errorf("%d messages were read, want %d at least; they waited %v", len(waits), least, waits)
	}
	before := len(waits)
	for range 3 { // also when there is none
		read()
	}
	for len(waits) == before {
		time.Sleep(time.Millisecond)
		read()
	}
	if watched(Interval, now, func(int, func()) bool { return false }, func(int64, int64) {}) != nil {
		t.Error("a probe that nobody reads")
	}
}

// On a clock that is wrong by a tenth the schedule stays on the kernel's.
func TestTimerOnAnotherClock(t *testing.T) {
	began := time.Now()
	now := func() int64 { return int64(time.Since(began)) * 11 / 10 }
	s, err := openTimer(Interval, now)
	if err != nil {
		t.Fatal(err)
	}
	defer s.close()
	for range 50 {
		if err := s.read(func(due, readable, at int64) {
			if due != readable || due > at {
				t.Errorf("due at %d, readable at %d, read at %d", due, readable, at)
			}
		}); err != nil {
			t.Fatal(err)
		}
	}
	if ahead := s.due - monotonic(); ahead > int64(Interval) {
		t.Errorf("the next message is due in %d ns, of an interval of %d", ahead, Interval)
	}
}

// What a sample costs in processor time, of the timer and of the connection that takes its place
// elsewhere: go test -run - -bench Sample -benchtime 1500x -count 3
func BenchmarkSample(b *testing.B) {
	began := time.Now()
	now := func() int64 { return int64(time.Since(began)) }
	for name, open := range map[string]func() (source, error){
		"timer":    func() (source, error) { return openTimer(Interval, now) },
		"loopback": func() (source, error) { return openLoopback(Interval, now) },
	} {
		b.Run(name, func(b *testing.B) {
			s, err := open()
			if err != nil {
				b.Fatal(err)
			}
			defer s.close()
			n := 0
			before := processorTime(b)
			for n < b.N {
				if err := s.read(func(int64, int64, int64) { n++ }); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64((processorTime(b)-before).Nanoseconds())/1e3/float64(n), "cpu-us/op")
		})
	}
}

func processorTime(b *testing.B) time.Duration {
	b.Helper()
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
