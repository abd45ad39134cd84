package server

import (
	"bytes"
	"container/list"
	"encoding/json"
	"time"

	"github.com/throng-io/throng/server/internal/session"
)

// Recovery lets clients whose connection broke come back as the same socket: with its id, its rooms
// and its Data, and with the events that they missed. Each event carries an offset then, a further
// argument at its end that handlers of clients see; events that want an answer do not, and are not
// kept. Volatile ones are not kept either. Clients of Socket.IO 2 cannot come back, and get no
// offsets.
//
// A client may be back before the server notices that its connection is broken. The old connection
// ends then, with OnDisconnect and the reason "transport close", before OnConnect is called for the
// new one. If both reach different servers, with an Adapter that keeps sockets, the old one ends a
// little later, as by Disconnect. The private id by which a client comes back is a secret between
// it and the server.
//
// State is kept for each namespace, in memory: when the server ends, or the namespace is removed,
// it is gone, and clients join anew. An Adapter that is a Recoverer keeps it in a broker instead,
// and clients come back to any server. While recovery is in use, the emits of one namespace wait
// for each other.
type Recovery struct {
	// MaxDisconnection is how long a client may be away.
	MaxDisconnection time.Duration `default:"2m"`
	// MaxBytes bounds the events that are kept and, separately, the names of the rooms of the
	// sockets that may come back. Clients that missed an event that was dropped early join anew.
	MaxBytes int `default:"16MiB"`
	// MaxSockets bounds the sockets that may come back; the one that left first is dropped first.
	MaxSockets int `default:"100000"`
	// RunMiddleware runs Namespace.Use's middleware for sockets that come back as well. Default:
	// they have passed it, and it is skipped.
	RunMiddleware bool
}

// Recovery returns the option Options.Recovery with its defaults, nil if it is not set. It is for
// adapters.
func (n *Namespace) Recovery() *Recovery {
	if n.server.opts.Recovery == nil {
		return nil
	}
	r := *n.server.opts.Recovery
	return &r
}

// savedSocket is a socket that has left and may be recovered.
type savedSocket struct {
	sid, pid string
	rooms    []string
	data     any
	seen     uint64 // number of the last event that it is known to have got
	expires  time.Time
	place    *list.Element // in recoveryLog.order while it is kept there
	offset   string        // of a Recoverer, which has no use for seen, expires and place
	session  *Session      // that it has restored
}

// recoverable reports whether a socket that ended for the reason may come back: after reasons that
// the client did not ask for and did not cause. A client that was too slow has missed nothing that
// is not kept.
func recoverable(reason string) bool {
	switch session.Reason(reason) {
	case session.TransportClose, session.TransportError, session.PingTimeout,
		session.ForcedClose, session.ServerShutdown, session.SlowConsumer:
		return true
	case session.ParseError:
	}
	return false
}

// parseRecoveryRequest reads what a client that wants to come back adds to its payload.
func parseRecoveryRequest(auth []byte) (pid, offset string) {
	if !bytes.Contains(auth, []byte(`"pid"`)) {
		return "", ""
	}
	var request struct{ Pid, Offset json.RawMessage }
	if json.Unmarshal(auth, &request) != nil || json.Unmarshal(request.Pid, &pid) != nil {
		return "", ""
	}
	if request.Offset != nil && json.Unmarshal(request.Offset, &offset) != nil {
		return "", ""
	}
	return pid, offset
}
