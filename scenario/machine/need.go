package machine

import (
	"fmt"
	"net"
	"strings"

	"github.com/throng-io/throng/scenario/file"
	"github.com/throng-io/throng/scenario/metric"
)

// What our own programs take, measured on Linux with Go 1.26 and rounded up: beyond what it holds
// without clients a generator takes 3.3 KiB for each of 8 000 idle websocket clients and 6 KiB for
// each of 2 000, and 12 KiB for each of 2 000 that poll, and a KiB more for each with a flow; the
// built-in server takes 3.2 KiB for each websocket client and 26 KiB for each that polls, from a
// base of 20 MiB. A session of WebTransport is a QUIC connection in both: with 1 500 of them, each
// process takes 190 KiB for one.
const (
	BaseBytes      = 32 << 20 // a generator or a server without any client
	WebSocketBytes = 7 << 10  // of the generator, for each client on websocket without TLS
	ClientBytes    = 22 << 10 // likewise for each other one, which has a goroutine
	FlowBytes      = 1 << 10  // and for each that has a flow
	// of the generator, for each client that uses WebTransport, beside ClientBytes
	WebTransportBytes = 180 << 10
	// of the generator, for each connection that goes through a link
	LinkBytes = 80 << 10
	// of the generator, for each end of a data channel on the loopback interface: 16 clients that
	// all have one to each other hold 162 KiB and 17 goroutines for each of its ends, beside which
	// the garbage collector keeps as much free
	ChannelBytes = 330 << 10
	// cores, for each end of a data channel that carries nothing: the checks of ICE every two
	// seconds, and the timers
	ChannelCores         = 150e-6
	ServerWebSocketBytes = 6 << 10  // of the built-in server, for each websocket client
	ServerPollingBytes   = 28 << 10 // and for each that polls, or polls before it upgrades
	// and for each that uses WebTransport
	ServerWebTransportBytes = 210 << 10
)

// udpBuffer is the receive buffer, in bytes, that QUIC asks for: a server's socket holds packets of
// all sessions.
const udpBuffer = 7 << 20

// Need is what one trial takes of the machine beyond its [file.Plan].
type Need struct {
	GeneratorBytes int64 // memory, estimated
	ServerBytes    int64 // memory of the built-in server; 0 with a target of the scenario's own
}

// NeedOf estimates the memory that a trial takes, while messages do not pile up.
func NeedOf(s *file.Spec) Need {
	plan := s.Plan()
	all := 0
	for _, g := range s.Groups {
		all += g.Count
	}
	client, server := 0.0, 0.0 // bytes of one on average
	for i := range s.Groups {
		g := &s.Groups[i]
		for _, t := range g.Transport {
			share := t.Share * float64(g.Count) / float64(max(all, 1))
			client += share * float64(bytesOf(s, g, t.Name))
			switch t.Name {
			case "websocket", "plain-websocket":
				server += ServerWebSocketBytes * share
			case file.WebTransport, file.UpgradeWebTransport:
				client += WebTransportBytes * share
				server += ServerWebTransportBytes * share
			default:
				server += ServerPollingBytes * share
			}
		}
	}
	n := Need{GeneratorBytes: BaseBytes + int64(client*float64(plan.Clients)) + int64(plan.Channels)*ChannelBytes}
	if s.Linked() {
		n.GeneratorBytes += int64(plan.Sockets) * LinkBytes
	}
	if s.Server != nil {
		n.ServerBytes = BaseBytes + int64(server*float64(plan.Clients))
	}
	return n
}

// bytesOf is what a client of a group takes of the generator. Where the target is not known, it may
// have TLS.
func bytesOf(s *file.Spec, g *file.Group, transport string) int {
	websocket := transport == "websocket" || transport == "plain-websocket" || transport == "upgrade"
	open := s.Server != nil || s.Target != nil && (strings.HasPrefix(s.Target.URL, "http:") || strings.HasPrefix(s.Target.URL, "ws:"))
	n := ClientBytes
	if websocket && open && g.Read == nil && g.Engine != file.Engine3 {
		n = WebSocketBytes
	}
	if len(g.Flow) > 0 {
		n += FlowBytes
	}
	return n
}

// The limits that a machine can fall short of.
const (
	Files   = "file descriptors"
	Ports   = "local ports"
	Memory  = "memory"
	Address = "source address"
)

