//go:build unix

package machine

import "syscall"

// RaiseFiles raises the soft limit of file descriptors of this process to the hard one, which needs
// no privilege. When the system refuses, the soft limit stays and [ReadLimits] reports it.
func RaiseFiles() {
	var r syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &r); err != nil || r.Cur >= r.Max {
		return
	}
	r.Cur = r.Max
	_ = syscall.Setrlimit(syscall.RLIMIT_NOFILE, &r)
}

// files returns the limits of file descriptors, 0 when they cannot be read.
func files() (soft, hard int) {
	var r syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &r); err != nil {
		return 0, 0
	}
	return int(min(r.Cur, 1<<40)), int(min(r.Max, 1<<40))
}
