package main

import (
	"runtime"

	"golang.org/x/sys/unix"
)

// pin ties the calling goroutine's thread to one processor until restore is called on it. What it starts inherits that, and
// the nice value; one below 0 takes a privilege, without which it stays 0.
func pin(cpu, nice int) (restore func(), err error) {
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
	lower := nice < 0 && unix.Setpriority(unix.PRIO_PROCESS, 0, nice) == nil
	return func() {
		if lower {
			_ = unix.Setpriority(unix.PRIO_PROCESS, 0, 0)
		}
		_ = unix.SchedSetaffinity(0, &was)
		runtime.UnlockOSThread()
	}, nil
}
