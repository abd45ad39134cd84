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

// A loopback is a connection of this process to itself, over which a goroutine writes on the
// schedule. A message takes some 60 microseconds of processor time, most of it for waking up twice.
type loopback struct {
	now   func() int64
	every int64
	near  net.Conn
	far   net.Conn
	stop  chan struct{}
	wg    sync.WaitGroup
	buf   [64 * messageSize]byte // of read
	kept  int

	next   atomic.Int64 // when the next message is due
	unread atomic.Int64 // when the oldest message was written that is not read; 0: none
}

// messageSize is the size of two times: when a message was due and when it was written.
const messageSize = 16

// timerSlack is how late the runtime's timers may be on a quiet machine. Only a writer that is
// later was held up.
const timerSlack = int64(3 * time.Millisecond)

func openLoopback(every time.Duration, now func() int64) (*loopback, error) {
	near, far, err := connectSelf()
	if err != nil {
		return nil, fmt.Errorf("open a connection to this process itself: %w", err)
	}
	l := &loopback{now: now, every: int64(every), near: near, far: far, stop: make(chan struct{})}
	l.next.Store(now())
	l.wg.Go(l.write)
	return l, nil
}

func connectSelf() (near, far net.Conn, err error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, nil, err
	}
	defer func() { _ = l.Close() }()
	if near, err = net.Dial("tcp", l.Addr().String()); err != nil {
		return nil, nil, err
	}
	if far, err = l.Accept(); err != nil {
		_ = near.Close()
	}
	return near, far, err
}

func (l *loopback) close() {
	close(l.stop)
	_ = l.near.Close()
	_ = l.far.Close()
	l.wg.Wait()
}

// write sends every due message, including messages that fell due while the process stood still.
func (l *loopback) write() {
	var b [messageSize]byte
	timer := time.NewTimer(0)
	defer timer.Stop()
	due := l.next.Load()
	for {
		select {
		case <-l.stop:
			return
		case <-timer.C:
		}
		now := l.now()
		for ; due <= now; due += l.every {
			binary.BigEndian.PutUint64(b[:], uint64(due))
			wrote := l.now()
			binary.BigEndian.PutUint64(b[8:], uint64(wrote))
			l.unread.CompareAndSwap(0, wrote)
			if _, err := l.near.Write(b[:]); err != nil {
				return
			}
		}
		l.next.Store(due)
		timer.Reset(time.Duration(due - l.now()))
	}
}

func (l *loopback) read(one func(due, readable, at int64)) error {
	b := &l.buf
	n, err := l.far.Read(b[l.kept:])
	at := l.now()
	n += l.kept
	for rest := b[:n]; len(rest) >= messageSize; rest = rest[messageSize:] {
		one(int64(binary.BigEndian.Uint64(rest)), int64(binary.BigEndian.Uint64(rest[8:])), at)
	}
	l.kept = copy(b[:], b[n-n%messageSize:n])
	l.unread.Store(0)
	if errors.Is(err, io.ErrShortBuffer) {
		return nil
	}
	return err
}

func (l *loopback) held(at int64) (d int64) {
	if wrote := l.unread.Load(); wrote > 0 {
		d = at - wrote
	}
	if late := at - l.next.Load(); late > timerSlack {
		d = max(d, late)
	}
	return d
}
