package raw

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"os"

	"golang.org/x/sys/unix"
)

// Secure is TLS on a descriptor that does not block. crypto/tls expects a connection that does.
// This one waits during the handshake and in writes; a read that finds nothing returns a temporary
// error, which leaves crypto/tls as it was. It belongs to one goroutine.
type Secure struct {
	tls   *tls.Conn
	under under
}

// under is the connection below the TLS, with the methods that crypto/tls calls.
type under struct {
	net.Conn // nil
	fd       int
	waits    bool // reads do
	drained  bool // the last read gave less than it could have: there is nothing more
}

// Client is the client's end. It makes the handshake, and trusts any server.
func Client(fd int) (*Secure, error) { return begin(fd, tls.Client, trusting) }

// Server is the server's end. It makes the handshake.
func Server(fd int, config *tls.Config) (*Secure, error) { return begin(fd, tls.Server, config) }

// trusting resumes no sessions, so that each connection costs the same.
var trusting = &tls.Config{InsecureSkipVerify: true, SessionTicketsDisabled: true} //nolint:gosec // the benchmark has started the server

func begin(fd int, end func(net.Conn, *tls.Config) *tls.Conn, config *tls.Config) (*Secure, error) {
	s := &Secure{under: under{fd: fd, waits: true}}
	s.tls = end(&s.under, config)
	err := s.tls.Handshake()
	s.under.waits = false
	return s, err
}

// Read reads what has come. If it gives less than b has room for there is nothing more.
func (s *Secure) Read(b []byte) (n int, err error) {
	s.under.drained = false
	for n < len(b) && err == nil {
		var m int
		m, err = s.tls.Read(b[n:])
		n += m
	}
	if errors.Is(err, errNothing) || n > 0 { // any other error will come again
		err = nil
	}
	return n, err
}

// Write writes all of b.
func (s *Secure) Write(b []byte) error {
	_, err := s.tls.Write(b)
	return err
}

// Read implements net.Conn for crypto/tls.
func (u *under) Read(b []byte) (int, error) {
	if u.drained {
		return 0, errNothing
	}
	for {
		n, errno := Read(u.fd, b)
		switch {
		case errno == unix.EINTR:
		case errno == unix.EAGAIN && u.waits:
			wait(u.fd, unix.POLLIN)
		case errno == unix.EAGAIN:
			return 0, errNothing
		case errno != 0:
			return 0, os.NewSyscallError("read", errno)
		case n == 0:
			return 0, io.EOF
		default:
			u.drained = n < len(b) && !u.waits
			return n, nil
		}
	}
}

// Write implements net.Conn for crypto/tls.
func (u *under) Write(b []byte) (int, error) { return len(b), WriteAll(u.fd, b) }

// errNothing is a temporary error, as crypto/tls understands it.
var errNothing net.Error = nothing{}

type nothing struct{}

func (nothing) Error() string   { return "nothing to read now" }
func (nothing) Timeout() bool   { return true }
func (nothing) Temporary() bool { return true }
