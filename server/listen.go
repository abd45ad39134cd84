package server

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/throng-io/throng/server/internal/transport"
)

// ListenAndServe listens on an address as Listen does, and serves it.
func (s *Server) ListenAndServe(addr string) error {
	ln, err := Listen(addr)
	if err != nil {
		return err
	}
	return s.Serve(ln)
}

// ListenAndServeTLS is ListenAndServe for https and wss, with a certificate and its key from files
// in PEM. For other settings of TLS, Serve what NewTLSListener returns.
func (s *Server) ListenAndServeTLS(addr, certFile, keyFile string) error {
	config, err := TLSConfig(certFile, keyFile)
	if err != nil {
		return err
	}
	ln, err := Listen(addr)
	if err != nil {
		return err
	}
	return s.Serve(NewTLSListener(ln, config))
}

// NewTLSListener is tls.NewListener for a server of this package: with Serve, on Linux, connections
// of its listener cost neither a goroutine nor a buffer while they are idle, and a third of the
// memory of others. They are *tls.Conn inside of a type of their own.
//
// Given to Serve itself, not inside of another listener, it also keeps a panic of a function of
// config, such as GetCertificate, from ending the process: the handshake fails that it is called
// for, and the panic is logged and counted as one of a handler.
func NewTLSListener(ln net.Listener, config *tls.Config) net.Listener {
	return &transport.TLSListener{Listener: ln, Config: config}
}

// TLSConfig returns what ListenAndServeTLS serves with: TLS 1.2 or later, and HTTP/1.1, which
// websockets need.
func TLSConfig(certFile, keyFile string) (*tls.Config, error) {
	cert, err := tls.LoadX509KeyPair(certFile, keyFile)
	if err != nil {
		return nil, fmt.Errorf("server: certificate %s with key %s: %w", certFile, keyFile, err)
	}
	return &tls.Config{
		Certificates: []tls.Certificate{cert},
		MinVersion:   tls.VersionTLS12,
		NextProtos:   []string{"http/1.1"},
	}, nil
}

// checkCertificate refuses a configuration with which no client could connect.
func checkCertificate(config *tls.Config) error {
	if config == nil || len(config.Certificates) == 0 && config.GetCertificate == nil && config.GetConfigForClient == nil {
		return errors.New("server: the TLS configuration has no certificate; load one with TLSConfig or make one with DevCertificate")
	}
	return nil
}

// Listen listens on a TCP address, such as ":3000" or "[::1]:3000", or, for "unix:" and a path, on
// a unix socket. A socket without a listening process is replaced; any other file at the path
// is an error. It is removed when the listener is closed.
func Listen(addr string) (net.Listener, error) {
	path, unix := strings.CutPrefix(addr, "unix:")
	if !unix {
		return net.Listen("tcp", addr)
	}
	if path == "" || len(path) > maxSocketPath {
		return nil, fmt.Errorf("server: %q: after unix: there must be a path of 1 to %d bytes", addr, maxSocketPath)
	}
	if err := clearSocket(path); err != nil {
		return nil, err
	}
	return net.Listen("unix", path)
}

// maxSocketPath is what fits the systems' addresses: of Linux 108 bytes with a zero at the end, of
// others 104.
const maxSocketPath = 103

// clearSocket removes what a server that was killed has left at path.
func clearSocket(path string) error {
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case info.Mode()&fs.ModeSocket == 0:
		return fmt.Errorf("server: %s is there already, and is no socket; remove it or use another path", path)
	}
	conn, err := net.DialTimeout("unix", path, time.Second)
	if err == nil {
		_ = conn.Close()
		return fmt.Errorf("server: %s: %w; stop the server that listens there or use another path", path, syscall.EADDRINUSE)
	}
	if !errors.Is(err, syscall.ECONNREFUSED) {
		return err
	}
	return os.Remove(path)
}

// retryListener accepts again after temporary errors, such as a lack of file descriptors. The HTTP
// server ends at the first error, so that a burst of clients would end the service for good.
type retryListener struct {
	net.Listener
	logs   *logs
	logged *source
	once   sync.Once
	closed chan struct{}
}

// The waits between two tries to accept.
const (
	minRetry = 5 * time.Millisecond
	maxRetry = time.Second
)

// Accept implements net.Listener.
func (p *retryListener) Accept() (net.Conn, error) {
	for wait := minRetry; ; wait = min(2*wait, maxRetry) {
		c, err := p.Listener.Accept()
		var t interface{ Temporary() bool }
		if !errors.As(err, &t) || !t.Temporary() {
			return c, err
		}
		p.logs.write(&p.logged, slog.LevelWarn, "server: cannot accept a connection, will try again; allow more open files if there are too many", "error", err)
		select {
		case <-time.After(wait):
		case <-p.closed:
			return nil, net.ErrClosed
		}
	}
}

// Close implements net.Listener. Only the first call does anything.
func (p *retryListener) Close() (err error) {
	p.once.Do(func() {
		close(p.closed)
		err = p.Listener.Close()
	})
	return err
}
