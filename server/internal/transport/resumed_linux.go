package transport

import (
	"crypto/tls"
	"io"
	"net"

	"github.com/throng-io/throng/server/internal/poll"
)

// resumedSecure is resumed for a connection with TLS, which HTTP servers know by these methods.
type resumedSecure struct {
	resumed
	secure *poll.Secure
}

func (r *resumedSecure) Handshake() error                     { return r.secure.Handshake() }
func (r *resumedSecure) ConnectionState() tls.ConnectionState { return r.secure.ConnectionState() }

// resumed is a connection of which something has been read already.
type resumed struct {
	net.Conn
	early  []byte
	poller *poller
	begun  bool
	soon   bool // it has been given back soon after it came
}

// Read implements io.Reader.
func (r *resumed) Read(b []byte) (int, error) {
	if !r.begun {
		// The HTTP server may have shut down before it got this connection.
		if r.begun = true; r.poller.stopped.Load() {
			return 0, io.EOF
		}
	}
	if len(r.early) > 0 {
		n := copy(b, r.early)
		r.early = r.early[n:]
		return n, nil
	}
	return r.Conn.Read(b)
}

func (r *resumed) resumedSoon() bool { return r.soon }

// UnsafeConn implements wrapper.
func (r *resumed) UnsafeConn() net.Conn { return r.Conn }
