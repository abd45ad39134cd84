//go:build unix

package main

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// lockDir takes the lock of a directory, which the system releases when this process ends. Where
// a file system has no such locks every directory counts as free.
func lockDir(dir string) (release func(), free bool) {
	f, err := os.Open(dir)
	if err != nil {
		return func() {}, true // the next write there fails with the reason
	}
	err = unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) {
		_ = f.Close()
		return nil, false
	}
	return func() { _ = f.Close() }, true
}
