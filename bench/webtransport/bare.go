package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"

	"github.com/quic-go/quic-go"

	"github.com/throng-io/throng/protocol/engineio"
	throng "github.com/throng-io/throng/server"
)

// bareProtocol is what the bare server speaks: frames as over WebTransport, on a stream of a QUIC
// connection, without HTTP/3.
const bareProtocol = "bare"

// bareServer sends each message to all its clients, and does nothing else: what it takes is the
// library's and the system's. So a server on quic-go cannot take less.
type bareServer struct {
	mu      sync.Mutex
	streams []*quic.Stream
}

// serveBare serves until in ends, and writes its address to out. With the argument gather packets
// of all connections go out together.
func serveBare(ctx context.Context, args []string, in io.Reader, out io.Writer) error {
	cert, err := throng.DevCertificate("127.0.0.1")
	if err != nil {
		return err
	}
	socket, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		return err
	}
	var conn net.PacketConn = socket
	if slices.Contains(args, "gather") {
		conn = gather(socket)
	}
	defer func() { _ = conn.Close() }()
	ln, err := quic.Listen(conn, &tls.Config{Certificates: []tls.Certificate{cert}, NextProtos: []string{bareProtocol}},
		&quic.Config{MaxIncomingStreams: 1, MaxIncomingUniStreams: -1, MaxIdleTimeout: patience, InitialStreamReceiveWindow: 64 << 10, InitialConnectionReceiveWindow: 64 << 10})
	if err != nil {
		return err
	}
	if _, err := fmt.Fprintln(out, ln.Addr()); err != nil {
		return err
	}
	go func() {
		_, _ = io.Copy(io.Discard, in)
		_ = ln.Close()
	}()
	s := &bareServer{}
	for {
		c, err := ln.Accept(ctx)
		if errors.Is(err, quic.ErrServerClosed) || ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return err
		}
		go s.serve(c)
	}
}

// serve reads a client until it has gone.
func (s *bareServer) serve(c *quic.Conn) {
	stream, err := c.AcceptStream(context.Background())
	if err != nil {
		return
	}
	in := &framed{read1: stream.Read}
	for {
		p, err := in.next()
		if err != nil {
			return
		}
		switch {
		case bytes.HasPrefix(p, []byte("40")):
			s.mu.Lock()
			s.streams = append(s.streams, stream)
			s.mu.Unlock()
			_ = stream.TryWriteAll(frameOf("40{}")) // an error: the client waits for it, and says so
		case bytes.HasPrefix(p, []byte("420")):
			_ = stream.TryWriteAll(frameOf("430[]"))
		case bytes.HasPrefix(p, []byte(`42["room"`)):
			s.send(frameOf(string(broadcast) + strings.Repeat("x", len(p)-len(broadcast)-1) + "]"))
		}
	}
}

// send writes to all clients.
func (s *bareServer) send(frame []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, stream := range s.streams {
		_ = stream.TryWriteAll(frame) // a message that is missing fails the measurement
	}
}

// startBare starts this program as the bare server.
func startBare(ctx context.Context, args ...string) (s *server, err error) {
	s = &server{}
	defer func() {
		if err != nil {
			s.stop()
		}
	}()
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	s.cmd = exec.CommandContext(ctx, self, append([]string{bareRole.Name}, args...)...)
	s.cmd.Stderr = os.Stderr
	if _, err = s.cmd.StdinPipe(); err != nil { // which ends with this process
		return nil, err
	}
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err = s.cmd.Start(); err != nil {
		return nil, err
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		return nil, fmt.Errorf("the bare server prints no address: %w", err)
	}
	s.udp = strings.TrimSpace(line)
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s.socket = &quic.Transport{Conn: conn}
	return s, nil
}

// dialBare connects to the bare server.
func dialBare(s *server) (conn, error) {
	config := trusting.Clone()
	config.NextProtos = []string{bareProtocol}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	c, err := s.dial(ctx, s.udp, config, &quic.Config{MaxIdleTimeout: patience})
	if err != nil {
		return nil, err
	}
	stream, err := c.OpenStream()
	if err != nil {
		return nil, err
	}
	return &overQUIC{stream: stream, framed: framed{read1: stream.Read}}, nil
}

// framed takes frames off a stream.
type framed struct {
	read1 func(b []byte) (int, error)
	in    []byte
	used  int // bytes of in that have been returned
}

// next returns the next packet as text, valid until the next call.
func (f *framed) next() ([]byte, error) {
	f.in = append(f.in[:0], f.in[f.used:]...)
	f.used = 0
	for {
		p, n, err := engineio.ParseFrame(f.in, 0)
		if err != nil {
			return nil, err
		}
		if n > 0 {
			f.used = n
			return append([]byte{byte('0' + p.Type)}, p.Data...), nil
		}
		var buf [4096]byte
		n, err = f.read1(buf[:])
		f.in = append(f.in, buf[:n]...)
		if err != nil {
			return nil, err
		}
	}
}

// frameOf is the frame of a packet that is written as text.
func frameOf(text string) []byte {
	return engineio.AppendFrame(nil, engineio.Packet{Type: engineio.Type(text[0] - '0'), Data: []byte(text[1:])})
}
