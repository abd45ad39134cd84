//go:build network

// Needs root, or a user namespace that may open /dev/net/tun: make test-network.

package scenario

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/throng-io/throng/scenario/file"
	throng "github.com/throng-io/throng/server"
	"github.com/throng-io/throng/server/app"
)

func init() {
	mayStay = append(mayStay, // fasthttp's own, which end later or never: see package server
		goleak.IgnoreAnyFunction("github.com/valyala/fasthttp.(*workerPool).Start.func2"),
		goleak.IgnoreAnyFunction("github.com/valyala/fasthttp.updateServerDate.func1"))
}

// served is a server over TCP and over WebTransport, as the target of a scenario.
func served(t *testing.T) (target string) {
	t.Helper()
	srv, err := app.New("bench", throng.Options{})
	if err != nil {
		t.Fatal(err)
	}
	cert, err := throng.DevCertificate()
	if err != nil {
		t.Fatal(err)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	socket, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 2)
	go func() { ended <- srv.Serve(ln) }()
	go func() {
		ended <- srv.ServeWebTransport(socket, &tls.Config{Certificates: []tls.Certificate{cert}})
	}()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		if err := errors.Join(srv.Shutdown(ctx), <-ended, <-ended); err != nil {
			t.Error(err)
		}
	})
	sum := sha256.Sum256(cert.Leaf.Raw)
	return replaceAll(`{url: "http://TCP", webtransport: "UDP", tls: {hash: "HASH"}}`,
		"TCP", ln.Addr().String(), "UDP", socket.LocalAddr().String(), "HASH", hex.EncodeToString(sum[:]))
}

// bothWays are clients over TCP and over QUIC on the same network.
const bothWays = `
  tcp: {count: 6, transport: websocket, reconnect: {min: 50ms, max: 200ms}, send: [{op: echo, rate: 5/s, ack: 20s}]}
  quic: {count: 6, transport: webtransport, reconnect: {min: 50ms, max: 200ms}, send: [{op: echo, rate: 5/s, ack: 20s}, {op: all, rate: 1/s, per: client, expect: all, late: 20s}]}`

// QUIC repairs what a network loses, and sends everything in order, as TCP does: no message is lost,
// and none overtakes another.
func TestPacketLossUnderQUIC(t *testing.T) {
	c := overPackets(t, served(t), bothWays, "{delay: 10ms, loss: 5%}", "")
	if l := c.Ledger; l.Expected == 0 || l.Received != l.Expected || l.Lost+l.Duplicate+l.Disorder > 0 {
		t.Errorf("%+v", l)
	}
	for _, r := range c.Receivers {
		if r.Ledger.Received == 0 {
			t.Errorf("%s, %s: %+v", r.Group, r.Transport, r.Ledger)
		}
	}
	for class, n := range c.Errors {
		if n > 0 && strings.HasPrefix(class, "ack") {
			t.Errorf("%d %s", n, class)
		}
	}
	if n, of := lost(c, "up"); n == 0 || of < 500 {
		t.Errorf("%d of %d packets were lost", n, of)
	}
	if c.Clients.Dropped+c.Clients.Failed > 0 || c.Reconnects != nil {
		t.Errorf("%+v, %+v", c.Clients, c.Reconnects)
	}
}

// With another address connections of TCP end, and sessions over QUIC go on: of the clients of one
// kind each comes back, of those of the other none was gone.
func TestQUICMovedGoesOn(t *testing.T) {
	c := overPackets(t, served(t), bothWays, "{delay: 5ms, loss: 0%}", ", fault: {network: {move: 100%}, within: 1s}")
	if r := c.Reconnects; r == nil || r.Lost != 6 || r.Back != 6 || c.Clients.Dropped != 0 {
		t.Errorf("%+v, %+v; errors %v; want the 6 connections of TCP", c.Reconnects, c.Clients, c.Errors)
	}
	moves := map[string]int64{}
	for _, r := range c.Network.Rows {
		moves[r.Direction] += r.Moves
	}
	if moves["up"] != 12 || moves["down"] != 12 {
		t.Errorf("%v changes of an address, want one of each client", moves)
	}
	for _, r := range c.Receivers {
		if r.Transport != file.WebTransport {
			continue
		}
		if l := r.Ledger; l.Expected == 0 || l.Received != l.Expected || l.Undecided > 0 {
			t.Errorf("over QUIC %+v", l)
		}
	}
}

// Clients over QUIC make any network one of packets: a delay alone is felt by them, on each way.
func TestPacketDelayUnderQUIC(t *testing.T) {
	c := overPackets(t, served(t), bothWays, "{delay: 40ms}", "")
	if l := c.Ledger; l.Expected == 0 || l.Received != l.Expected || c.Clients.Failed > 0 {
		t.Errorf("%+v, %+v", l, c.Clients)
	}
	for _, r := range c.Receivers {
		if r.Transport == file.WebTransport && r.Ledger.Received == 0 {
			t.Errorf("%+v", r)
		}
	}
	if l := c.Latency["ack"]; l == nil || l.P50us < 80_000 {
		t.Errorf("acknowledgements took %+v, and a round trip takes 80 ms", l)
	}
}
