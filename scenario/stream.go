package scenario

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"github.com/throng-io/throng/protocol/socketio"
	"github.com/throng-io/throng/scenario/client"
	"github.com/throng-io/throng/scenario/file"
	"github.com/throng-io/throng/scenario/internal/ledger"
	"github.com/throng-io/throng/scenario/internal/plan"
	"github.com/throng-io/throng/scenario/internal/record"
	"github.com/throng-io/throng/scenario/internal/stamp"
	"github.com/throng-io/throng/scenario/metric"
)

// A stream is one entry of a group's send list, with everything that can be
// prepared before the trial. It is a source of the pacer, which alone calls next and fire.
type stream struct {
	t      *trial
	index  int
	group  *group
	spec   *file.Stream
	book   *ledger.Book
	to     *ledger.Audience // of every message; see audience
	plan   *plan.Schedule
	bodies bool    // a replayed log has the texts of its messages
	echoes bool    // the acknowledgement brings the message back
	op     plan.Op // the next one
	buf    []byte

	// The packet is head, the id of a call, open, the room's name, middle, the
	// stamp, tail. Where sizes are drawn, filler and what it begins stand before tail.
	open, middle, filler, tail []byte

	// Where the server's contract or the stream's own data says how a message looks, it is
	// custom with the rest filled in.
	custom    *pattern
	match     matcher // of acknowledgements
	intact    intact
	stamped   bool    // carries a stamp, by which receivers recognize it
	direct    bool    // goes by data channels
	needsRoom bool    // each message is for a room, or names one
	peerFill  filling // what is known of the peer
	keying    int     // of its audiences, of the trial's; -1: they have no keys
	pool      pool    // of peers
	fill      filling
	kind      string      // that every packet begins with
	head      []byte      // of every packet, where all clients have the same namespace
	mark      stamp.Stamp // of the message in fill
	blobs     [1][]byte   // a binary payload, as a list, which a call would have to make anew

	between       []betweenSeries // by class of the receiver; nil: the stream is not periodic
	local         arrivals        // from a sender on the receiver's own target
	across        arrivals        // from one on another, where there are several
	ack, service  []int           // series, by class of the sender
	ackNet        []int           // likewise, without the generator's own lateness
	lag           int
	fan           [record.Deciles][3]int // series of first, last and spread, by decile of the room
	points        int                    // the first of the receiver curve's series
	offered, sent []atomic.Int64         // by phase
	held, dropped []atomic.Int64         // likewise: offered = sent + held + dropped
}

// curvePoints are the places of the receiver curve: the first receiver, then every
// twentieth part of them.
const curvePoints = 21

func newStream(t *trial, g *group, spec *file.Stream, index int) *stream {
	n := len(t.tl.Spans)
	s := &stream{
		t: t, index: index, group: g, spec: spec, book: &ledger.Book{Late: int64(spec.Late), Volatile: spec.Volatile},
		offered: make([]atomic.Int64, n), sent: make([]atomic.Int64, n), held: make([]atomic.Int64, n), dropped: make([]atomic.Int64, n),
	}
	s.echoes = spec.Operation == nil && spec.Op == file.OpEcho && spec.Ack > 0
	s.direct = spec.Operation == nil && spec.Op == file.OpPeers
	s.needsRoom, s.pool = spec.NeedsRoom(), s.newPool()
	s.keying = keyingOf(t.keyings, &spec.To)
	s.book.Expect, s.to = expectations[spec.Expect], s.fixedAudience()
	if spec.To.AlsoOwn {
		s.book.Also = &ledger.Book{Expect: s.book.Expect, Late: s.book.Late, Volatile: s.book.Volatile}
	}
	if spec.Replay != nil {
		s.bodies = t.opt.logs[spec.Replay.Path].Bodies && !spec.Binary
	}
	s.plan = s.schedule()
	s.packet()
	s.match = s.t.matcher(spec.Match, nil)
	s.series()
	return s
}

// schedule plans when the stream's operations are due.
func (s *stream) schedule() *plan.Schedule {
	sources := 1
	switch s.spec.Per {
	case "client":
		sources = s.group.spec.Count
	case "room":
		sources = s.group.spec.Rooms.Of
	}
	if s.spec.Replay != nil {
		sources = 0 // a replay says what is due
	}
	p := plan.NewSchedule(s.t.tl, s.t.spec.Seed, s.index, s.spec.Rate, sources, s.spec.Arrival == "poisson", s.spec.Scale)
	if s.spec.Arrival == "burst" {
		p.Burst(s.spec.Burst)
	}
	return p
}

