package file

import (
	"fmt"
	"slices"
)

// What streams take from the operations of the contract.

// opNames are the operations that streams may name.
func (d *decoder) opNames() []string {
	if d.contract == nil {
		return operations
	}
	var out []string
	for i := range d.contract.Operations {
		out = append(out, d.contract.Operations[i].Name)
	}
	return append(out, OpPeers, OpEmit)
}

// streamOp reads the operation of a stream: one of the contract, or else of the built-in bench
// application.
func (d *decoder) streamOp(n *node, s *Stream) {
	s.Op = d.string(n, "operation", func(word string) *flaw {
		if d.contract != nil && d.contract.Of(word) == nil && word != OpEmit && word != OpPeers {
			if slices.Contains(operations, word) || len(d.contract.Operations) == 0 {
				return &flaw{fmt.Sprintf("the contract has no operation `%s`", clip(word)), fmt.Sprintf("add operations: {%s: {emit: [event, \"${payload}\"], to: %s}} to contract", clip(word), likelyAudience(word))}
			}
		}
		return checkWord(word, "operation", d.opNames())
	})
	if d.contract != nil {
		s.Operation = d.contract.Of(s.Op)
	}
}

// likelyAudience is the audience that the name of an operation suggests.
func likelyAudience(op string) string {
	switch op {
	case OpAll:
		return ToAll
	case OpEcho:
		return ToSelf
	}
	return ToRoom
}

// finishCall fills in what the contract says of a stream, and checks the keys that it leaves to the
// stream.
func (d *decoder) finishCall(n *node, s *Stream) {
	o := s.Operation
	for _, key := range []string{"event", "data", "expect"} {
		if n.get(key) == nil {
			continue
		}
		says := map[string]string{"event": "which event `%s` sends", "data": "what `%s` sends", "expect": "who receives `%s`"}[key]
		d.errs.add(at(n, key), fmt.Sprintf("the contract says "+says, o.Name), fmt.Sprintf("remove `%s`, or change the operation in contract", key))
	}
	for _, u := range d.opUses[o.Name] {
		if u.Group == "" {
			u.Group = d.group // its clients take the rows
		}
		d.uses = append(d.uses, u)
	}
	s.Event, s.To, s.Expect = o.Event, o.To, "all"
	switch {
	case o.To.Kind == ToNone:
		s.Expect = "none"
	case o.To.Kind == ToSelf:
		s.Expect = "self"
	case o.To.Others:
		s.Expect = "others"
	}
	if s.Per == "" {
		s.Per = "client"
		if o.To.Kind == ToAll || o.To.Kind == ToGroup {
			s.Per = "group"
		}
	}
	size := n.get("size")
	switch {
	case size == nil:
	case !o.Emit.Has(HolePayload):
		d.errs.add(size.at, fmt.Sprintf("the operation `%s` has no ${payload}, so size has no effect", o.Name), "remove size")
	case s.Size < s.LeastSize() && s.Size > 0:
		if v, ok := d.scalar(size, "size"); ok {
			d.bad(v, &flaw{fmt.Sprintf("size %dB is too small for the stamp that measures the message", s.Size), fmt.Sprintf("write at least %dB", MinText)})
		}
	}
	s.finishPeer(d, n)
	switch place := slices.IndexFunc(o.Emit.Holes, func(h Hole) bool { return h.Name == HolePayload }); {
	case !s.Binary:
	case place < 0:
		d.errs.add(at(n, "binary"), fmt.Sprintf("the operation `%s` has no ${payload} that could be binary", o.Name), "remove binary")
	case o.Emit.Holes[place].Form != FormValue && !d.framed():
		d.errs.add(at(n, "binary"), fmt.Sprintf("the ${payload} of `%s` is a part of a longer text, which bytes cannot be", o.Name), "write \"${payload}\" alone in its emit, or remove binary")
	}
	switch {
	case s.Ack > 0 && o.Ack != nil && !*o.Ack:
		d.errs.add(at(n, "ack"), fmt.Sprintf("the stream waits for an acknowledgement, but the contract says that the server does not acknowledge `%s`", o.Name), "remove ack from the stream, or ack: false from the contract")
	case n.get("namespace") != nil && o.Namespace != "":
		d.errs.add(at(n, "namespace"), fmt.Sprintf("the contract says to which namespace `%s` is sent", o.Name), "remove namespace here, or from the operation")
	}
}

