package scenario

import "sync/atomic"

// counters count events of a trial's clients and messages. Safe for concurrent use.
type counters struct {
	asked, connected, held atomic.Int64 // clients now
	failed, dropped        atomic.Int64
	waiting                atomic.Int64 // clients that were still connecting at the end
	offline                atomic.Int64 // clients that their flows have disconnected
	moved                  atomic.Int64 // times that a client changed rooms
	slowDropped            atomic.Int64 // connections of slow readers that ended without our doing
	// connections that a fault broke, and clients held again after a drop
	cutOff, heldAgain atomic.Int64
	// attempts to connect that waited for others, and for how long all together, in nanoseconds
	turns, turnTime               atomic.Int64
	plainly                       atomic.Int64 // websockets whose offer to compress the server did not take
	calls                         atomic.Int64 // of streams, under way
	duplicates, foreign, misnamed atomic.Int64 // deliveries
	toSender                      atomic.Int64 // of messages that were for others
	bytesIn, bytesOut             atomic.Int64
	peers                         peerCounts
	// clients asked for by the plan now, and at most at once, those of other agents too; the pacer
	// writes them
	called int64
	most   atomic.Int64
}

// present returns how many clients are due to be there now, and how many of them are in their
// rooms, or away by their own will. One that comes back is both for a moment.
func (t *trial) present() (asked, held int) {
	asked = int(t.count.asked.Load())
	return asked, min(asked, int(t.count.held.Load()+t.count.offline.Load()))
}
