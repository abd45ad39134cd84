//go:build linux

package load

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/throng-io/throng/bench/internal/raw"
	"github.com/throng-io/throng/protocol/websocket"
)

// state is how far a client has come.
type state uint8

const (
	dialing   state = iota // the connection is being made
	upgrading              // the HTTP request is out, 101 or the handshake is awaited
	opening                // the packet "open" is awaited
	joining                // "40" is out
	entering               // the request to join the room is out
	ready
)

// A conn is one client. It keeps nothing while it waits.
type conn struct {
	fd       int
	index    int
	state    state
	polling  bool
	receives bool // broadcasts go to it
	posting  bool // a POST is out, its answer is awaited before the next GET
	owes     bool // a ping has to be answered
	got      uint64
	rest     []byte      // the beginning of what has not arrived whole
	out      []byte      // what the socket did not take
	sid      []byte      // of a polling client
	tls      *raw.Secure // nil without TLS
	acks     uint64
}

func (c *conn) wrap(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("client %d: %w", c.index, err)
}

// server is the address that a client connects to.
func (g *Generator) server(c *conn) string { return g.cfg.Servers[c.index%len(g.cfg.Servers)] }

// dial begins a connection.
func (g *Generator) dial(polling bool) error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("making socket %d: %w; see ulimit -n", len(g.conns), err)
	}
	c := &conn{fd: fd, index: len(g.conns), polling: polling, receives: polling || !g.cfg.Polling}
	g.conns = append(g.conns, c)
	_ = unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1)
	addr := &g.addrs[c.index%len(g.addrs)]
	if addr.Addr == [4]byte{127, 0, 0, 1} {
		// The port is chosen at connect, when the other end is known: each source address has its
		// own range.
		_ = unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_BIND_ADDRESS_NO_PORT, 1)
		source := unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, byte(1 + c.index/g.cfg.Sources%250)}}
		if err := unix.Bind(fd, &source); err != nil {
			return fmt.Errorf("binding to 127.0.0.%d: %w", source.Addr[3], err)
		}
	}
	if err := unix.Connect(fd, addr); err != nil && !errors.Is(err, unix.EINPROGRESS) {
		return fmt.Errorf("connecting client %d to %s: %w", c.index, g.server(c), err)
	}
	return g.watch(fd, c.index, unix.EPOLLIN|unix.EPOLLOUT|unix.EPOLLRDHUP|unix.EPOLLET)
}

// writable goes on with what waited for the socket: the handshake, or bytes that it did not take.
func (c *conn) writable(g *Generator) error {
	if c.state == dialing {
		code, err := unix.GetsockoptInt(c.fd, unix.SOL_SOCKET, unix.SO_ERROR)
		if err == nil && code != 0 {
			err = unix.Errno(code)
		}
		if err != nil {
			return fmt.Errorf("connecting to %s: %w", g.server(c), err)
		}
		if g.cfg.TLS {
			// It waits for the server, which handles several handshakes at a time.
			if c.tls, err = raw.Client(c.fd); err != nil {
				return fmt.Errorf("the handshake of TLS with %s: %w", g.server(c), err)
			}
		}
		c.state = upgrading
		if c.polling {
			return c.get(g)
		}
		return c.write(fmt.Appendf(nil, "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: %s\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"+
			"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n", g.server(c)))
	}
	out := c.out
	c.out = nil
	return c.write(out)
}

// write sends b, or keeps what the socket does not take.
func (c *conn) write(b []byte) error {
	if c.tls != nil {
		if err := c.tls.Write(b); err != nil {
			return fmt.Errorf("writing: %w", err)
		}
		return nil
	}
	if len(c.out) > 0 {
		c.out = append(c.out, b...)
		return nil
	}
	n, errno := raw.Write(c.fd, b)
	switch {
	case errno == unix.EAGAIN || errno == unix.EINTR:
		n = 0
	case errno != 0:
		return fmt.Errorf("writing: %w", errno)
	}
	if n < len(b) {
		c.out = bytes.Clone(b[n:])
	}
	return nil
}

