package server

import (
	"bytes"
	"net"
	"net/netip"
	"slices"
	"strings"

	"github.com/valyala/fasthttp"
)

// parseProxies reads Options.TrustedProxies.
func parseProxies(list []string) ([]netip.Prefix, error) {
	var all []netip.Prefix
	for _, text := range list {
		network, err := netip.ParsePrefix(text)
		if address, notOne := netip.ParseAddr(text); notOne == nil {
			network, err = netip.PrefixFrom(address.Unmap(), address.Unmap().BitLen()), nil
		}
		if err != nil || network.Addr().Is4In6() {
			return nil, refuse("TrustedProxies", "holds %q, which is no address and no network; write 10.0.0.7 or 10.0.0.0/8", text)
		}
		all = append(all, network)
	}
	return all, nil
}

// trusts reports whether the word of a peer counts: of one that is a trusted proxy, or that is on
// this machine, as it comes over no network (its address is the zero one).
func (s *Server) trusts(peer netip.Addr) bool {
	return !peer.IsValid() || slices.ContainsFunc(s.proxies, func(p netip.Prefix) bool { return p.Contains(peer) })
}

// clientAddress returns the address of the client of a request, the zero one if it came over no
// network. Each proxy appends to X-Forwarded-For where the request came from: what stands before
// the last address that is not of a trusted proxy was said by somebody for whom nobody vouches.
func (s *Server) clientAddress(ctx *fasthttp.RequestCtx) netip.Addr {
	peer := peerAddress(ctx.RemoteAddr())
	if len(s.proxies) == 0 {
		return peer
	}
	said := bytes.Join(ctx.Request.Header.PeekAll(fasthttp.HeaderXForwardedFor), []byte(","))
	for s.trusts(peer) && len(said) > 0 {
		at := bytes.LastIndexByte(said, ',')
		before, ok := parseForwarded(string(said[at+1:]))
		if !ok {
			break
		}
		peer, said = before, said[:max(at, 0)]
	}
	return peer
}

// isSecure reports whether the client of a request uses TLS. A trusted proxy, which may take it
// off, says so in X-Forwarded-Proto. Of several values the last one counts: a client may have sent
// those before it.
func (s *Server) isSecure(ctx *fasthttp.RequestCtx) bool {
	said := ctx.Request.Header.PeekAll(fasthttp.HeaderXForwardedProto)
	if len(s.proxies) == 0 || len(said) == 0 || !s.trusts(peerAddress(ctx.RemoteAddr())) {
		return ctx.IsTLS()
	}
	last := said[len(said)-1]
	last = bytes.TrimSpace(last[bytes.LastIndexByte(last, ',')+1:])
	return bytes.EqualFold(last, []byte("https")) || bytes.EqualFold(last, []byte("wss"))
}

// peerAddress returns the address of the other end of a connection, the zero one for one that is
// not of TCP.
func peerAddress(address net.Addr) netip.Addr {
	tcp, ok := address.(*net.TCPAddr)
	if !ok {
		return netip.Addr{}
	}
	ip, _ := netip.AddrFromSlice(tcp.IP)
	return ip.Unmap().WithZone(tcp.Zone)
}

// parseForwarded reads an address as proxies write it: some with a port, and then those of IPv6 in
// brackets.
func parseForwarded(text string) (netip.Addr, bool) {
	text = strings.TrimSpace(text)
	address, err := netip.ParseAddr(text)
	if err != nil {
		var both netip.AddrPort
		both, err = netip.ParseAddrPort(text)
		address = both.Addr()
	}
	return address.Unmap(), err == nil
}
