package file

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// The wire formats of a group.

var checkNamespace = matches(regexp.MustCompile(`^/[^,?\s\p{C}]*$`), "a namespace", "write it like /chat")

func setNamespaces(d *decoder, n *node, g *Group) {
	if n.kind == list && len(n.items) == 0 {
		d.errs.add(n.at, "`namespace` is empty", "write one such as /chat, a list of them, or none for bare Engine.IO")
		return
	}
	if n.kind == scalar && !n.null && strings.Contains(n.text, "$") && d.ownNamespace(n, g) {
		return
	}
	names := d.strings(n, "namespace", func(s string) *flaw {
		if s == NoNamespace && n.kind == scalar {
			return nil
		}
		return checkNamespace(s)
	})
	if len(names) > 0 && names[0] != "" {
		g.Namespace, g.More = names[0], names[1:]
	}
}

// ownNamespace reads a namespace that differs between clients. It reports false for one that does
// not.
func (d *decoder) ownNamespace(n *node, g *Group) bool {
	v, ok := d.expand(n, d.of(clientScope))
	if !ok {
		return true // reported
	}
	if len(v.holes) == 0 {
		return false
	}
	name := strings.Join(v.parts, "x") // in the place of any value
	if f := checkNamespace(name); f != nil {
		d.bad(v, f)
	}
	g.Namespace, g.Own = n.text, textTemplate(v)
	return true
}

// checkOwnNamespace refuses messages to others where each client has a namespace of its own.
func (d *decoder) checkOwnNamespace(n *node, g *Group) {
	if g.Own.IsZero() {
		return
	}
	for i := range g.Send {
		if e := g.Send[i].Expect; e != "none" && e != "self" {
			d.errs.add(at(n.get("send").items[i], "op"), fmt.Sprintf("the clients of the group %s have namespaces of their own, so the receivers of a message to others are not known", g.Name),
				"write op: echo, or expect: none")
		}
	}
}

// checkWire checks which settings one connection may combine.
func checkWire(d *decoder, n *node, g *Group) {
	d.checkOwnNamespace(n, g)
	bare := g.Namespace == NoNamespace
	if bare {
		g.notBare(d, n)
	}
	for i := range g.Send {
		s, item := &g.Send[i], n.get("send").items[i]
		if v := item.get("namespace"); v != nil && v.kind == scalar && !v.null {
			name, _ := d.scalar(v, "namespace")
			s.Space = slices.Index(g.Spaces(), name.text())
			if s.Space < 0 {
				s.Space = 0
				d.bad(name, &flaw{fmt.Sprintf("the group %s does not join the namespace %s", g.Name, clip(name.text())), orOneOf(name.text(), g.Spaces())})
			}
		}
		d.audienceSpace(item, g, s)
		switch {
		case s.Binary && item.get("data") != nil:
			d.errs.add(at(item, "binary"), "a binary payload has no data beside it", "remove data or binary")
		case s.Binary && s.Op == OpEmit:
			d.errs.add(at(item, "binary"), "op: emit sends data", "write op: room, all or echo, or remove binary")
		}
	}
	for _, t := range g.Transport {
		if slices.Contains(baselines, t.Name) {
			g.notBaseline(d, n, t.Name)
		}
	}
}

// notBare reports what bare Engine.IO has not.
func (g *Group) notBare(d *decoder, n *node) {
	for _, key := range []string{"rooms", "auth", "flow", "react"} {
		if v := n.get(key); v != nil {
			d.errs.add(v.at, fmt.Sprintf("`%s` belongs to Socket.IO, and namespace: none is bare Engine.IO", key), "remove one of them")
		}
	}
	if g.Parser != "json" {
		d.errs.add(at(n, "parser"), "the parser belongs to Socket.IO, and namespace: none is bare Engine.IO", "remove one of them")
	}
	for i, s := range g.Send {
		item := n.get("send").items[i]
		if s.Op != OpEcho && s.Op != OpEmit {
			d.errs.add(at(item, "op"), "bare Engine.IO has no broadcasts", "write op: echo or op: emit")
		}
		if s.Ack > 0 {
			d.errs.add(at(item, "ack"), "bare Engine.IO has no acknowledgements", "remove ack: an echo is measured as a delivery")
		}
	}
}

