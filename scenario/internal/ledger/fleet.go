package ledger

import (
	"math"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/throng-io/throng/scenario/internal/stamp"
)

// A Fleet says which part of a trial this process runs, one of several agents. Each agent's ledger
// has the account of its own receivers, whoever sends to them.
//
// One goroutine, the exchange, passes messages on between the ledgers: Announce, Settlements, Hear,
// Lost, Stop and Closable are its. It also calls the functions here, except Owner, which any
// goroutine may call.
type Fleet struct {
	Self, Of int // this agent among them, from 0
	// Owner is the agent of a client, by its index in the trial; -1: there is no such client.
	Owner func(sender uint32) int
	// Bound is the most by which the clocks of two agents differ, in nanoseconds; nil: by nothing.
	Bound func() int64
	// Delivered takes every arrival, with its classification. It may keep d only during the call.
	Delivered func(d *Delivery)
	// GaveUp is called when nothing waits for an agent any more, as after Lost: too much has waited
	// for its announcements. May be nil.
	GaveUp func(agent int)
	// Came is when d reached the client's socket, now that it is known when the message was
	// written; nil: at d.At.
	Came func(d *Delivery, wrote int64) int64
	// Refer names an audience, in at most maxName bytes, and Find is the audience of a name, which
	// is the same on all agents; nil: there is none.
	Refer func(a *Audience) string
	Find  func(name string) *Audience
	// Node is the node of a client by plan; nil: 0.
	Node func(sender uint32) int
	// Plan iterates over the messages that an agent's clients are to send of a stream, in order of
	// time, as all agents know them: what is sent as planned need not be announced message by
	// message. nil, or a nil iterator: it is not known.
	Plan func(stream, agent int) func() (Planned, bool)
}

// maxName bounds the names of audiences.
const maxName = 4 << 10

// Planned is a message that is planned. Due and Phase are exact; whose it is and whom it is for is
// announced where it differs. To may be nil.
type Planned struct {
	Sender uint32
	Due    int64
	Phase  int
	To     *Audience
}

// A Delivery is one arrival of a message at a receiver.
type Delivery struct {
	To    *Receiver
	Stamp stamp.Stamp
	By    any // the caller's
	// All times are in nanoseconds since the trial's start: when it reached the socket; when it was
	// read, by which it is put in order with what else happens to the receiver; and between which
	// moments it reached the socket, for Came.
	At, Read, From, Until int64

	// As returned by Receive.
	Kind Arrival
	Slot *Slot
	Rank uint32
}

// endOfTime is the watermark of an agent that sends no more.
const endOfTime = math.MaxInt64

// A fleet is a ledger's part in a Fleet. What happens here is queued, with its time. Agents
// announce what their clients send, and up to which moment that is all. What happened up to the
// earliest of those moments, the horizon, is then replayed in order of time: so each message is for
// the members of the moment when it was sent, as in one process.
type fleet struct {
	Fleet
	l       *Ledger
	peers   []*peer // by agent; nil: this one
	others  []*peer // without the nil
	queue   queue   // of what happens to the receivers here
	sent    sent
	horizon atomic.Int64
	sealing atomic.Bool
	stopAt  atomic.Int64 // arrivals after it do not count

	// The exchange's state. Its lock lets others ask for it.
	mu       sync.Mutex
	own      timed // sent here and not replayed
	delivery Delivery
	most     int // events that may wait
	announce announcer
	asked    []*Slot   // sent here, of which another agent asks whether the server had them
	doubts   [][]doubt // by book: what is to be said of that
	final    final
}

// A peer is another agent, as this one knows it.
type peer struct {
	agent     int
	books     []*Book // as in the ledger, of messages that its clients sent
	senders   map[uint32]*Receiver
	waiting   timed // announced and not replayed
	watermark int64 // all that it sent before it is announced
	lost      bool
	reads     unpacker
	hears     announcements
	verdicts  [][]verdict // by book: what its messages have come to here, and it does not know yet
	closings  [][]closing // likewise for whom they were
	asks      [][]uint32  // likewise those of which it must say whether the server had them
	settling  settling
	surveyed  bool // it has announced how long its last messages took
	final     bool // and which of them may never have been written
}

