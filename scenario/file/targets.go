package file

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/throng-io/throng/scenario/metric"
)

// How clients are spread over several targets.
const (
	// the clients of a group take the targets in turn, in another order each time
	SpreadRoundRobin = "round-robin"
	// all go to the first; the others are for clients that connect again
	SpreadFirst = "first"
	// the groups take the targets in turn, each with all of its clients
	SpreadByGroup = "by group"
)

var spreads = []string{SpreadRoundRobin, SpreadFirst, SpreadByGroup}

// maxTargets bounds the nodes of one service: a figure has a square of them.
const maxTargets = 32

// URLs are the addresses of the targets, in file order; at least one.
func (t *Target) URLs() []string {
	if len(t.Several) > 0 {
		return t.Several
	}
	return []string{t.URL}
}

// Nodes is how many targets the scenario has, or nodes of the built-in server.
func (s *Spec) Nodes() int {
	switch {
	case s.Target != nil:
		return len(s.Target.URLs())
	case s.Server != nil && s.Server.Behind == "": // behind a proxy, clients see one
		return max(1, s.Server.Nodes)
	}
	return 1
}

// Spread is how clients are spread over the nodes.
func (s *Spec) Spread() string {
	if s.Target != nil {
		return s.Target.Spread
	}
	return s.Server.Spread
}

// targetsTable is the target of several nodes. A list stands for the mapping with only urls.
var targetsTable = object[Target]{
	what: "targets",
	def:  "several_targets", about: "Several nodes of one service, among which the clients are spread. A client that connects again tries its own node first; after each attempt that fails, the next one.",
	advice: map[string]string{"url": "did you mean `urls`?", "nodes": "did you mean `urls`?", "sample": "write target: {url: ..., sample: ...} to read the resources of a single target"},
	fresh: func() Target {
		t := targetTable.start()
		t.Spread = SpreadRoundRobin
		return t
	},
	fields: []field[Target]{
		{key: "urls", about: "their addresses: http://host:port", is: atLeastOne(setOf(like(reAddress))), required: "write urls: [http://host:port, http://host:port]", set: func(d *decoder, n *node, t *Target) {
			setTargets(d, n, t)
		}},
		{key: "spread", about: "how clients are spread: round-robin, the clients of a group in turn, in another order each time, so that members of a room are on different ones; first, all to the first one; by group, the groups in turn", is: oneOf(spreads...), def: SpreadRoundRobin, set: func(d *decoder, n *node, t *Target) {
			t.Spread = d.oneOf(n, "spread", spreads)
		}},
		sameAsOne("path"), sameAsOne("protocol"), sameAsOne("subprotocol"), sameAsOne("ping"), sameAsOne("engine"), sameAsOne("tls"),
	},
	done: targetTable.done,
}

// sameAsOne is a key that several targets have as a single one has it.
func sameAsOne(key string) field[Target] {
	return targetTable.fields[slices.IndexFunc(targetTable.fields, func(f field[Target]) bool { return f.key == key })]
}

// someTargets reads targets: a list of addresses, or a mapping with more about them.
func someTargets(d *decoder, n *node) *Target {
	if n.kind != list {
		return decoded(d, n, &targetsTable)
	}
	t := targetsTable.start()
	setTargets(d, n, &t)
	return &t
}

func setTargets(d *decoder, n *node, t *Target) {
	if !d.isList(n, "targets") {
		return
	}
	if len(n.items) == 0 || len(n.items) > maxTargets {
		d.errs.add(n.at, fmt.Sprintf("targets has %d addresses", len(n.items)), fmt.Sprintf("write 1 to %d, such as [http://host:3001, http://host:3002]", maxTargets))
		return
	}
	for _, item := range n.items {
		url := d.string(item, "a target", checkURL)
		if same := strings.TrimSuffix(url, "/"); url != "" && slices.Contains(t.Several, same) {
			d.errs.add(item.at, fmt.Sprintf("the target %s stands twice", clip(same)), "remove one")
		} else {
			t.Several = append(t.Several, same)
		}
	}
	t.URL = t.Several[0]
}

// setSeveral takes targets in. A target beside it is reported by checkTargets.
func setSeveral(d *decoder, n *node, s *Spec) {
	several := someTargets(d, n)
	if s.Target == nil {
		s.Target = several
	}
}

// checkTargets refuses targets beside another server. A target of an override replaces them.
func (d *decoder) checkTargets(root *node, s *Spec) {
	several := root.get("targets")
	if several == nil {
		return
	}
	for _, other := range []string{"target", "server"} {
		n := root.get(other)
		if n == nil || other == "target" && at(root, other).set != "" {
			continue
		}
		d.errs.add(at(root, "targets"), fmt.Sprintf("a scenario has `%s` or `targets`, not both", other), "remove one")
		if other == "server" {
			s.Server = nil // it is reported once
		}
	}
}

// crossesNothing says why the labels of several targets choose nothing; "" when they do.
func (s *Spec) crossesNothing(c *Check) (why, hint string) {
	node, nodes := c.Labels[metric.LabelNode], s.Nodes()
	if node == "" && c.Labels[metric.LabelCross] == "" {
		return "", ""
	}
	if nodes < 2 {
		return "the scenario has one target", "write targets: [URL, URL] or server: {nodes: 2}, or remove the label"
	}
	if n, err := strconv.Atoi(node); node != "" && (err != nil || n >= nodes) {
		return fmt.Sprintf("there is no target %s", node), fmt.Sprintf("the targets are 0 to %d", nodes-1)
	}
	return "", ""
}