// LeastSize is how many bytes the payload must have for the stamp.
func (s *Stream) LeastSize() int {
	switch {
	case s.Expect == "none" && !s.ExpectsBack(), s.Operation != nil && s.Operation.Emit.Has(HoleStamp):
		return 1
	case s.Operation != nil:
		return MinText
	}
	return MinSize
}

// ExpectsBack reports whether the acknowledgements must have the payload.
func (s *Stream) ExpectsBack() bool {
	return slices.ContainsFunc(s.Match, func(m Match) bool { return m.Value.Has(HolePayload) })
}

// NeedsRoom reports whether each message of the stream is for a room, or names one.
func (s *Stream) NeedsRoom() bool {
	return s.To.Kind == ToRoom || s.Operation != nil && s.Operation.Emit.Has(HoleRoom)
}

// needsRooms is the mistake of a stream whose group has no rooms.
func (s *Stream) needsRooms() string {
	if s.Operation == nil {
		return "a room stream needs rooms to send to"
	}
	return fmt.Sprintf("the operation `%s` needs rooms to send to", s.Op)
}

// Reaches reports whether clients of a group may receive messages of a stream of another one, or of
// the same.
func (s *Stream) Reaches(from, to *Group) bool {
	switch s.To.Kind {
	case ToNone:
		return false
	case ToSelf:
		return to.Name == from.Name
	case ToGroup:
		return to.Name == s.To.Name && slices.Contains(to.Spaces(), s.To.Namespace)
	case ToPeer:
		if s.To.AlsoOwn && to.Name == from.Name {
			return true
		}
		return (s.Peers == nil || slices.Contains(s.Peers, to.Name)) && slices.Contains(to.Spaces(), s.To.Namespace)
	case ToKey:
		return slices.Contains(s.To.Groups, to.Name) && slices.Contains(to.Spaces(), s.To.Namespace)
	case ToRoom:
		if s.Replay != nil && from.Rooms == nil { // its log has the rooms
			return to.Name == from.Name
		}
		return to.Rooms != nil && from.Rooms != nil && to.Rooms.Prefix == from.Rooms.Prefix && to.Namespace == s.To.Namespace
	}
	return slices.Contains(to.Spaces(), s.To.Namespace)
}

// audienceSpace finds the namespaces of a stream: where it is sent to, and where it is received.
func (d *decoder) audienceSpace(item *node, g *Group, s *Stream) {
	spaces := g.Spaces()
	if len(spaces) == 0 {
		return // bare Engine.IO
	}
	if o := s.Operation; o != nil && o.Namespace != "" {
		if s.Space = slices.Index(spaces, o.Namespace); s.Space < 0 {
			s.Space = 0
			d.errs.add(at(item, "op"), fmt.Sprintf("the group %s does not join the namespace %s, to which `%s` is sent", g.Name, o.Namespace, o.Name),
				fmt.Sprintf("write namespace: [%s, %s] in the group", g.Namespace, o.Namespace))
		}
	}
	if s.To.Namespace == "" {
		s.To.Namespace = spaces[s.Space]
	}
	if s.To.Kind != ToRoom || s.To.Namespace == g.Namespace {
		return
	}
	if s.Operation == nil {
		d.errs.add(at(item, "namespace"), "rooms are joined in the group's first namespace only", "put that namespace first, or write op: all")
		return
	}
	d.errs.add(at(item, "op"), fmt.Sprintf("`%s` goes to rooms in %s, and the rooms of the group %s are in %s, its first namespace", s.Op, s.To.Namespace, g.Name, g.Namespace),
		fmt.Sprintf("write to: {room: true, namespace: %s}, or put %s first in the group", g.Namespace, s.To.Namespace))
}

// checkAudiences checks that somebody can receive what the contract says.
func (d *decoder) checkAudiences(s *Spec) {
	if s.Contract == nil {
		return
	}
	var spaces []string
	for i := range s.Groups {
		spaces = append(spaces, s.Groups[i].Spaces()...)
	}
	for i := range s.Contract.Operations {
		o := &s.Contract.Operations[i]
		if name := o.To.Namespace; name != "" && !slices.Contains(spaces, name) {
			n := d.places["contract"].get("operations").get(o.Name).get("to")
			d.errs.add(at(n, "namespace"), fmt.Sprintf("no group joins the namespace %s, in which `%s` is received", name, o.Name), orOneOf(name, spaces))
		}
	}
}
