//go:build !linux

package outlet

// Elsewhere no connection has a descriptor of its own, so an outlet is never open.
func write(int32, []byte, uint64) int { return 0 }
