package server

import (
	"container/list"
	"regexp"
)

// group is what makes a namespace the pattern of others. Server.mu guards what can change.
type group struct {
	match    func(name string, auth []byte) bool
	children list.List    // of *Namespace, the oldest in front
	snapshot []*Namespace // the same for those who hold no lock, never written to; nil after a change
}

// add notes a namespace that is made of the pattern; Server.mu is locked.
func (g *group) add(n *Namespace) {
	n.place = g.children.PushBack(n)
	g.snapshot = nil
}

// remove forgets it; Server.mu is locked.
func (g *group) remove(n *Namespace) {
	g.children.Remove(n.place)
	g.snapshot = nil
}

// all returns the namespaces that are made of the pattern; Server.mu is locked. They are copied
// when they are asked for, and not with each change: clients make many, one after the other.
func (g *group) all() []*Namespace {
	if g.snapshot == nil {
		g.snapshot = make([]*Namespace, 0, g.children.Len())
		for e := g.children.Front(); e != nil; e = e.Next() {
			g.snapshot = append(g.snapshot, e.Value.(*Namespace))
		}
	}
	return g.snapshot
}

// Dynamic returns the pattern of a set of namespaces. When a client asks for a namespace that does
// not exist, and match accepts its name and the payload that the client joins with (JSON, nil if
// there is none), the namespace is made, with the handlers and middleware that the pattern has at
// that moment. Patterns are tried in the order of the calls of Dynamic. The pattern has no sockets
// itself; events sent to it go to all namespaces made of it. At most Limits.MaxDynamic namespaces
// are made, and none with a name of more than 1 024 bytes; see also Options.CleanupEmptyNamespaces.
//
// match is called by several goroutines at once.
func (s *Server) Dynamic(match func(name string, auth []byte) bool) *Namespace {
	notNil("Dynamic", match != nil)
	s.mu.Lock()
	defer s.mu.Unlock()
	pattern := s.newNamespace("", nil)
	pattern.group = &group{match: match}
	s.patterns = append(s.patterns, pattern)
	return pattern
}

// Matching makes a regular expression a pattern for Dynamic. It must match the whole name: say so
// with ^ and $ if you mean it.
func Matching(re *regexp.Regexp) func(name string, auth []byte) bool {
	if re == nil {
		panic("server: Matching was called with a nil expression")
	}
	return func(name string, _ []byte) bool { return re.MatchString(name) }
}

// OnNamespace adds a function that is called for each new namespace: for one that Of makes, and for
// one that is made for a client, before that client joins it. Other clients may join it earlier.
func (s *Server) OnNamespace(f func(*Namespace)) {
	notNil("OnNamespace", f != nil)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.created = with(s.created, f)
}

// maxDynamicName bounds in bytes the name of a namespace that is made for a client.
const maxDynamicName = 1024

// enter returns the namespace that a client asks for, and makes it if a pattern matches; nil if
// there is none. Each enter needs an exit, so that a namespace made for clients can be removed when
// it is empty.
func (s *Server) enter(name, auth []byte) *Namespace {
	if n := s.existing(name); n != nil {
		return n
	}
	if len(name) > maxDynamicName {
		return nil
	}
	s.mu.RLock()
	patterns := s.patterns
	s.mu.RUnlock()
	for _, p := range patterns {
		if p.group.match(string(name), auth) {
			return s.child(string(name), p)
		}
	}
	return nil
}

func (s *Server) existing(name []byte) *Namespace {
	s.mu.RLock()
	n := s.namespaces[string(name)]
	s.mu.RUnlock()
	if n == nil || n.pattern == nil {
		return n
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if n = s.namespaces[string(name)]; n != nil {
		n.users++
	}
	return n
}

// exit takes back an enter. The last one removes a namespace that was made for clients, if the
// options say so.
func (n *Namespace) exit() {
	if n.pattern == nil {
		return
	}
	s := n.server
	s.mu.Lock()
	n.users--
	if n.users > 0 || !s.opts.CleanupEmptyNamespaces || s.stopped {
		s.mu.Unlock()
		return
	}
	delete(s.namespaces, n.name)
	s.children--
	n.pattern.group.remove(n)
	closed := make(chan struct{})
	s.closing[n.name] = closed
	s.mu.Unlock()
	n.close()
	s.mu.Lock()
	delete(s.closing, n.name)
	s.mu.Unlock()
	close(closed)
}

// concrete returns the namespaces that n stands for: those made of a pattern, else n itself.
func (n *Namespace) concrete() []*Namespace {
	if n.group == nil {
		return []*Namespace{n}
	}
	n.server.mu.RLock()
	all := n.group.snapshot
	n.server.mu.RUnlock()
	if all != nil {
		return all
	}
	n.server.mu.Lock()
	defer n.server.mu.Unlock()
	return n.group.all()
}
