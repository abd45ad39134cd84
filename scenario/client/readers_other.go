//go:build !linux

package client

import "net"

// A loop needs epoll, which only Linux has.
type loop struct{}

func (*loop) close() {}

// take takes nothing: every client gets a goroutine.
func (*Readers) take(*Client, Handler, func(error)) bool { return false }

func (*Readers) watch(int, func()) bool { return false }

type descriptor struct{ net.Conn }

func (*descriptor) attempt(*reader)              {}
func (*descriptor) tryWrite([]byte) (int, error) { return 0, net.ErrClosed }
func (*descriptor) unread() bool                 { return false }
