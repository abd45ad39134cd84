package transport

import (
	"sync/atomic"
	"time"

	"github.com/throng-io/throng/server/internal/deadline"
)

// handoffTime is how long the HTTP server may take from the end of a request's handler to the
// hijack handler. As a rule it is microseconds; only a client that does not read an earlier answer
// can delay it.
const handoffTime = 5 * time.Second

// handoff is a connection on its way from a request to a hijack handler.
//
// fasthttp does not call a hijack handler if it cannot write the response, for one because the
// client has reset the connection, without an error. What has been made for the connection would
// then stay for ever.
type handoff struct {
	entry deadline.Entry
	over  atomic.Bool
	clock *deadline.Clock
}

// expect returns a handoff that calls lost unless the connection arrives.
func (e *Engine) expect(lost func()) *handoff {
	o := &handoff{clock: e.cfg.Session.Clock}
	o.entry.Fire = func() {
		if o.over.CompareAndSwap(false, true) {
			lost()
		}
	}
	o.clock.Arm(&o.entry, handoffTime)
	return o
}

// arrived is called by the hijack handler. It returns false if the connection has been given up
// meanwhile.
func (o *handoff) arrived() bool {
	o.clock.Disarm(&o.entry)
	return o.over.CompareAndSwap(false, true)
}
