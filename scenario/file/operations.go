package file

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// Operation is an event of a foreign server that clients send, and what should come of it.
type Operation struct {
	Name      string   // by which streams and checks name it
	Event     string   // the first item of Emit as written: the event label of its metrics
	Emit      Template // the JSON list of the event and its arguments
	Ack       *bool    // whether the server acknowledges it; nil: where a stream asks for it
	To        Audience // the clients that should receive it
	Deliver   string   // the event by which they receive it; "": any
	Namespace string   // that it is sent to; "": the namespace of the stream
	// where the payload comes out again in the delivered arguments; nil: it is looked for
	// everywhere
	Stamp     *Path
	Correlate *Path // where ${stamp} comes out again; the payload may be changed
	Changes   bool  // the server changes payloads, so that only their stamps are checked
}

// Carries reports whether a message of the operation can be recognized.
func (o *Operation) Carries() bool { return o.Emit.Has(HolePayload) || o.Emit.Has(HoleStamp) }

// Place is where the stamp of a delivered message is; nil: anywhere.
func (o *Operation) Place() *Path {
	if o.Correlate != nil {
		return o.Correlate
	}
	return o.Stamp
}

// AltersPayload reports whether the payload may arrive changed.
func (o *Operation) AltersPayload() bool { return o.Changes || o.Correlate != nil }

// The kinds of audiences.
const (
	ToNone  = "none"  // nobody: the message is not in the ledger
	ToSelf  = "self"  // the sender
	ToRoom  = "room"  // the members of one of the sender's rooms
	ToAll   = "all"   // every client in the namespace
	ToGroup = "group" // every client of a group in the namespace
	ToPeer  = "peer"  // one other client
	// all clients that have the same key, which is a peer's or the sender's own
	ToKey = "audience"
)

// Audience says which clients should receive a message.
type Audience struct {
	Kind      string
	Name      string   // of the group, or of the audience by key
	Namespace string   // in which they receive it; "": in the namespace that the message is sent to
	Others    bool     // the sender does not receive it
	Own       bool     // of ToKey: the key is the sender's own
	AlsoOwn   bool     // of ToKey and ToPeer: clients with the sender's own key receive it besides
	Groups    []string // of ToKey: whose clients have a key
}

// MinText is the least size of the payload of an operation: a text with the stamp in it, and
// nothing to fill it up.
const MinText = 32

var reOperation = regexp.MustCompile(`^[a-z][a-z0-9_-]*$`)

var operationTable = object[Operation]{
	what: "the operation",
	def:  "operation", about: "An event that clients send, and the clients that should receive something for it.",
	advice: map[string]string{
		"event": "the event is the first item of emit", "data": "write the arguments into emit", "expect": "did you mean `to`?", "audience": "did you mean `to`?",
		"on": "did you mean `deliver`?", "receive": "did you mean `deliver`?", "room": "write to: room, and \"${room}\" into emit",
	},
	fields: []field[Operation]{
		// needs the name: see setOperations
		{key: "emit", about: "the event and its arguments, with ${payload}, ${room} and other names; of protocol: websocket the frame", is: anEmit, required: "write emit: [event, argument...]", unless: "http", set: func(*decoder, *node, *Operation) {}},
		// likewise
		{key: "http", about: "of protocol: sse: the request", is: ref("http"), set: func(*decoder, *node, *Operation) {}},
		{key: "to", about: "the clients that should receive it", is: anyOf(form{"enum": audienceWords}, form{"type": "string", "pattern": reName.String()}, aVariable, ref("audience")), required: "write to: room, all, others, self, peer, none, or a name of audiences:", set: func(d *decoder, n *node, o *Operation) {
			o.To = d.audience(n)
		}},
		{key: "deliver", about: "the event by which they receive it; default: any", is: aText, set: func(d *decoder, n *node, o *Operation) { o.Deliver = d.string(n, "deliver", checkEvent) }},
		{key: "ack", about: "whether the server acknowledges it", is: aBool, set: func(d *decoder, n *node, o *Operation) {
			o.Ack = d.acknowledged(n)
		}},
		{key: "namespace", about: "the namespace that it is sent to; default: the stream's, or the first one of the group", is: aText, set: func(d *decoder, n *node, o *Operation) {
			o.Namespace = d.string(n, "namespace", checkNamespace)
		}},
		{key: "stamp", about: "where ${payload} comes out again in the delivered arguments, such as $[0].body; default: it is looked for everywhere", is: aPath, set: func(d *decoder, n *node, o *Operation) {
			p := read(d, n, "stamp", parsePath, nil)
			o.Stamp = &p
		}},
		{key: "correlate", about: "where ${stamp}, an id that the server passes on, comes out again in the delivered arguments; the payload may be changed then", is: aPath, set: func(d *decoder, n *node, o *Operation) {
			p := read(d, n, "correlate", parsePath, nil)
			o.Correlate = &p
		}},
		{key: "changes", about: "the server changes the text of payloads, for example shortens it: only their stamps are checked", is: aBool, def: false, set: func(d *decoder, n *node, o *Operation) {
			o.Changes = d.bool(n, "changes")
		}},
	},
	done: finishOperation,
}

