package file

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// The steps of a flow.
const (
	StepEmit       = "emit"       // send an event
	StepWait       = "wait"       // for an event of the server
	StepThink      = "think"      // do nothing
	StepRepeat     = "repeat"     // steps
	StepConnect    = "connect"    // connect again after a disconnect
	StepDisconnect = "disconnect" //
	StepJoin       = "join"       // a room
	StepLeave      = "leave"      // a room
	StepHTTP       = "http"       // one request
)

// Step is one action of a client, completed before the next one begins: the closed model, in which
// a slow server slows its clients. The metric step holds its duration.
type Step struct {
	Do string
	// for metrics: default the event, the room's template, or the method and path
	Name string
	Emit Template // the JSON list of the event and its arguments
	// of an emit: it goes to the others in the client's room, by data channels
	ToPeers bool
	// how long to wait for the acknowledgement; 0: none is asked for. Of join and leave: how long
	// it may take
	Ack    time.Duration
	Expect *Expect // of an emit: the event that must follow
	Wait   *Expect // of a wait
	Match  []Match // values that the acknowledgement, or the answer to a request, must have
	// from the event that was waited for, the acknowledgement, or the answer to a request
	Capture []Capture
	Think   Dist // seconds
	Times   int  // of a repeat; 0: until the client goes
	// of a repeat: least time from the start of one round to the start of the next
	Every time.Duration
	Steps []Step // of a repeat
	// of a disconnect: clean; drop, as a network that fails; or stall, gone without a word with the
	// connection left open
	How  string
	Room Template // of join and leave
	HTTP *HTTP
}

// Expect is an event that is waited for.
type Expect struct {
	Event  string
	Within time.Duration // default 10s
	Match  []Match       // all must hold, or it is not the one
}

// Match is a value that must stand at a path.
type Match struct {
	Path  Path
	Value Template // JSON
}

// Capture keeps a value for the templates of later steps.
type Capture struct {
	Name string
	Path Path     // in the JSON of the answer
	From *Extract // where else in an answer to a request; nil: at Path
}

// Reaction is a client's response to an event.
type Reaction struct {
	Event string
	// the JSON list of arguments to acknowledge it with, where the server asks for it
	Ack  *Template
	Emit Template // the JSON list of an event to send
	// it goes to the others in the client's room, by data channels
	ToPeers bool
	After   Dist    // seconds until then; zero: at once
	Share   float64 // of the events that are reacted to; default 1
}

var doing = []string{StepEmit, StepWait, StepThink, StepRepeat, StepConnect, StepDisconnect, StepJoin, StepLeave, StepHTTP}

// stepKeys are the keys of a step.
var stepKeys = append(slices.Clone(doing), "to", "ack", "match", "expect", "capture", "name")

// Who gets an emission.
const (
	toServer = "server"
	toPeers  = "peers"
)

// toField is the key of an emission that says who gets it.
func toField[T any](peers func(t *T)) field[T] {
	words := []string{toServer, toPeers}
	return field[T]{key: "to", about: "who gets it: the server, or the others in the client's room by data channels", is: oneOf(words...), def: toServer, set: func(d *decoder, n *node, t *T) {
		if d.oneOf(n, "to", words) == toPeers {
			peers(t)
			d.toPeers = append(d.toPeers, n.at)
		}
	}}
}

// flowScope holds the names that templates of a flow may use.
func (d *decoder) flowScope(captured []string) *scope {
	return &scope{at: inFlow, captured: captured}
}

func setFlow(d *decoder, n *node, g *Group) {
	names := map[string]place{}
	if steps := stepsOfFlow(n); steps != nil {
		collectCaptures(steps, names)
	}
	d.checkCaptured(names)
	for _, name := range d.captured {
		names[name] = n.at
	}
	g.Captured = slices.Sorted(maps.Keys(names))
	if n.kind == dict {
		flowTable.decode(d, n, g)
		return
	}
	g.Flow = d.steps(n, "flow", d.flowScope(g.Captured))
}

// checkCaptured checks the names of captured values.
func (d *decoder) checkCaptured(names map[string]place) {
	for name, where := range names {
		_, taken := d.vars.defs[name]
		if taken || !reName.MatchString(name) || slices.Contains(reservedNames, name) {
			d.errs.add(where, fmt.Sprintf("%q is not a name for a captured value", clip(name)), "use letters, digits and _, and no name of vars: or of the runner's")
		}
	}
}

// collectCaptures finds the names that capture gives values to, however deep.
func collectCaptures(n *node, names map[string]place) {
	for _, item := range n.items {
		for _, e := range item.get("capture").entries() {
			names[e.key] = e.at
		}
		if steps := item.get("repeat").get("steps"); steps != nil {
			collectCaptures(steps, names)
		}
	}
}

