package scenario

import (
	"fmt"
	"strings"

	"github.com/throng-io/throng/scenario/metric"
)

// From how many lost deliveries, or messages, on it is no accident whom they hit.
const (
	patternFrom = 20
	patternEach = 3 // of each client
)

// losses says what lost deliveries have in common: clients fall into groups that get nothing of
// each other, as behind a balancer whose nodes share nothing; or few clients lack them, or sent
// them. In all other cases anybody may lose anything.
func (f *findings) losses(say func(format string, args ...any)) {
	p := f.t.ledger.Pattern()
	if p.Lost < patternFrom || f.cell.Ledger.Lost == 0 {
		return
	}
	which := fmt.Sprintf("all %s lost deliveries", metric.FormatCount(p.Lost))
	if all := f.cell.Ledger.Lost; p.Lost < all {
		which = fmt.Sprintf("%s of %s lost deliveries, all that were looked at,", metric.FormatCount(p.Lost), metric.FormatCount(all))
	}
	few := func(clients []uint32, of int, each int64) bool {
		return 2*len(clients) <= of && each >= int64(patternEach*len(clients))
	}
	switch {
	case len(p.Parts) > 1 && p.Messages >= patternFrom && !f.t.several():
		var sizes []string
		for _, n := range p.Parts[:min(len(p.Parts), 4)] {
			sizes = append(sizes, metric.FormatCount(int64(n)))
		}
		say("the clients of a room, or of the namespace, fall into %d groups (of %s%s, for example) that got nothing of each other when messages were lost, as clients of several nodes behind one address do: check that every node has the same adapter and reaches its broker",
			len(p.Parts), strings.Join(sizes, " and "), more(len(p.Parts)-len(sizes)))
	case few(p.Lacking, p.Owed, p.Lost):
		others := ""
		if p.Nobody == 0 {
			others = "; the others got these messages"
		}
		say("%s were owed to %s%s", which, f.t.some(p.Lacking), others)
	case few(p.Senders, p.Sending, p.Messages):
		say("%s are of messages of %s", which, f.t.some(p.Senders))
	}
	if p.Messages == p.Nobody && f.cell.Ledger.Received > 0 {
		say("%s are of messages that came to nobody: %s messages", which, metric.FormatCount(p.Messages))
	}
}

func more(n int) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprintf(" and %d more", n)
}

// some names the first of a few clients.
func (t *trial) some(ids []uint32) string {
	var names []string
	for _, id := range ids[:min(len(ids), 3)] {
		for _, g := range t.groups {
			if i := int(id) - g.first; i >= 0 && i < len(g.actors) {
				names = append(names, fmt.Sprintf("%s/%d", g.spec.Name, i))
			}
		}
	}
	return fmt.Sprintf("%d of %d clients (%s%s)", len(ids), t.count.most.Load(), strings.Join(names, ", "), more(len(ids)-len(names)))
}
