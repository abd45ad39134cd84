package record

import (
	"math"
	"math/bits"
	"runtime"
	"sync/atomic"
	"time"

	"github.com/throng-io/throng/scenario/result"
)

// The shape of result.NewHistogram: three significant digits need buckets of 2048
// steps, of which each after the first uses the upper half.
const (
	cellsPerPage = 1024
	pageCount    = 23 // up to an hour of microseconds
	cellsPerLeaf = 128
)

var maxSample = result.MaxLatency.Microseconds()

// cells is a histogram of microseconds that any goroutine may add to with one atomic addition. Its
// cells equal the cells of result.NewHistogram, so moving counts there loses no precision. Parts
// are made when their first sample comes, and stay: 64 bytes for a page, 512 for an eighth of it,
// where a whole HdrHistogram takes 188 KiB. Most latencies of a kind lie close together, and of the
// others nearly each one lies elsewhere: with pages of one piece they took 4 KiB each, in every
// series and shard, and a run grew for as long as there were new ones.
type cells struct {
	pages [pageCount]atomic.Pointer[page]
}

type (
	page [cellsPerPage / cellsPerLeaf]atomic.Pointer[leaf]
	leaf [cellsPerLeaf]atomic.Uint32
)

func cellOf(v int64) int {
	b := bits.Len64(uint64(v)|(2*cellsPerPage-1)) - 11
	return b*cellsPerPage + int(v>>b)
}

// valueOf is the lowest value of a cell.
func valueOf(cell int) int64 {
	if cell < 2*cellsPerPage {
		return int64(cell)
	}
	b := cell/cellsPerPage - 1
	return int64(cell-b*cellsPerPage) << b
}

// add counts a sample of v microseconds, 0 <= v <= maxSample.
func (c *cells) add(v int64) { c.addN(v, 1) }

func (c *cells) addN(v int64, n uint32) {
	cell := cellOf(v)
	p := made(&c.pages[cell/cellsPerPage])
	made(&p[cell%cellsPerPage/cellsPerLeaf])[cell%cellsPerLeaf].Add(n)
}

// made is what is there, or what any goroutine puts there now.
func made[T any](place *atomic.Pointer[T]) *T {
	p := place.Load()
	if p == nil {
		place.CompareAndSwap(nil, new(T))
		p = place.Load()
	}
	return p
}

// drain moves every count to visit and leaves zeros. A sample added meanwhile
// is in this drain or in the next, never in both.
func (c *cells) drain(visit func(v, n int64)) {
	for i := range c.pages {
		p := c.pages[i].Load()
		if p == nil {
			continue
		}
		for j := range p {
			if l := p[j].Load(); l != nil {
				l.drain(i*cellsPerPage+j*cellsPerLeaf, visit)
			}
		}
	}
}

// drain is that of the cells from first on.
func (l *leaf) drain(first int, visit func(v, n int64)) {
	for i := range l {
		if l[i].Load() != 0 {
			visit(valueOf(first+i), int64(l[i].Swap(0)))
		}
	}
}

// A Recorder collects latencies, by series and by the phase in which the
// operation was due. Clients add to a shard each, the collector drains all of them.
type Recorder struct {
	Series  []Series
	phases  int
	shards  []*Shard
	never   []atomic.Pointer[cells] // of what did not end, by series, then phase
	hot     []atomic.Bool           // likewise: every shard has cells of its own
	came    []int64                 // likewise, in the drain under way
	clamped atomic.Int64
}

// A Shard is where some of the clients record. Goroutines may share it.
type Shard struct {
	rec   *Recorder
	cells []atomic.Pointer[cells] // by series, then phase
	_     [64]byte                // shards are written from different cores
}

// NewRecorder makes a recorder of all series. There are more shards than cores because clients
// belong to shards, not to cores.
func NewRecorder(all []Series, phases int) *Recorder {
	n := len(all) * phases
	r := &Recorder{Series: all, phases: phases, never: make([]atomic.Pointer[cells], n), hot: make([]atomic.Bool, n), came: make([]int64, n)}
	for range min(64, 4*runtime.NumCPU()) {
		r.shards = append(r.shards, &Shard{rec: r, cells: make([]atomic.Pointer[cells], n)})
	}
	return r
}

// Outside is how many samples lay outside of 0 to an hour; they are recorded at the limit.
func (r *Recorder) Outside() int64 { return r.clamped.Load() }

// Shard returns the shard of a client.
func (r *Recorder) Shard(client uint32) *Shard { return r.shards[client%uint32(len(r.shards))] }

// Shards share the cells of the first one where that costs nothing: of series of which few samples
// come, and of latencies in microseconds of which few are longer. Nearly each of the latter lies
// elsewhere, and with cells of their own the shards of a long run grew for hours.
const (
	few  = 10_000 // in a drain
	rare = 1 << 15
)

// Add records a latency. A phase below zero means that it was due outside of the timeline: it is
// dropped, as only a clock that runs backwards could bring it about.
func (s *Shard) Add(series, phase int, d time.Duration) {
	r := s.rec
	at, us := r.place(series, phase, d)
	if at < 0 {
		return
	}
	if us >= rare || !r.hot[at].Load() {
		s = r.shards[0]
	}
	made(&s.cells[at]).add(us)
}

// AddNever records an operation that had not ended when the wait for it was given up after d. It is
// not a latency of the series.
func (s *Shard) AddNever(series, phase int, d time.Duration) {
	if at, us := s.rec.place(series, phase, d); at >= 0 {
		made(&s.rec.never[at]).add(us)
	}
}

// place is where a latency counts, below zero where it does not, and its microseconds.
func (r *Recorder) place(series, phase int, d time.Duration) (at int, us int64) {
	if phase < 0 || series < 0 {
		return -1, 0
	}
	if us = d.Microseconds(); d < 0 || us > maxSample {
		us = min(max(us, 0), maxSample)
		r.clamped.Add(1)
	}
	return series*r.phases + phase, us
}

// Merge counts n samples of v microseconds that another recorder of the same series has drained: as
// of Add, or with never as of AddNever. It returns false, and counts nothing, where no recorder
// could have drained them.
func (r *Recorder) Merge(series, phase int, v, n int64, never bool) bool {
	if series < 0 || series >= len(r.Series) || phase < 0 || phase >= r.phases || v < 0 || v > maxSample || n < 1 || n > math.MaxUint32 {
		return false
	}
	all := r.shards[0].cells
	if never {
		all = r.never
	}
	made(&all[series*r.phases+phase]).addN(v, uint32(n))
	return true
}

// NoteOutside counts n samples that lay outside of another recorder's range.
func (r *Recorder) NoteOutside(n int64) { r.clamped.Add(n) }

// Drain passes on the samples since the last drain, cell by cell. One goroutine at a time.
func (r *Recorder) Drain(visit func(series, phase int, v, n int64)) {
	clear(r.came)
	for _, s := range r.shards {
		r.drain(s.cells, func(series, phase int, v, n int64) {
			r.came[series*r.phases+phase] += n
			visit(series, phase, v, n)
		})
	}
	for i, n := range r.came {
		if n > few {
			r.hot[i].Store(true)
		}
	}
}

// DrainNever does the same for the records of AddNever.
func (r *Recorder) DrainNever(visit func(series, phase int, v, n int64)) {
	r.drain(r.never, visit)
}

func (r *Recorder) drain(from []atomic.Pointer[cells], visit func(series, phase int, v, n int64)) {
	for i := range from {
		if c := from[i].Load(); c != nil {
			c.drain(func(v, n int64) { visit(i/r.phases, i%r.phases, v, n) })
		}
	}
}
