package file

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// The transports over HTTP/3.
const (
	WebTransport        = "webtransport"
	UpgradeWebTransport = "upgrade-webtransport" // polling first
)

// reHostPort is an address of UDP.
var reHostPort = regexp.MustCompile(`^([^\s:/]+|\[[0-9A-Fa-f:.]+\]):\d{1,5}$`)

// reHash is a SHA-256 hash in hex or base64.
var reHash = regexp.MustCompile(`^(([0-9A-Fa-f]{2}:?){31}[0-9A-Fa-f]{2}|[A-Za-z0-9+/]{43}=)$`)

// WebTransport reports whether clients of a group use it, at first or after an upgrade.
func (g *Group) WebTransport() bool {
	return slices.ContainsFunc(g.Transport, func(t Share) bool { return t.Name == WebTransport || t.Name == UpgradeWebTransport })
}

// WebTransport reports whether any client uses it.
func (s *Spec) WebTransport() bool {
	return slices.ContainsFunc(s.Groups, func(g Group) bool { return g.WebTransport() })
}

// checkWebTransport reports what WebTransport does not do, and lets the built-in server serve it.
func (d *decoder) checkWebTransport(s *Spec) {
	if d.framed() || !s.WebTransport() {
		return
	}
	for i := range s.Groups {
		g := &s.Groups[i]
		if !g.WebTransport() {
			continue
		}
		n := d.places["group "+g.Name]
		direct := slices.ContainsFunc(g.Transport, func(t Share) bool { return t.Name == WebTransport })
		if v := n.get("query"); direct && v != nil {
			d.errs.add(v.at, "the transport webtransport carries no query, as with the official client", "put the values into auth, or remove query")
		}
		if g.Engine == Engine3 {
			d.errs.add(at(n, "transport"), "WebTransport came with Engine.IO 4, and the engine is 3", "choose another transport, or remove engine")
		}
		switch {
		case s.Target != nil && strings.HasPrefix(s.Target.URL, "unix:") && s.Target.WebTransport == "":
			d.errs.add(at(n, "transport"), "WebTransport needs an address of UDP, and the target is a unix socket", "write target: {webtransport: host:port}, or choose another transport")
		case s.Server != nil && s.Server.Behind != "":
			d.errs.add(at(n, "transport"), fmt.Sprintf("the proxy %s in front of the nodes passes no UDP on, which WebTransport needs", s.Server.Behind), "remove behind, or choose another transport")
		}
	}
	if s.Server != nil {
		s.Server.WebTransport = true
	}
}

func checkHash(s string) *flaw {
	if _, ok := parseHash(s); ok {
		return nil
	}
	return &flaw{fmt.Sprintf("%q is not a SHA-256 hash", clip(s)), "write its 64 hex digits, with or without colons, or its base64"}
}

// parseHash reads a hash as openssl, browsers and servers write it.
func parseHash(s string) (sum [32]byte, ok bool) {
	b, err := hex.DecodeString(strings.ReplaceAll(s, ":", ""))
	if err != nil {
		if b, err = base64.StdEncoding.DecodeString(s); err != nil {
			return sum, false
		}
	}
	return sum, copy(sum[:], b) == len(sum) && len(b) == len(sum)
}
