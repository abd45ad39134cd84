package file

import (
	"fmt"
	"slices"
	"strings"
)

// Contract describes how a foreign server performs the runner's operations. A nil call means that
// the server lacks the operation.
type Contract struct {
	Join  *Call // nil: clients are in their rooms when they have connected
	Leave *Call
	Room  *Call
	All   *Call
	Echo  *Call
	// Changes says that the server changes the text of payloads, so that only their stamps are
	// checked.
	Changes bool
	Stamp   *Path // where the payload, a text, comes out again; nil: the payload is an object {"$b": stamp, "p": filler}, found wherever it stands
}

// Call is one operation of a server that a client can request.
type Call struct {
	Emit    Template // the JSON list of the event and its arguments
	Ack     *bool    // whether the server acknowledges it; nil: only where a stream asks for it
	Deliver string   // the event that the receivers get; "": any
}

// WantsAck reports whether the call is known to be acknowledged.
func (c *Call) WantsAck() bool { return c != nil && c.Ack != nil && *c.Ack }

// Of returns the call of a stream's operation; nil when the server has none.
func (c *Contract) Of(op string) *Call {
	switch op {
	case OpRoom:
		return c.Room
	case OpAll:
		return c.All
	case OpEcho:
		return c.Echo
	}
	return nil
}

var contractTable = object[Contract]{
	what: "the contract",
	def:  "contract", about: "The events of a server other than the built-in one; default: the events of the built-in bench application.",
	advice: map[string]string{"broadcast": "did you mean `all`?", "send": "did you mean `room` (or `all`)?"},
	fields: []field[Contract]{
		{key: "join", is: ref("call"), set: func(d *decoder, n *node, c *Contract) { c.Join = d.call(n, "join", joinScope) }},
		{key: "leave", is: ref("call"), set: func(d *decoder, n *node, c *Contract) { c.Leave = d.call(n, "leave", joinScope) }},
		{key: "room", is: ref("call"), set: func(d *decoder, n *node, c *Contract) { c.Room = d.call(n, "room", roomCallScope) }},
		{key: "all", is: ref("call"), set: func(d *decoder, n *node, c *Contract) { c.All = d.call(n, "all", callScope) }},
		{key: "echo", is: ref("call"), set: func(d *decoder, n *node, c *Contract) { c.Echo = d.call(n, "echo", callScope) }},
		{key: "stamp", about: "place of the payload, a text, in the delivered arguments, such as $[0].body; without it the payload is an object", is: aPath, set: func(d *decoder, n *node, c *Contract) {
			p := read(d, n, "stamp", parsePath, nil)
			c.Stamp = &p
		}},
		{key: "changes", about: "the server changes the text of payloads, for example shortens it: only their stamps are checked", is: aBool, def: false, set: func(d *decoder, n *node, c *Contract) {
			c.Changes = d.bool(n, "changes")
		}},
	},
	done: func(d *decoder, n *node, c *Contract) {
		for _, op := range []string{OpRoom, OpAll, OpEcho} {
			call := c.Of(op)
			if call == nil || call.Emit.IsZero() {
				continue
			}
			if !call.Emit.Has(HolePayload) {
				d.errs.add(at(n.get(op), "emit"), fmt.Sprintf("the emit of `%s` has no ${payload}: its messages could not be recognised", op), "put \"${payload}\" where the text goes")
			}
			if c.Stamp == nil && slices.Contains(call.Emit.Holes, Hole{HolePayload, FormString}) {
				d.errs.add(at(n.get(op), "emit"), "a ${payload} inside a longer text cannot be found in the delivered message", "write it as a whole value, or name its place in the delivered arguments with stamp:")
			}
		}
	},
}

var callTable = object[Call]{
	what: "the call",
	def:  "call", about: "One operation of the server.",
	fields: []field[Call]{
		{key: "emit", about: "the event and its arguments, with ${room} and ${payload}", is: anEmit, required: "write emit: [event, argument...]", set: func(*decoder, *node, *Call) {}}, // needs the scope: see call
		{key: "ack", about: "whether the server acknowledges it", is: aBool, set: func(d *decoder, n *node, c *Call) {
			v := d.bool(n, "ack")
			c.Ack = &v
		}},
		{key: "deliver", about: "the event that the receivers get", is: aText, set: func(d *decoder, n *node, c *Call) { c.Deliver = d.string(n, "deliver", checkEvent) }},
	},
}

func (d *decoder) call(n *node, what string, sc *scope) *Call {
	c := &Call{}
	callTable.decode(d, n, c)
	if emit := n.get("emit"); emit != nil && !emit.null {
		c.Emit = d.emission(emit, what, sc)
	}
	return c
}

// emission reads a list of an event and its arguments.
func (d *decoder) emission(n *node, what string, sc *scope) Template {
	if !d.isList(n, "emit") {
		return Template{}
	}
	if len(n.items) == 0 {
		d.errs.add(n.at, "the emit of `"+what+"` is empty", "write emit: [event, argument...]")
		return Template{}
	}
	name := n.items[0]
	if name.kind != scalar || name.null {
		d.errs.add(name.at, "the first item of emit is the name of an event, not "+name.describe(), "write emit: [event, argument...]")
		return Template{}
	}
	t := jsonTemplate(d, n, sc)
	if v, ok := d.vars.expand(&errorList{}, name, sc); ok && len(v.holes) == 0 {
		if f := checkEvent(v.text()); f != nil {
			d.bad(v, f)
		} else if first := jsonString(v.text()); !strings.HasPrefix(t.Parts[0], "["+first) {
			// An unquoted number or true: the name of an event is a text.
			d.errs.add(name.at, fmt.Sprintf("%s is not a name for an event", clip(v.text())), "put it in quotes")
		}
	}
	return t
}

// checkContract compares the groups' operations with the server's.
func (d *decoder) checkContract(s *Spec) {
	c := s.Contract
	if c == nil {
		return
	}
	for _, g := range s.Groups {
		for i, st := range g.Send {
			item := d.places["group "+g.Name].get("send").items[i]
			if st.Op == OpEmit {
				continue
			}
			call := c.Of(st.Op)
			switch {
			case call == nil:
				d.errs.add(at(item, "op"), fmt.Sprintf("the contract does not say how the server does `%s`", st.Op), fmt.Sprintf("add %s: {emit: [event, \"${payload}\"], deliver: event} to contract", st.Op))
			case st.Ack > 0 && call.Ack != nil && !*call.Ack:
				d.errs.add(at(item, "ack"), fmt.Sprintf("the stream waits for an acknowledgement, but the contract says that the server does not acknowledge `%s`", st.Op), "remove ack from the stream, or ack: false from the contract")
			}
		}
	}
}