// notBaseline reports settings that the transports without Socket.IO lack.
func (g *Group) notBaseline(d *decoder, n *node, name string) {
	for _, key := range []string{"namespace", "parser", "auth", "flow", "react"} {
		v := n.get(key)
		if v == nil || key == "namespace" && g.Namespace == "/" && len(g.More) == 0 || key == "parser" && g.Parser == "json" {
			continue
		}
		d.errs.add(v.at, fmt.Sprintf("`%s` belongs to Socket.IO, which the transport %s does not use", key, name), "remove it")
	}
	for i, s := range g.Send {
		if item := n.get("send").items[i]; s.Binary {
			d.errs.add(at(item, "binary"), fmt.Sprintf("the transport %s carries JSON only", name), "remove binary")
		}
	}
}

// checkWires checks what all groups must agree on: the built-in server speaks one
// parser and one application, and the baselines reach each other only.
func (d *decoder) checkWires(s *Spec) {
	if d.framed() {
		return // see checkFrames
	}
	where := func(g Group, key string) place { return at(d.places["group "+g.Name], key) }
	first := s.Groups[0]
	plainFirst := first.baseline()
	for _, g := range s.Groups {
		switch plain := g.baseline(); {
		case plain != plainFirst:
			d.errs.add(where(g, "transport"), "clients of a baseline and of Socket.IO cannot exchange messages: they cannot be in one scenario", "compare them by a matrix over transport")
			return
		case plain && s.Target != nil:
			d.errs.add(where(g, "transport"), "the baselines need the built-in server", "remove target")
			return
		}
		if s.Server == nil {
			continue
		}
		if (g.Namespace == NoNamespace) != (first.Namespace == NoNamespace) {
			d.errs.add(where(g, "namespace"), "the built-in server speaks Socket.IO or bare Engine.IO, not both in one scenario", "write namespace: none for every group or for none")
		}
		if g.Parser != first.Parser {
			d.errs.add(where(g, "parser"), fmt.Sprintf("the built-in server speaks one parser: %s has %s and %s has %s", first.Name, first.Parser, g.Name, g.Parser), "give all groups the same")
		}
	}
	if s.Server != nil {
		s.Server.Parser = first.Parser
		if first.Namespace == NoNamespace {
			s.Server.App = "engine"
			d.notOfBare(s.Server, where(first, "namespace"))
		}
		if slices.ContainsFunc(s.Groups, func(g Group) bool { return g.Peers != nil }) {
			s.Server.App = "p2p"
		}
	}
	for _, g := range s.Groups {
		if len(g.Transport) > 1 && plainFirst && slices.ContainsFunc(g.Transport, func(t Share) bool { return !slices.Contains(baselines, t.Name) }) {
			d.errs.add(where(g, "transport"), "clients of a baseline and of Socket.IO cannot exchange messages: a group cannot have both", "write one of "+strings.Join(baselines, ", "))
		}
	}
}

// notOfBare reports what a server of bare Engine.IO does not have.
func (d *decoder) notOfBare(s *Server, where place) {
	if s.Adapter != "" {
		d.errs.add(where, "the adapter of the server connects namespaces, and namespace: none is bare Engine.IO", "remove one of them")
	}
	if s.option("recovery") != "" {
		d.errs.add(where, "clients recover in a namespace, and namespace: none is bare Engine.IO", "remove server.recovery, or namespace: none")
	}
}

func (g *Group) baseline() bool {
	return slices.ContainsFunc(g.Transport, func(t Share) bool { return slices.Contains(baselines, t.Name) })
}

// checkCompression reports groups whose websockets, if they have any, could never be compressed.
func (d *decoder) checkCompression(s *Spec) {
	for i := range s.Groups {
		g := &s.Groups[i]
		if !g.Compression {
			continue
		}
		n := at(d.places["group "+g.Name], "compression")
		websocket := slices.ContainsFunc(g.Transport, func(t Share) bool {
			return slices.Contains([]string{"websocket", "upgrade", "plain-websocket"}, t.Name)
		})
		switch {
		case s.Target != nil && s.Target.Protocol == SSE, !websocket:
			d.errs.add(n, "`compression` is of messages on websockets, which the group does not use", "remove it, or choose the transport websocket or upgrade")
		case s.Server != nil && s.Server.option(deflateFlag) != "true":
			d.errs.add(n, "the built-in server does not compress unless it is told to", "write server: {compression: true}, or remove it here")
		}
	}
}