// packet prepares the constant parts of every packet.
func (s *stream) packet() {
	s.stamped = s.spec.Size >= file.MinSize || s.book.Expect != ledger.ExpectNone || s.echoes || s.spec.ExpectsBack()
	s.fill = filling{group: s.group, event: s.spec.Event, size: s.spec.Size, binary: s.spec.Binary}
	if op := s.spec.Operation; op != nil {
		s.fill.text, s.fill.apart = true, op.Emit.Has(file.HoleStamp)
		s.stamped = s.book.Expect != ledger.ExpectNone || s.fill.apart || s.spec.ExpectsBack()
	}
	s.kind = "2"
	if s.spec.Binary {
		s.kind = "51-"
	}
	if spaces := s.group.spec.Spaces(); len(spaces) > 0 && s.group.frames == nil {
		s.head = headOf(s.kind, spaces[s.spec.Space])
	}
	form := s.template()
	s.expectIntact(form)
	if !form.IsZero() {
		s.custom = s.t.compile(form, s.group.spec.Captured)
		s.takesRows()
		return
	}
	event := socketio.AppendString(nil, s.spec.Event)
	switch s.spec.Op {
	case file.OpRoom:
		s.open = []byte(`["room",`)
		s.middle = append(append([]byte{','}, event...), ',')
	case file.OpAll:
		s.middle = append(append([]byte(`["all",`), event...), ',')
	default:
		s.middle = append(append([]byte{'['}, event...), ',')
	}
	s.middle = append(s.middle, stamp.Head...)
	s.tail = append(s.tail, `","p":"`...)
	if !s.sized() {
		s.tail = appendFiller(s.tail, s.spec.Size-file.MinSize)
	} else {
		s.filler, s.tail = s.tail, nil
	}
	s.tail = append(s.tail, `"}`...)
	switch {
	case s.spec.Volatile && s.spec.Op != file.OpEcho:
		s.tail = append(s.tail, fmt.Sprintf(`,%v,true`, s.book.Expect == ledger.ExpectOthers)...)
	case s.book.Expect == ledger.ExpectOthers && !s.direct:
		s.tail = append(s.tail, `,true`...)
	}
	s.tail = append(s.tail, ']')
}

var fillers = bytes.Repeat([]byte{'x'}, 1024)

// appendFiller pads a payload to its configured length.
func appendFiller(b []byte, n int) []byte {
	for ; n > len(fillers); n -= len(fillers) {
		b = append(b, fillers...)
	}
	return append(b, fillers[:max(n, 0)]...)
}

func (s *stream) series() {
	base := record.Series{Group: s.group.spec.Name, Op: s.spec.Op, Event: s.spec.Event, Volatile: s.spec.Volatile}
	one := func(name string, hidden bool) int {
		x := base
		x.Metric, x.Hidden = name, hidden
		return s.t.addSeries(x)
	}
	t := s.t
	for i, c := range t.kinds.classes {
		x := t.label(base, i)
		x.Metric, x.From = metric.Delivery, s.group.spec.Name
		for d := range record.Deciles {
			x.Decile = d
			s.local.add(t, x, s.reaches(c, d), c, "false")
			if t.several() {
				s.across.add(t, x, s.reaches(c, d), c, "true")
			}
		}
		if s.periodic() {
			s.between = append(s.between, s.betweenSeries(x, c))
		}
		ack, service, net := -1, -1, -1
		if c.group == s.group.index && s.spec.Ack > 0 {
			x.From, x.Decile = "", 0
			x.Metric = metric.Ack
			ack, net = t.addSeries(x), t.addSeries(netOf(x))
			x.Metric = metric.AckService
			service = t.addSeries(x)
		}
		s.ack, s.service, s.ackNet = append(s.ack, ack), append(s.service, service), append(s.ackNet, net)
	}
	s.lag = one(metric.Lag, false)
	for d := range record.Deciles {
		base.Decile = d
		for i, name := range []string{metric.FanoutFirst, metric.FanoutLast, metric.FanoutSpread} {
			s.fan[d][i] = -1
			if slices.ContainsFunc(t.kinds.classes, func(c class) bool { return s.reaches(c, d) }) {
				s.fan[d][i] = one(name, false)
			}
		}
	}
	base.Decile = 0
	s.points = one("curve", true)
	for range curvePoints - 1 {
		one("curve", true)
	}
}

