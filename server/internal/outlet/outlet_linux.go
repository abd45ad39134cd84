package outlet

import "github.com/throng-io/throng/server/internal/poll"

// oneIn is how many writes of an outlet there are for one that the scheduler is told of, see
// poll.Write. Outlets that have written the same differ by their descriptors, so that a broadcast
// announces a few of its writes and the next one others.
const oneIn = 256

// write writes what the kernel takes at once, and returns 0 for an error: the owner, who writes
// again then, finds it.
func write(fd int32, b []byte, packets uint64) int {
	n, errno := poll.Write(int(fd), b, (packets+uint64(fd))%oneIn == 0)
	if errno != 0 {
		return 0
	}
	return n
}
