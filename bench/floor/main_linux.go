package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"runtime"
	"slices"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/throng-io/throng/protocol/websocket"
)

const (
	readBuffer = 256 << 10
	longest    = 64 << 10 // limit of one message
	open       = `0{"sid":"floor","upgrades":[],"pingInterval":25000,"pingTimeout":20000,"maxPayload":65535}`
	connected  = `40{"sid":"floor"}`
)

func main() {
	// One thread from here on: the loop is never handed from one to another.
	runtime.LockOSThread()
	if err := run(); err != nil {
		_, _ = fmt.Fprintln(os.Stderr, "floor:", err)
		os.Exit(1)
	}
}

func run() error {
	s, port, err := listen()
	if err != nil {
		return err
	}
	_, _ = fmt.Fprintf(os.Stdout, "listening on http://127.0.0.1:%d\n", port)
	return s.serve()
}

// A client is one connection. rest holds the beginning of what has not arrived whole, and is nil
// otherwise.
type client struct {
	upgraded bool
	member   int // place in server.members, -1 before "40"
	rooms    []string
	rest     []byte
}

// server holds everything: descriptors index clients, members are the descriptors that broadcasts
// go to.
type server struct {
	epoll, listener int
	clients         []*client
	members         []int
	rooms           map[string][]int
	in              []byte // what is being read, from any connection
	out             []byte // the frame being written
}

func listen() (*server, int, error) {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, 0, fmt.Errorf("making a socket: %w", err)
	}
	if err := unix.Bind(fd, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		return nil, 0, fmt.Errorf("binding to 127.0.0.1: %w", err)
	}
	if err := unix.Listen(fd, 4096); err != nil {
		return nil, 0, fmt.Errorf("listening: %w", err)
	}
	addr, err := unix.Getsockname(fd)
	if err != nil {
		return nil, 0, fmt.Errorf("asking for the port: %w", err)
	}
	epoll, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, 0, fmt.Errorf("making an epoll instance: %w", err)
	}
	s := &server{epoll: epoll, listener: fd, rooms: map[string][]int{}, in: make([]byte, readBuffer)}
	return s, addr.(*unix.SockaddrInet4).Port, s.watch(fd)
}

func (s *server) watch(fd int) error {
	ev := unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(fd)}
	if err := unix.EpollCtl(s.epoll, unix.EPOLL_CTL_ADD, fd, &ev); err != nil {
		return fmt.Errorf("watching a descriptor: %w", err)
	}
	return nil
}

func (s *server) serve() error {
	events := make([]unix.EpollEvent, 512)
	for {
		n, err := unix.EpollWait(s.epoll, events, -1)
		if err != nil && !errors.Is(err, unix.EINTR) {
			return fmt.Errorf("waiting for readiness: %w", err)
		}
		for _, ev := range events[:max(n, 0)] {
			if int(ev.Fd) == s.listener {
				if err := s.accept(); err != nil {
					return err
				}
			} else if !s.read(int(ev.Fd)) {
				s.drop(int(ev.Fd))
			}
		}
	}
}

func (s *server) accept() error {
	for {
		fd, _, err := unix.Accept4(s.listener, unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC)
		switch {
		case errors.Is(err, unix.EAGAIN):
			return nil
		case errors.Is(err, unix.ECONNABORTED), errors.Is(err, unix.EINTR):
			continue
		case err != nil:
			return fmt.Errorf("accepting: %w", err)
		}
		_ = unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1)
		for len(s.clients) <= fd {
			s.clients = append(s.clients, nil)
		}
		s.clients[fd] = &client{member: -1}
		if err := s.watch(fd); err != nil {
			return err
		}
	}
}

func (s *server) drop(fd int) {
	if c := s.clients[fd]; c.member >= 0 {
		last := s.members[len(s.members)-1]
		s.members[c.member] = last
		s.clients[last].member = c.member
		s.members = s.members[:len(s.members)-1]
	}
	for _, room := range s.clients[fd].rooms {
		s.rooms[room] = slices.DeleteFunc(s.rooms[room], func(member int) bool { return member == fd })
	}
	s.clients[fd] = nil
	_ = unix.Close(fd)
}

// read takes what a client has sent; false ends the connection.
func (s *server) read(fd int) bool {
	c := s.clients[fd]
	have := copy(s.in, c.rest)
	n, errno := raw(syscall.SYS_READ, fd, s.in[have:])
	if errno == unix.EAGAIN {
		return true
	}
	if errno != 0 || n == 0 {
		return false
	}
	b := s.in[:have+n]
	if !c.upgraded {
		end := bytes.Index(b, []byte("\r\n\r\n"))
		if end < 0 {
			return s.keep(c, b)
		}
		if !s.upgrade(fd, b[:end+2]) {
			return false
		}
		c.upgraded = true
		b = b[end+4:]
	}
	for {
		message, rest, ok := unmask(b)
		switch {
		case !ok:
			return false
		case message == nil:
			return s.keep(c, b)
		case !s.message(fd, c, message):
			return false
		}
		b = rest
	}
}

