//go:build !linux

package client

import "syscall"

// control has nothing to set here.
func (t *target) control(_, _ string, _ syscall.RawConn) error { return nil }
