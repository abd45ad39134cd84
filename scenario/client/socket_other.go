//go:build !linux

package client

import "syscall"

// controlSocket has nothing to set here.
func controlSocket(_, _ string, _ syscall.RawConn) error { return nil }
