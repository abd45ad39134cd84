package scenario

import (
	"fmt"

	"github.com/throng-io/throng/scenario/file"
)

// preflight refuses what this machine cannot do, before anything starts.
func preflight(cells []file.Cell) error {
	limit, known := files()
	ports, portsKnown := localPorts()
	for _, c := range cells {
		plan := c.Spec.Plan()
		if known && plan.Files > limit {
			return &LimitError{
				What: "file descriptors", Need: plan.Files, Have: limit,
				Fix: fmt.Sprintf("raise the limit with `ulimit -Hn %d` as root, or lower the number of clients", plan.Files),
			}
		}
		if need := perAddress(c.Spec); portsKnown && need > ports {
			return &LimitError{
				What: "local ports to one address", Need: need, Have: ports,
				Fix: "give the groups more source addresses (connect: {from: [127.0.0.2, 127.0.0.3]}), or widen net.ipv4.ip_local_port_range",
			}
		}
	}
	return nil
}

// perAddress is the largest number of connections from one source address. Groups
// that name none share the system's choice.
func perAddress(s *file.Spec) int {
	sockets := map[string]int{}
	for _, g := range s.Groups {
		one := *s
		one.Groups = []file.Group{g}
		n := one.Plan().Sockets
		from := g.Connect.From
		if len(from) == 0 {
			from = []string{""}
		}
		for _, addr := range from {
			sockets[addr] += (n + len(from) - 1) / len(from)
		}
	}
	most := 0
	for _, n := range sockets {
		most = max(most, n)
	}
	return most
}
