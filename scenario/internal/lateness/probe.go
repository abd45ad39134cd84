package lateness

import (
	"sync"
	"sync/atomic"
	"time"
)

// Interval is the time between two messages of a Probe where one process generates the load of a
// machine. Each wakes a goroutine.
const Interval = 2 * time.Millisecond

// Sparsest is the longest time between two messages.
const Sparsest = 5 * Interval

// Every is the time between two messages where so many processes share a machine: all of them
// together read as many as one, up to Sparsest.
func Every(processes int) time.Duration {
	return min(time.Duration(max(1, processes))*Interval, Sparsest)
}

// A Probe reads messages that become readable on an absolute schedule. Its goroutine is woken by
// the runtime's poller when the kernel has something: as clients are that have a goroutine of their
// own, and no earlier than those that others read. Where the same goroutines read all clients, one
// of them reads the messages, too: for a fifth of the processor time. Methods other than Start and
// Close may be called from any goroutine.
type Probe struct {
	sample func(at, late int64)
	source source
	wg     sync.WaitGroup
	last   atomic.Pointer[stall]
}

// A source has the messages: under Linux a timer of the kernel, else a connection of the process to
// itself.
type source interface {
	// read waits for messages and passes each to one, oldest first: when it was due, when it became
	// readable, and when it was read. It returns an error when the source is closed.
	read(one func(due, readable, at int64)) error
	// held is how long a message has been due, or readable, by at and was not read; not positive
	// when there is none.
	held(at int64) int64
	// close makes read return, and waits for all else that the source has begun.
	close()
}

// A stall is a time during which nothing was read.
type stall struct{ from, to int64 }

// Start begins to read a message in each interval. The clock is in nanoseconds. watch lets the
// goroutine that reads the clients call for a descriptor when it has something; it does so no more
// when Close is called. nil, or false from it: the probe has a goroutine of its own. sample is
// called for each message, on one goroutine, with when it was read and how long it had waited.
func Start(every time.Duration, now func() int64, watch func(fd int, read func()) bool, sample func(at, late int64)) (*Probe, error) {
	if watch != nil {
		if p := watched(every, now, watch, sample); p != nil {
			return p, nil
		}
	}
	s, err := open(every, now)
	if err != nil {
		return nil, err
	}
	return start(s, sample), nil
}

func start(s source, sample func(at, late int64)) *Probe {
	p := &Probe{sample: sample, source: s}
	p.last.Store(&stall{})
	p.wg.Go(p.read)
	return p
}

// Close ends the reading and waits for the goroutines.
func (p *Probe) Close() {
	p.source.close()
	p.wg.Wait()
}

func (p *Probe) read() {
	take := p.take // once, and not for each read
	for p.source.read(take) == nil {
	}
}

func (p *Probe) take(due, readable, at int64) {
	p.sample(at, at-readable)
	p.note(due, readable, at)
}

// note keeps the longest of the stalls that may still explain the lateness of the current read.
func (p *Probe) note(due, readable, read int64) {
	s := &stall{readable, read}
	if readable-due > timerSlack {
		s.from = due
	}
	if was := p.last.Load(); s.length() >= was.length() || read > was.until() {
		p.last.Store(s)
	}
}

func (s *stall) length() int64 { return s.to - s.from }

// until is how long after a stall its backlog may still be read: as long as it lasted, and a
// millisecond at least.
func (s *stall) until() int64 { return s.to + max(s.length(), int64(time.Millisecond)) }

// Held is how long a message that is read at a moment may at most have waited, as far as this
// process was held up.
func (p *Probe) Held(at int64) (d int64) {
	if s := p.last.Load(); at <= s.until() {
		d = min(at-s.from, 2*s.length())
	}
	return max(0, d, p.source.held(at))
}
