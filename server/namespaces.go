package server

import (
	"fmt"
	"sort"
	"strings"

	"github.com/throng-io/throng/server/internal/fanout"
)

// Of returns a namespace, and makes it if need be: as a child of the first pattern of Dynamic that
// matches its name without a payload, if there is one. Such a child has the pattern's handlers,
// does not count for Limits.MaxDynamic, and stays when it is empty. A name without leading slash
// gets one. Clients can join namespaces that exist, and those that Dynamic allows: do not pass
// names that clients made up.
func (s *Server) Of(name string) *Namespace {
	if !strings.HasPrefix(name, "/") {
		name = "/" + name
	}
	s.mu.RLock()
	ns, patterns := s.namespaces[name], s.patterns
	s.mu.RUnlock()
	if ns != nil {
		return ns
	}
	var pattern *Namespace
	for _, p := range patterns { // functions of the application, which may call the server
		if p.group.match(name, nil) {
			pattern = p
			break
		}
	}
	ns, created := s.add(name, pattern)
	for _, f := range created {
		_ = s.guard(func() { f(ns) })
	}
	return ns
}

// add returns the namespace of a name, and makes it for the application if need be: then created
// are the functions of OnNamespace.
func (s *Server) add(name string, pattern *Namespace) (n *Namespace, created []func(*Namespace)) {
	s.lockName(name)
	defer s.mu.Unlock() // Options.Adapter may panic
	if n := s.namespaces[name]; n != nil {
		return n, nil
	}
	n = s.newNamespace(name, pattern)
	s.namespaces[name] = n
	if pattern != nil {
		n.users = 1 // the application, which never exits
		pattern.group.add(n)
	}
	return n, s.created
}

// child makes a namespace of a pattern for a client, or enters the one that another client has just
// made; nil if there are too many.
func (s *Server) child(name string, pattern *Namespace) *Namespace {
	n, created := s.addChild(name, pattern)
	for _, f := range created {
		_ = s.guard(func() { f(n) })
	}
	return n
}

// addChild is child without the functions of OnNamespace, which it returns.
func (s *Server) addChild(name string, pattern *Namespace) (n *Namespace, created []func(*Namespace)) {
	s.lockName(name)
	defer s.mu.Unlock() // Options.Adapter may panic
	if n = s.namespaces[name]; n != nil {
		n.users++
		return n, nil
	}
	if s.children >= s.opts.Limits.MaxDynamic || s.stopped {
		return nil, nil
	}
	n = s.newNamespace(name, pattern)
	n.users = 1
	s.namespaces[name] = n
	s.children++
	pattern.group.add(n)
	return n, s.created
}

// lockName locks the server when no namespace of that name is being closed: adapters know
// namespaces by their names, and the closing of the old one would end the subscriptions of the new
// one.
func (s *Server) lockName(name string) {
	s.mu.Lock()
	for closed := s.closing[name]; closed != nil; closed = s.closing[name] {
		s.mu.Unlock()
		<-closed
		s.mu.Lock()
	}
}

// newNamespace makes a namespace, with the handlers of its pattern if it has one.
func (s *Server) newNamespace(name string, pattern *Namespace) *Namespace {
	hub, err := fanout.New(s.opts.Fanout, fanout.Options{Meter: &s.meter, Rings: s.rings})
	if err != nil {
		panic(err) // WithDefaults has checked the name
	}
	ns := &Namespace{server: s, name: name, raw: []byte(name), hub: hub, pattern: pattern}
	if pattern != nil {
		ns.handlers.Store(pattern.handlers.Load())
	} else {
		h := &handlers{}
		for _, w := range s.watches {
			w.join(h)
		}
		ns.handlers.Store(h)
	}
	ns.local = &memory{ns: ns, hub: hub}
	ns.adapter = ns.local
	if s.opts.Adapter != nil && name != "" { // a pattern has no sockets
		if ns.adapter = s.opts.Adapter(ns, ns.local); ns.adapter == nil {
			panic(fmt.Sprintf("server: Options.Adapter returned nil for namespace %q; return its argument local for none", name))
		}
	}
	if s.opts.Recovery != nil {
		if r, ok := ns.adapter.(Recoverer); ok {
			ns.recoverer = r
		} else {
			ns.local.log = newRecoveryLog(ns)
		}
	}
	return ns
}

// Namespaces lists the namespaces, in the order of their names.
func (s *Server) Namespaces() []*Namespace {
	s.mu.RLock()
	defer s.mu.RUnlock()
	all := make([]*Namespace, 0, len(s.namespaces))
	for _, ns := range s.namespaces {
		all = append(all, ns)
	}
	sort.Slice(all, func(i, j int) bool { return all[i].name < all[j].name })
	return all
}
