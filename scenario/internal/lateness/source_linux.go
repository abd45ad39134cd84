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

// A timer is a timer of the kernel as a file, which becomes readable on the schedule. Nobody has to
// write: a message wakes one goroutine, where one over a connection of the process to itself wakes
// two and crosses the network's code. And it is on time while the whole process stands still.
type timer struct {
	file  *os.File
	now   func() int64
	every int64
	due   int64        // the next message, on the kernel's monotonic clock; read's
	next  atomic.Int64 // the same, on the clock of now
}

func openTimer(every time.Duration, now func() int64) (*timer, error) {
	fd, err := unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_NONBLOCK|unix.TFD_CLOEXEC)
	if err != nil {
		return nil, os.NewSyscallError("timerfd_create", err)
	}
	t := &timer{now: now, every: int64(every), due: monotonic() + int64(every)}
	t.next.Store(now() + t.every)
	spec := unix.ItimerSpec{Interval: unix.NsecToTimespec(t.every), Value: unix.NsecToTimespec(t.due)}
	if err := unix.TimerfdSettime(fd, unix.TFD_TIMER_ABSTIME, &spec, nil); err != nil {
		_ = unix.Close(fd)
		return nil, os.NewSyscallError("timerfd_settime", err)
	}
	t.file = os.NewFile(uintptr(fd), "timerfd")
	return t, nil
}

// monotonic reads the clock of the timer.
func monotonic() int64 {
	var ts unix.Timespec
	_ = unix.ClockGettime(unix.CLOCK_MONOTONIC, &ts) // it is always there
	return ts.Nano()
}

// read learns from the kernel how many messages have become due. The clock of now may run at
// another speed, so the times on it are computed backwards from each read.
func (t *timer) read(one func(due, readable, at int64)) error {
	var b [8]byte
	if _, err := t.file.Read(b[:]); err != nil {
		return err
	}
	at, late := t.now(), monotonic()-t.due
	n := int64(binary.NativeEndian.Uint64(b[:]))
	t.due += n * t.every
	t.next.Store(at - late + n*t.every)
	for due := at - late; n > 0; n-- {
		one(due, due, at)
		due += t.every
	}
	return nil
}

func (t *timer) held(at int64) int64 { return at - t.next.Load() }

func (t *timer) close() { _ = t.file.Close() }
