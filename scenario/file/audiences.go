package file

import (
	"fmt"
	"slices"
	"strings"
)

// Keyed is an audience for each value of a key: the clients that have the same one, such as all
// devices of a person.
type Keyed struct {
	Name   string
	Key    Template // filled for each client
	Groups []string // whose clients have a key: they take rows of the data files in it
}

// setKeyed reads the audiences by key.
func setKeyed(d *decoder, n *node, s *Spec) {
	if !d.isDict(n, "audiences") {
		return
	}
	for _, e := range n.keys {
		k := Keyed{Name: e.key}
		switch {
		case !reName.MatchString(e.key):
			d.errs.add(e.at, fmt.Sprintf("%q is not a name for an audience", clip(e.key)), "use letters, digits and _, not starting with a digit")
		case slices.Contains(audienceWords, e.key) || slices.Contains(kinds, e.key) || slices.Contains(peerNames, e.key):
			d.errs.add(e.at, fmt.Sprintf("the name `%s` is taken", e.key), "choose another")
		case e.val.kind != scalar || e.val.null:
			d.errs.add(e.val.at, fmt.Sprintf("the audience %s must be a single value, not %s", e.key, e.val.describe()), "write what its clients have in common, such as ${users.id}")
			continue
		}
		before := d.quiet
		d.quiet = true // a column named here makes no group take rows
		v, ok := d.expand(e.val, audienceScope)
		if d.quiet = before; ok {
			k.Key = textTemplate(v)
			if len(v.holes) == 0 {
				d.bad(v, &flaw{fmt.Sprintf("the audience %s would have all clients in it: its value names nothing that differs between them", e.key), "write a column of a data file, such as ${users.id}, or to: all"})
			}
		}
		s.Audiences = append(s.Audiences, k)
	}
}

// Keyed returns the audience by key of a name; nil: there is none.
func (s *Spec) Keyed(name string) *Keyed {
	for i := range s.Audiences {
		if s.Audiences[i].Name == name {
			return &s.Audiences[i]
		}
	}
	return nil
}

// filesOf lists the data files that a template names.
func (d *decoder) filesOf(t Template) (out []string) {
	for _, h := range t.Holes {
		if f := feederOf(strings.TrimPrefix(h.Name, peerPrefix), d.vars.feeders); f != "" {
			out = append(out, f)
		}
	}
	return out
}

// Peer says how the client is chosen that a message is for.
type Peer struct {
	Pick  string // PeerRandom or PeerFixed
	Group string // it is one of this group; "": of any
}

// How peers are picked: never the sender, and of an audience by key, never one with the sender's
// key.
const (
	PeerRandom = "random" // anew for each message
	PeerFixed  = "fixed"  // the same for all messages of a client, as long as it is connected
)

var peerPicks = []string{PeerRandom, PeerFixed}

var peerTable = object[Peer]{
	what: "peer",
	def:  "peer", about: "The client that a message is for.",
	fresh: func() Peer { return Peer{Pick: PeerRandom} },
	fields: []field[Peer]{
		{key: "pick", about: "random: anew for each message; fixed: the same for all messages of a client", is: oneOf(peerPicks...), def: PeerRandom, set: func(d *decoder, n *node, p *Peer) {
			p.Pick = d.oneOf(n, "way to pick a peer", peerPicks)
		}},
		{key: "group", about: "the group of that client; default: any", is: aText, set: func(d *decoder, n *node, p *Peer) { p.Group = d.groupName(n) }},
	},
}

// groupName reads the name of a group of the file.
func (d *decoder) groupName(n *node) string {
	return d.string(n, "group", func(s string) *flaw {
		if !slices.Contains(d.groups, s) {
			return &flaw{fmt.Sprintf("there is no group `%s`", clip(s)), orOneOf(s, d.groups)}
		}
		return nil
	})
}

func setPeer(d *decoder, n *node, s *Stream) {
	if n.kind == dict {
		s.Peer = decoded(d, n, &peerTable)
		return
	}
	s.Peer = &Peer{Pick: d.oneOf(n, "way to pick a peer", peerPicks)}
}

// The names of what a template can say of a peer, apart from its columns and its keys.
const (
	peerPrefix = "peer."
	rowPeer    = "peer.NAME" // the row of templateNames
	PeerSID    = "sid"       // its socket id
)

var peerNames = []string{HoleClient, HoleGroup, PeerSID}

// PeerName returns the part of a hole's name after "peer."; ok is false for other names.
func PeerName(hole string) (name string, ok bool) { return strings.CutPrefix(hole, peerPrefix) }

// ofPeer reports whether a name says something of a peer.
func (vs *variables) ofPeer(name string) bool {
	rest, ok := PeerName(name)
	return ok && (slices.Contains(peerNames, rest) || slices.Contains(vs.audiences, rest) || feederOf(rest, vs.feeders) != "")
}

// peerAdvice is what to write instead of an unknown name of a peer.
func (vs *variables) peerAdvice(name string) string {
	known := append(slices.Clone(peerNames), vs.audiences...)
	rest, _ := PeerName(name)
	if near := Suggest(rest, known); near != "" {
		return fmt.Sprintf("did you mean `%s%s`?", peerPrefix, near)
	}
	for _, f := range vs.feeders {
		known = append(known, f+".COLUMN")
	}
	return "write peer. and one of " + strings.Join(known, ", ")
}

