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
	of := func(address string) netip.Addr {
		var ctx fasthttp.RequestCtx
		ctx.Init(&fasthttp.Request{}, net.TCPAddrFromAddrPort(netip.AddrPortFrom(netip.MustParseAddr(address), 80)), nil)
		return addressOf(&ctx)
	}
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
