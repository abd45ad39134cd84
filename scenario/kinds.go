package scenario

import (
	"fmt"
	"slices"

	"github.com/throng-io/throng/scenario/internal/ledger"
	"github.com/throng-io/throng/scenario/internal/record"
)

// kinds are the kinds of clients and messages that a trial measures apart.
type kinds struct {
	transports []string
	classes    []class // of receivers
	series     []record.Series
	audiences  map[string]*ledger.Audience
}

// A class is a kind of receiver, with an account of its own in the ledger and in checks.
type class struct {
	group     int
	transport int // of the trial's
	slow      bool
	node      int // of the targets the one that it is connected to
}

// label gives a series the labels of a kind of client.
func (t *trial) label(s record.Series, class int) record.Series {
	c := &t.kinds.classes[class]
	g := t.groups[c.group]
	s.Group, s.Transport = g.spec.Name, t.kinds.transports[c.transport]
	s.Slow, s.AllSlow = c.slow, g.slowShare() == 1
	if t.several() {
		s.Node = c.node + 1
	}
	return s
}

// addSeries makes a series, and returns its place.
func (t *trial) addSeries(s record.Series) int {
	t.kinds.series = append(t.kinds.series, s)
	return len(t.kinds.series) - 1
}

// indexIn returns where x stands in a list, to which it is added if need be.
func indexIn[T comparable](list *[]T, x T) int {
	i := slices.Index(*list, x)
	if i < 0 {
		i = len(*list)
		*list = append(*list, x)
	}
	return i
}

// audience returns the audience of a room, or of the whole namespace when room is -1.
func (t *trial) audience(namespace, prefix string, room int) *ledger.Audience {
	key := namespace
	if room >= 0 {
		key = fmt.Sprintf("%s\x00%s%d", namespace, prefix, room)
	}
	a := t.kinds.audiences[key]
	if a == nil {
		a = &ledger.Audience{Room: room}
		t.kinds.audiences[key] = a
	}
	return a
}
