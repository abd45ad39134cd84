package link

import (
	"context"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"
)

// Each sender has its own answers, also one that the server did not answer at first.
func TestDatagrams(t *testing.T) {
	t.Parallel()
	listen := func(at string) *net.UDPConn {
		c, err := net.ListenPacket("udp", at)
		if err != nil {
			t.Fatal(err)
		}
		return c.(*net.UDPConn)
	}
	server := listen("127.0.0.1:0")
	at := server.LocalAddr().String()
	d := OnPackets(listen("127.0.0.1:0"), "chat.test:443", func(ctx context.Context, network, address string) (net.Conn, error) {
		if network != "udp" || address != "chat.test:443" {
			return nil, fmt.Errorf("the link asks for %s of %s", network, address)
		}
		return new(net.Dialer).DialContext(ctx, network, at)
	})
	defer d.Close()
	serve := func(s *net.UDPConn) {
		b := make([]byte, 100)
		for {
			n, from, err := s.ReadFromUDPAddrPort(b)
			if err != nil {
				return
			}
			_, _ = s.WriteToUDPAddrPort(fmt.Appendf(nil, "%s from %d", b[:n], from.Port()), from)
		}
	}
	go serve(server)
	ask := func(c net.Conn, text string) string {
		b := make([]byte, 100)
		for deadline := time.Now().Add(30 * time.Second); ; {
			_, _ = c.Write([]byte(text))
			_ = c.SetReadDeadline(time.Now().Add(time.Second))
			n, err := c.Read(b)
			if err == nil && strings.HasPrefix(string(b[:n]), text) {
				return string(b[:n])
			}
			if time.Now().After(deadline) {
				t.Fatal(err)
			}
		}
	}
	var said []string
	var conns []net.Conn
	for range 2 {
		c, err := net.Dial("udp", d.in.LocalAddr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		said, conns = append(said, ask(c, "hello")), append(conns, c)
	}
	if said[0] == said[1] || ask(conns[0], "hello") != said[0] {
		t.Errorf("the senders look the same, or changed: %q", said)
	}
	server.Close()
	_, _ = conns[1].Write([]byte("nobody"))
	server = listen(at)
	defer server.Close()
	go serve(server)
	if again := ask(conns[1], "hello"); again != said[1] {
		t.Errorf("after the server was away: %q, want %q", again, said[1])
	}
}
