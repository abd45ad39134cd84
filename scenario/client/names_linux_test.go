package client

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

// nameServer answers for server.test with addresses of IPv4, and for nothing else.
type nameServer struct {
	asked atomic.Int64

	mu    sync.Mutex
	addrs []string // of server.test
}

// newNameServer returns a resolver that asks it.
func newNameServer(t *testing.T, addrs ...string) (*nameServer, *net.Resolver) {
	in, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &nameServer{addrs: addrs}
	var wg sync.WaitGroup
	wg.Go(func() {
		buf := make([]byte, 1500)
		for {
			n, from, err := in.ReadFrom(buf)
			if err != nil {
				return
			}
			answer, err := s.answer(buf[:n])
			if err != nil {
				t.Error(err)
				continue
			}
			_, _ = in.WriteTo(answer, from)
		}
	})
	t.Cleanup(func() {
		_ = in.Close()
		wg.Wait()
	})
	return s, &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "udp", in.LocalAddr().String())
	}}
}

func (s *nameServer) answer(query []byte) ([]byte, error) {
	s.asked.Add(1)
	var m dnsmessage.Message
	if err := m.Unpack(query); err != nil {
		return nil, err
	}
	m.Response, m.Authoritative, m.Additionals = true, true, nil
	q := m.Questions[0]
	if strings.HasPrefix(q.Name.String(), "server.test.") {
		s.mu.Lock()
		defer s.mu.Unlock()
		for _, addr := range s.addrs {
			if q.Type == dnsmessage.TypeA {
				m.Answers = append(m.Answers, dnsmessage.Resource{
					Header: dnsmessage.ResourceHeader{Name: q.Name, Type: q.Type, Class: q.Class},
					Body:   &dnsmessage.AResource{A: netip.MustParseAddr(addr).As4()},
				})
			}
		}
	} else {
		m.RCode = dnsmessage.RCodeNameError
	}
	return m.Pack()
}

// accepting counts the connections that come to an address.
func accepting(t *testing.T, address string) (ln net.Listener, came *atomic.Int64) {
	ln, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	came = new(atomic.Int64)
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			came.Add(1)
			_ = c.Close()
		}
	})
	t.Cleanup(func() {
		_ = ln.Close()
		wg.Wait()
	})
	return ln, came
}

// Many clients ask a name server no more often than one, and come to all addresses alike.
func TestNamesAreRemembered(t *testing.T) {
	first, atFirst := accepting(t, "127.0.0.1:0")
	_, port, _ := net.SplitHostPort(first.Addr().String())
	second, atSecond := accepting(t, "127.0.0.2:"+port)
	server, resolver := newNameServer(t, "127.0.0.1", "127.0.0.2")
	names, d := &Names{}, &net.Dialer{Resolver: resolver}
	connect := func() error {
		c, err := names.Dial(t.Context(), d, "tcp", "server.test.:"+port)
		if err == nil {
			_ = c.Close()
		}
		return err
	}
	for range 2 { // the first tries both families, the second asks for IPv4
		if err := connect(); err != nil {
			t.Fatal(err)
		}
	}
	known := names.host("ip4 server.test.")
	known.until = Now() + time.Hour // for machines that are slow
	asked := server.asked.Load()
	const clients = 100
	var all sync.WaitGroup
	for range clients {
		all.Go(func() {
			if err := connect(); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if n := server.asked.Load() - asked; n > 0 {
		t.Errorf("the name server was asked %d times more for %d connections", n, clients)
	}
	for deadline := time.Now().Add(patience); atFirst.Load()+atSecond.Load() < clients+2; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%d and %d connections", atFirst.Load(), atSecond.Load())
		}
	}
	if a, b := atFirst.Load(), atSecond.Load(); min(a, b) < clients/2 {
		t.Errorf("%d connections to one address and %d to the other", a, b)
	}

	// An address that does not answer is left out.
	_ = second.Close()
	for range 4 {
		if err := connect(); err != nil {
			t.Error(err)
		}
	}

	// A name is looked up again: one that has no addresses any more is not found, and found when it
	// has some again.
	for _, addrs := range [][]string{nil, {"127.0.0.1"}} {
		server.mu.Lock()
		server.addrs = addrs
		server.mu.Unlock()
		known.until = 0
		err := connect()
		lost, ok := errors.AsType[*net.DNSError](err)
		if addrs == nil && (!ok || !lost.IsNotFound) || addrs != nil && err != nil {
			t.Errorf("with the addresses %q: %v", addrs, err)
		}
	}

	// Where the family that connections have ended up with leads nowhere, the other one does.
	names.learn("server.test.", "ip6")
	if err := connect(); err != nil || names.families["server.test."] != "ip4" {
		t.Errorf("%v, and the family %s", err, names.families["server.test."])
	}
}

// A failure to find a name is remembered for a moment, unless it is the caller's own.
func TestNamesRememberFailures(t *testing.T) {
	server, resolver := newNameServer(t)
	names := &Names{}
	known := names.host("ip4 other.test.")
	for range 3 {
		if _, err := names.lookup(t.Context(), resolver, "ip4", "other.test."); err == nil {
			t.Fatal("found a name that there is not")
		}
		known.until += time.Hour // for machines that are slow
	}
	if n := server.asked.Load(); n != 1 {
		t.Errorf("the name server was asked %d times", n)
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	known.until = 0
	if _, err := names.lookup(gone, resolver, "ip4", "other.test."); err == nil || known.until != 0 {
		t.Errorf("the failure of a client that has gone is remembered: %v", err)
	}
}

// Clients of a host by name share what is known of it.
func TestDialByName(t *testing.T) {
	url := session(t, 25000, 20000, func(p *peer) { p.slurp() })
	cfg := &Config{URL: strings.Replace(url, "127.0.0.1", "localhost", 1), Names: &Names{}}
	for range 3 {
		dial(t, cfg)
	}
	if len(cfg.Names.host("ip4 localhost").addrs) == 0 {
		t.Error("nothing is remembered of localhost")
	}
}

// Over UDP a name is the address at which a client would look for QUIC.
func TestDialOverUDP(t *testing.T) {
	for _, names := range []*Names{{}, nil} {
		c, err := names.Dial(t.Context(), &net.Dialer{}, "udp", "localhost:443")
		if err != nil {
			t.Fatal(err)
		}
		if at := c.RemoteAddr().String(); names != nil && at != "127.0.0.1:443" {
			t.Errorf("localhost:443 is %s", at)
		}
		_ = c.Close()
	}
	if c, err := new(Names).Dial(t.Context(), &net.Dialer{}, "udp", "127.0.0.2:443"); err != nil || c.RemoteAddr().String() != "127.0.0.2:443" {
		t.Error(err)
	} else {
		_ = c.Close()
	}
}