// audienceWords are the audiences that one word names.
var audienceWords = []string{ToRoom, ToAll, "others", ToSelf, ToPeer, ToNone}

var audienceTable = object[Audience]{
	what: "to",
	def:  "audience", about: "The clients that should receive a message.",
	shape: requireOne("oneOf", kinds...),
	fields: []field[Audience]{
		{key: ToRoom, about: "the members of the room", is: onlyTrue, set: setKind(ToRoom)},
		{key: ToAll, about: "every client in the namespace", is: onlyTrue, set: setKind(ToAll)},
		{key: ToSelf, about: "the sender", is: onlyTrue, set: setKind(ToSelf)},
		{key: ToPeer, about: "one other client; the stream's peer: says which", is: onlyTrue, set: setKind(ToPeer)},
		{key: ToGroup, about: "every client of that group in the namespace", is: aText, set: func(d *decoder, n *node, a *Audience) {
			a.Kind, a.Name = ToGroup, d.groupName(n)
		}},
		{key: ToKey, about: "a name of audiences: all clients with the same key as a peer", is: aText, set: func(d *decoder, n *node, a *Audience) {
			a.Kind, a.Name = ToKey, d.string(n, "audience", func(s string) *flaw { return checkWord(s, "audience", d.vars.audiences) })
		}},
		{key: "own", about: "the key of the audience is the sender's own instead of a peer's", is: onlyTrue, set: func(d *decoder, n *node, a *Audience) { a.Own = d.onlyTrue(n, "own") }},
		{key: "others", about: "all of these but the sender", is: onlyTrue, set: func(d *decoder, n *node, a *Audience) { a.Others = d.onlyTrue(n, "others") }},
		{key: "also_own", about: "of a peer or an audience of audiences: clients with the sender's own key receive it besides, such as its other devices", is: onlyTrue, set: func(d *decoder, n *node, a *Audience) { a.AlsoOwn = d.onlyTrue(n, "also_own") }},
		{key: "namespace", about: "the namespace in which they receive it; default: the one that it is sent to", is: aText, set: func(d *decoder, n *node, a *Audience) {
			a.Namespace = d.string(n, "namespace", checkNamespace)
		}},
	},
	done: finishAudience,
}

// onlyTrue is the form of a key that says something by being there.
var onlyTrue = anyOf(form{"enum": []any{true, "true"}}, aVariable)

func (d *decoder) onlyTrue(n *node, what string) bool {
	return read(d, n, what, parseBool, func(v bool) *flaw {
		if !v {
			return &flaw{what + ": false has no effect", "remove the key, or write " + what + ": true"}
		}
		return nil
	})
}

func setKind(kind string) func(*decoder, *node, *Audience) {
	return func(d *decoder, n *node, a *Audience) {
		if d.onlyTrue(n, kind) && a.Kind == "" {
			a.Kind = kind
		}
	}
}

// audience reads who should receive a message: a word, or a mapping.
func (d *decoder) audience(n *node) Audience {
	if n.kind == dict {
		return *decoded(d, n, &audienceTable)
	}
	word := d.oneOf(n, "audience", append(slices.Clip(audienceWords), d.vars.audiences...))
	switch {
	case word == "others":
		return Audience{Kind: ToAll, Others: true}
	case slices.Contains(d.vars.audiences, word):
		return Audience{Kind: ToKey, Name: word}
	}
	return Audience{Kind: word}
}

// kinds are the keys of a mapping that say who receives a message.
var kinds = []string{ToRoom, ToAll, ToSelf, ToPeer, ToGroup, ToKey}

func finishAudience(d *decoder, n *node, a *Audience) {
	var says []entry
	for _, e := range n.keys {
		if slices.Contains(kinds, e.key) {
			says = append(says, e)
		}
	}
	switch {
	case len(says) == 0:
		d.errs.add(n.at, "to does not say who receives the message", "write one of "+enumerateOr(kinds)+", such as {all: true, namespace: /chat}")
	case len(says) > 1:
		d.errs.add(says[1].at, fmt.Sprintf("to names two audiences: `%s` and `%s`", says[0].key, says[1].key), "remove one")
	case a.Kind == ToSelf && a.Others:
		d.errs.add(at(n, "others"), "without the sender, nobody is left of self", "remove others")
	case a.Others && !a.AlsoOwn && (a.Kind == ToPeer || a.Kind == ToKey && !a.Own):
		d.errs.add(at(n, "others"), "a peer is never the sender, so others has no effect", "remove others, or write own: true or also_own: true for clients with the sender's own key")
	case a.AlsoOwn && (a.Own || a.Kind != ToPeer && a.Kind != ToKey):
		d.errs.add(at(n, "also_own"), "clients with the sender's own key receive a message besides a peer, or the clients with the peer's key", "remove also_own, or write audience: and a name of audiences:, or peer: true")
	case a.Own && a.Kind != ToKey:
		d.errs.add(at(n, "own"), "only an audience of audiences: has a key that can be the sender's own", "remove own, or write audience: and its name")
	}
}

