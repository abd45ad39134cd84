//go:build !unix

package client

import (
	"net"
	"syscall"
)

// rawConn returns nil: descriptors of this system cannot be read and written
// with plain calls, so the ordinary methods of net.Conn serve.
func rawConn(net.Conn) syscall.RawConn { return nil }

func (w *rawWrite) attempt(uintptr) bool { return true }

func (rd *reader) attempt(uintptr) bool { return true }

func (t *beneath) attempt(uintptr) bool { return true }