func newFleet(l *Ledger, c *Fleet) *fleet {
	f := &fleet{Fleet: *c, l: l, peers: make([]*peer, c.Of), most: maxDeferred, doubts: make([][]doubt, len(l.books))}
	f.stopAt.Store(endOfTime)
	if f.Bound == nil {
		f.Bound = func() int64 { return 0 }
	}
	if f.Node == nil {
		f.Node = func(uint32) int { return 0 }
	}
	l.accounts = slices.Clone(l.books)
	for k := range c.Of {
		if k == c.Self {
			continue
		}
		p := &peer{agent: k, senders: map[uint32]*Receiver{}, verdicts: make([][]verdict, len(l.books)), closings: make([][]closing, len(l.books)), asks: make([][]uint32, len(l.books))}
		p.books = l.booksOf()
		p.hears.streams = make([]course, len(l.books))
		l.accounts = append(l.accounts, p.books...)
		f.peers[k] = p
		f.others = append(f.others, p)
	}
	for _, b := range l.accounts {
		b.announces = c.Of > 1
	}
	f.announce.streams = make([]course, len(l.books))
	f.announce.names = map[*Audience]int{}
	return f
}

// booksOf makes the books of another agent's messages.
func (l *Ledger) booksOf() []*Book {
	out := make([]*Book, len(l.books))
	for i, b := range l.books {
		out[i] = &Book{Stream: b.Stream, Expect: b.Expect, Late: b.Late, Volatile: b.Volatile, Direct: b.Direct, trouble: b.trouble, remote: true, spread: b.spread}
		out[i].shelf.Store(&shelf{})
	}
	for i, b := range l.books {
		if b.Also != nil {
			out[i].Also = out[b.Also.Stream]
			out[i].Also.main = out[i]
		}
	}
	return out
}

// bookOf is the book of a stamp's message; nil: there is none. p is the agent that sent it; nil:
// this one.
func (f *fleet) bookOf(st *stamp.Stamp) (b *Book, p *peer) {
	if int(st.Stream) >= f.l.streams {
		return nil, nil
	}
	switch k := f.Owner(st.Sender); {
	case k == f.Self:
		return f.l.books[st.Stream], nil
	case k < 0 || k >= f.Of:
		return nil, nil
	default:
		return f.peers[k].books[st.Stream], f.peers[k]
	}
}

// Lost says that an agent is gone: nothing waits for it any more. Its messages that it has not
// announced count nowhere.
func (l *Ledger) Lost(agent int) {
	f := l.fleet
	f.mu.Lock()
	defer f.mu.Unlock()
	if agent < 0 || agent >= f.Of || f.peers[agent] == nil {
		return
	}
	f.peers[agent].lost = true
	f.advance()
}

// Seal says that no more is emitted.
func (l *Ledger) Seal() {
	if l.fleet != nil {
		l.fleet.sealing.Store(true)
	}
}

// sealed reports whether no agent sends any more. The lock is held.
func (f *fleet) sealed() bool {
	for _, p := range f.others {
		if !p.lost && p.watermark != endOfTime {
			return false
		}
	}
	return f.sealing.Load() && len(f.own.list) == 0
}

// fresh takes the rows of a stream that Watch has added, also of other agents' messages.
func (f *fleet) fresh(stream int) []Row {
	t := f.l.books[stream].seen
	f.l.books[stream].seen = table{}
	for _, p := range f.others {
		t.add(p.books[stream].seen.rows)
		p.books[stream].seen = table{}
	}
	return t.rows
}

// addRows does the same when the ledger is closed, with each key once.
func (f *fleet) addRows(stream int, t *table) {
	for _, p := range f.others {
		t.add(p.books[stream].rows.unpack())
	}
}
