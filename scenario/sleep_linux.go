package scenario

import (
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// holdsPlace says that sleepThread keeps the place of the runtime that it runs on.
const holdsPlace = true

// fineTimers asks the kernel not to round this thread's timers: by default they
// may be 50 microseconds late so that wake-ups can be joined.
func fineTimers() { _ = unix.Prctl(unix.PR_SET_TIMERSLACK, 1, 0, 0, 0) } // without it sleeps are only less precise

// sleepThread sleeps on the calling thread, and less long when a signal comes.
//
// It is a raw system call on purpose: the runtime does not learn that the thread is
// blocked, so it does not hand its place to another goroutine, for which the thread would
// have to queue when it wakes. What the runtime wants from the goroutine meanwhile, such as to
// stop for the garbage collector, it asks by a signal, repeated every 100 microseconds
// until it is obeyed; the signal ends the sleep.
func sleepThread(d time.Duration) {
	if d <= 0 {
		return
	}
	ts := syscall.NsecToTimespec(int64(d))
	_, _, _ = syscall.RawSyscall(syscall.SYS_NANOSLEEP, uintptr(unsafe.Pointer(&ts)), 0, 0)
}
