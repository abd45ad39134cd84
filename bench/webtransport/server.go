package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/quic-go/quic-go"

	"github.com/throng-io/throng/bench/internal/certificate"
	"github.com/throng-io/throng/bench/internal/program"
)

// server is a throng serve, and what clients need to reach it.
type server struct {
	cmd      *exec.Cmd
	dir      string
	tcp, udp string // addresses
	pprof    string // its address
	socket   *quic.Transport
}

// startServer starts the server of this source, or a binary.
func startServer(ctx context.Context, binary string) (s *server, err error) {
	s = &server{}
	defer func() {
		if err != nil {
			s.stop()
		}
	}()
	if s.dir, err = os.MkdirTemp("", "webtransport"); err != nil {
		return nil, err
	}
	if binary == "" {
		if binary, err = program.Build(ctx, s.dir, "cmd/throng"); err != nil {
			return nil, err
		}
	}
	cert, key, err := certificate.Write(s.dir)
	if err != nil {
		return nil, err
	}
	port, err := program.FreePort("127.0.0.1")
	if err != nil {
		return nil, err
	}
	s.pprof = fmt.Sprintf("127.0.0.1:%d", port)
	s.cmd = exec.CommandContext(ctx, binary, "serve", "--listen", "127.0.0.1:0", "--webtransport", "127.0.0.1:0", "--tls-cert", cert, "--tls-key", key, "--pprof", s.pprof)
	s.cmd.Stderr = os.Stderr
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := s.cmd.Start(); err != nil {
		return nil, err
	}
	lines := bufio.NewScanner(out)
	for _, part := range []struct {
		text string
		at   *string
	}{{"listening on https://", &s.tcp}, {"webtransport on https://", &s.udp}} {
		lines.Scan()
		rest, ok := strings.CutPrefix(lines.Text(), part.text)
		if !ok {
			return nil, fmt.Errorf("the server prints %q instead of %q and its address", lines.Text(), part.text)
		}
		*part.at, _, _ = strings.Cut(rest, ",")
	}
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s.socket = &quic.Transport{Conn: conn}
	return s, nil
}

// dial opens a QUIC connection; all of them share one socket.
func (s *server) dial(ctx context.Context, addr string, config *tls.Config, conf *quic.Config) (*quic.Conn, error) {
	at, err := net.ResolveUDPAddr("udp", addr)
	if err != nil {
		return nil, err
	}
	return s.socket.DialEarly(ctx, at, config, conf)
}

func (s *server) stop() {
	if s.socket != nil {
		_ = s.socket.Close()
		_ = s.socket.Conn.Close()
	}
	if s.cmd != nil && s.cmd.Process != nil {
		_ = s.cmd.Process.Kill()
		_ = s.cmd.Wait() // killed, as it was told
	}
	_ = os.RemoveAll(s.dir)
}

// tick is the unit of /proc/PID/stat.
const tick = 10 * time.Millisecond

// cpu is the processor time that the server has taken, user and system.
func (s *server) cpu() time.Duration {
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", s.cmd.Process.Pid))
	fields := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
	user, _ := strconv.Atoi(fields[11])
	system, _ := strconv.Atoi(fields[12])
	return time.Duration(user+system) * tick
}

// memory is the server's resident memory in KiB.
func (s *server) memory() float64 {
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/statm", s.cmd.Process.Pid))
	pages, _ := strconv.Atoi(strings.Fields(string(text))[1])
	return float64(pages*os.Getpagesize()) / 1024
}

// profile writes a profile of the server's processor time in the next d to a folder.
func (s *server) profile(dir string, d time.Duration) <-chan error {
	done := make(chan error, 1)
	go func() {
		resp, err := http.Get(fmt.Sprintf("http://%s/debug/pprof/profile?seconds=%d", s.pprof, max(1, int(d.Seconds()))))
		if err != nil {
			done <- err
			return
		}
		defer func() { _ = resp.Body.Close() }()
		b, err := io.ReadAll(resp.Body)
		done <- errors.Join(err, os.MkdirAll(dir, 0o755), os.WriteFile(filepath.Join(dir, "webtransport.cpu.pprof"), b, 0o644))
	}()
	return done
}
