package server

import (
	"bytes"
	"encoding/json"
	"errors"

	"github.com/throng-io/throng/protocol/socketio"
	"github.com/throng-io/throng/server/internal/session"
)

// What Socket.IO 2 does differently (Socket.IO protocol v4): its clients are in the main namespace
// from the start, have a query behind the name of a namespace in place of a payload, and derive the
// ids of their sockets from the id of the session.

// isRevision3 reports whether the client speaks Engine.IO 3, as those of Socket.IO 2 do.
func (c *conn) isRevision3() bool { return c.session.Revision() == 3 }

// WantsOpened implements session.Handler.
func (c *conn) WantsOpened(three bool) bool { return three }

// Opened implements session.Handler: it joins the main namespace for a client that does not ask.
func (c *conn) Opened() {
	if c.join(&socketio.Packet{Type: socketio.Connect, Namespace: []byte("/")}) != nil {
		c.session.Shut(session.ForcedClose)
	}
}

// newID returns the id of a new socket in ns.
func (c *conn) newID(ns *Namespace) string {
	switch {
	case !c.isRevision3():
		id := c.server.opts.NewID()
		if ns.hub.Lookup(id) != nil {
			id = c.server.anotherID()
		}
		return id
	case ns.name == "/":
		return c.session.ID
	}
	return ns.name + "#" + c.session.ID
}

// cutQuery cuts the query off the name of a namespace.
func cutQuery(namespace []byte) (name, query []byte) {
	name, query, _ = bytes.Cut(namespace, []byte{'?'})
	return name, query
}

// payloadOf returns a query as the payload that newer clients send: an object, nil if there is no
// query.
func payloadOf(query []byte) []byte {
	if query == nil {
		return nil
	}
	auth, _ := json.Marshal(parseQuery(string(query))) // strings: nothing to fail
	return auth
}

// appendErrorV4 makes the packet that refuses a namespace: with the data if there is some, else
// with the message alone.
func appendErrorV4(namespace, message string, data any) ([]byte, error) {
	if data == nil {
		data = message
	}
	payload, attachments, err := socketio.AppendArgs(nil, nil, data)
	if err != nil {
		return nil, err
	}
	if len(attachments) > 0 {
		return nil, errors.New("data of a connect error cannot hold binary")
	}
	p := socketio.Packet{Type: socketio.ConnectError, Namespace: []byte(namespace), Data: payload}
	return p.Append(nil), nil
}
