package fanout

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Meter measures broadcasts once it has been switched on: how many members each had, and how long
// it took to deliver it to the last of them. Before, it costs a look at a flag. Its zero value is
// ready; many hubs may share one.
type Meter struct {
	on        atomic.Bool
	receivers [len(ReceiverBounds) + 1]atomic.Uint64
	times     [len(TimeBounds) + 1]atomic.Uint64
	members   atomic.Uint64
	total     atomic.Int64 // nanoseconds
}

// The upper bounds of the classes; the last class has none.
var (
	ReceiverBounds = [...]int{0, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 50_000, 100_000}
	TimeBounds     = [...]time.Duration{
		2 * time.Microsecond, 5 * time.Microsecond, 10 * time.Microsecond, 20 * time.Microsecond, 50 * time.Microsecond,
		100 * time.Microsecond, 200 * time.Microsecond, 500 * time.Microsecond, time.Millisecond, 2 * time.Millisecond,
		5 * time.Millisecond, 10 * time.Millisecond, 20 * time.Millisecond, 50 * time.Millisecond, 100 * time.Millisecond,
		200 * time.Millisecond, 500 * time.Millisecond, time.Second, 5 * time.Second,
	}
)

// Start switches the meter on.
func (m *Meter) Start() { m.on.Store(true) }

// Measured is what a meter has measured since it was switched on.
type Measured struct {
	Receivers []uint64 // broadcasts, by class of ReceiverBounds
	Times     []uint64 // the same, by class of TimeBounds
	Members   uint64   // of all of them
	Total     time.Duration
}

// Read returns what has been measured.
func (m *Meter) Read() Measured {
	r := Measured{Members: m.members.Load(), Total: time.Duration(m.total.Load())}
	for i := range m.receivers {
		r.Receivers = append(r.Receivers, m.receivers[i].Load())
	}
	for i := range m.times {
		r.Times = append(r.Times, m.times[i].Load())
	}
	return r
}

func (m *Meter) note(members int, took time.Duration) {
	i, _ := slices.BinarySearch(ReceiverBounds[:], members)
	m.receivers[i].Add(1)
	i, _ = slices.BinarySearch(TimeBounds[:], took)
	m.times[i].Add(1)
	m.members.Add(uint64(members))
	m.total.Add(int64(took))
}

// tally measures one broadcast. Whoever makes it holds a share of it, as does each operation that
// it has become.
type tally struct {
	meter   *Meter
	began   time.Time
	shares  atomic.Int32
	members atomic.Int64
}

var tallies = sync.Pool{New: func() any { return new(tally) }}

// begin returns the tally of a broadcast, nil if nothing is measured.
func (m *Meter) begin() *tally {
	if m == nil || !m.on.Load() {
		return nil
	}
	t := tallies.Get().(*tally)
	t.meter, t.began = m, time.Now()
	t.shares.Store(1)
	t.members.Store(0)
	return t
}

// done gives a share back after members have got the message.
func (t *tally) done(members int) {
	if t == nil {
		return
	}
	t.members.Add(int64(members))
	if t.shares.Add(-1) == 0 {
		t.meter.note(int(t.members.Load()), time.Since(t.began))
		tallies.Put(t)
	}
}

// measured is a tally whose message goes out with a round.
type measured struct {
	tally   *tally
	members int
}
