package lateness

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// Interval is the time between two messages of an Echo where one process generates the load of a
// machine. Each costs some 60 microseconds of processor time, most of it for waking up twice.
const Interval = 2 * time.Millisecond

// Sparsest is the longest time between two messages.
const Sparsest = 5 * Interval

// Every is the time between two messages where so many processes share a machine: all of them
// together send as many as one, up to Sparsest.
func Every(processes int) time.Duration {
	return min(time.Duration(max(1, processes))*Interval, Sparsest)
}

// An Echo is a connection of this process to itself. One goroutine writes on an absolute schedule,
// another one reads, woken by the runtime's poller when the kernel has something: as clients do
// that have a goroutine of their own, and no earlier than those that client.Readers read. Methods
// other than Start and Close may be called from any goroutine.
type Echo struct {
	now    func() int64
	every  int64
	sample func(at, late int64)
	near   net.Conn
	far    net.Conn
	stop   chan struct{}
	wg     sync.WaitGroup

	next   atomic.Int64 // when the next message is due
	unread atomic.Int64 // when the oldest message was written that is not read; 0: none
	last   atomic.Pointer[stall]
}

// A stall is a time during which nothing was read.
type stall struct{ from, to int64 }

// timerSlack is how late the runtime's timers may be on a quiet machine. Only a writer that is
// later was held up.
const timerSlack = int64(3 * time.Millisecond)

// Start opens the connection, over which a message goes in each interval. The clock is in
// nanoseconds. sample is called for each message, on one goroutine, with when it was read and how
// long it had waited since it was written.
func Start(every time.Duration, now func() int64, sample func(at, late int64)) (*Echo, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("open a connection to this process itself: %w", err)
	}
	near, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		_ = l.Close()
		return nil, fmt.Errorf("open a connection to this process itself: %w", err)
	}
	far, err := l.Accept()
	_ = l.Close()
	if err != nil {
		_ = near.Close()
		return nil, fmt.Errorf("open a connection to this process itself: %w", err)
	}
	e := &Echo{now: now, every: int64(every), sample: sample, near: near, far: far, stop: make(chan struct{})}
	e.last.Store(&stall{})
	e.next.Store(now())
	e.wg.Go(e.write)
	e.wg.Go(e.read)
	return e, nil
}

// Close ends the connection and waits for its goroutines.
func (e *Echo) Close() {
	close(e.stop)
	_ = e.near.Close()
	_ = e.far.Close()
	e.wg.Wait()
}

// messageSize is the size of two times: when a message was due and when it was written.
const messageSize = 16

// write sends every due message, including messages that fell due while the process stood still.
func (e *Echo) write() {
	var b [messageSize]byte
	timer := time.NewTimer(0)
	defer timer.Stop()
	due := e.next.Load()
	for {
		select {
		case <-e.stop:
			return
		case <-timer.C:
		}
		now := e.now()
		for ; due <= now; due += e.every {
			binary.BigEndian.PutUint64(b[:], uint64(due))
			wrote := e.now()
			binary.BigEndian.PutUint64(b[8:], uint64(wrote))
			e.unread.CompareAndSwap(0, wrote)
			if _, err := e.near.Write(b[:]); err != nil {
				return
			}
		}
		e.next.Store(due)
		timer.Reset(time.Duration(due - e.now()))
	}
}

// read receives the messages, and notices stalls in reading.
func (e *Echo) read() {
	var b [64 * messageSize]byte
	kept := 0
	for {
		n, err := e.far.Read(b[kept:])
		now := e.now()
		n += kept
		for rest := b[:n]; len(rest) >= messageSize; rest = rest[messageSize:] {
			due, wrote := int64(binary.BigEndian.Uint64(rest)), int64(binary.BigEndian.Uint64(rest[8:]))
			e.sample(now, now-wrote)
			e.note(due, wrote, now)
		}
		kept = copy(b[:], b[n-n%messageSize:n])
		e.unread.Store(0)
		if err != nil && !errors.Is(err, io.ErrShortBuffer) {
			return
		}
	}
}

// note keeps the longest of the stalls that may still explain the lateness of the current read.
func (e *Echo) note(due, wrote, read int64) {
	s := &stall{wrote, read}
	if wrote-due > timerSlack {
		s.from = due
	}
	if was := e.last.Load(); s.length() >= was.length() || read > was.until() {
		e.last.Store(s)
	}
}

func (s *stall) length() int64 { return s.to - s.from }

// until is how long after a stall its backlog may still be read: as long as it lasted, and a
// millisecond at least.
func (s *stall) until() int64 { return s.to + max(s.length(), int64(time.Millisecond)) }

// Held is how long a message that is read at a moment may at most have waited, as far as this
// process was held up.
func (e *Echo) Held(at int64) (d int64) {
	if s := e.last.Load(); at <= s.until() {
		d = min(at-s.from, 2*s.length())
	}
	if wrote := e.unread.Load(); wrote > 0 {
		d = max(d, at-wrote)
	}
	if late := at - e.next.Load(); late > timerSlack {
		d = max(d, late)
	}
	return max(0, d)
}
