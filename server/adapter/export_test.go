package adapter

import "github.com/throng-io/throng/server"

// Saved reports whether a socket is on its way to the store as it is.
func Saved(of server.Adapter, id string) bool {
	l := of.(*recoveryAdapter).live
	l.mu.Lock()
	defer l.mu.Unlock()
	e := l.byID[id]
	return e != nil && !e.changed && e.saved.After(e.moving)
}
