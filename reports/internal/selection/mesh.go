package selection

import (
	"cmp"
	"slices"

	"github.com/throng-io/throng/scenario/result"
)

// A Mesh is one size of rooms whose clients have data channels to each other: what it does by them,
// and what it does when the same messages go by the server.
type Mesh struct {
	Label   string // what varies but for the way of the messages
	Members float64
	Direct  Group // its messages went by data channels
	Relayed Group // its messages went by the server; without cells: there is no such combination
}

// Valid are the valid trials both ways: in both, the same channels are opened.
func (m *Mesh) Valid() []*result.Cell { return append(m.Direct.Valid(), m.Relayed.Valid()...) }

// Meshes finds the meshes of a matrix, the smallest rooms first. The combination that goes by the
// server is the one that differs from the other in a single axis, the same for all of them.
func Meshes(run *result.Run, gs []Group) (ms []Mesh) {
	axes := Varying(run)
	var direct, relayed []Group
	for _, g := range gs {
		switch p := g.Cells[0].Peers; {
		case p == nil:
		case p.Direct > 0:
			direct = append(direct, g)
		default:
			relayed = append(relayed, g)
		}
	}
	way := ""
	for _, d := range direct {
		m := Mesh{Members: d.Cells[0].Peers.Members, Direct: d}
		for _, r := range relayed {
			if axis := onlyAxis(d.Cells[0], r.Cells[0], axes); axis != "" && axis == cmp.Or(way, axis) {
				way, m.Relayed = axis, r
				break
			}
		}
		ms = append(ms, m)
	}
	others := slices.DeleteFunc(slices.Clone(axes), func(k string) bool { return k == way })
	for i := range ms {
		ms[i].Label = cmp.Or(Label(ms[i].Direct.Cells[0], others), "all")
	}
	slices.SortStableFunc(ms, func(a, b Mesh) int { return cmp.Compare(a.Members, b.Members) })
	return ms
}

// onlyAxis is the only axis in which two cells differ; "": they differ in none, or in several.
func onlyAxis(a, b *result.Cell, axes []string) (axis string) {
	for _, k := range axes {
		if a.Params[k] == b.Params[k] {
			continue
		}
		if axis != "" {
			return ""
		}
		axis = k
	}
	return axis
}

// ServerCPUPerDelivery is the server's processor time for a delivery in microseconds.
func ServerCPUPerDelivery(c *result.Cell) (float64, bool) { return PerDelivery(c, c.Server.CPUs*1e6) }

// ClientCPUPerDelivery is the generator's.
func ClientCPUPerDelivery(c *result.Cell) (float64, bool) {
	return PerDelivery(c, c.Generator.CPUs*1e6)
}

// PerDelivery divides an amount by the deliveries that arrived. ok is false where one of them is 0.
func PerDelivery(c *result.Cell, amount float64) (each float64, ok bool) {
	n := c.Ledger.Received + c.Ledger.Late
	return amount / float64(max(n, 1)), n > 0 && amount > 0
}

// BytesPerDelivery is what went between server and clients in both directions in the recorded
// phases, for each delivery. It may be 0.
func BytesPerDelivery(c *result.Cell) (float64, bool) {
	n, bytes := c.Ledger.Received+c.Ledger.Late, int64(0)
	for _, w := range c.Wire {
		bytes += w.BytesIn + w.BytesOut
	}
	return float64(bytes) / float64(max(n, 1)), n > 0 && len(c.Wire) > 0
}
