package network

import (
	"encoding/binary"
	"net/netip"
)

// Addresses on the two networks. Client n (0 is the prober) has 10.0.0.1 + n on its side for ever.
// On the service's side it has 10.m.0.1 + n after m changes of its address, as behind a translator
// of addresses. Target i is 10.255.0.1 + i on both.
const (
	net10      = 10
	service    = 255
	maxMoves   = 255   // changes of an address; then the first one is used again
	maxClients = 65533 // that have addresses, the prober among them
)

// MaxClients is how many clients a network can have.
const MaxClients = maxClients - 1

func addressOf(second byte, n int) netip.Addr {
	n++
	return netip.AddrFrom4([4]byte{net10, second, byte(n >> 8), byte(n)})
}

// ClientAddr is the address of a client, by its place from 0, on its own side.
func ClientAddr(client int) netip.Addr { return addressOf(0, client+1) }

// numberOf is the inverse of addressOf; -1: it is none of our addresses.
func numberOf(a []byte) (second byte, n int) {
	if a[0] != net10 {
		return 0, -1
	}
	return a[1], int(a[2])<<8 + int(a[3]) - 1
}

// Offsets into a header of IPv4 (RFC 791), and into those of UDP (RFC 768) and TCP (RFC 9293).
const (
	ipLength, ipFragment, ipProtocol, ipSum, ipSource, ipDest = 2, 6, 9, 10, 12, 16

	ipHeader         = 20
	protoTCP         = 6
	protoUDP         = 17
	udpSum, tcpSum   = 6, 16
	udpHeader        = 8
	udpSource        = 0
	udpDest          = 2
	fragmentOffset   = 0x1fff
	smallestDatagram = ipHeader
)

// headerLength is that of an IPv4 packet which is whole; 0: it is none.
func headerLength(p []byte) int {
	if len(p) < smallestDatagram || p[0]>>4 != 4 {
		return 0
	}
	n := int(p[0]&15) * 4
	if n < ipHeader || int(binary.BigEndian.Uint16(p[ipLength:])) != len(p) || len(p) < n {
		return 0
	}
	return n
}

// readdress gives an address of the packet, at the offset, another second byte, and keeps the
// checksums right.
func readdress(p []byte, header, at int, second byte) {
	before := binary.BigEndian.Uint16(p[at:])
	p[at+1] = second
	after := binary.BigEndian.Uint16(p[at:])
	adjust(p[ipSum:], before, after)
	if binary.BigEndian.Uint16(p[ipFragment:])&fragmentOffset != 0 {
		return // the checksum of the rest is in the first fragment
	}
	switch rest := p[header:]; {
	case p[ipProtocol] == protoTCP && len(rest) >= tcpSum+2:
		adjust(rest[tcpSum:], before, after)
	case p[ipProtocol] == protoUDP && len(rest) >= udpHeader && binary.BigEndian.Uint16(rest[udpSum:]) != 0:
		adjust(rest[udpSum:], before, after)
		if binary.BigEndian.Uint16(rest[udpSum:]) == 0 { // which would mean: there is no checksum
			binary.BigEndian.PutUint16(rest[udpSum:], 0xffff)
		}
	}
}

// adjust changes a checksum for one changed word (RFC 1624, equation 3).
func adjust(sum []byte, before, after uint16) {
	s := uint32(^binary.BigEndian.Uint16(sum)) + uint32(^before) + uint32(after)
	s = s&0xffff + s>>16
	s = s&0xffff + s>>16
	binary.BigEndian.PutUint16(sum, ^uint16(s))
}
