package scenario

import (
	"maps"
	"slices"

	"github.com/throng-io/throng/scenario/file"
	"github.com/throng-io/throng/scenario/internal/ledger"
	"github.com/throng-io/throng/scenario/internal/stamp"
	"github.com/throng-io/throng/scenario/metric"
)

// expectations are the words of scenario files for what the ledger expects.
var expectations = map[string]ledger.Expectation{
	"none": ledger.ExpectNone, "self": ledger.ExpectSelf, "all": ledger.ExpectAll, "others": ledger.ExpectOthers,
}

// operation names the operation in a message.
func (s *stream) operation() string { return "`" + s.spec.Op + "`" }

// audience returns the receivers of a client's message, which goes to a room or a peer where the
// stream needs one; nil: the sender alone, or nobody.
func (s *stream) audience(a *actor, room int, peer *actor) *ledger.Audience {
	switch {
	case s.spec.To.Kind == file.ToRoom:
		return s.group.rooms[room]
	case s.to != nil || s.keying < 0:
		return s.to
	case s.spec.To.Own:
		return a.keyed[s.keying]
	}
	return peer.keyed[s.keying]
}

// fixedAudience returns the receivers of every message of the stream, where they are the same; nil:
// they differ, or they are the sender, or nobody.
func (s *stream) fixedAudience() *ledger.Audience {
	switch s.spec.To.Kind {
	case file.ToAll:
		return s.t.audience(s.spec.To.Namespace, "", -1)
	case file.ToGroup:
		return s.t.keyings[s.keying].audience("")
	}
	return nil
}

// A stampFinders says where the stamps are in the events that a server sends. It does not change,
// so goroutines may share it.
type stampFinders struct {
	named map[string][]stamp.Finder // by event that an operation of the contract delivers
	other []stamp.Finder            // of all other events; none: they bring no deliveries
}

// newStampFinders prepares finders like one that looks everywhere.
func newStampFinders(c *file.Contract, anywhere stamp.Finder) stampFinders {
	h := stampFinders{named: map[string][]stamp.Finder{}}
	if c == nil || len(c.Operations) == 0 {
		h.other = []stamp.Finder{anywhere}
		return h
	}
	add := func(list []stamp.Finder, op *file.Operation) []stamp.Finder {
		f := anywhere
		f.At = op.Place()
		for i := range list {
			switch {
			case list[i].At == nil, f.At != nil && list[i].At.Text == f.At.Text:
				return list
			case f.At == nil: // each stamp is found once
				return []stamp.Finder{f}
			}
		}
		return append(list, f)
	}
	for i := range c.Operations {
		if op := &c.Operations[i]; op.Deliver == "" && op.Carries() {
			h.other = add(h.other, op)
		}
	}
	for i := range c.Operations {
		if op := &c.Operations[i]; op.Deliver != "" && op.Carries() {
			list, known := h.named[op.Deliver]
			if !known {
				list = slices.Clip(h.other)
			}
			h.named[op.Deliver] = add(list, op)
		}
	}
	return h
}

// of returns the finders for an event.
func (h *stampFinders) of(event []byte) []stamp.Finder {
	if list, known := h.named[string(event)]; known {
		return list
	}
	return h.other
}

// delivers reports whether an event is the one by which the message of a stamp is delivered.
func (t *trial) delivers(st *stamp.Stamp, event []byte) bool {
	if int(st.Stream) >= len(t.streams) {
		return true // the ledger knows no such stream
	}
	name := t.streams[st.Stream].deliver
	return name == "" || name == string(event)
}

// delivery is the event by which messages of the stream are delivered: the contract names it, and
// room and all ask the server for it. "": any.
func (s *stream) delivery() string {
	switch {
	case s.spec.Operation != nil:
		return s.spec.Operation.Deliver
	case s.group.frames == nil && (s.spec.Op == file.OpRoom || s.spec.Op == file.OpAll):
		return s.spec.Event
	}
	return ""
}

// isFor reports whether the message of a stamp is for clients in a namespace of a group.
func (t *trial) isFor(st *stamp.Stamp, g *group, space int) bool {
	if int(st.Stream) >= len(t.streams) || space >= len(g.names) {
		return true // the ledger knows no such stream, or it is bare Engine.IO
	}
	s := t.streams[st.Stream]
	return s.book.Expect == ledger.ExpectNone || s.spec.To.Namespace == g.names[space]
}

// unstampedEvents counts the events without a stamp among those by which the contract says that
// messages are delivered.
func (t *trial) unstampedEvents() (out map[string]int64) {
	if t.spec.Contract == nil {
		return nil
	}
	heard := t.unstamped.counts()
	for i := range t.spec.Contract.Operations {
		name := t.spec.Contract.Operations[i].Deliver
		if n := heard[name]; name != "" && n > 0 {
			if out == nil {
				out = map[string]int64{}
			}
			out[name] = n
		}
	}
	return out
}

// unstamped names the declared events that came without a stamp and, where deliveries are missing,
// those that came most often of the others: messages may be in them.
func (f *findings) unstamped(say func(format string, args ...any)) {
	for _, name := range slices.Sorted(maps.Keys(f.cell.Unstamped)) {
		say("%s `%s` events arrived without a stamp: they are not in the ledger", metric.FormatCount(f.cell.Unstamped[name]), name)
	}
	if f.t.contract == nil || f.cell.Ledger.Lost == 0 {
		return
	}
	others := f.t.instead(f.t.unstamped.counts(), &file.Operation{})
	for range 3 {
		name, n := most(others)
		if name == "" {
			return
		}
		say("%s `%s` events arrived, which no operation of the contract names: messages that come so are lost", metric.FormatCount(n), name)
		delete(others, name)
	}
}
