package scenario

import (
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/throng-io/throng/scenario/machine"
)

// A turned clock moves only when the pacer sleeps, and when a source dawdles.
type turned struct{ t int64 }

func (c *turned) now() int64            { return c.t }
func (c *turned) sleep(d time.Duration) { c.t += int64(d) }

type listed struct {
	dues  []int64
	fired *[]int64
	each  func()
}

func (l *listed) next() (int64, bool) {
	if len(l.dues) == 0 {
		return 0, false
	}
	return l.dues[0], true
}

func (l *listed) fire(now int64) {
	*l.fired = append(*l.fired, l.dues[0])
	l.dues = l.dues[1:]
	if l.each != nil {
		l.each()
	}
}

func TestPacerMergesItsSources(t *testing.T) {
	var c turned
	var fired, want []int64
	var sources []source
	for i := range int64(20) {
		l := &listed{fired: &fired}
		for n := range 5 + i*7 {
			l.dues = append(l.dues, n*1_000_003*(i+1)+i)
		}
		want = append(want, l.dues...)
		sources = append(sources, l)
	}
	slices.Sort(want)
	p := &pacer{now: c.now, sleep: c.sleep}
	p.run(sources...)
	if !slices.Equal(fired, want) {
		t.Errorf("fired %d of %d, or in another order", len(fired), len(want))
	}
	if c.t != want[len(want)-1] {
		t.Errorf("the last was fired at %d, due at %d", c.t, want[len(want)-1])
	}
}

// A late operation is fired at once and delays no later operation.
func TestPacerCatchesUp(t *testing.T) {
	var c turned
	var fired, at []int64
	l := &listed{fired: &fired}
	for n := range int64(100) {
		l.dues = append(l.dues, n*10)
	}
	l.each = func() {
		at = append(at, c.t)
		if len(fired) == 20 {
			c.t += 305
		}
	}
	(&pacer{now: c.now, sleep: c.sleep}).run(l)
	if at[19] != 190 || at[20] != 495 || at[49] != 495 || at[50] != 500 || at[99] != 990 {
		t.Errorf("fired at %d", at)
	}
}

func TestPacerStops(t *testing.T) {
	var fired []int64
	l := &listed{fired: &fired, dues: []int64{0, int64(time.Hour)}}
	start := time.Now()
	p := &pacer{now: func() int64 { return int64(time.Since(start)) }, sleep: machine.Sleep}
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer machine.Precise()()
		p.run(l)
	}()
	runtime.GC() // must be able to stop the sleeping thread
	p.stop.Store(true)
	<-done
	if len(fired) > 1 {
		t.Errorf("fired %v", fired)
	}
}

// The pacer must manage 200 000 operations a second: a hundred streams, due as fast as it goes.
func BenchmarkPacer(b *testing.B) {
	var sources []source
	var fired int
	for range 100 {
		sources = append(sources, &counted{left: b.N / 100, n: &fired})
	}
	start := time.Now()
	(&pacer{now: func() int64 { return int64(time.Since(start)) }, sleep: machine.Sleep}).run(sources...)
}

type counted struct {
	left int
	n    *int
}

func (c *counted) next() (int64, bool) { return 0, c.left > 0 }
func (c *counted) fire(int64)          { c.left--; *c.n++ }

// Clients, messages and faults to which the pacer did not come before the end are in the account:
// they were due, and what did not happen to them is the generator's doing.
func TestWhatThePacerDoesNotReachIsInTheAccount(t *testing.T) {
	tr := newIdleTrial(t, `
version: 1
name: t
target: {url: "http://127.0.0.1:1"}
groups: {all: {count: 4, connect: {rate: 10k/s}, reconnect: {}, send: [{op: echo, rate: 2/s, ack: 1s}]}}
phases: [{name: hold, for: 2s}, {name: cut, for: 1s, fault: {drop: 100%}}]
`)
	p := &pacer{now: func() int64 { return int64(time.Minute) }}
	p.stop.Store(true)
	p.run(tr.sources()...)
	p.skipRest()
	errors := map[string]int64{}
	for _, e := range tr.errors.Counts() {
		errors[e.Class.String()] += e.N
		if !e.Class.Own() {
			t.Errorf("%s is not the generator's own", e.Class)
		}
	}
	sent, offered := tr.operations()
	_, dropped := tr.unsent()
	if offered == 0 || sent != 0 || dropped != offered || errors["send.late"] != offered {
		t.Errorf("%d messages sent and %d dropped of %d that were due: %v", sent, dropped, offered, errors)
	}
	if asked, held := tr.present(); asked != 4 || held != 0 || tr.count.failed.Load() != 4 || errors["connect.late"] != 4 {
		t.Errorf("%d clients asked, %d held, %d failed: %v", asked, held, tr.count.failed.Load(), errors)
	}
	if n := tr.groups[0].attempts[0].Load(); n != 4 {
		t.Errorf("%d attempts to connect", n)
	}
	if why := tr.acts.failure(); !strings.Contains(why, "the fault in cut did not happen") {
		t.Errorf("of the fault it says %q", why)
	}
}