func (d *decoder) steps(n *node, what string, sc *scope) []Step {
	if !d.isList(n, what) {
		return nil
	}
	if len(n.items) == 0 {
		d.errs.add(n.at, "`"+what+"` is empty", "list at least one step, such as {emit: [event], ack: 2s}")
	}
	var out []Step
	for _, item := range n.items {
		s := Step{}
		d.scope = sc
		stepTable.decode(d, item, &s)
		out = append(out, s)
	}
	return out
}

var stepTable = object[Step]{
	what: "step",
	def:  "step", about: "One thing that a client does: emit, wait, think, repeat, connect, disconnect, join, leave or http.",
	shape:  requireOne("oneOf", doing...),
	advice: map[string]string{"sleep": "did you mean `think`?", "pause": "did you mean `think`?", "send": "did you mean `emit`?", "loop": "did you mean `repeat`?", "get": "write http: {get: /path}", "post": "write http: {post: /path}", "timeout": "did you mean `ack` (or within:)?", "event": "write wait: {event: NAME}, or emit: [NAME, ...]", "data": "the arguments stand behind the event: emit: [event, {...}]", "delay": "did you mean `think`?"},
	fields: []field[Step]{
		{key: "emit", about: "the event and its arguments", is: anEmit, set: func(d *decoder, n *node, s *Step) {
			s.Emit = d.emission(n, "step", d.scope)
			if n.kind == list && len(n.items) > 0 && n.items[0].kind == scalar {
				s.Name = n.items[0].text
			}
		}},
		toField(func(s *Step) { s.ToPeers = true }),
		{key: "ack", about: "ask for an acknowledgement and wait this long for it", is: aDuration, set: func(d *decoder, n *node, s *Step) { s.Ack = d.duration(n, "ack", time.Millisecond, maxWait) }},
		{key: "expect", is: ref("expect"), set: func(d *decoder, n *node, s *Step) { s.Expect = d.expectation(n) }},
		{key: "wait", is: ref("expect"), set: func(d *decoder, n *node, s *Step) {
			s.Wait = d.expectation(n)
			s.Name = s.Wait.Event
		}},
		{key: "match", about: "values that must stand at these paths of the acknowledgement or of the answer to a request, such as $.ok: true; else the step fails", is: aMatch, set: func(d *decoder, n *node, s *Step) { s.Match = d.matches(n, d.scope) }},
		{key: "capture", about: "names for values of the answer, such as token: $[0].token, to use in the templates of later steps", is: mapOf(ourNames, anyOf(form{"type": "string", "pattern": `^(\$|.*\$\{)`}, ref("extract"))), set: func(d *decoder, n *node, s *Step) {
			if !d.isDict(n, "capture") {
				return
			}
			for _, e := range n.keys {
				if e.val.kind == dict {
					s.Capture = append(s.Capture, Capture{Name: e.key, From: decoded(d, e.val, &extractTable)})
					continue
				}
				s.Capture = append(s.Capture, Capture{Name: e.key, Path: read(d, e.val, "capture", parsePath, nil)})
			}
		}},
		{key: "think", about: "do nothing for a time", is: aLength, set: func(d *decoder, n *node, s *Step) { s.Think = d.lengths(n, "think") }},
		{key: "repeat", is: ref("repeat"), set: setRepeat},
		{key: "connect", about: "connect again after a disconnect", is: form{"type": "object", "maxProperties": 0}, set: func(d *decoder, n *node, _ *Step) {
			if d.isDict(n, "connect") && len(n.keys) > 0 {
				d.errs.add(n.keys[0].at, "a client connects again with the same settings", "write connect: {}")
			}
		}},
		{key: "disconnect", about: "clean: close in order; drop: break the connection, as a failing network does; stall: stop answering and leave the connection open", is: oneOf(endings...), set: func(d *decoder, n *node, s *Step) {
			s.How = d.oneOf(n, "disconnect", endings)
		}},
		{key: "join", about: "a room", is: aText, set: func(d *decoder, n *node, s *Step) { s.Room = d.roomTemplate(n, "join") }},
		{key: "leave", about: "a room", is: aText, set: func(d *decoder, n *node, s *Step) { s.Room = d.roomTemplate(n, "leave") }},
		{key: "http", is: ref("http"), set: func(d *decoder, n *node, s *Step) {
			s.HTTP = decoded(d, n, &httpTable)
			if len(s.HTTP.URL.Parts) > 0 {
				s.Name = s.HTTP.Method + " " + strings.Join(s.HTTP.URL.Parts, "*")
			}
		}},
		// last: see finishStep
		{key: "name", about: "name of the step in metrics and reports; default: its event, or its operation", is: aText, set: func(d *decoder, n *node, s *Step) {}},
	},
	done: finishStep,
}

