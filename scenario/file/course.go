package file

import (
	"fmt"
	"slices"
	"time"
)

// A Course says when a client begins the steps of its flow, and how often it takes them.
type Course struct {
	Start string        // the phase with whose beginning it begins; "": when the client is in its rooms
	Times int           // 0: until the client goes; default 1
	Every time.Duration // least time from the start of one round to the start of the next
}

// forever is the word of repeat for no end.
const forever = "forever"

var flowTable = object[Group]{
	what: "the flow",
	def:  "flow", about: "Steps that each client takes in order, with when they begin and how often they are taken.",
	advice: map[string]string{"times": "did you mean `repeat`?", "phase": "did you mean `start`?", "loop": "did you mean `repeat`?", "emit": "write a list of steps: [{emit: [event]}]", "http": "write a list of steps: [{http: {get: /}}]"},
	fields: []field[Group]{
		{key: "steps", about: "the steps; each waits for the answer to the previous one", is: atLeastOne(listOf(ref("step"))), required: "write steps: [{emit: [event], ack: 2s}]", set: func(d *decoder, n *node, g *Group) {
			g.Flow = d.steps(n, "steps", d.flowScope(g.Captured))
		}},
		{key: "repeat", about: "how often they are taken: a number, or forever, until the client leaves", is: anyOf(form{"enum": []string{forever}}, aCount), def: 1, set: func(d *decoder, n *node, g *Group) {
			g.Course.Times = read(d, n, "repeat", parseTimes, nil)
		}},
		{key: "every", about: "shortest time between the starts of two rounds", is: aDuration, set: func(d *decoder, n *node, g *Group) {
			g.Course.Every = d.duration(n, "every", time.Millisecond, maxWait)
		}},
		{key: "start", about: "a phase: clients that are connected earlier wait until it begins", is: like(rePhase), set: func(d *decoder, n *node, g *Group) {
			g.Course.Start = d.string(n, "start", func(s string) *flaw {
				if !slices.Contains(d.phases, s) {
					return &flaw{fmt.Sprintf("there is no phase `%s`", clip(s)), orOneOf(s, d.phases)}
				}
				return nil
			})
		}},
	},
	done: func(d *decoder, n *node, g *Group) {
		if g.Course.Times == 0 && g.Course.Every == 0 && len(g.Flow) > 0 && !slices.ContainsFunc(g.Flow, Step.takesTime) {
			d.errs.add(at(n, "repeat"), "the flow would never pause: none of its steps takes time", "add every: 1s, a think, or an ack")
		}
		if g.Course.Times == 1 && g.Course.Every > 0 {
			d.errs.add(at(n, "every"), "the flow is taken once, and has no second round", "add repeat: forever, or remove every")
		}
	},
}

// parseTimes reads how often a flow is taken; 0: forever.
func parseTimes(text string) (int, *flaw) {
	if text == forever {
		return 0, nil
	}
	n, f := parseCount(text)
	if f != nil || n < 1 || n > 1_000_000_000 {
		return 1, wrong(text, "number of rounds", "write a number such as 3, or forever")
	}
	return n, nil
}

// stepsOfFlow returns the steps of a group's flow: a list of them, or the steps of a mapping.
func stepsOfFlow(n *node) *node {
	if n.kind == dict {
		return n.get("steps")
	}
	return n
}
