package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// receive connects n times to a port of this machine, and reports a byte on out whenever as many
// bytes have come as a round has, until in ends. It never sleeps while it waits for them: waking it
// would be part of the writer's time.
func receive(_ context.Context, args []string, in io.Reader, out io.Writer) error {
	var port, n, size int
	if _, err := fmt.Sscan(strings.Join(args, " "), &port, &n, &size); err != nil {
		return fmt.Errorf("the receiver is started by the benchmark, with PORT SOCKETS BYTES: %w", err)
	}
	epoll, err := dial(port, n)
	if err != nil {
		return err
	}
	// The end of in ends it, as does the end of the program that started it.
	stdin := int(in.(*os.File).Fd())
	if err := watch(epoll, stdin); err != nil {
		return err
	}
	events, buf, came := make([]unix.EpollEvent, 512), make([]byte, 64<<10), 0
	for {
		ready, err := unix.EpollWait(epoll, events, 0)
		if err != nil && !errors.Is(err, unix.EINTR) {
			return err
		}
		for _, e := range events[:max(ready, 0)] {
			got, err := unix.Read(int(e.Fd), buf)
			if int(e.Fd) == stdin {
				return nil
			}
			if err != nil || got <= 0 {
				return fmt.Errorf("a connection ended: %w", err)
			}
			came += got
		}
		if came < n*size {
			continue
		}
		if came > n*size {
			return fmt.Errorf("%d bytes came, of %d", came, n*size)
		}
		came = 0
		if _, err := out.Write([]byte{1}); err != nil {
			return err
		}
	}
}

// dial connects n times to a port of this machine, and returns an epoll instance that watches all
// of them.
func dial(port, n int) (epoll int, err error) {
	if err := raiseLimit(n); err != nil {
		return 0, err
	}
	if epoll, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC); err != nil {
		return 0, err
	}
	for range n {
		fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			return 0, err
		}
		if err := unix.Connect(fd, &unix.SockaddrInet4{Port: port, Addr: [4]byte{127, 0, 0, 1}}); err != nil {
			return 0, fmt.Errorf("connecting: %w", err)
		}
		if err := watch(epoll, fd); err != nil {
			return 0, err
		}
	}
	return epoll, nil
}

func watch(epoll, fd int) error {
	return unix.EpollCtl(epoll, unix.EPOLL_CTL_ADD, fd, &unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(fd)})
}

// raiseLimit asks for descriptors for n sockets.
func raiseLimit(n int) error {
	const others = 64
	want := uint64(n + others)
	var l unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &l); err != nil {
		return err
	}
	if l.Cur >= want {
		return nil
	}
	if l.Max < want {
		return fmt.Errorf("%d sockets take %d descriptors, and this process may have %d: raise the limit (ulimit -Hn)", n, want, l.Max)
	}
	l.Cur = want
	return unix.Setrlimit(unix.RLIMIT_NOFILE, &l)
}