// defaultWithin is how long an event or an answer may take where nothing is said.
const defaultWithin = 10 * time.Second

func finishStep(d *decoder, n *node, s *Step) {
	var does []entry
	for _, e := range n.keys {
		if !slices.Contains(stepKeys, e.key) {
			return // reported
		}
		if slices.Contains(doing, e.key) {
			does = append(does, e)
		}
	}
	switch {
	case len(does) == 0 && n.get("expect") != nil:
		d.errs.add(n.at, "`expect` belongs to a step with emit", "write wait: {event: ...} to wait without sending anything")
		return
	case len(does) == 0:
		d.errs.add(n.at, "the step does nothing", "write one of "+strings.Join(doing, ", "))
		return
	case len(does) > 1:
		d.errs.add(does[1].at, fmt.Sprintf("a step does one thing: `%s` or `%s`", does[0].key, does[1].key), "write two steps")
		return
	}
	s.Do = does[0].key
	allowed := map[string][]string{
		"to": {StepEmit}, "ack": {StepEmit, StepJoin, StepLeave}, "match": {StepEmit, StepJoin, StepLeave, StepHTTP}, "expect": {StepEmit}, "capture": {StepEmit, StepWait, StepHTTP},
	}
	for _, key := range []string{"to", "ack", "match", "expect", "capture"} {
		if v := n.get(key); v != nil && !slices.Contains(allowed[key], s.Do) {
			d.errs.add(v.at, fmt.Sprintf("`%s` cannot be used in a step with `%s`", key, s.Do), fmt.Sprintf("use it with %s, in a separate step", strings.Join(allowed[key], ", ")))
		}
	}
	if a := n.get("ack"); a != nil && s.ToPeers {
		d.errs.add(a.at, "a peer does not acknowledge messages", "remove ack, or write expect: and the event that a peer sends in answer")
	}
	if c := n.get("capture"); c != nil && s.Do == StepEmit && s.Ack == 0 && s.Expect == nil {
		d.errs.add(c.at, "the step waits for no answer, so it has no values to capture", "add ack: 2s or expect: {event: ...}")
	}
	if m := n.get("match"); m != nil && slices.Contains(allowed["ack"], s.Do) && s.Ack == 0 {
		d.errs.add(m.at, "the step asks for no acknowledgement, so there is nothing to match", "add ack: 2s, or write match under expect for the event")
	}
	for i, c := range s.Capture {
		if c.From != nil && s.Do != StepHTTP {
			d.errs.add(n.get("capture").keys[i].val.at, fmt.Sprintf("a step with `%s` has no header, cookie or text to capture from", s.Do), "write a path into its JSON, such as $[0].id")
		}
	}
	if v := n.get("name"); v != nil {
		s.Name = d.string(v, "name", aLabel("name", "write a short text"))
	}
	if s.Name == "" {
		s.Name = s.Do
	}
}

func setRepeat(d *decoder, n *node, s *Step) {
	sc := d.scope
	inner := *sc
	inner.at |= inRepeat
	repeatTable.decode(d, n, s)
	if steps := n.get("steps"); steps != nil && !steps.null {
		s.Steps = d.stepsOf(steps, "steps", &inner)
	}
	d.scope = sc
	if s.Times == 0 && s.Every == 0 && !slices.ContainsFunc(s.Steps, Step.takesTime) && len(s.Steps) > 0 {
		d.errs.add(n.at, "the repeat would never pause: none of its steps takes time", "add every: 1s, a think, or an ack")
	}
}

// takesTime reports whether a step waits for anything.
func (s Step) takesTime() bool {
	return s.Ack > 0 || s.Expect != nil || s.Wait != nil || !s.Think.IsZero() || s.HTTP != nil || s.Do == StepConnect || s.Every > 0 || slices.ContainsFunc(s.Steps, Step.takesTime)
}

var repeatTable = object[Step]{
	what: "repeat",
	def:  "repeat", about: "Steps to repeat; without times, until the client leaves.",
	fields: []field[Step]{
		{key: "times", about: "how often", is: aCount, set: func(d *decoder, n *node, s *Step) { s.Times = d.count(n, "times", 1, 1_000_000_000) }},
		{key: "every", about: "shortest time between the starts of two rounds", is: aDuration, set: func(d *decoder, n *node, s *Step) { s.Every = d.duration(n, "every", time.Millisecond, maxWait) }},
		// see setRepeat
		{key: "steps", is: atLeastOne(listOf(ref("step"))), required: "write steps: [{emit: [event], ack: 2s}]", set: func(*decoder, *node, *Step) {}},
	},
}

