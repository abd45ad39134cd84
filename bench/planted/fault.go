package planted

import (
	"slices"
	"time"
)

// A Kind is what can go wrong.
type Kind string

// The kinds. Of a message that goes to several receivers one is hit, unless the text says
// otherwise.
const (
	// the message waits For on its way to all receivers; what follows waits behind it
	Delay Kind = "delay"
	// from the message on the server writes nothing to anybody, for For
	Stall     Kind = "stall"
	Loss      Kind = "loss"            // the receiver does not get the message
	Duplicate Kind = "duplicate"       // the receiver gets it twice
	Swap      Kind = "swap"            // the receiver gets the sender's next message before it
	Stranger  Kind = "stranger"        // a client that the message is not for gets it as well
	Corrupt   Kind = "corrupt payload" // one byte of the filler is another
	Garble    Kind = "corrupt stamp"   // one byte of the head of the payload is another
	Shorten   Kind = "cut payload"     // eight bytes of the filler are missing
	Misname   Kind = "other event"     // the receiver gets it by the name of another event
	// the receiver gets it For later, and what follows overtakes it
	Late Kind = "late"
	Cut  Kind = "cut" // the receiver's connection breaks instead

	Unanswered    Kind = "unanswered"     // the call is not answered
	AnsweredTwice Kind = "answered twice" // the call is answered twice

	Refused Kind = "refused"          // the connection is answered with HTTP status 503
	Silent  Kind = "silent namespace" // CONNECT is not answered
	// the session is unknown as soon as it is open: a cluster without sticky sessions
	Forgotten Kind = "forgotten"

	ReplayNothing  Kind = "replay nothing"  // a recovered client gets none of what it missed
	ReplayAll      Kind = "replay all"      // it gets what it had already as well
	ReplayReverse  Kind = "replay reverse"  // it gets what it missed, the last first
	RoomsForgotten Kind = "rooms forgotten" // it gets what it missed, and is in no room afterwards
)

// A Fault is one kind of mistake and how often it is made.
type Fault struct {
	Kind Kind
	// Every is how many of the messages (calls, connections, recoveries) there are to one that is
	// hit. 0 and 1: all.
	Every int
	// From is the number of the first that is hit; default Every. Faults with different From and
	// the same Every never meet in one message.
	From int
	// All says that every receiver of the message is hit, of the kinds that hit one.
	All bool
	// For is how long Delay, Stall and Late last, and how long a message of Swap waits for the
	// sender's next one, without which it is delivered unswapped and no mistake; 0: swapTime.
	For time.Duration
}

// hits reports whether a fault hits number n.
func (f *Fault) hits(n int) bool {
	every := max(f.Every, 1)
	from := f.From
	if from == 0 {
		from = every
	}
	return n >= from && (n-from)%every == 0
}

// A Plant is one mistake that was made.
type Plant struct {
	Kind   Kind
	Number int           // of the message, call, connection or recovery
	Client int           // number of the connection that it was made to; 0: all
	Held   time.Duration // of Delay and Late: how long the last of its deliveries really waited
}

// A Log is what a server did.
type Log struct {
	Plants   []Plant
	Messages int // asked for by echo without acknowledgement, room and all
	// that were due to the receivers of the messages, as the server knew them, and to clients that
	// it recovered later
	Deliveries  int
	Calls       int // that asked for an acknowledgement; joins are not among them
	Connections int // attempts
	Recoveries  int
	Replayed    int // messages that recovered clients had missed, before any fault
	Repeated    int // messages that ReplayAll sent a second time
	Overtaken   int // messages that ReplayReverse sent behind later ones of the same sender

	// Waits says of every delivery except replays how long it was in the server.
	Waits []time.Duration
}

// Over counts the deliveries that were in the server for longer than d.
func (l Log) Over(d time.Duration) (n int) {
	for _, w := range l.Waits {
		if w > d {
			n++
		}
	}
	return n
}

// Count is how often a kind of mistake was made.
func (l Log) Count(k Kind) (n int) {
	for i := range l.Plants {
		if l.Plants[i].Kind == k {
			n++
		}
	}
	return n
}

// Numbers lists the messages (calls, connections, recoveries) that a kind of mistake was made with,
// in order.
func (l Log) Numbers(k Kind) (out []int) {
	for i := range l.Plants {
		if l.Plants[i].Kind == k {
			out = append(out, l.Plants[i].Number)
		}
	}
	return out
}

// Log returns a copy of what happened so far.
func (s *Server) Log() Log {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := s.log
	out.Waits = slices.Clone(s.log.Waits)
	out.Plants = make([]Plant, 0, len(s.log.Plants))
	for _, p := range s.plants {
		if p != nil {
			out.Plants = append(out.Plants, *p)
		}
	}
	return out
}

// plant notes a mistake. The lock is held.
func (s *Server) plant(k Kind, number, client int) *Plant {
	p := &Plant{Kind: k, Number: number, Client: client}
	s.plants = append(s.plants, p)
	return p
}

// unplant takes back a mistake that came to nothing. The lock is held.
func (s *Server) unplant(p *Plant) {
	if i := slices.Index(s.plants, p); i >= 0 {
		s.plants = slices.Delete(s.plants, i, i+1)
	}
}

// fault returns the fault of a kind that hits a number; nil: none does.
func (s *Server) fault(k Kind, n int) *Fault {
	for i := range s.opt.Faults {
		if f := &s.opt.Faults[i]; f.Kind == k && f.hits(n) {
			return f
		}
	}
	return nil
}