// reaches reports whether a message of the stream may come to receivers of a class, in rooms of
// a decile.
func (s *stream) reaches(c class, decile int) bool {
	switch {
	case s.book.Expect == ledger.ExpectNone, !s.spec.Reaches(s.group.spec, s.t.groups[c.group].spec):
		return false
	case s.spec.To.Kind == file.ToRoom:
		return (s.group.rooms[0].Decile == 0) == (decile == 0)
	}
	return decile == 0
}

// curve records an arrival in the receiver curve when it completes a twentieth of the receivers, so
// each broadcast counts once at each point.
func (s *stream) curve(sh *record.Shard, phase int, rank, of uint32, latency time.Duration) {
	if rank == 1 {
		sh.Add(s.points, phase, latency)
	}
	if of == 0 || rank > of {
		return
	}
	const parts = curvePoints - 1
	for p := (rank-1)*parts/of + 1; p <= rank*parts/of; p++ {
		sh.Add(s.points+int(p), phase, latency)
	}
}

func (s *stream) next() (int64, bool) {
	o, ok := s.plan.Next()
	s.op = o
	return o.Due, ok
}

// fire sends the operation that is due. An operation whose client the plan has not
// called yet, or has sent away, is not offered; one whose client is away for a while is
// held or dropped (outbox.go); one whose client should be there and is not is dropped.
func (s *stream) fire(now int64) {
	s.t.sending.Lock()
	defer s.t.sending.Unlock()
	o := s.op
	a, is, offered := s.offer(&o)
	if !offered {
		return
	}
	switch {
	case is == missing, is == absent: // absent: a log has a message of a client that is not there
		s.recordLag(&o, now)
		s.drop(&o, metric.Error(metric.ErrSend, metric.HowUnconnected), nil)
		return
	case is == away, a.outbox != nil && a.outbox.flushing && s.holds():
		s.recordLag(&o, now)
		s.keep(a, &o)
		return
	}
	if s.spec.Volatile && a.conn.Busy() {
		s.recordLag(&o, now)
		// As in the official client: what cannot leave at once does not leave at all.
		s.drop(&o, metric.Error(metric.ErrVolatile, metric.HowSkipped), nil)
		return
	}
	if s.emit(a, &o, false) {
		if a.isGoing() {
			s.offered[o.Phase].Add(-1) // the plan has just sent it away
			return
		}
		s.keep(a, &o)
	}
}

// offer finds the client that an operation falls to, and counts the operation unless the plan has
// no client for it now.
func (s *stream) offer(o *plan.Op) (a *actor, is presence, offered bool) {
	a, is = s.sender(o)
	if is == atAnother || is == absent && o.Row == nil {
		return nil, is, false
	}
	s.offered[o.Phase].Add(1)
	return a, is, true
}

// skip drops the operation that is due: the phases are over.
func (s *stream) skip(now int64) {
	s.t.sending.Lock()
	defer s.t.sending.Unlock()
	o := s.op
	if _, _, offered := s.offer(&o); offered {
		s.recordLag(&o, now)
		s.drop(&o, metric.Error(metric.ErrSend, metric.HowLate), nil)
	}
}

// recordLag records how late the generator came to an operation, also to one that it could not
// send: a client whose connection broke while this process stood still shows nothing else of that.
func (s *stream) recordLag(o *plan.Op, now int64) {
	s.t.rec.Shard(uint32(s.group.first)).Add(s.lag, o.Phase, time.Duration(now-o.Due))
}

// holds reports whether the stream holds operations that are due while its sender is away.
func (s *stream) holds() bool { return !s.spec.Volatile && s.spec.Away != file.AwayDrop }