func (d *decoder) roomTemplate(n *node, what string) Template {
	if n.kind != scalar || n.null {
		d.errs.add(n.at, what+" is the name of a room, not "+n.describe(), "write "+what+": lobby")
		return Template{}
	}
	v, ok := d.expand(n, d.scope)
	if !ok {
		return Template{}
	}
	return textTemplate(v)
}

// aMatch is values by paths.
var aMatch = atLeastOne(mapOf(form{"pattern": `^\$`}, nil))

func (d *decoder) matches(n *node, sc *scope) (out []Match) {
	if !d.isDict(n, "match") {
		return nil
	}
	if len(n.keys) == 0 {
		d.errs.add(n.at, "match is empty", "write a path and a value, such as $.ok: true")
	}
	for _, m := range n.keys {
		p, f := parsePath(m.key)
		if f != nil {
			d.errs.add(m.at, f.msg, f.hint)
		}
		v := jsonTemplate(d, m.val, sc)
		if v.Has(HolePayload) && (len(v.Holes) > 1 || v.Parts[0]+v.Parts[1] != "") {
			d.errs.add(m.val.at, "${payload} is only a part of the value", "write ${payload} alone: the value must have what was sent, anywhere in it")
		}
		out = append(out, Match{p, v})
	}
	return out
}

func (d *decoder) expectation(n *node) *Expect {
	return decoded(d, n, &expectTable)
}

var expectTable = object[Expect]{
	what: "the expectation",
	def:  "expect", about: "An event of the server to wait for.",
	advice: map[string]string{"timeout": "did you mean `within`?", "for": "did you mean `within`? To do nothing for a time, write think: 2s"},
	lone:   "event",
	fresh:  func() Expect { return Expect{Within: defaultWithin} },
	fields: []field[Expect]{
		{key: "event", about: "its name", is: anEvent, required: "write event: and its name", set: func(d *decoder, n *node, e *Expect) { e.Event = d.string(n, "event", checkEvent) }},
		{key: "within", about: "how long to wait", is: aDuration, def: "10s", set: func(d *decoder, n *node, e *Expect) { e.Within = d.duration(n, "within", time.Millisecond, maxWait) }},
		{key: "match", about: "values that must stand at these paths of its arguments, such as \"$[0].ok\": true", is: aMatch, set: func(d *decoder, n *node, e *Expect) {
			e.Match = d.matches(n, d.scope)
		}},
	},
}

func setReact(d *decoder, n *node, g *Group) {
	if !d.isDict(n, "react") {
		return
	}
	for _, e := range n.keys {
		if f := checkEvent(e.key); f != nil {
			d.errs.add(e.at, f.msg, f.hint)
		}
		r := reactionTable.start()
		r.Event = e.key
		if e.val.null {
			d.errs.add(e.at, fmt.Sprintf("the reaction to %s has no value", clip(e.key)), "write {ack: true} or {emit: [event]}")
			continue
		}
		reactionTable.decode(d, e.val, &r)
		g.React = append(g.React, r)
	}
}

var reactionTable = object[Reaction]{
	what: "the reaction",
	def:  "reaction", about: "What clients do when they receive an event.",
	shape: requireOne("anyOf", "ack", "emit"),
	fresh: func() Reaction { return Reaction{Share: 1} },
	fields: []field[Reaction]{
		{key: "ack", about: "value, or list of arguments, of the acknowledgement, if the server asks for one", is: anything, set: func(d *decoder, n *node, r *Reaction) {
			one := n
			if n.kind != list {
				one = &node{kind: list, at: n.at, items: []*node{n}, weight: 1 + n.weight}
			}
			t := jsonTemplate(d, one, d.of(reactScope))
			r.Ack = &t
		}},
		{key: "emit", about: "the event and its arguments", is: anEmit, set: func(d *decoder, n *node, r *Reaction) { r.Emit = d.emission(n, "reaction", d.of(reactScope)) }},
		toField(func(r *Reaction) { r.ToPeers = true }),
		{key: "after", about: "how long to wait first", is: aLength, set: func(d *decoder, n *node, r *Reaction) { r.After = d.lengths(n, "after") }},
		{key: "share", about: "share of the events", is: aShare, def: "100%", set: func(d *decoder, n *node, r *Reaction) { r.Share = d.share(n, "share") }},
	},
	done: func(d *decoder, n *node, r *Reaction) {
		switch {
		case n.get("ack") == nil && n.get("emit") == nil:
			d.errs.add(n.at, "the reaction does nothing", "write ack: or emit:")
		case r.ToPeers && n.get("emit") == nil:
			d.errs.add(n.get("to").at, "the reaction emits nothing that could go to peers", "write emit: [event], or remove to")
		}
	},
}