// read takes all that has arrived. Readiness is told once, so it goes on until the socket has given
// less than asked for.
func (c *conn) read(g *Generator) error {
	for {
		have := copy(g.buf, c.rest)
		n, err := c.take(g.buf[have:])
		if err != nil || n == 0 {
			return err
		}
		rest, err := c.parse(g, g.buf[:have+n])
		if err != nil {
			return err
		}
		if len(rest) == len(g.buf) {
			return fmt.Errorf("a message is longer than %d bytes", len(g.buf))
		}
		if len(rest) > 0 {
			c.rest = append(c.rest[:0], rest...)
		} else if c.rest != nil {
			c.rest = nil
		}
		if have+n < len(g.buf) {
			return nil
		}
	}
}

// take reads what the socket has, 0 bytes if that is nothing.
func (c *conn) take(b []byte) (n int, err error) {
	if c.tls != nil {
		n, err = c.tls.Read(b)
	} else {
		var errno unix.Errno
		for errno = unix.EINTR; errno == unix.EINTR; {
			n, errno = raw.Read(c.fd, b)
		}
		switch {
		case errno == unix.EAGAIN:
			return 0, nil
		case errno != 0:
			err = errno
		case n == 0:
			err = io.EOF
		}
	}
	if errors.Is(err, io.EOF) {
		return 0, errors.New("the server has closed the connection")
	}
	if err != nil {
		return 0, fmt.Errorf("reading: %w", err)
	}
	return n, nil
}

// parse handles what is whole in b, and returns what is not.
func (c *conn) parse(g *Generator, b []byte) ([]byte, error) {
	if c.polling {
		return c.parseHTTP(g, b)
	}
	if c.state == upgrading {
		end := bytes.Index(b, []byte("\r\n\r\n"))
		if end < 0 {
			return b, nil
		}
		if !bytes.HasPrefix(b, []byte("HTTP/1.1 101 ")) {
			return nil, fmt.Errorf("the server refuses the upgrade: %.200q", b)
		}
		c.state = opening
		b = b[end+4:]
	}
	for {
		h, at := websocket.ParseHeader(b)
		switch {
		case at == 0:
			return b, nil
		case h.Masked || h.Length > math.MaxUint16:
			return nil, fmt.Errorf("a masked frame, or one above 64 KiB: % x", b[:at])
		}
		end := at + int(h.Length)
		if len(b) < end {
			return b, nil
		}
		if err := c.frame(g, h, b[at:end]); err != nil {
			return nil, err
		}
		b = b[end:]
	}
}

// frame handles one websocket frame.
func (c *conn) frame(g *Generator, h websocket.Header, b []byte) error {
	switch {
	case !h.Final || h.Reserved != 0:
	case h.Opcode == websocket.Text:
		return c.packet(g, b)
	case h.Opcode == websocket.Close:
		return fmt.Errorf("the server closes the connection: %q", b)
	case h.Opcode == websocket.Ping:
		return c.write(masked(websocket.Pong, b))
	case h.Opcode == websocket.Pong:
		return nil
	}
	return fmt.Errorf("a frame with the header %+v: neither compressed, binary nor fragmented ones are expected", h)
}

// packet handles one Engine.IO packet.
func (c *conn) packet(g *Generator, b []byte) error {
	if len(b) == frameSize-2 && b[0] == '4' && b[1] == '2' && c.state == ready {
		return g.ledger.deliver(c, g.cfg.Rooms == 0)
	}
	switch {
	case len(b) == 1 && b[0] == '2':
		if c.polling {
			c.owes = true
			return nil
		}
		return c.write(pong)
	case len(b) == 1 && b[0] == '6' && c.polling:
		return nil
	case bytes.HasPrefix(b, []byte("43")) && c.state == ready:
		c.acks++
		return g.mode.ack(g, c, b)
	case c.state == opening && len(b) > 0 && b[0] == '0':
		return c.opened(g, b)
	case c.state == joining && bytes.HasPrefix(b, []byte("40")):
		if g.cfg.Rooms == 0 {
			return c.enter(g)
		}
		c.state = entering
		return c.write(text(fmt.Appendf(nil, `420["join","r%d"]`, c.index%g.cfg.Rooms)))
	case c.state == entering && bytes.HasPrefix(b, []byte("430")):
		return c.enter(g)
	}
	return fmt.Errorf("an unexpected packet: %.200q", b)
}

