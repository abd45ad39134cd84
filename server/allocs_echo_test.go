//go:build !race

package server_test

import (
	"bytes"
	"crypto/tls"
	"io"
	"net"
	"strings"
	"testing"

	"github.com/throng-io/throng/protocol/websocket"
	"github.com/throng-io/throng/server"
)

// An event that is passed on as it came, and its answer, cost no memory at all; by a typed handler
// they cost the decoded string.
func TestEchoAllocates(t *testing.T) {
	srv := echoServer(t)
	conn, err := net.Dial("tcp", strings.TrimPrefix(serve(t, srv), "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	checkEchoes(t, conn, 0)
}

// With TLS nothing is added but what crypto/tls takes for a read, at each end.
func TestEchoOverTLSAllocates(t *testing.T) {
	cert, err := server.DevCertificate("127.0.0.1")
	if err != nil {
		t.Fatal(err)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	serveOn(t, echoServer(t), server.NewTLSListener(ln, &tls.Config{Certificates: []tls.Certificate{cert}}))
	conn, err := tls.Dial("tcp", ln.Addr().String(), &tls.Config{InsecureSkipVerify: true}) //nolint:gosec // the certificate is the test's own
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	checkEchoes(t, conn, 2)
}

func echoServer(t *testing.T) *server.Server {
	t.Helper()
	srv, err := server.New(server.Options{})
	if err != nil {
		t.Fatal(err)
	}
	srv.On("raw", func(_ *server.Socket, e *server.Event) error { return e.AckRaw(e.Raw()) })
	type padded struct {
		P string `json:"p"`
	}
	srv.On("typed", server.Handle(func(_ *server.Socket, m padded) (padded, error) { return m, nil }))
	return srv
}

// checkEchoes asks for echoes over a connection, which allocates more times itself.
func checkEchoes(t *testing.T, conn net.Conn, more float64) {
	t.Helper()
	buf := make([]byte, 4096)
	until := func(end string) {
		for n := 0; !bytes.HasSuffix(buf[:n], []byte(end)); {
			m, err := conn.Read(buf[n:])
			if err != nil {
				t.Fatalf("%v, after %q", err, buf[:n])
			}
			n += m
		}
	}
	_, err := io.WriteString(conn, "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
	if err != nil {
		t.Fatal(err)
	}
	until("}")                           // the first packet
	masked := func(text string) []byte { // with a key of zeros
		h := websocket.Header{Opcode: websocket.Text, Final: true, Masked: true, Length: uint64(len(text))}
		return append(h.Append(nil), text...)
	}
	say := func(b []byte) {
		if _, err := conn.Write(b); err != nil {
			t.Fatal(err)
		}
	}
	say(masked("40"))
	until("}")
	for event, want := range map[string]float64{"raw": 0, "typed": 1} {
		ask := masked(`427["` + event + `",{"p":"text"}]`)
		if got := testing.AllocsPerRun(1000, func() {
			say(ask)
			until(`437[{"p":"text"}]`)
		}); got > want+more {
			t.Errorf("%s: %v allocations, want %v", event, got, want+more)
		}
	}
}
