package file

import (
	"fmt"
	"maps"
	"slices"
)

// Before holds the requests that clients make before they connect, such as a login. The values that
// they capture stand in the templates of the group, and their cookies in its handshakes.
type Before struct {
	Steps    []Step   // of the kinds StepHTTP and StepThink
	Once     bool     // they are made once, before the first phase, for all clients of the group
	Again    bool     // a client that the server refuses makes them again and connects once more
	Captured []string // the names that they give values to, in order
}

// reasons are the words of again.
var reasons = []string{"refused"}

var beforeTable = object[Before]{
	what: "before",
	def:  "before", about: "What clients do before they connect.",
	advice: map[string]string{"flow": "did you mean `steps`?", "http": "write steps: [{http: ...}]", "get": "write steps: [{http: {get: /path}}]", "post": "write steps: [{http: {post: /path}}]", "retry": "did you mean `again`?"},
	fields: []field[Before]{
		// their names depend on once: see setBefore
		{key: "steps", about: "requests, with pauses between them", is: atLeastOne(listOf(ref("step"))), required: "write steps: [{http: {post: /login}}]", set: func(*decoder, *node, *Before) {}},
		{key: "once", about: "make the requests once for all clients, before the first phase", is: aBool, def: false, set: func(d *decoder, n *node, b *Before) { b.Once = d.bool(n, "once") }},
		{key: "again", about: "refused: a client that the server refuses makes the requests again, for a fresh token, and connects once more", is: oneOf(reasons...), set: func(d *decoder, n *node, b *Before) {
			b.Again = d.oneOf(n, "reason", reasons) != ""
		}},
	},
}

// beforeSteps returns the steps of a group's before: a list of them, or the steps of a mapping.
func beforeSteps(group *node) *node {
	n := group.get("before")
	if n != nil && n.kind == dict {
		return n.get("steps")
	}
	return n
}

// beforeNames returns the names that the steps before a group's connections capture.
func (d *decoder) beforeNames(group *node) []string {
	names := map[string]place{}
	if steps := beforeSteps(group); steps != nil {
		collectCaptures(steps, names)
	}
	d.checkCaptured(names)
	return slices.Sorted(maps.Keys(names))
}

func setBefore(d *decoder, n *node, g *Group) {
	b := &Before{Captured: d.captured}
	if n.kind == dict {
		beforeTable.decode(d, n, b)
		if n = n.get("steps"); n == nil || n.null {
			return // reported
		}
	}
	at := inBefore
	if b.Once {
		at = inOnce
	}
	b.Steps = d.steps(n, "before", &scope{at: at, captured: b.Captured})
	for i, s := range b.Steps {
		if s.Do != "" && s.Do != StepHTTP && s.Do != StepThink {
			d.errs.add(n.items[i].at, fmt.Sprintf("`%s` needs a connection, and there is none yet", s.Do), "write http: or think: here, and the step in flow:")
		}
	}
	g.Before = b
}

// of returns the scope with the names that the steps before the connections of the group capture.
func (d *decoder) of(sc *scope) *scope { return &scope{at: sc.at, captured: d.captured} }
