package scenario

import (
	"strconv"
	"strings"
	"time"

	"github.com/throng-io/throng/scenario/client"
	"github.com/throng-io/throng/scenario/file"
	"github.com/throng-io/throng/scenario/internal/ledger"
	"github.com/throng-io/throng/scenario/internal/plan"
	"github.com/throng-io/throng/scenario/internal/stamp"
)

// ofFleet configures the ledger of an agent; nil: the ledger is of one process, or a controller's,
// which has no messages.
func (t *trial) ofFleet() *ledger.Fleet {
	s := t.opt.role
	if s == nil || s.link == nil {
		return nil
	}
	var owners, groups []uint16 // by client of the trial
	for i, g := range t.groups {
		for c := range g.spec.Count {
			owners, groups = append(owners, uint16(t.share.Owner(i, c))), append(groups, uint16(i))
		}
		if g.rooms != nil {
			g.inRoom(0) // which the iterators of plannedOf read
		}
	}
	names := map[*ledger.Audience]string{}
	for name, a := range t.kinds.audiences {
		names[a] = name
	}
	return &ledger.Fleet{
		Self: s.link.Self(), Of: len(s.link.Agents()),
		Owner: func(sender uint32) int {
			if int(sender) >= len(owners) {
				return -1
			}
			return int(owners[sender])
		},
		Bound: func() int64 { return int64(s.link.Bound()) },
		Delivered: func(d *ledger.Delivery) {
			t.turn(d.Read)
			d.By.(*actor).delivered(&d.Stamp, d.Kind, d.Slot, d.Rank, read{d.At, d.Read, d.Until != 0})
		},
		Refer: func(a *ledger.Audience) string {
			if name, room := names[a]; room {
				return name
			}
			return t.keyedName(a)
		},
		Find: t.audienceNamed,
		Node: func(sender uint32) int {
			if int(sender) >= len(groups) {
				return 0
			}
			g := t.groups[groups[sender]]
			return t.firstNode(g, int(sender)-g.first)
		},
		Plan: func(stream, agent int) func() (ledger.Planned, bool) { return t.streams[stream].plannedOf(agent) },
	}
}

// oneWay is a time from a sender to a receiver. On a fleet of several clocks it may come out below
// 0 by as much as their error: it is no less than 0.
func (t *trial) oneWay(d int64) time.Duration {
	if s := t.opt.role; d < 0 && s != nil && s.link != nil && -d <= int64(s.link.Bound()) {
		return 0
	}
	return time.Duration(d)
}

// keyMark begins the names of audiences by key.
const keyMark = "key\x00"

// keyedName is the name of an audience by key.
func (t *trial) keyedName(a *ledger.Audience) string {
	for i, k := range t.keyings {
		if key, known := k.keyOf(a); known {
			return keyMark + strconv.Itoa(i) + "\x00" + key
		}
	}
	return ""
}

// audienceNamed is the audience of a name; nil: there is none.
func (t *trial) audienceNamed(name string) *ledger.Audience {
	rest, keyed := strings.CutPrefix(name, keyMark)
	if !keyed {
		return t.kinds.audiences[name]
	}
	number, key, _ := strings.Cut(rest, "\x00")
	i, err := strconv.Atoi(number)
	if err != nil || i < 0 || i >= len(t.keyings) {
		return nil
	}
	return t.keyings[i].audience(key)
}

// plannedOf iterates over the messages that an agent's clients are to send of the stream, if all of
// them are there; nil: a log says which. It shares nothing with the stream's own schedule.
func (s *stream) plannedOf(agent int) func() (ledger.Planned, bool) {
	if s.spec.Replay != nil {
		return nil
	}
	g, ops := s.group, s.schedule()
	one := s.spec.To.Kind == file.ToRoom && g.moves == nil
	return func() (p ledger.Planned, ok bool) {
		for {
			o, ok := ops.Next()
			if !ok {
				return p, false
			}
			client := s.falls(&o)
			if client < 0 || g.t.share.Owner(g.index, client) != agent {
				continue
			}
			p = ledger.Planned{Sender: uint32(g.first + client), Due: o.Due, Phase: o.Phase, To: s.to}
			switch {
			case one && s.spec.Per == "room":
				p.To = g.rooms[o.Source]
			case one:
				if rooms := g.rooming(client); len(rooms) == 1 {
					p.To = g.rooms[rooms[0]]
				}
			}
			return p, true
		}
	}
}

// falls is the client that an operation falls to when all are there; -1: the room has none.
func (s *stream) falls(o *plan.Op) int {
	g := s.group
	switch s.spec.Per {
	case "client":
		return int(o.Source)
	case "room":
		some := g.inRoom(int(o.Source))
		if len(some) == 0 {
			return -1
		}
		return int(some[s.startOf(o)%uint64(len(some))])
	}
	if g.spec.Count == 0 {
		return -1
	}
	return int(s.startOf(o) % uint64(g.spec.Count))
}

// A read is when a message reached the client's socket, when it was read, both since the trial's
// start, and whether the system told the first.
type read struct {
	at, read int64
	timed    bool
}

// receive takes in one of the runner's own messages.
func (a *actor) receive(m *client.Message, st *stamp.Stamp) {
	t := a.t
	x := read{a.came(m, st.Due+t.ledger.Lag(st)), t.moment(m.At), m.Until != 0}
	if t.share == nil {
		kind, s, rank := t.ledger.Receive(a.Receiver, st, x.at)
		a.delivered(st, kind, s, rank, x)
		return
	}
	d := ledger.Delivery{To: a.Receiver, Stamp: *st, By: a, At: x.at, Read: x.read}
	if x.timed {
		d.From, d.Until = t.moment(m.From), t.moment(m.Until)
	}
	t.ledger.Defer(&d)
}
