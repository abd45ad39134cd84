package file

import (
	"fmt"
	"strings"
)

// Contract describes what clients can ask of a foreign server.
type Contract struct {
	Join       *Call // nil: clients are in their rooms when they have connected
	Leave      *Call
	Operations []Operation // in file order
	Frames     *Frames     // of a server without Socket.IO; nil: with the defaults
}

// Call is an event by which clients join or leave a room.
type Call struct {
	Emit Template // the JSON list of the event and its arguments
	Ack  *bool    // whether the server acknowledges it; nil: it does not
	// values that the acknowledgement of a join must have; without them the client is not in the
	// room
	Match []Match
}

// WantsAck reports whether the call is known to be acknowledged.
func (c *Call) WantsAck() bool { return c != nil && c.Ack != nil && *c.Ack }

// movedTo is the advice for a key that belongs to an operation.
func movedTo(operation string) string {
	return "write operations: {" + operation + "}"
}

var contractTable = object[Contract]{
	what: "the contract",
	def:  "contract", about: "The events of a server other than the built-in one; default: the events of the built-in bench application.",
	advice: map[string]string{
		"room":    movedTo("room: {emit: [event, ...], to: room, deliver: event}"),
		"all":     movedTo("all: {emit: [event, ...], to: all, deliver: event}"),
		"echo":    movedTo("echo: {emit: [event, ...], to: self, deliver: event}"),
		"stamp":   movedTo("NAME: {emit: [event, ...], to: room, stamp: PATH}"),
		"changes": movedTo("NAME: {emit: [event, ...], to: room, changes: true}"),
	},
	fields: []field[Contract]{
		{key: "frames", is: ref("frames"), set: func(d *decoder, n *node, c *Contract) { c.Frames = decoded(d, n, &framesTable) }},
		{key: "join", is: ref("call"), set: func(d *decoder, n *node, c *Contract) { c.Join = d.call(n, "join") }},
		{key: "leave", is: ref("call"), set: func(d *decoder, n *node, c *Contract) { c.Leave = d.call(n, "leave") }},
		{key: "operations", about: "what clients can send, by names of your own; streams name them: send: [{op: NAME, ...}]", is: atLeastOne(mapOf(form{"pattern": reOperation.String(), "not": form{"enum": []string{OpEmit}}}, ref("operation"))), set: setOperations},
	},
}

var callTable = object[Call]{
	what: "the call",
	def:  "call", about: "The event by which clients join or leave a room.",
	fields: []field[Call]{
		// needs the scope: see call
		{key: "emit", about: "the event and its arguments, with ${room}; of protocol: websocket the frame", is: anEmit, required: "write emit: [event, argument...]", unless: "http", set: func(*decoder, *node, *Call) {}},
		// likewise
		{key: "http", about: "of protocol: sse: the request", is: ref("http"), set: func(*decoder, *node, *Call) {}},
		{key: "ack", about: "whether the server acknowledges it", is: aBool, set: func(d *decoder, n *node, c *Call) {
			c.Ack = d.acknowledged(n)
		}},
		{key: "match", about: "of join: values that must stand at these paths of the acknowledgement, such as $.ok: true; else the client is not let in", is: aMatch, set: func(d *decoder, n *node, c *Call) {
			c.Match = d.matches(n, nil)
		}},
	},
}

func (d *decoder) call(n *node, what string) *Call {
	c := &Call{}
	callTable.decode(d, n, c)
	c.Emit = d.emitted(n, what, joinScope)
	switch m := n.get("match"); {
	case m == nil:
	case what != "join":
		d.errs.add(m.at, fmt.Sprintf("the acknowledgement of %s is not waited for, so there is nothing to match", what), "remove match")
	case n.get("http") != nil:
		d.errs.add(m.at, "match compares the acknowledgement of an event, and this join is a request", "remove match: another status than 2xx is an error already")
	case !c.WantsAck():
		d.errs.add(m.at, "the contract does not say that the server acknowledges the join, so there is nothing to match", "add ack: true")
	}
	return c
}

// emitted reads what a call or an operation sends: an event, a frame or a request.
func (d *decoder) emitted(n *node, what string, sc *scope) Template {
	emit, http := n.get("emit"), n.get("http")
	switch {
	case emit != nil && http != nil:
		d.errs.add(http.at, fmt.Sprintf("`%s` is sent by emit or by http, not by both", what), "remove one")
	case http != nil && !http.null:
		return d.httpCall(http, sc)
	case emit != nil && !emit.null:
		return d.emission(emit, what, sc)
	}
	return Template{}
}

// emission reads a list of an event and its arguments; without Socket.IO, a frame.
func (d *decoder) emission(n *node, what string, sc *scope) Template {
	if d.framed() {
		return d.frame(n, sc)
	}
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
