package main

import (
	"runtime"

	"golang.org/x/sys/unix"
)

// pin ties the calling goroutine's thread to one processor until restore is called on it. What it
// starts inherits that, and where a privilege allows it, that it goes before all other work.
func pin(cpu int, first bool) (restore func(), err error) {
	runtime.LockOSThread()
	var was, only unix.CPUSet
	only.Set(cpu)
	err = unix.SchedGetaffinity(0, &was)
	if err == nil {
		err = unix.SchedSetaffinity(0, &only)
	}
	if err != nil {
		runtime.UnlockOSThread()
		return nil, err
	}
	ordinary, attrErr := unix.SchedGetAttr(0, 0)
	if first && attrErr == nil {
		_ = unix.SchedSetAttr(0, &unix.SchedAttr{Size: unix.SizeofSchedAttr, Policy: unix.SCHED_FIFO, Priority: 1}, 0)
	}
	return func() {
		if first && attrErr == nil {
			_ = unix.SchedSetAttr(0, ordinary, 0)
		}
		_ = unix.SchedSetaffinity(0, &was)
		runtime.UnlockOSThread()
	}, nil
}
