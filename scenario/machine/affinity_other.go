//go:build !linux

package machine

func affinity(int) (n int, ok bool) { return 0, false }
