package scenario

// A class is a kind of receiver: what the ledger and the labels of checks tell apart.
type class struct {
	group     int
	transport int // of the trial's
	slow      bool
}

// label gives a series the labels of a kind of client.
func (t *trial) label(s series, class int) series {
	c := &t.classes[class]
	g := t.groups[c.group]
	s.group, s.transport = g.spec.Name, t.transports[c.transport]
	s.slow, s.allSlow = c.slow, g.slowShare() == 1
	return s
}
