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

// Hold keeps an adapter from noting changes of rooms until release is called, as deliveries do.
func Hold(of server.Adapter) (release func()) {
	r := of.(*recoveryAdapter)
	r.mu.Lock()
	r.waiting.Store(true)
	return func() {
		r.waiting.Store(len(r.sent) > 0)
		r.mu.Unlock()
	}
}
