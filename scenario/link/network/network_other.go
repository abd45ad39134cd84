//go:build !linux

package network

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"time"
)

// A Network joins simulated clients to the side of their service. There is none on this system: all
// that Start returns is an error.
type Network struct{}

var errSystem = errors.New("packets can be lost only on Linux, whose kernel gives a process networks of its own; run it there, or leave loss, reorder, queue, outage, move, up and down out")

func Check() error                                              { return errSystem }
func Start(Config) (*Network, error)                            { return nil, errSystem }
func (*Network) Set(int, []Condition)                           {}
func (*Network) Outage(int, time.Duration)                      {}
func (*Network) Move(int)                                       {}
func TargetAddr(target int) netip.Addr                          { return addressOf(service, target) }
func (*Network) Listen(int, uint16) (net.Listener, error)       { return nil, errSystem }
func (*Network) ListenPacket(int, uint16) (*net.UDPConn, error) { return nil, errSystem }
func (*Network) Packet(int) (*net.UDPConn, error)               { return nil, errSystem }
func (*Network) PacketAt(netip.Addr) (*net.UDPConn, error)      { return nil, errSystem }
func (*Network) Totals() Totals                                 { return Totals{} }
func (*Network) Close()                                         {}
func (*Network) Dial(context.Context, int, *net.Dialer, string) (net.Conn, error) {
	return nil, errSystem
}