// emit sends an operation for a client that is held. It reports whether that failed since the
// connection has just ended and the client connects again; every other failure is counted. waited
// says that the operation was held.
func (s *stream) emit(a *actor, o *plan.Op, waited bool) (lost bool) {
	room := s.room(a, o)
	var peer *actor
	if s.spec.Peer != nil {
		if peer = s.peer(a, o); peer == nil {
			s.drop(o, metric.Error(metric.ErrSend, metric.HowPeer), nil)
			return false
		}
		s.meet(peer)
	}
	to := s.audience(a, room, peer)
	enter := s.t.ledger.Emit
	if waited {
		enter = s.t.ledger.EmitHeld
	}
	slot, seq := enter(s.book, a.Receiver, to, o.Due, o.Phase)
	var own *ledger.Slot // for those with the sender's own key
	if s.book.Also != nil {
		own, _ = enter(s.book.Also, a.Receiver, a.keyed[s.keying], o.Due, o.Phase)
	}
	id, waits := uint64(0), s.spec.Ack > 0
	now, lag := s.t.now(), int64(0)
	if !waited { // how long its sender was away is not the generator's doing
		lag = now - o.Due
	}
	slot.SetLag(lag) // its receivers may be faster than the return from sending it
	own.SetLag(lag)
	if waits {
		id = a.calls.open(pendingCall{due: o.Due, sent: now, lag: lag, stream: int32(s.index), phase: int32(o.Phase), seq: seq})
		s.t.count.calls.Add(1)
	}
	err := s.send(a, s.build(a, o, id, room, seq), o, seq)
	if !waited {
		sent := s.t.now()
		slot.SetLag(sent - o.Due)
		own.SetLag(sent - o.Due)
		s.recordLag(o, sent)
	}
	if err == nil {
		slot.Written()
		own.Written()
		s.sent[o.Phase].Add(1)
		return false
	}
	// Nothing was written, so no receiver is owed the message.
	slot.Cancel()
	own.Cancel()
	if waits {
		if _, was := a.calls.answer(id); was == callOpen {
			s.t.count.calls.Add(-1)
		}
	}
	how := metric.HowOther
	switch {
	case errors.Is(err, client.ErrBackpressure):
		how = metric.HowBackpressure
	case errors.Is(err, client.ErrClosed):
		if a.outbox != nil || !waited && a.isGoing() {
			return true
		}
		how = metric.HowUnconnected
	}
	s.drop(o, metric.Error(metric.ErrSend, how), err)
	return false
}

// build writes the packet into the stream's buffer.
func (s *stream) build(a *actor, o *plan.Op, id uint64, room int, seq uint32) []byte {
	b := s.buf[:0]
	if s.group.own != nil && s.spec.Space == 0 {
		b = append(append(b, s.kind...), a.head[1:]...)
	} else {
		b = append(b, s.head...)
	}
	if s.spec.Ack > 0 {
		b = s.group.appendCall(b, id, &s.fill)
	}
	if s.custom != nil {
		s.buf = s.compose(b, a, o, room, seq)
		return s.buf
	}
	b = append(b, s.open...)
	if s.spec.Op == file.OpRoom {
		b = socketio.AppendString(b, s.group.roomName(room))
	}
	b = append(b, s.middle...)
	st := stamp.Stamp{Run: s.t.id, Stream: uint16(s.index), Sender: a.id, Seq: seq, Due: o.Due}
	var text [stamp.TextSize]byte
	st.Put(text[:])
	b = append(b, text[:]...)
	if s.filler != nil {
		b = append(b, s.filler...)
		b = appendFiller(b, s.sizeOf(o)-file.MinSize)
	}
	b = append(b, s.tail...)
	s.buf = b
	return b
}

// sender finds the client that an operation falls to, and what may be asked of it. There is none
// when it is absent or missing.
func (s *stream) sender(o *plan.Op) (*actor, presence) {
	g := s.group
	switch s.spec.Per {
	case "client":
		if !g.has(int(o.Source)) {
			return nil, atAnother
		}
		a := g.actors[o.Source].Load()
		if a == nil {
			return nil, absent
		}
		return a, a.presence()
	case "room":
		return g.pick(s.startOf(o), g.inRoom(int(o.Source)))
	}
	return g.pick(s.startOf(o), nil)
}

// startOf is the place among the clients of a room or of the group at which the search for the
// sender of an operation begins.
func (s *stream) startOf(o *plan.Op) uint64 {
	if s.spec.Per == "room" {
		return plan.Draw(s.t.spec.Seed, plan.ForSender, uint64(s.index), o.N, 0)
	}
	return o.N
}

// room is the room that an operation of a client goes to.
func (s *stream) room(a *actor, o *plan.Op) int {
	switch {
	case o.Row != nil && o.Row.Room >= 0:
		return o.Row.Room
	case s.spec.Per == "room":
		return int(o.Source)
	case s.needsRoom:
		return a.room(plan.Draw(s.t.spec.Seed, plan.ForRoom, uint64(s.index)<<32|uint64(a.index), o.N, 0))
	}
	return 0
}