func (s *server) keep(c *client, b []byte) bool {
	if len(b) > longest {
		return false
	}
	if c.rest = append(c.rest[:0], b...); len(b) == 0 {
		c.rest = nil
	}
	return true
}

// upgrade answers the HTTP request with the head of b, and opens the session in the same write.
func (s *server) upgrade(fd int, b []byte) bool {
	_, key, found := bytes.Cut(b, []byte("Sec-WebSocket-Key: "))
	if !found {
		return false
	}
	key, _, _ = bytes.Cut(key, []byte("\r\n"))
	s.out = fmt.Appendf(s.out[:0], "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n\r\n",
		websocket.Accept(string(key)))
	s.out = frame(s.out, open)
	return write(fd, s.out)
}

// message carries out one message; what is none of the known ones is left alone.
func (s *server) message(fd int, c *client, b []byte) bool {
	switch {
	case bytes.Equal(b, []byte("40")) && c.member < 0:
		c.member = len(s.members)
		s.members = append(s.members, fd)
		s.out = frame(s.out[:0], connected)
		return write(fd, s.out)
	case bytes.HasPrefix(b, []byte(`42["all",`)):
		s.out = frame(s.out[:0], `42[`, string(b[len(`42["all",`):]))
		return s.broadcast(fd, s.members)
	case bytes.HasPrefix(b, []byte(`42["room","`)):
		room, rest, found := bytes.Cut(b[len(`42["room","`):], []byte(`",`))
		if found {
			s.out = frame(s.out[:0], `42[`, string(rest))
			return s.broadcast(fd, s.rooms[string(room)])
		}
	case bytes.HasPrefix(b, []byte("42")):
		if id, name, found := bytes.Cut(b[2:], []byte(`["join","`)); found {
			room := string(bytes.TrimSuffix(name, []byte(`"]`)))
			c.rooms = append(c.rooms, room)
			s.rooms[room] = append(s.rooms[room], fd)
			s.out = frame(s.out[:0], "43", string(id), "[]")
			return write(fd, s.out)
		}
		for _, event := range []string{`["echo",`, `["typed",`} {
			if id, args, found := bytes.Cut(b[2:], []byte(event)); found {
				s.out = frame(s.out[:0], "43", string(id), "[", string(args))
				return write(fd, s.out)
			}
		}
	}
	return true
}

// broadcast writes the frame to every one of the members. A member that cannot take it is dropped
// when its own turn to be read comes: its connection is broken, and epoll says so.
func (s *server) broadcast(from int, members []int) bool {
	alive := true
	for _, fd := range members {
		if !write(fd, s.out) && fd == from {
			alive = false
		}
	}
	return alive
}

// write writes all of b, as a rule with one system call. A full socket is waited for, with
// everybody else: the generators bound what is in flight, so that it stays an exception.
func write(fd int, b []byte) bool {
	for len(b) > 0 {
		n, errno := raw(syscall.SYS_WRITE, fd, b)
		switch errno {
		case 0:
			b = b[n:]
		case unix.EAGAIN:
			_, _ = unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLOUT}}, -1)
		case unix.EINTR:
		default:
			return false
		}
	}
	return true
}

// raw makes a system call that cannot block without telling the scheduler, which costs as much as
// it does in C.
func raw(call uintptr, fd int, b []byte) (int, unix.Errno) {
	n, _, errno := syscall.RawSyscall(call, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(b))), uintptr(len(b)))
	return int(n), errno
}

// frame appends one text frame.
func frame(dst []byte, parts ...string) []byte {
	h := websocket.Header{Opcode: websocket.Text, Final: true}
	for _, p := range parts {
		h.Length += uint64(len(p))
	}
	dst = h.Append(dst)
	for _, p := range parts {
		dst = append(dst, p...)
	}
	return dst
}

// rules is what is asked of clients.
var rules = websocket.Rules{Masked: true, Room: longest}

// unmask decodes the first frame of b in place. The message is nil when it has not arrived whole;
// ok is false for whatever else than a whole masked text message of at most 64 KiB, a closing one
// included.
func unmask(b []byte) (message, rest []byte, ok bool) {
	f, n, err := rules.Next(b)
	if n == 0 {
		return nil, b, err == nil
	}
	return f.Payload, b[n:], f.Opcode == websocket.Text && f.Final
}
