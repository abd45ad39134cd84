package transport

import "golang.org/x/sys/unix"

// hungUp reports whether the peer has closed a connection on which there is still
// something to read.
func hungUp(fd uintptr) bool {
	p := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLRDHUP}}
	n, err := unix.Poll(p, 0)
	return err == nil && n > 0 && p[0].Revents != 0
}
