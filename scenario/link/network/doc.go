// Package network is a network of its own for simulated clients, on which packets are delayed,
// lost, overtaken and dropped from a full queue.
//
// Loss has to act below TCP: a proxy of connections that drops bytes breaks them, and one that
// holds bytes back shows nothing of retransmissions, of congestion windows, or of one lost packet
// that holds up all that was sent after it. So clients and service are on two networks, each a
// network namespace of this process with a TUN device, and this package reads every packet from one
// device and writes it to the other:
//
//	clients --> kernel TCP/UDP --> TUN | forwarding, up |   TUN --> kernel TCP/UDP --> relay --> target
//	10.0.x.y                       TUN | forwarding, down | TUN                        10.255.0.1
//
// Nothing of the machine's own network is changed. The target need not know of this: a relay on the
// service's side passes bytes and datagrams on to wherever it is.
//
// The namespaces and devices belong to this process alone, by its threads and open files. The
// kernel removes them when it ends, however it ends.
//
// It takes Linux, /dev/net/tun, and the capabilities CAP_SYS_ADMIN and CAP_NET_ADMIN, which root
// has, and everybody in a user namespace of their own.
package network
