package scenario

import "github.com/throng-io/throng/scenario/internal/record"

// A class is a kind of receiver: what the ledger and the labels of checks tell apart.
type class struct {
	group     int
	transport int // of the trial's
	slow      bool
}

// label gives a series the labels of a kind of client.
func (t *trial) label(s record.Series, class int) record.Series {
	c := &t.classes[class]
	g := t.groups[c.group]
	s.Group, s.Transport = g.spec.Name, t.transports[c.transport]
	s.Slow, s.AllSlow = c.slow, g.slowShare() == 1
	return s
}
