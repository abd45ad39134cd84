package lateness

import (
	"encoding/binary"
	"os"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// open prefers a timer of the kernel, which a sandbox may refuse.
func open(every time.Duration, now func() int64) (source, error) {
	if t, err := openTimer(every, now); err == nil {
		return t, nil
	}
	return openLoopback(every, now)
}

// watched is a probe whose messages others read; nil if they do not.
func watched(every time.Duration, now func() int64, watch func(fd int, read func()) bool, sample func(at, late int64)) *Probe {
	t, err := newTimer(every, now)
	if err != nil {
		return nil
	}
	p := &Probe{sample: sample, source: t}
	p.last.Store(&stall{})
	take := p.take // once, and not for each read
	if !watch(t.fd, func() { t.glance(take) }) {
		t.close()
		return nil
	}
	return p
}

// A timer is a timer of the kernel as a file, which becomes readable on the schedule. Nobody has to
// write: a message wakes one goroutine, where one over a connection of the process to itself wakes
// two and crosses the network's code. And it is on time while the whole process stands still.
type timer struct {
	fd    int
	file  *os.File // of fd, for which the runtime waits; nil: others do
	now   func() int64
	every int64
	due   int64        // the next message, on the kernel's monotonic clock; read's
	next  atomic.Int64 // the same, on the clock of now
}

// openTimer opens one that a goroutine of its own reads.
func openTimer(every time.Duration, now func() int64) (*timer, error) {
	t, err := newTimer(every, now)
	if err == nil {
		t.file = os.NewFile(uintptr(t.fd), "timerfd")
	}
	return t, err
}

func newTimer(every time.Duration, now func() int64) (*timer, error) {
	fd, err := unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_NONBLOCK|unix.TFD_CLOEXEC)
	if err != nil {
		return nil, os.NewSyscallError("timerfd_create", err)
	}
	t := &timer{fd: fd, now: now, every: int64(every), due: monotonic() + int64(every)}
	t.next.Store(now() + t.every)
	spec := unix.ItimerSpec{Interval: unix.NsecToTimespec(t.every), Value: unix.NsecToTimespec(t.due)}
	if err := unix.TimerfdSettime(fd, unix.TFD_TIMER_ABSTIME, &spec, nil); err != nil {
		_ = unix.Close(fd)
		return nil, os.NewSyscallError("timerfd_settime", err)
	}
	return t, nil
}

// monotonic reads the clock of the timer.
func monotonic() int64 {
	var ts unix.Timespec
	_ = unix.ClockGettime(unix.CLOCK_MONOTONIC, &ts) // it is always there
	return ts.Nano()
}

// read learns from the kernel how many messages have become due.
func (t *timer) read(one func(due, readable, at int64)) error {
	var b [8]byte
	if _, err := t.file.Read(b[:]); err != nil {
		return err
	}
	t.took(&b, one)
	return nil
}

// glance is read without waiting.
func (t *timer) glance(one func(due, readable, at int64)) {
	var b [8]byte
	if n, err := unix.Read(t.fd, b[:]); err == nil && n == len(b) {
		t.took(&b, one)
	}
}

// took passes on what a read has brought. The clock of now may run at another speed, so the times
// on it are computed backwards from each read.
func (t *timer) took(b *[8]byte, one func(due, readable, at int64)) {
	at, late := t.now(), monotonic()-t.due
	n := int64(binary.NativeEndian.Uint64(b[:]))
	t.due += n * t.every
	t.next.Store(at - late + n*t.every)
	for due := at - late; n > 0; n-- {
		one(due, due, at)
		due += t.every
	}
}

func (t *timer) held(at int64) int64 { return at - t.next.Load() }

func (t *timer) close() {
	if t.file != nil {
		_ = t.file.Close()
		return
	}
	_ = unix.Close(t.fd)
}
