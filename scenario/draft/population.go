package draft

import (
	"fmt"
	"math"
	"slices"
	"sort"
	"strconv"
	"strings"

	"github.com/throng-io/throng/scenario/internal/yamltext"
)

// client writes a group up to what it sends. The namespaces of all operations that it can send are
// in it.
func (d *Draft) client(p *page, g *population) {
	p.line("  %s:", g.name)
	p.line("    count: %d", max(1, g.count))
	shares := map[string]int{}
	var auth, query, headers []string
	msgpack, engine3 := false, len(g.ids) > 0
	for _, id := range g.ids {
		c := d.o.clients[id]
		engine3 = engine3 && c.engine3
		shares[c.transport]++
		msgpack = msgpack || c.msgpack
		for _, x := range []struct{ to, from *[]string }{{&auth, &c.auth}, {&query, &c.query}, {&headers, &c.headers}} {
			for _, k := range *x.from {
				if !slices.Contains(*x.to, k) {
					*x.to = append(*x.to, k)
				}
			}
		}
	}
	p.line("    transport: %s", transport(shares, len(g.ids)))
	spaces := slices.Clone(g.spaces)
	slices.Sort(spaces)
	if first := d.first(); !slices.Contains(spaces, first) && (d.c.join != nil || len(spaces) == 0) {
		spaces = append(spaces, first)
	}
	slices.SortStableFunc(spaces, func(a, b string) int {
		return map[bool]int{true: 0, false: 1}[a == d.first()] - map[bool]int{true: 0, false: 1}[b == d.first()]
	})
	if len(spaces) > 1 || spaces[0] != "/" {
		p.line("    namespace: %s", yamltext.Flow(anyList(spaces)))
	}
	switch {
	case engine3: // it has neither parsers nor auth
		p.line("    engine: 3")
		auth = nil
	case msgpack:
		p.line("    parser: msgpack")
	}
	for _, x := range []struct {
		key   string
		names []string
	}{{"auth", auth}, {"query", query}, {"headers", headers}} {
		if len(x.names) == 0 {
			continue
		}
		values := map[string]any{}
		for _, n := range x.names {
			values[n] = yamltext.Template("${" + secretName(n) + "}")
		}
		p.line("    %s: %s", x.key, yamltext.Flow(values))
	}
}

func anyList(list []string) []any {
	out := make([]any, len(list))
	for i, s := range list {
		out[i] = s
	}
	return out
}

// transport writes one transport, or shares that sum to 100 %.
func transport(n map[string]int, all int) string {
	names := make([]string, 0, len(n))
	for name := range n {
		names = append(names, name)
	}
	sort.Strings(names)
	if len(names) == 1 {
		return names[0]
	}
	left, parts := 100, []string{}
	for i, name := range names {
		share := int(math.Round(100 * float64(n[name]) / float64(max(all, 1))))
		if i == len(names)-1 {
			share = left
		}
		share = min(max(share, 1), left-(len(names)-1-i))
		left -= share
		parts = append(parts, fmt.Sprintf("%s: %d%%", name, share))
	}
	return "{" + strings.Join(parts, ", ") + "}"
}

// group writes a group with its openings and its rates.
func (d *Draft) group(p *page, g *population, opening []*operation) {
	d.client(p, g)
	needsRooms := d.c.join != nil && (len(g.ops) == 0 || slices.ContainsFunc(g.ops, func(op *operation) bool { return op.room >= 0 }) || d.joined(g) > 0)
	if needsRooms {
		of := max(1, len(d.c.rooms))
		p.line("    rooms: {of: %d, join: %d}", of, min(of, max(1, int(math.Round(d.joined(g))))))
	}
	d.reactions(p)
	d.flow(p, g.ops, opening)
	var lines []string
	for _, op := range g.ops {
		if slices.Contains(opening, op) {
			continue
		}
		line := fmt.Sprintf("{op: %s, rate: %s, per: client", op.op, rate(g.perClient(op)))
		if op.payload >= 0 {
			line += ", size: " + d.o.size(d.c, op)
		}
		lines = append(lines, line+optional(", ack: 5s", op.acked)+"}")
	}
	if len(lines) > 0 {
		p.line("    send:")
	}
	for _, line := range lines {
		p.line("      - %s", line)
	}
}

// openings are those in the namespace in which a flow emits.
func (d *Draft) openings() []*operation {
	return slices.DeleteFunc(d.o.openings(d.c), func(op *operation) bool { return op.namespace != d.first() })
}

// openingsOfAll are those that every client sent that sent anything: a replay has one group. There
// are none where nothing else would be left to be played.
func (d *Draft) openingsOfAll() []*operation {
	senders := map[int32]bool{}
	for _, op := range d.c.ops {
		for id := range op.clients {
			senders[id] = true
		}
	}
	list := slices.DeleteFunc(d.openings(), func(op *operation) bool { return len(op.clients) < len(senders) })
	if len(list) == len(d.c.ops) {
		return nil
	}
	return list
}

// flow writes the openings of a group.
func (d *Draft) flow(p *page, ops, opening []*operation) {
	begun := false
	for _, op := range ops {
		if !slices.Contains(opening, op) {
			continue
		}
		if !begun {
			p.line("    flow: # once, when a client has come")
		}
		begun = true
		p.line("      - {emit: %s%s}", op.emit(), optional(", ack: 5s", op.acked))
	}
}

// joined is how many rooms a client of the population joins on average.
func (d *Draft) joined(g *population) float64 {
	if d.c.join == nil {
		return 0
	}
	n := 0
	for _, id := range g.ids {
		n += d.c.join.clients[id]
	}
	return float64(n) / float64(max(1, len(g.ids)))
}

// reactions writes what clients acknowledged.
func (d *Draft) reactions(p *page) {
	var list []*answer
	for _, a := range d.o.answers {
		if a.given > 0 && printable(a.event) == a.event && a.event != "" && len(a.event) <= 128 {
			list = append(list, a)
		}
	}
	if len(list) == 0 {
		return
	}
	slices.SortFunc(list, func(a, b *answer) int { return strings.Compare(a.event, b.event) })
	p.line("    react:")
	for _, a := range list {
		value := "true"
		if len(a.sample) == 1 && !a.differ {
			switch v := a.sample[0].(type) {
			case bool:
				value = strconv.FormatBool(v)
			case string:
				if len(v) <= 16 && !secret(a.event, "", v) && a.given > 1 {
					value = yamltext.Text(v)
				}
			}
		}
		p.line("      %s: {ack: %s}", yamltext.Quote(a.event), value)
	}
}

// delivered is how many messages came out again.
func (d *Draft) delivered() (n int) {
	for _, op := range d.c.ops {
		n += op.matched
	}
	return n
}