// enumerateOr writes a list as a sentence does: a, b or c.
func enumerateOr(words []string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	return strings.Join(words[:len(words)-1], ", ") + " or " + words[len(words)-1]
}

func setOperations(d *decoder, n *node, c *Contract) {
	if !d.isDict(n, "operations") {
		return
	}
	if len(n.keys) == 0 {
		d.errs.add(n.at, "`operations` is empty", "write operations: {say: {emit: [event, \"${payload}\"], to: room}}")
	}
	for _, e := range n.keys {
		switch {
		case !reOperation.MatchString(e.key):
			d.errs.add(e.at, fmt.Sprintf("%q is not a name for an operation", clip(e.key)), "use a-z, 0-9, _ and -, starting with a letter")
		case e.key == OpEmit:
			d.errs.add(e.at, "the name `emit` is taken: op: emit sends any event", "choose another")
		case e.val.null:
			d.errs.add(e.at, fmt.Sprintf("the operation %s has no value", e.key), "write {emit: [event, \"${payload}\"], to: room}")
			continue
		}
		o := Operation{Name: e.key}
		operationTable.decode(d, e.val, &o)
		c.Operations = append(c.Operations, o)
	}
}

func finishOperation(d *decoder, n *node, o *Operation) {
	emit := n.get("emit")
	if emit == nil {
		emit = n.get("http")
	}
	before, hits := len(d.uses), d.errs.hits
	o.Emit = d.emitted(n, o.Name, operationScope)
	d.opUses[o.Name], d.uses = slices.Clone(d.uses[before:]), d.uses[:before]
	if o.Emit.IsZero() {
		return
	}
	if d.errs.hits > hits { // what it lacks has its mistake already, here and in the streams
		o.Emit = Template{Parts: []string{"", ""}, Holes: []Hole{{HolePayload, FormValue}}}
	}
	o.Event = o.Name
	if !d.framed() {
		o.Event = emit.items[0].text
	}
	payloads := 0
	for _, h := range o.Emit.Holes {
		if h.Name == HolePayload || h.Name == HoleStamp {
			payloads++
		}
	}
	both := o.Emit.Has(HolePayload) && o.Emit.Has(HoleStamp)
	switch {
	case o.To.Kind != ToNone && o.To.Kind != "" && !o.Carries():
		d.errs.add(emit.at, fmt.Sprintf("the emit of `%s` has neither ${payload} nor ${stamp}: its messages could not be recognised", o.Name),
			"put \"${payload}\" where the text goes, or \"${stamp}\" where an id goes that the server passes on, or write to: none")
	case payloads > 2 || payloads == 2 && !both:
		d.errs.add(emit.at, fmt.Sprintf("the emit of `%s` has the stamp twice: each delivery would count as two", o.Name), "keep one ${payload}, and one ${stamp} at most")
	}
	o.checkPlaces(d, n)
}

// checkPlaces checks what is said of how delivered messages look.
func (o *Operation) checkPlaces(d *decoder, n *node) {
	for _, key := range []string{"stamp", "correlate", "changes"} {
		if n.get(key) != nil && o.To.Kind == ToNone {
			d.errs.add(at(n, key), fmt.Sprintf("nobody receives messages of `%s`, so `%s` has no effect", o.Name, key), "remove it, or say in to: who receives them")
			return
		}
	}
	switch {
	case o.Correlate != nil && o.Stamp != nil:
		d.errs.add(at(n, "correlate"), "a message is recognised by stamp or by correlate, not by both", "remove stamp where the server changes the text, and correlate where it does not")
	case o.Correlate != nil && !o.Emit.Has(HoleStamp):
		d.errs.add(at(n, "correlate"), fmt.Sprintf("the emit of `%s` has no ${stamp}, which should come out again there", o.Name), "put \"${stamp}\" where the id goes, such as clientId: \"${stamp}\"")
	case o.Stamp != nil && o.Emit.Has(HoleStamp):
		d.errs.add(at(n, "stamp"), fmt.Sprintf("messages of `%s` are recognised by their ${stamp}, not by the payload", o.Name), "write correlate: and the place where ${stamp} comes out again")
	}
}

// unsentUses notes the columns that operations name which no group sends: they must be there.
func (d *decoder) unsentUses(s *Spec) {
	if s.Contract == nil {
		return
	}
	for i := range s.Contract.Operations {
		name := s.Contract.Operations[i].Name
		if slices.ContainsFunc(s.Groups, func(g Group) bool {
			return slices.ContainsFunc(g.Send, func(st Stream) bool { return st.Op == name })
		}) {
			continue
		}
		for _, u := range d.opUses[name] {
			u.Group = noGroup
			d.uses = append(d.uses, u)
		}
	}
}

// Of returns the operation of a name; nil when the server has none.
func (c *Contract) Of(op string) *Operation {
	for i := range c.Operations {
		if c.Operations[i].Name == op {
			return &c.Operations[i]
		}
	}
	return nil
}
