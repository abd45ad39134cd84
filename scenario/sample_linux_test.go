package scenario

import (
	"os"
	"syscall"
	"testing"
	"time"
)

// A trial of a few seconds may cost the server less than /proc counts in.
func TestProcessUsageIsFine(t *testing.T) {
	before := processUsage(os.Getpid())
	for range 1_000 {
		_ = syscall.Getppid()
	}
	after := processUsage(os.Getpid())
	if !before.ok || !after.ok || after.cpu <= before.cpu {
		t.Errorf("a thousand system calls took from %v to %v of processor time", before.cpu, after.cpu)
	}
	var ru syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &ru); err != nil {
		t.Fatal(err)
	}
	later := processUsage(os.Getpid())
	if own := time.Duration(ru.Utime.Nano() + ru.Stime.Nano()); own < before.cpu-time.Millisecond || own > later.cpu+time.Millisecond {
		t.Errorf("getrusage says %v, between %v and %v", own, before.cpu, later.cpu)
	}
	if u := processUsage(-1); u.ok {
		t.Errorf("no process has used %+v", u)
	}
}
