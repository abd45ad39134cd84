package machine

import "golang.org/x/sys/unix"

// affinity is the number of processors that a process is bound to.
func affinity(pid int) (n int, ok bool) {
	var set unix.CPUSet
	if err := unix.SchedGetaffinity(pid, &set); err != nil {
		return 0, false
	}
	return set.Count(), set.Count() > 0
}