// Shortage is a need of a scenario that this machine cannot meet. As an error it is one line.
type Shortage struct {
	What   string `json:"what"`           // one of the constants above
	Source string `json:"from,omitempty"` // the source address that Ports and Address are about; "" = the system's choice
	Need   int64  `json:"need"`           // a number; bytes of Memory
	Have   int64  `json:"have"`
	Fix    string `json:"fix"` // what to do
}

func (s *Shortage) Error() string {
	switch s.What {
	case Address:
		return fmt.Sprintf("the scenario connects from %s, which is not an address of this machine; %s", s.Source, s.Fix)
	case Memory:
		return fmt.Sprintf("the scenario needs about %s of memory and this machine has %s; %s", metric.FormatBytes(s.Need), metric.FormatBytes(s.Have), s.Fix)
	case Ports:
		from := ""
		if s.Source != "" {
			from = " from " + s.Source
		}
		return fmt.Sprintf("the scenario needs %d local ports%s to one address and this machine allows %d; %s", s.Need, from, s.Have, s.Fix)
	}
	return fmt.Sprintf("the scenario needs %d %s and this machine allows %d; %s", s.Need, s.What, s.Have, s.Fix)
}

// Shortages returns everything that the machine lacks for the trials, each thing once, for the
// trial that needs most of it. An unknown limit is not a shortage. It tries out the source
// addresses of the scenario by listening on them for a moment.
func Shortages(cells []file.Cell, l Limits) []*Shortage {
	var all []*Shortage
	lacks := func(s *Shortage) {
		for _, have := range all {
			if have.What == s.What && (s.What != Address || have.Source == s.Source) {
				if s.Need > have.Need {
					*have = *s
				}
				return
			}
		}
		all = append(all, s)
	}
	seen := map[*file.Spec]bool{}
	for _, c := range cells {
		if seen[c.Spec] {
			continue
		}
		seen[c.Spec] = true
		for _, s := range shortages(c.Spec, l) {
			lacks(s)
		}
	}
	return all
}

func shortages(s *file.Spec, l Limits) []*Shortage {
	var all []*Shortage
	if need, have := s.Plan().Files, max(l.FilesSoft, l.FilesHard); have > 0 && need > have {
		all = append(all, &Shortage{
			What: Files, Need: int64(need), Have: int64(have),
			Fix: fmt.Sprintf("raise the hard limit (as root `ulimit -n %d` in the shell that starts throng, LimitNOFILE= of a service, --ulimit nofile= of a container), or lower the number of clients", need),
		})
	}
	sources := s.Sources()
	for _, src := range sources {
		if have := l.Ports(); have > 0 && src.Sockets > have {
			all = append(all, &Shortage{
				What: Ports, Source: src.Addr, Need: int64(src.Sockets), Have: int64(have),
				Fix: fmt.Sprintf("give the groups more source addresses (connect: {from: [%s]}), or widen net.ipv4.ip_local_port_range", strings.Join(loopbacks(src.Sockets, have), ", ")),
			})
		}
	}
	need := NeedOf(s)
	if sum := need.GeneratorBytes + need.ServerBytes; l.Memory > 0 && sum > l.Memory {
		all = append(all, &Shortage{
			What: Memory, Need: sum, Have: l.Memory,
			Fix: "lower the number of clients, or run the server on another machine (--target)",
		})
	}
	for _, src := range sources {
		if src.Addr != "" && !local(src.Addr) {
			all = append(all, &Shortage{
				What: Address, Source: src.Addr, Need: 1,
				Fix: "correct connect.from, or add the address to an interface (`ip address add`)",
			})
		}
	}
	return all
}

// loopbacks proposes as many source addresses as that many sockets need, the first few of them.
func loopbacks(sockets, ports int) []string {
	n := (sockets + ports - 1) / max(ports, 1)
	var out []string
	for i := range min(n, 8) {
		out = append(out, fmt.Sprintf("127.0.0.%d", i+2))
	}
	if n > len(out) {
		out = append(out, "...")
	}
	return out
}

// local reports whether connections can start from the address.
func local(addr string) bool {
	l, err := net.Listen("tcp", net.JoinHostPort(addr, "0"))
	if err != nil {
		return false
	}
	_ = l.Close()
	return true
}
