//go:build unix && !linux

package transport

// hungUp needs poll's POLLRDHUP, which only Linux has: a peer that has sent
// something counts as alive.
func hungUp(uintptr) bool { return false }
