package fleet

import (
	"errors"
	"time"
)

// Limits of what a member keeps of its own messages until the others have them, and of what it has
// got and not read.
const (
	maxKept    = 256 << 20       // bytes
	maxUnread  = 256 << 20       // bytes; from then on the others keep what they send
	resendWait = time.Second     // without a confirmation, what is kept is sent again
	resendMost = 4 << 20         // bytes that are on their way again at once
	confirmAt  = 1 << 20         // bytes taken since the last beat: another one does not wait its turn
	chunk      = 512<<10 - 1<<10 // bytes of a message's part, at most
	headSize   = 6               // bytes before a part: what it is, whether more follows, and the trial

	// leastPayload is the smallest max_payload of a NATS server, in bytes, with which a fleet
	// works: claims and descriptions of agents are one message each.
	leastPayload = 64 << 10
)

// pieceOf is how many bytes a part has on a server that takes messages of so many bytes.
func pieceOf(payload int64) int {
	return int(min(chunk, max(payload, leastPayload)-overhead-headSize))
}

// outgoing is a member's messages of one stream, kept in order until all who should have them do.
// The member's lock guards it.
type outgoing struct {
	stream

	next  uint64   // number of the next message
	again uint64   // number of the next one to send again: next when none is
	kept  [][]byte // sealed, not confirmed by all; the last one has the number next-1
	bytes int
	have  map[int]uint64 // by receiver, the number that it waits for
	moved time.Time      // when all had more than before, or it began that some have not
}

var errTooMuch = errors.New("too much waits for the other members of the run to take it")

func newOutgoing(s stream, receivers ...int) *outgoing {
	o := &outgoing{stream: s, have: map[int]uint64{}}
	for _, r := range receivers {
		o.have[r] = 0
	}
	return o
}

// add keeps a sealed message.
func (o *outgoing) add(sealed []byte, now time.Time) error {
	if len(o.have) > 0 {
		if o.bytes+len(sealed) > maxKept {
			return errTooMuch
		}
		if len(o.kept) == 0 {
			o.moved = now
		}
		o.kept = append(o.kept, sealed)
		o.bytes += len(sealed)
	}
	if o.again == o.next { // else it comes again, after those before it
		o.again++
	}
	o.next++
	return nil
}

// confirm notes which message a receiver waits for, and drops those that all have.
func (o *outgoing) confirm(receiver int, waitsFor uint64, now time.Time) {
	had, known := o.have[receiver]
	if !known || waitsFor <= had || waitsFor > o.next {
		return
	}
	o.have[receiver] = waitsFor
	if o.drop() {
		o.moved = now
	}
}

// without goes on without a receiver.
func (o *outgoing) without(receiver int) {
	delete(o.have, receiver)
	o.drop()
}

// drop drops what all have, and reports whether there was something.
func (o *outgoing) drop() (any bool) {
	least := o.next
	for _, n := range o.have {
		least = min(least, n)
	}
	for first := o.first(); first < least && len(o.kept) > 0; first++ {
		o.bytes -= len(o.kept[0])
		o.kept[0] = nil
		o.kept, any = o.kept[1:], true
	}
	if len(o.kept) == 0 {
		o.kept = nil
	}
	return any
}

// first is the number of the first message that is kept.
func (o *outgoing) first() uint64 { return o.next - uint64(len(o.kept)) }

// overdue returns the messages to send again now, in order. They begin with the first one when for
// a while nobody who lacks it has confirmed anything; from then on each confirmation makes place
// for more, up to the last one.
func (o *outgoing) overdue(now time.Time) [][]byte {
	if len(o.kept) > 0 && now.Sub(o.moved) >= resendWait {
		o.again, o.moved = o.first(), now
	}
	o.again = max(o.again, o.first())
	from := int(o.again - o.first())
	end, bytes := 0, 0
	for end < len(o.kept) && (end == 0 || bytes+len(o.kept[end]) <= resendMost) {
		bytes += len(o.kept[end])
		end++
	}
	if end <= from {
		return nil
	}
	o.again += uint64(end - from)
	return o.kept[from:end]
}

// incoming is what has arrived of a stream. Parts of a message come one after another.
type incoming struct {
	next uint64
	part []byte // of a message whose end has not come
}

// accept reports whether a message is the one that is waited for. Others come again, or have been
// here before.
func (i *incoming) accept(n uint64) bool {
	if n != i.next {
		return false
	}
	i.next++
	return true
}
