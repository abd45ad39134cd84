package network

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"runtime"
	"sync"
	"syscall"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// A space is a network namespace with a device. A thread is in it: sockets belong to the namespace
// of the thread that makes them, and stay there whoever uses them.
type space struct {
	tun   int
	tasks chan task
	over  chan struct{} // closed when the thread has left
	once  sync.Once
}

type task struct {
	do   func() error
	done chan error
}

// newSpace makes a namespace in which all addresses of one net are this machine's, and all others
// are beyond the device.
func newSpace(local netip.Prefix) (*space, error) {
	s := &space{tun: -1, tasks: make(chan task), over: make(chan struct{})}
	ready := make(chan error)
	go s.live(ready)
	err := <-ready
	if err == nil {
		err = s.do(func() (err error) {
			s.tun, err = device(local)
			return err
		})
	}
	if err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

// live does what others ask for on a thread in the namespace.
func (s *space) live(ready chan<- error) {
	runtime.LockOSThread() // for ever: the thread ends with the goroutine, and the namespace with it
	if unix.Gettid() == os.Getpid() {
		// The first thread cannot end before the process. Another one takes this over while this
		// one is held.
		go s.live(ready)
		<-s.over
		runtime.UnlockOSThread()
		return
	}
	defer close(s.over)
	err := unix.Unshare(unix.CLONE_NEWNET)
	if err != nil {
		err = fmt.Errorf("a network namespace: %w", err)
	}
	ready <- err
	for t := range s.tasks {
		t.done <- t.do()
	}
}

// do calls a function on the thread of the namespace. It must not wait for long.
func (s *space) do(f func() error) error {
	t := task{f, make(chan error, 1)}
	select {
	case s.tasks <- t:
		return <-t.done
	case <-s.over:
		return net.ErrClosed
	}
}

// close leaves the namespace, once nobody uses it any more. The kernel removes it with its last
// socket.
func (s *space) close() {
	s.once.Do(func() {
		close(s.tasks)
		<-s.over
		if s.tun >= 0 {
			_ = unix.Close(s.tun)
		}
	})
}

// queueLength is how many packets may wait for a forwarder in the kernel.
const queueLength = 10_000

// device makes the device of this thread's namespace, and its addresses and routes.
func device(local netip.Prefix) (tun int, err error) {
	const path, name = "/dev/net/tun", "throng"
	tun, err = unix.Open(path, unix.O_RDWR|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	if err != nil {
		return -1, fmt.Errorf("open %s: %w", path, err)
	}
	defer func() {
		if err != nil {
			_ = unix.Close(tun)
		}
	}()
	request, err := unix.NewIfreq(name)
	if err != nil {
		return -1, err
	}
	request.SetUint16(unix.IFF_TUN | unix.IFF_NO_PI)
	if err := unix.IoctlIfreq(tun, unix.TUNSETIFF, request); err != nil {
		return -1, fmt.Errorf("a TUN device: %w", err)
	}
	route, err := netlink.NewHandle(unix.NETLINK_ROUTE)
	if err != nil {
		return -1, err
	}
	defer route.Close()
	dev, err := route.LinkByName(name)
	if err != nil {
		return -1, err
	}
	lo, err := route.LinkByName("lo")
	if err != nil {
		return -1, err
	}
	mine := &net.IPNet{IP: local.Addr().AsSlice(), Mask: net.CIDRMask(local.Bits(), 32)}
	all := &net.IPNet{IP: net.IPv4zero.To4(), Mask: net.CIDRMask(0, 32)}
	for _, step := range []struct {
		what string
		do   func() error
	}{
		{"the queue", func() error { return route.LinkSetTxQLen(dev, queueLength) }},
		{"the size of packets", func() error { return route.LinkSetMTU(dev, mtu) }},
		{"lo", func() error { return route.LinkSetUp(lo) }},
		{"the device", func() error { return route.LinkSetUp(dev) }},
		{"its addresses", func() error {
			return route.RouteAdd(&netlink.Route{LinkIndex: lo.Attrs().Index, Dst: mine, Type: unix.RTN_LOCAL, Table: unix.RT_TABLE_LOCAL, Scope: netlink.SCOPE_HOST})
		}},
		{"its route", func() error {
			return route.RouteAdd(&netlink.Route{LinkIndex: dev.Attrs().Index, Dst: all, Scope: netlink.SCOPE_LINK})
		}},
	} {
		if err := step.do(); err != nil {
			return -1, fmt.Errorf("%s of a network namespace: %w", step.what, err)
		}
	}
	return tun, nil
}

// missed is how many packets the device has dropped since nobody took them.
func (s *space) missed() (n uint64) {
	_ = s.do(func() error {
		route, err := netlink.NewHandle(unix.NETLINK_ROUTE)
		if err != nil {
			return err
		}
		defer route.Close()
		dev, err := route.LinkByName("throng")
		if err != nil {
			return err
		}
		if counts := dev.Attrs().Statistics; counts != nil {
			n = counts.TxDropped
		}
		return nil
	})
	return n
}

// socket makes a socket that does not block, bound to an address. control may be nil.
func (s *space) socket(kind int, at netip.AddrPort, control func(network, address string, c syscall.RawConn) error) (*os.File, error) {
	fd := -1
	err := s.do(func() (err error) {
		fd, err = unix.Socket(unix.AF_INET, kind|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
		return os.NewSyscallError("socket", err)
	})
	if err != nil {
		return nil, err
	}
	f := os.NewFile(uintptr(fd), "socket")
	raw, err := f.SyscallConn()
	if err == nil && control != nil {
		err = control("tcp4", at.String(), raw)
	}
	if err == nil {
		bad := raw.Control(func(fd uintptr) {
			err = os.NewSyscallError("bind", unix.Bind(int(fd), &unix.SockaddrInet4{Port: int(at.Port()), Addr: at.Addr().As4()}))
		})
		err = errors.Join(bad, err)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// packet opens a UDP socket.
func (s *space) packet(at netip.AddrPort) (*net.UDPConn, error) {
	f, err := s.socket(unix.SOCK_DGRAM, at, nil)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	c, err := net.FilePacketConn(f)
	if err != nil {
		return nil, err
	}
	return c.(*net.UDPConn), nil
}

// dial connects by TCP. A net.Dialer cannot do this: it makes its socket on any thread, and holding
// one until the connection is made would take a thread for each.
func (s *space) dial(ctx context.Context, from, to netip.AddrPort, control func(network, address string, c syscall.RawConn) error) (net.Conn, error) {
	fail := func(err error) (net.Conn, error) {
		if cause := ctx.Err(); cause != nil {
			err = cause
		}
		return nil, &net.OpError{Op: "dial", Net: "tcp", Source: net.TCPAddrFromAddrPort(from), Addr: net.TCPAddrFromAddrPort(to), Err: err}
	}
	f, err := s.socket(unix.SOCK_STREAM, from, control)
	if err != nil {
		return fail(err)
	}
	defer f.Close()
	stop := context.AfterFunc(ctx, func() { _ = f.SetWriteDeadline(time.Unix(1, 0)) })
	defer stop()
	raw, err := f.SyscallConn()
	if err != nil {
		return fail(err)
	}
	began := false
	var failed error
	err = raw.Write(func(fd uintptr) (done bool) {
		if !began {
			began = true
			failed = unix.Connect(int(fd), &unix.SockaddrInet4{Port: int(to.Port()), Addr: to.Addr().As4()})
			if errors.Is(failed, unix.EINPROGRESS) || errors.Is(failed, unix.EINTR) {
				failed = nil
				return false
			}
			return true
		}
		n, err := unix.GetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_ERROR)
		switch {
		case err != nil:
			failed = err
		case n != 0:
			failed = syscall.Errno(n)
		default:
			_, err := unix.Getpeername(int(fd))
			return err == nil // else woken for nothing
		}
		return true
	})
	if err == nil && failed != nil {
		err = os.NewSyscallError("connect", failed)
	}
	if err != nil {
		return fail(err)
	}
	c, err := net.FileConn(f)
	if err != nil {
		return fail(err)
	}
	_ = c.(*net.TCPConn).SetKeepAlive(false) // which net.FileConn turns on
	return c, nil
}
