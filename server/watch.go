package server

// Watch observes a whole server, for tools that show what it does: its functions are called for all
// namespaces, those to come included. A nil function is none. They must not block. A server without
// one pays nothing for it.
type Watch struct {
	// Connect is called for each socket that has joined, before OnConnect.
	Connect func(s *Socket)
	// Disconnect is called for each socket that has left, after OnDisconnect.
	Disconnect func(s *Socket, reason string)
	// Join and Leave are called like the functions of RoomHooks.
	Join, Leave func(room string, s *Socket)
	// Upgrade is called for each socket of a connection that has gone from polling to websocket.
	Upgrade func(s *Socket)
	// Receive is called for each event of a client that UseEvent has let through, before its
	// handlers. e is valid during the call.
	Receive func(s *Socket, e *Event)
	// Send is called as the functions of OnAnyOutgoing are. to may stand for several namespaces,
	// see Target.Namespace.
	Send func(to Target, event string, args []any)
}

// Watch adds an observer. Sockets that are connected already are seen from their next event on.
func (s *Server) Watch(w Watch) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.watches = with(s.watches, &w)
	for _, n := range s.namespaces {
		n.change(w.join)
	}
	for _, n := range s.patterns {
		n.change(w.join)
	}
}

// Watch adds an observer of this namespace alone.
func (n *Namespace) Watch(w Watch) { n.change(w.join) }

// join adds w to the handlers of a namespace.
func (w *Watch) join(h *handlers) {
	h.watch = with(h.watch, w)
	if w.Join != nil || w.Leave != nil {
		h.rooms = with(h.rooms, RoomHooks{Join: w.Join, Leave: w.Leave})
	}
}

// Upgraded implements session.Handler.
func (c *conn) Upgraded() {
	c.mu.Lock()
	all := append([]*Socket(nil), c.sockets...)
	c.mu.Unlock()
	for _, s := range all {
		for _, w := range s.ns.handlers.Load().watch {
			if w.Upgrade != nil {
				_ = c.guard(func() { w.Upgrade(s) })
			}
		}
	}
}
