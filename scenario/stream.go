package scenario

import (
	"bytes"
	"slices"
	"sync/atomic"
	"time"

	"github.com/throng-io/throng/protocol/socketio"
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
	deliver   string  // the event by which its messages come; "": any
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
	s.deliver = s.delivery()
	s.book.Direct = s.direct
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
	s.match = s.t.matcher(spec.Match, s.group.spec.Captured)
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
	s.tail = append(append(s.tail, s.flags()...), ']')
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
