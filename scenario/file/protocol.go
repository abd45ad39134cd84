package file

import (
	"fmt"
	"slices"
	"strconv"
)

// The revisions of Engine.IO.
const (
	Engine3 = 3 // Socket.IO 2
	Engine4 = 4 // Socket.IO 3 and later
)

// engine reads a revision of Engine.IO.
func (d *decoder) engine(n *node) int {
	return read(d, n, "engine", parseCount, func(v int) *flaw {
		if v != Engine3 && v != Engine4 {
			return wrong(strconv.Itoa(v), "revision of Engine.IO", "write 3 for a server of Socket.IO 2, 4 for a later one")
		}
		return nil
	})
}

var anEngine = form{"enum": []any{Engine3, Engine4, strconv.Itoa(Engine3), strconv.Itoa(Engine4)}}

// speak gives every group the revision of the target where it has none of its own.
func (s *Spec) speak() {
	for i := range s.Groups {
		g := &s.Groups[i]
		if s.Target != nil && s.Target.Protocol == SSE {
			g.Transport = []Share{{SSE, 1}}
		}
		if g.Engine == 0 && s.Target != nil && s.Target.Engine == Engine3 {
			g.Engine = Engine3
		}
	}
	if s.Server != nil && slices.ContainsFunc(s.Groups, func(g Group) bool { return g.Engine == Engine3 }) {
		s.Server.Options = append(s.Server.Options, ServerOption{"allow-eio3", "true"})
	}
}

// checkEngine reports the keys of groups that Socket.IO 2 does not have.
func (d *decoder) checkEngine(s *Spec) {
	for _, g := range s.Groups {
		if g.Engine != Engine3 {
			continue
		}
		n := d.places["group "+g.Name]
		if v := n.get("auth"); v != nil {
			d.errs.add(v.at, "Socket.IO 2 has no auth, and the engine is 3", "write query: it is sent with CONNECT too")
		}
		if g.Parser != "json" {
			d.errs.add(at(n, "parser"), "clients of Engine.IO 3 speak JSON only", "remove parser")
		}
		if g.Reconnect != nil && g.Reconnect.Recover {
			d.errs.add(at(n.get("reconnect"), "recover"), "Socket.IO 2 has no connection state recovery, and the engine is 3", "remove recover")
		}
		if g.baseline() {
			d.errs.add(at(n, "transport"), fmt.Sprintf("the transport %s is without Engine.IO, and the engine is 3", g.Transport[0].Name), "remove engine")
		}
	}
}
