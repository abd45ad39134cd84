//go:build !linux

package client

import "syscall"

// stampArrivals returns false: this system does not note when bytes reach a socket.
func stampArrivals(syscall.RawConn) bool { return false }

func readStamped(uintptr, []byte) (n int, came int64, err error) { return 0, 0, syscall.ENOSYS }
