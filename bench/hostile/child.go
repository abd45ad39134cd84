package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/throng-io/throng/server"
	"github.com/throng-io/throng/server/app"
	"github.com/throng-io/throng/server/metrics"
)

// limits are those of the server under attack. What is not named has its default.
var limits = server.Options{
	Times: server.Times{
		PingInterval: 8 * time.Second, PingTimeout: 8 * time.Second, ConnectTimeout: 5 * time.Second,
		MessageTimeout: 5 * time.Second, AttachmentTimeout: 5 * time.Second, UpgradeTimeout: 5 * time.Second,
	},
	Limits: server.Limits{MaxPartial: 64 << 20, MaxPending: 4096, QueueBytes: 2 << 20}, PerMessageDeflate: true, CleanupEmptyNamespaces: true,
}

// serve is the child: a server that ends with its standard input.
func serve(_ context.Context, _ []string, stdin io.Reader, stdout io.Writer) error {
	opts := limits
	opts.Logger = slog.New(slog.DiscardHandler)
	srv, err := app.New("bench", opts)
	if err != nil {
		return err
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	aside, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return errors.Join(err, ln.Close())
	}
	secure, socket, config, err := securely()
	if err != nil {
		return errors.Join(err, ln.Close(), aside.Close())
	}
	operators := &http.Server{Handler: metrics.Handler(srv), ReadHeaderTimeout: 10 * time.Second}
	doors := []func() error{
		func() error { return srv.Serve(ln) },
		func() error { return srv.Serve(secure) },
		func() error { return srv.ServeWebTransport(socket, config) },
		func() error { return operators.Serve(aside) },
	}
	ended := make(chan error, len(doors))
	for _, door := range doors {
		go func() { ended <- door() }()
	}
	_, err = fmt.Fprintf(stdout, "http://%s http://%s/metrics https://%s %s\n", ln.Addr(), aside.Addr(), secure.Addr(), socket.LocalAddr())
	_, _ = io.Copy(io.Discard, stdin)
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	err = errors.Join(err, srv.Shutdown(ctx), operators.Close())
	for range doors {
		if end := <-ended; !errors.Is(end, http.ErrServerClosed) {
			err = errors.Join(err, end)
		}
	}
	return err
}

// securely listens for TLS and for WebTransport, with a certificate of its own.
func securely() (ln net.Listener, socket net.PacketConn, config *tls.Config, err error) {
	cert, err := server.DevCertificate("127.0.0.1")
	if err != nil {
		return nil, nil, nil, err
	}
	config = &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12}
	if ln, err = tls.Listen("tcp", "127.0.0.1:0", config); err != nil {
		return nil, nil, nil, err
	}
	if socket, err = net.ListenPacket("udp", "127.0.0.1:0"); err != nil {
		return nil, nil, nil, errors.Join(err, ln.Close())
	}
	return ln, socket, config, nil
}

// child starts this program again as the server, and returns where its doors and its metrics are
// and a function that ends it.
func child(stderr io.Writer) (at doors, scraped string, stop func() error, err error) {
	self, err := os.Executable()
	if err != nil {
		return at, "", nil, err
	}
	cmd := exec.Command(self, serverRole.Name)
	cmd.Stderr = stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return at, "", nil, err
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return at, "", nil, err
	}
	if err := cmd.Start(); err != nil {
		return at, "", nil, fmt.Errorf("start the server: %w", err)
	}
	stop = func() error {
		_ = stdin.Close()
		hard := time.AfterFunc(15*time.Second, func() { _ = cmd.Process.Kill() }) // Wait tells
		defer hard.Stop()
		if err := cmd.Wait(); err != nil {
			return fmt.Errorf("the server ended with %w", err)
		}
		return nil
	}
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		return at, "", nil, errors.Join(fmt.Errorf("the server told no address: %w", err), stop())
	}
	said := strings.Fields(line)
	if len(said) != 4 {
		return at, "", nil, errors.Join(fmt.Errorf("the server told %q instead of its addresses", line), stop())
	}
	return doors{plain: said[0], secure: said[2], quic: said[3]}, said[1], stop, nil
}
