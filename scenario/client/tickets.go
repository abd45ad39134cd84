package client

import (
	"crypto/tls"
	"sync"
)

// Tickets holds the session of TLS of one simulated client, from which its next connection goes on
// without certificates and signatures (RFC 8446, section 2.2). It lives longer than a connection:
// with the same Config.Tickets, a client comes back as a browser does. It keeps the last session
// only: a client has one server at a time. Sessions of WebTransport are not resumed, as in
// Chromium, whose dedicated connections have no cache of sessions. The zero Tickets is empty. Safe
// for concurrent use.
type Tickets struct {
	mu      sync.Mutex
	server  string                  // whose session it is, as crypto/tls names it
	session *tls.ClientSessionState // nil: none
}

// Get implements tls.ClientSessionCache.
func (t *Tickets) Get(server string) (*tls.ClientSessionState, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.server != server {
		return nil, false
	}
	return t.session, t.session != nil
}

// Put implements tls.ClientSessionCache; a nil session says that the one of that server is over.
func (t *Tickets) Put(server string, session *tls.ClientSessionState) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if session != nil || t.server == server {
		t.server, t.session = server, session
	}
}

// on returns conf with t as its cache, unless it has one of its own or wants none.
func (t *Tickets) on(conf *tls.Config) *tls.Config {
	if conf.ClientSessionCache != nil || conf.SessionTicketsDisabled {
		return conf
	}
	if t == nil {
		t = &Tickets{}
	}
	conf = conf.Clone()
	conf.ClientSessionCache = t
	return conf
}
