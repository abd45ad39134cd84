package server

import (
	"regexp"
	"slices"
)

// group is what makes a namespace the pattern of others.
type group struct {
	match    func(name string, auth []byte) bool
	children []*Namespace // guarded by Server.mu
}

// Dynamic returns the pattern of a set of namespaces: when a client asks for one that does not
// exist, and match says yes to its name and to the payload that the client joins with (JSON, nil if
// there is none), it is made, with the handlers and middleware that the pattern has at that moment.
// Patterns are tried in the order of their making. The pattern has no sockets itself; what is sent
// to it goes to all namespaces made of it. No more than Limits.MaxDynamic namespaces are made, and
// none with a name of more than 1 024 bytes; see also Options.CleanupEmptyNamespaces.
//
// match is called by several goroutines at once.
func (s *Server) Dynamic(match func(name string, auth []byte) bool) *Namespace {
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
	return func(name string, _ []byte) bool { return re.MatchString(name) }
}

// OnNamespace adds a function that is called for each namespace that comes into being: by Of, or
// for a client, before that joins it; another may be faster.
func (s *Server) OnNamespace(f func(*Namespace)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.created = with(s.created, f)
}

// longestName bounds in bytes the name of a namespace that is made for a client.
const longestName = 1024

// enter finds the namespace that a client asks for, nil if it may not have it. Each enter needs an
// exit, so that a namespace that is made for clients can go when the last one has.
func (s *Server) enter(name, auth []byte) *Namespace {
	if n := s.existing(name); n != nil {
		return n
	}
	if len(name) > longestName {
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

// child makes a namespace of a pattern, or enters the one that another client has just made.
func (s *Server) child(name string, pattern *Namespace) *Namespace {
	s.mu.Lock()
	n := s.namespaces[name]
	if n != nil || s.children >= s.opts.Limits.MaxDynamic || s.stopped {
		if n != nil {
			n.users++
		}
		s.mu.Unlock()
		return n
	}
	n = s.newNamespace(name, pattern)
	n.users = 1
	s.namespaces[name] = n
	s.children++
	pattern.group.children = with(pattern.group.children, n)
	created := s.created
	s.mu.Unlock()
	for _, f := range created {
		_ = s.guard(func() { f(n) })
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
	empty := n.users == 0 && s.opts.CleanupEmptyNamespaces && !s.stopped
	if empty {
		delete(s.namespaces, n.name)
		s.children--
		g := n.pattern.group
		g.children = slices.DeleteFunc(slices.Clone(g.children), func(c *Namespace) bool { return c == n })
	}
	s.mu.Unlock()
	if empty {
		n.close()
	}
}

// spread returns the namespaces that a target of n means: those of a pattern, else n itself.
func (n *Namespace) spread() []*Namespace {
	if n.group == nil {
		return []*Namespace{n}
	}
	n.server.mu.RLock()
	defer n.server.mu.RUnlock()
	return n.group.children // never written to, but replaced
}
