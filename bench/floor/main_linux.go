package main

import (
	"bytes"
	"crypto/tls"
	"errors"
	"flag"
	"fmt"
	"os"
	"runtime"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/throng-io/throng/bench/internal/raw"
	"github.com/throng-io/throng/protocol/websocket"
)

const (
	readBuffer  = 256 << 10
	longest     = 64 << 10 // limit of one message
	descriptors = 1 << 16
	open        = `0{"sid":"floor","upgrades":[],"pingInterval":25000,"pingTimeout":20000,"maxPayload":65535}`
	connected   = `40{"sid":"floor"}`
)

func main() {
	// One thread from here on: the loop is never handed from one to another.
	runtime.LockOSThread()
	cert := flag.String("tls-cert", "", "serve wss with the certificate in this PEM file; needs --tls-key")
	key := flag.String("tls-key", "", "key of the certificate, a PEM file")
	flag.Parse()
	if err := run(*cert, *key); err != nil {
		_, _ = fmt.Fprintln(os.Stderr, "floor:", err)
		os.Exit(1)
	}
}

func run(cert, key string) error {
	s, port, err := listen()
	if err != nil {
		return err
	}
	scheme := "http"
	if cert != "" {
		pair, err := tls.LoadX509KeyPair(cert, key)
		if err != nil {
			return fmt.Errorf("--tls-cert, --tls-key: %w", err)
		}
		scheme, s.tls = "https", &tls.Config{Certificates: []tls.Certificate{pair}}
	}
	_, _ = fmt.Fprintf(os.Stdout, "listening on %s://127.0.0.1:%d\n", scheme, port)
	return s.serve()
}

// A client is one connection. rest holds the beginning of what has not arrived whole, and is nil
// otherwise.
type client struct {
	upgraded bool
	member   int // place in server.members, -1 before "40"
	rooms    []string
	rest     []byte
	tls      *raw.Secure // nil without TLS
	polls    *polls      // nil for a websocket
}

// server holds everything: descriptors index clients, members are the descriptors that broadcasts
// go to.
type server struct {
	epoll, listener int
	clients         []*client
	members         []int
	rooms           map[string][]int
	in              []byte      // what is being read, from any connection
	out             []byte      // the frame being written
	tls             *tls.Config // nil: without TLS
	pollers         []int       // descriptors of the clients that poll
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
	s := &server{epoll: epoll, listener: fd, rooms: map[string][]int{}, in: make([]byte, readBuffer), clients: make([]*client, descriptors)}
	return s, addr.(*unix.SockaddrInet4).Port, s.watch(fd)
}

func (s *server) watch(fd int) error { return s.control(unix.EPOLL_CTL_ADD, fd, unix.EPOLLIN) }

func (s *server) control(op, fd int, events uint32) error {
	ev := unix.EpollEvent{Events: events, Fd: int32(fd)}
	if err := unix.EpollCtl(s.epoll, op, fd, &ev); err != nil {
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
			if ev.Events&unix.EPOLLOUT != 0 { // see secure
				if err := s.control(unix.EPOLL_CTL_MOD, int(ev.Fd), unix.EPOLLIN); err != nil {
					return err
				}
			}
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
		if fd >= descriptors {
			return fmt.Errorf("more than %d connections", descriptors)
		}
		c := &client{member: -1}
		s.clients[fd] = c
		if s.tls != nil {
			go s.secure(fd, c) // who answers one handshake after the other may wait for the wrong client
		} else if err := s.watch(fd); err != nil {
			return err
		}
	}
}

// secure puts TLS on a connection, and then hands it to the loop, which must try to read from it
// once: what the client has sent behind its handshake may have been read already.
func (s *server) secure(fd int, c *client) {
	var err error
	if c.tls, err = raw.Server(fd, s.tls); err == nil {
		err = s.control(unix.EPOLL_CTL_ADD, fd, unix.EPOLLIN|unix.EPOLLOUT)
	}
	if err != nil {
		_ = unix.Close(fd) // the client sees it
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
	if s.clients[fd].polls != nil {
		s.gone(fd)
	}
	s.clients[fd] = nil
	_ = unix.Close(fd)
}

// read takes what a client has sent; false ends the connection.
func (s *server) read(fd int) bool {
	c := s.clients[fd]
	have := copy(s.in, c.rest)
	n, ok := c.take(fd, s.in[have:])
	if n == 0 {
		return ok
	}
	b := s.in[:have+n]
	if c.polls != nil || !c.upgraded && bytes.HasPrefix(b, []byte(pollOf)) {
		return s.requests(fd, c, b)
	}
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

// take reads what a client has sent. 0 bytes are the end of it, unless ok is set.
func (c *client) take(fd int, b []byte) (n int, ok bool) {
	if c.tls != nil {
		n, err := c.tls.Read(b)
		return n, err == nil
	}
	n, errno := raw.Read(fd, b)
	if errno != 0 {
		return 0, errno == unix.EAGAIN
	}
	return n, n > 0
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
	return s.write(fd, s.out)
}

// message carries out one message; what is none of the known ones is left alone.
func (s *server) message(fd int, c *client, b []byte) bool {
	switch {
	case bytes.Equal(b, []byte("40")) && c.member < 0:
		c.member = len(s.members)
		s.members = append(s.members, fd)
		s.out = frame(s.out[:0], connected)
		return s.write(fd, s.out)
	case bytes.HasPrefix(b, []byte(`42["all",`)):
		args, others := bytes.CutSuffix(b[len(`42["all",`):], []byte(",true]"))
		if others { // those who poll: the sender is the one who does not
			return s.answers("42[" + string(args) + "]")
		}
		s.out = frame(s.out[:0], `42[`, string(args))
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
			return s.write(fd, s.out)
		}
		for _, event := range []string{`["echo",`, `["typed",`} {
			if id, args, found := bytes.Cut(b[2:], []byte(event)); found {
				s.out = frame(s.out[:0], "43", string(id), "[", string(args))
				return s.write(fd, s.out)
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
		if !s.write(fd, s.out) && fd == from {
			alive = false
		}
	}
	return alive
}

// write writes all of b, as a rule with one system call, and reports whether it could.
func (s *server) write(fd int, b []byte) bool {
	if s.tls != nil {
		return s.clients[fd].tls.Write(b) == nil
	}
	return raw.WriteAll(fd, b) == nil
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
var rules = websocket.Rules{Masked: true, MaxPayload: longest}

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