func (c *conn) opened(g *Generator, b []byte) error {
	c.state = joining
	if !c.polling {
		return c.write(text([]byte("40")))
	}
	_, sid, found := bytes.Cut(b, []byte(`"sid":"`))
	sid, _, ended := bytes.Cut(sid, []byte(`"`))
	if !found || !ended {
		return fmt.Errorf("a handshake without a session: %.200q", b)
	}
	c.sid = bytes.Clone(sid)
	return c.post(g, "40")
}

func (c *conn) enter(g *Generator) error {
	c.state = ready
	c.got = g.ledger.sent
	g.ready++
	return nil
}

var pong = text([]byte("3"))

// text makes a client's text message.
func text(payload []byte) []byte { return masked(websocket.Text, payload) }

// masked makes a client's frame.
func masked(op websocket.Opcode, payload []byte) []byte {
	h := websocket.Header{Opcode: op, Final: true, Masked: true, Key: [4]byte{0x37, 0xfa, 0x21, 0x3d}, Length: uint64(len(payload))}
	b := h.Append(make([]byte, 0, h.Size()+len(payload)))
	b = append(b, payload...)
	websocket.Mask(b[h.Size():], h.Key)
	return b
}

// parseHTTP handles the answers to the requests of a polling client.
func (c *conn) parseHTTP(g *Generator, b []byte) ([]byte, error) {
	head, body, found := bytes.Cut(b, []byte("\r\n\r\n"))
	if !found {
		return b, nil
	}
	if !bytes.HasPrefix(head, []byte("HTTP/1.1 200 ")) {
		return nil, fmt.Errorf("the server answers %.300q", b)
	}
	at := bytes.Index(bytes.ToLower(head), []byte("\r\ncontent-length:"))
	if at < 0 {
		return nil, fmt.Errorf("an answer without a length: %.300q", head)
	}
	value, _, _ := bytes.Cut(head[at+len("\r\ncontent-length:"):], []byte("\r"))
	size, err := strconv.Atoi(string(bytes.TrimSpace(value)))
	if err != nil {
		return nil, fmt.Errorf("the length of an answer: %w", err)
	}
	if len(body) < size {
		return b, nil
	}
	if len(body) > size {
		return nil, fmt.Errorf("an answer is followed by something nobody asked for: %.100q", body[size:])
	}
	return nil, c.answered(g, body)
}

// answered handles the body of an answer, and sends the next request.
func (c *conn) answered(g *Generator, body []byte) error {
	if c.posting {
		c.posting = false
		if string(body) != "ok" {
			return fmt.Errorf("a POST is answered by %.200q", body)
		}
		return c.get(g)
	}
	if c.state == upgrading {
		c.state = opening
	}
	for len(body) > 0 {
		var packet []byte
		packet, body, _ = bytes.Cut(body, []byte{0x1e})
		if err := c.packet(g, packet); err != nil {
			return err
		}
	}
	switch {
	case c.posting: // the handshake is being answered
		return nil
	case c.owes:
		c.owes = false
		return c.post(g, "3")
	}
	return c.get(g)
}

func (c *conn) get(g *Generator) error {
	b := append([]byte("GET /socket.io/?EIO=4&transport=polling"), c.query()...)
	b = append(b, " HTTP/1.1\r\nHost: "...)
	b = append(b, g.server(c)...)
	return c.write(append(b, "\r\n\r\n"...))
}

func (c *conn) post(g *Generator, body string) error {
	c.posting = true
	return c.write(fmt.Appendf(nil, "POST /socket.io/?EIO=4&transport=polling%s HTTP/1.1\r\nHost: %s\r\nContent-Type: text/plain;charset=UTF-8\r\nContent-Length: %d\r\n\r\n%s",
		c.query(), g.server(c), len(body), body))
}

func (c *conn) query() string {
	if c.sid == nil {
		return ""
	}
	return "&sid=" + string(c.sid)
}
