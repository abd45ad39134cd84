package server

import (
	"fmt"
	"net/netip"
	"testing"
	"time"
)

// Addresses that come once do not stay in memory for ever.
func TestGateForgets(t *testing.T) {
	g := gate{rate: 1, sessions: 1}
	now := time.Unix(1000, 0)
	stays := netip.MustParseAddr("1.2.3.4")
	if message := g.knock(stays, now); message != "" {
		t.Fatal(message)
	}
	most := 0
	for i := range 100_000 {
		a := netip.MustParseAddr(fmt.Sprintf("10.%d.%d.%d", i>>16, i>>8&255, i&255))
		g.knock(a, now)
		g.left(a)
		now = now.Add(10 * time.Millisecond)
		most = max(most, len(g.hosts))
	}
	if most > 2048 {
		t.Errorf("%d addresses were held at once", most)
	}
	if got := g.knock(stays, now); got != "too many sessions" {
		t.Errorf("an address with a session was forgotten: %q", got)
	}
}
