package server

import (
	"fmt"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/valyala/fasthttp"
)

// A single client has all the addresses of an IPv6 network.
func TestAddressesThatCountTogether(t *testing.T) {
	of := func(address string) netip.Addr { return countedAs(netip.MustParseAddr(address)) }
	for _, c := range []struct {
		a, b     string
		together bool
	}{
		{"2001:db8:1:2::1", "2001:db8:1:2:ffff::9", true},
		{"2001:db8:1:2::1", "2001:db8:1:3::1", false},
		{"192.0.2.1", "::ffff:192.0.2.1", true},
		{"192.0.2.1", "192.0.2.2", false},
	} {
		if got := of(c.a) == of(c.b); got != c.together {
			t.Errorf("%s and %s count together: %v", c.a, c.b, got)
		}
	}
}

// Addresses that come once do not stay in memory for ever.
func TestAddressesAreForgotten(t *testing.T) {
	g := addressLimiter{rate: 1, sessions: 1}
	now := time.Unix(1000, 0)
	stays := netip.MustParseAddr("1.2.3.4")
	if message := g.admit(stays, now); message != "" {
		t.Fatal(message)
	}
	most := 0
	for i := range 100_000 {
		a := netip.MustParseAddr(fmt.Sprintf("10.%d.%d.%d", i>>16, i>>8&255, i&255))
		g.admit(a, now)
		g.release(a)
		now = now.Add(10 * time.Millisecond)
		most = max(most, len(g.states))
	}
	if most > 2048 {
		t.Errorf("%d addresses were held at once", most)
	}
	if got := g.admit(stays, now); got != "too many sessions" {
		t.Errorf("an address with a session was forgotten: %q", got)
	}
}

// Whether a client uses TLS is what a trusted proxy says of it, and nothing that the client says.
func TestSecureBehindAProxy(t *testing.T) {
	srv, err := New(Options{TrustedProxies: []string{"10.0.0.0/24"}})
	if err != nil {
		t.Fatal(err)
	}
	proxy, client := &net.TCPAddr{IP: net.IPv4(10, 0, 0, 7)}, &net.TCPAddr{IP: net.IPv4(192, 0, 2, 9)}
	for _, c := range []struct {
		peer net.Addr
		said []string // lines of X-Forwarded-Proto
		want bool
	}{
		{client, []string{"https"}, false},
		{proxy, nil, false},
		{proxy, []string{""}, false},
		{proxy, []string{"http"}, false},
		{proxy, []string{"https"}, true},
		{proxy, []string{"HTTPS"}, true},
		{proxy, []string{"wss"}, true},
		{proxy, []string{"https, http"}, false}, // the client may have sent the first
		{proxy, []string{"http", "http, https"}, true},
		{&net.UnixAddr{}, []string{"https"}, true},
	} {
		var ctx fasthttp.RequestCtx
		ctx.Init(&fasthttp.Request{}, c.peer, nil)
		for _, line := range c.said {
			ctx.Request.Header.Add(fasthttp.HeaderXForwardedProto, line)
		}
		if got := srv.newHandshake(&ctx).Secure; got != c.want {
			t.Errorf("from %v, with %q: %v, want %v", c.peer, c.said, got, c.want)
		}
	}
	srv.proxies = nil
	var ctx fasthttp.RequestCtx
	ctx.Init(&fasthttp.Request{}, proxy, nil)
	ctx.Request.Header.Set(fasthttp.HeaderXForwardedProto, "https")
	if srv.newHandshake(&ctx).Secure {
		t.Error("a header is believed without a trusted proxy")
	}
}

// The address of a client is what a trusted proxy says of it, and nothing that the client says.
func TestClientAddress(t *testing.T) {
	srv, err := New(Options{TrustedProxies: []string{"10.0.0.0/24", "2001:db8::7"}})
	if err != nil {
		t.Fatal(err)
	}
	tcp := func(address string) net.Addr { return net.TCPAddrFromAddrPort(netip.MustParseAddrPort(address)) }
	for _, c := range []struct {
		peer net.Addr
		said []string // lines of X-Forwarded-For
		want string
	}{
		{tcp("192.0.2.9:1"), []string{"198.51.100.1"}, "192.0.2.9"},
		{tcp("10.0.0.7:1"), nil, "10.0.0.7"},
		{tcp("10.0.0.7:1"), []string{""}, "10.0.0.7"},
		{tcp("10.0.0.7:1"), []string{"198.51.100.1"}, "198.51.100.1"},
		{tcp("10.0.0.7:1"), []string{"127.0.0.1, 198.51.100.1"}, "198.51.100.1"},
		{tcp("10.0.0.7:1"), []string{"127.0.0.1", "198.51.100.1,10.0.0.8"}, "198.51.100.1"},
		{tcp("10.0.0.7:1"), []string{"10.0.0.9"}, "10.0.0.9"},
		{tcp("10.0.0.7:1"), []string{"198.51.100.1, unknown, 10.0.0.8"}, "10.0.0.8"},
		{tcp("10.0.0.7:1"), []string{"198.51.100.1:4711"}, "198.51.100.1"},
		{tcp("[2001:db8::7]:1"), []string{"[2001:db8:1::1]:80"}, "2001:db8:1::1"},
		{tcp("[::ffff:10.0.0.7]:1"), []string{"::ffff:198.51.100.1"}, "198.51.100.1"},
		{&net.UnixAddr{}, []string{"198.51.100.1"}, "198.51.100.1"},
	} {
		var ctx fasthttp.RequestCtx
		ctx.Init(&fasthttp.Request{}, c.peer, nil)
		for _, line := range c.said {
			ctx.Request.Header.Add(fasthttp.HeaderXForwardedFor, line)
		}
		if got := srv.clientAddress(&ctx); got.String() != c.want {
			t.Errorf("from %v, with %q: %v, want %s", c.peer, c.said, got, c.want)
		}
	}
	for _, wrong := range []string{"", "proxy.example", "10.0.0.0/33", "::ffff:10.0.0.0/104"} {
		if _, err := New(Options{TrustedProxies: []string{wrong}}); err == nil {
			t.Errorf("%q is taken for a proxy", wrong)
		}
	}
}
