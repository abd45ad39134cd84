package machine

import (
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// holdsPlace says that Sleep keeps the place of the runtime that it runs on.
const holdsPlace = true

// sliceOfPacer is how much CPU time the pacer's thread asks for at once, in nanoseconds.
const sliceOfPacer = 100_000

// fineTimers makes the calling thread wake on time. By default the kernel may
// let its timers be 50 microseconds late so that wake-ups can be joined, and lets whatever
// runs finish a slice of some milliseconds first; a thread that asks for short slices goes
// before those that want long ones (Linux 6.12). Neither needs a privilege, and without
// them sleeps are only less precise.
func fineTimers() {
	_ = unix.Prctl(unix.PR_SET_TIMERSLACK, 1, 0, 0, 0)
	if attr, err := unix.SchedGetAttr(0, 0); err == nil && attr.Policy == unix.SCHED_NORMAL {
		attr.Runtime = sliceOfPacer // its nice value stays
		_ = unix.SchedSetAttr(0, attr, 0)
	}
}

// Sleep sleeps on the calling thread, and less long when a signal comes. It is for a goroutine
// that called [Precise].
//
// It is a raw system call on purpose: the runtime does not learn that the thread is blocked, so it
// does not hand its place to another goroutine, for which the thread would have to queue when it
// wakes. When the runtime needs the goroutine meanwhile, for instance to stop it for the garbage
// collector, it sends a signal every 100 microseconds until the goroutine reacts; the signal ends
// the sleep. So the thread occupies one of the runtime's places to run Go code, and the others get
// one more instead (see [Precise]).
//
// Measured on two cores shared with the server, a thousand clients, 1 000 echoes and 10 000
// deliveries a second; lag p99 in ms and CPU seconds of the generator in 10 s, three runs each: as
// here 1.5 0.3 1.1 and 1.2 1.1 1.2; without the short slices 1.7 2.1 2.6 and 1.2 1.3 1.4; an
// ordinary system call 2.8 2.6 2.3 and 1.8 1.6 1.7; an ordinary one and one more place 3.0 2.9 2.2
// and 1.7 1.5 1.3. time.Sleep is a millisecond late to begin with.
func Sleep(d time.Duration) {
	if d <= 0 {
		return
	}
	ts := syscall.NsecToTimespec(int64(d))
	_, _, _ = syscall.RawSyscall(syscall.SYS_NANOSLEEP, uintptr(unsafe.Pointer(&ts)), 0, 0)
}
