package transport

import (
	"golang.org/x/sys/unix"

	"github.com/throng-io/throng/server/internal/poll"
)

// acknowledged returns how many bytes the peer has acknowledged.
func acknowledged(fd uintptr) uint64 { return poll.Acknowledged(int(fd)) }

// hungUp reports whether the peer has closed a connection on which there is still something to
// read.
func hungUp(fd uintptr) bool {
	p := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLRDHUP}}
	n, err := unix.Poll(p, 0)
	return err == nil && n > 0 && p[0].Revents != 0
}
