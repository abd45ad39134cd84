// Package testclient is a bare client for the tests of applications: what it sends and receives are
// packets as they are on the wire.
package testclient

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/fasthttp/websocket"

	"github.com/throng-io/throng/server"
)

// packetTimeout is how long a packet may take that must come.
const packetTimeout = time.Minute

// NoPings is for servers of such clients, which answer no ping.
var NoPings = server.Times{PingInterval: 1000 * time.Hour}

// Serve serves srv on the loopback interface until the test ends, and returns its host and port.
func Serve(t *testing.T, srv *server.Server) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- srv.Serve(ln) }()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), packetTimeout)
		defer cancel()
		if err := errors.Join(srv.Shutdown(ctx), <-served); err != nil {
			t.Error(err)
		}
	})
	return ln.Addr().String()
}

// A Client is a websocket that has joined the main namespace. One goroutine may use it.
type Client struct {
	ID, PID string   // of the socket; PID is "" without recovery
	Missed  []string // packets that came before the answer, to a client that comes back

	t    *testing.T
	conn *websocket.Conn
}

// Join connects to a host and joins the main namespace with the payload auth, which is JSON or "".
// The client is closed when the test ends.
func Join(t *testing.T, host, auth string) *Client {
	t.Helper()
	conn, resp, err := websocket.DefaultDialer.Dial("ws://"+host+"/socket.io/?EIO=4&transport=websocket", nil)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	c := &Client{t: t, conn: conn}
	t.Cleanup(c.Close)
	c.Next() // the handshake
	c.Send("40" + auth)
	answer := c.Next()
	for ; !strings.HasPrefix(answer, "40"); answer = c.Next() {
		c.Missed = append(c.Missed, answer)
	}
	var connected struct{ Sid, Pid string }
	if err := json.Unmarshal([]byte(strings.TrimPrefix(answer, "40")), &connected); err != nil {
		t.Fatal(err)
	}
	c.ID, c.PID = connected.Sid, connected.Pid
	return c
}

// Send sends a packet as text.
func (c *Client) Send(packet string) { c.write(websocket.TextMessage, []byte(packet)) }

// SendBinary sends an attachment.
func (c *Client) SendBinary(b ...byte) { c.write(websocket.BinaryMessage, b) }

func (c *Client) write(kind int, b []byte) {
	c.t.Helper()
	if err := c.conn.WriteMessage(kind, b); err != nil {
		c.t.Fatal(err)
	}
}

// Next returns the next packet or attachment.
func (c *Client) Next() string {
	c.t.Helper()
	_ = c.conn.SetReadDeadline(time.Now().Add(packetTimeout))
	_, b, err := c.conn.ReadMessage()
	if err != nil {
		c.t.Fatal(err)
	}
	return string(b)
}

// Close closes the connection without a word.
func (c *Client) Close() { _ = c.conn.Close() }
