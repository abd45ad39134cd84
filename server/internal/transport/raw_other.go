//go:build !unix

package transport

import "syscall"

// Where there is no raw path, writes go through the session's flusher, and a held poll is not
// watched.

const canPeek = false

type rawWriter struct{}

func newRawWriter(syscall.RawConn) *rawWriter { return &rawWriter{} }

func (*rawWriter) tryWrite([]byte) (int, error) { return 0, nil }

func acknowledged(uintptr) uint64 { return 0 }

func awaitClose(syscall.RawConn) bool { return false }

func isClosed(syscall.RawConn) bool { return false }