// NeedsPeer reports whether each message of the stream is for a peer, or names one.
func (s *Stream) NeedsPeer() bool {
	if s.To.Kind == ToPeer || s.To.Kind == ToKey && !s.To.Own {
		return true
	}
	return s.Operation != nil && slices.ContainsFunc(s.Operation.Emit.Holes, func(h Hole) bool {
		_, is := PeerName(h.Name)
		return is
	})
}

// finishPeer fills in how peers are picked.
func (s *Stream) finishPeer(d *decoder, n *node) {
	switch needs := s.NeedsPeer(); {
	case needs && s.Peer == nil:
		p := peerTable.start()
		s.Peer = &p
	case !needs && s.Peer != nil:
		d.errs.add(at(n, "peer"), fmt.Sprintf("`%s` is not for a peer, so peer has no effect", s.Op), "remove peer, or use an operation that goes to a peer or an audience of audiences:")
	}
}

// checkPeers finds the groups whose clients have keys and can be peers, and refuses streams that no
// client can receive. It needs all groups.
func (d *decoder) checkPeers(s *Spec) {
	takes := func(g *Group, files []string) bool {
		return !slices.ContainsFunc(files, func(name string) bool {
			return !slices.ContainsFunc(s.Data, func(f Feeder) bool { return f.Name == name && f.UsedBy(g.Name) })
		})
	}
	for i := range s.Audiences {
		k := &s.Audiences[i]
		files := d.filesOf(k.Key)
		for j := range s.Groups {
			if takes(&s.Groups[j], files) {
				k.Groups = append(k.Groups, s.Groups[j].Name)
			}
		}
	}
	for i := range s.Groups {
		g := &s.Groups[i]
		for j := range g.Send {
			st := &g.Send[j]
			var where place
			if send := d.places["group "+g.Name].get("send"); send != nil {
				where = at(send.items[j], "op")
			}
			d.checkPeer(s, g, st, where, takes)
		}
	}
}

func (d *decoder) checkPeer(s *Spec, g *Group, st *Stream, where place, takes func(*Group, []string) bool) {
	if st.To.Kind == ToKey {
		k := s.Keyed(st.To.Name)
		if k == nil {
			return // reported
		}
		st.To.Groups = k.Groups
		if (st.To.Own || st.To.AlsoOwn) && !slices.Contains(k.Groups, g.Name) {
			d.errs.add(where, fmt.Sprintf("clients of the group %s have no %s of their own", g.Name, k.Name), d.takesRows(g.Name, k.Key))
			return
		}
	}
	// A room has its sender in it.
	if st.To.Kind != ToNone && st.To.Kind != ToRoom && !slices.ContainsFunc(s.Groups, func(to Group) bool { return st.Reaches(g, &to) }) {
		why := "no group that joins " + st.To.Namespace + " can receive it"
		hint := "add the namespace to a group, or change to: of the operation"
		switch {
		case st.To.Kind == ToKey && len(st.To.Groups) == 0:
			hint = d.takesRows("", s.Keyed(st.To.Name).Key)
		case st.To.Kind == ToGroup:
			why = fmt.Sprintf("the group %s does not join the namespace %s", st.To.Name, st.To.Namespace)
			hint = fmt.Sprintf("write to: {group: %s, namespace: ...} with a namespace that the group joins", st.To.Name)
		}
		d.errs.add(where, fmt.Sprintf("nobody receives `%s`: %s", st.Op, why), hint)
		return
	}
	if st.Peer == nil {
		return
	}
	files := d.filesOf(onlyPeers(st.Operation.Emit))
	for _, h := range st.Operation.Emit.Holes {
		if name, is := PeerName(h.Name); is && s.Keyed(name) != nil {
			files = append(files, d.filesOf(s.Keyed(name).Key)...)
		}
	}
	clients := s.peers(st, func(to *Group) bool { return takes(to, files) })
	if clients == 0 || clients == 1 && slices.Contains(st.Peers, g.Name) {
		d.errs.add(where, fmt.Sprintf("no client of the group %s has a peer for `%s`: there is no other client", g.Name, st.Op), "add clients in the namespace "+st.To.Namespace+" that take rows of the data files that the operation names, or change peer")
	}
}

// peers notes the groups that a stream picks its peers from, and returns how many clients they
// have: two at least where clients arrive.
func (s *Spec) peers(st *Stream, takes func(*Group) bool) (clients int) {
	for i := range s.Groups {
		to := &s.Groups[i]
		there := slices.Contains(to.Spaces(), st.To.Namespace) && (st.To.Kind != ToKey || slices.Contains(st.To.Groups, to.Name))
		if there && takes(to) && (st.Peer.Group == "" || st.Peer.Group == to.Name) {
			st.Peers = append(st.Peers, to.Name)
			clients += to.Count
			if to.Arrive > 0 {
				clients += 2
			}
		}
	}
	return clients
}

// onlyPeers is the part of a template that says something of a peer.
func onlyPeers(t Template) (out Template) {
	for _, h := range t.Holes {
		if _, is := PeerName(h.Name); is {
			out.Holes = append(out.Holes, h)
		}
	}
	return out
}

// takesRows is the advice for clients without a key.
func (d *decoder) takesRows(group string, key Template) string {
	files := strings.Join(d.filesOf(key), ", ")
	if group == "" {
		group = "a group"
	} else {
		group = "the group " + group
	}
	return fmt.Sprintf("write data: %s in %s, whose clients then take rows of that file", files, group)
}
