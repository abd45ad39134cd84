package scenario

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// ticksPerSecond is the unit of CPU time in /proc: 100 on every Linux that Go runs on.
const ticksPerSecond = 100

// selfUsage reads the CPU time of this process, in microseconds.
func selfUsage() usage {
	var ru syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &ru); err != nil {
		return usage{}
	}
	u := usage{cpu: time.Duration(ru.Utime.Nano() + ru.Stime.Nano()), ok: true}
	if other := processUsage(os.Getpid()); other.ok {
		u.add(other)
	}
	return u
}

// processUsage reads what another process has used (proc(5): utime is field 14, stime 15, rss in
// pages field 24 of /proc/PID/stat). Its CPU time there is in hundredths of a second, too
// coarse for short trials: where the kernel lets its clock be read, that is taken.
func processUsage(pid int) usage {
	if pid <= 0 {
		return usage{}
	}
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return usage{}
	}
	// The second field is the program's name in brackets and may hold anything: count from its end.
	f := bytes.Fields(b[bytes.LastIndexByte(b, ')')+1:])
	if len(f) < 22 {
		return usage{}
	}
	utime, err1 := strconv.ParseInt(string(f[11]), 10, 64)
	stime, err2 := strconv.ParseInt(string(f[12]), 10, 64)
	pages, err3 := strconv.ParseInt(string(f[21]), 10, 64)
	if err1 != nil || err2 != nil || err3 != nil || f[0][0] == 'Z' {
		return usage{}
	}
	u := usage{
		cpu: time.Duration(utime+stime) * (time.Second / ticksPerSecond),
		rss: pages * int64(os.Getpagesize()), ok: true,
	}
	if cpu, ok := cpuClock(pid); ok {
		u.cpu = cpu
	}
	u.files = openFiles(pid)
	return u
}

// openFiles is how many files a process has open: since Linux 6.2 the size of /proc/PID/fd, before
// it 0, for unknown. Listing the folder would take milliseconds with thousands of connections.
func openFiles(pid int) int64 {
	info, err := os.Stat(fmt.Sprintf("/proc/%d/fd", pid))
	if err != nil {
		return 0
	}
	return info.Size()
}

// cpuClock reads the clock that counts the CPU time of a process, in nanoseconds. Its
// number is made of the pid as clock_getcpuclockid(3) makes it.
func cpuClock(pid int) (time.Duration, bool) {
	const schedClock = 2 // CPUCLOCK_SCHED of the kernel
	var ts unix.Timespec
	if err := unix.ClockGettime(int32(^pid<<3|schedClock), &ts); err != nil {
		return 0, false
	}
	return time.Duration(ts.Nano()), true
}
