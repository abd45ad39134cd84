package server_test

import (
	"crypto/tls"
	"net"
	"path/filepath"
	"strings"
	"testing"

	"github.com/fasthttp/websocket"

	"github.com/throng-io/throng/server"
)

// serving serves a server until the test ends, and returns its base for connectTo, joinBare and
// open.
type serving func(t *testing.T, srv *server.Server) (base string)

// links are what carries the bytes of a connection: the engine's poller reads all but the last,
// which a goroutine reads.
var links = []struct {
	name  string
	serve serving
}{{"plain", serve}, {"unix", serveUnix}, {"tls", serveTLS}, {"tls of others", serveTLSOfOthers}}

// everyLink runs a test over all links.
func everyLink(t *testing.T, test func(t *testing.T, serve serving)) {
	t.Helper()
	for _, link := range links {
		t.Run(link.name, func(t *testing.T) { test(t, link.serve) })
	}
}

// allLinks serves a server over all links at once.
func allLinks(t *testing.T, srv *server.Server) (bases []string) {
	t.Helper()
	for _, link := range links {
		bases = append(bases, link.serve(t, srv))
	}
	return bases
}

// serveTLS is serve behind TLS.
func serveTLS(t *testing.T, srv *server.Server) string {
	t.Helper()
	return serveTLSOn(t, srv, server.NewTLSListener)
}

// serveTLSOfOthers is serve behind a listener of crypto/tls.
func serveTLSOfOthers(t *testing.T, srv *server.Server) string {
	t.Helper()
	return serveTLSOn(t, srv, tls.NewListener)
}

func serveTLSOn(t *testing.T, srv *server.Server, listen func(net.Listener, *tls.Config) net.Listener) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	serveOn(t, srv, listen(ln, &tls.Config{Certificates: []tls.Certificate{certificate(t)}}))
	return "https://" + ln.Addr().String()
}

// serveUnix is serve on a unix socket.
func serveUnix(t *testing.T, srv *server.Server) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "s")
	ln, err := server.Listen("unix:" + path)
	if err != nil {
		t.Fatal(err)
	}
	serveOn(t, srv, ln)
	return "unix:" + path
}

// connectTo connects to a server over the link that its base names.
func connectTo(t *testing.T, base string) net.Conn {
	t.Helper()
	conn, err := connect(base)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

func connect(base string) (net.Conn, error) {
	scheme, address, _ := strings.Cut(base, ":")
	switch address = strings.TrimPrefix(address, "//"); scheme {
	case "https":
		return tls.Dial("tcp", address, &tls.Config{InsecureSkipVerify: true}) //nolint:gosec // the certificate is the test's own
	case "unix":
		return net.Dial("unix", address)
	default:
		return net.Dial("tcp", address)
	}
}

// dialer returns the dialer of a websocket client for a base, and the base to give it.
func dialer(base string) (*websocket.Dialer, string) {
	return &websocket.Dialer{NetDial: func(string, string) (net.Conn, error) { return connect(base) }}, "http://test"
}

// reset ends a connection as a crash would: with a reset, where there is such a thing.
func reset(conn net.Conn) {
	if secure, ok := conn.(*tls.Conn); ok {
		conn = secure.NetConn()
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_ = conn.Close()
}
