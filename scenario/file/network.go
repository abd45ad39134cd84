package file

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Network is what a link between clients and target does. Where it carries bytes, delays and rates
// are of each direction of each connection; where it carries packets, of each direction of each
// client.
type Network struct {
	Up, Down Line // from the clients, and to them; both the same where the link carries bytes
	// only a link that carries packets can do what is written, here or in another combination of
	// the matrix: that one is then between clients and targets for the whole run
	Packets bool

	// Of faults only.
	Reset float64 // share of the connections that are reset, at both ends
	// share of the connections of which neither end hears anything until the phase ends, when they
	// are closed
	HalfOpen float64
	// every connection is reset, and new ones are refused until the phase ends
	Cut    bool
	Outage time.Duration // how long each client has no network; 0: it keeps it
	Move   float64       // share of the clients that get another address, after their outage
	// over which resets and the beginnings of half-open connections, outages and moves are spread;
	// default 0
	Within time.Duration
	Alone  bool // only the link to Node is meant; else the links to all targets
	Node   int  // with Alone: a place among the targets, from 0
}

// Line is one direction of a link.
type Line struct {
	Delay   time.Duration // of all data, whole milliseconds
	Jitter  time.Duration // the delay varies by so much either way, whole milliseconds
	Loss    float64       // share of the packets that are lost
	Reorder float64       // share of the packets that are not delayed, and overtake others
	Rate    int           // bytes per second at most, a multiple of RateStep; 0: no limit
	Queue   int           // bytes that may wait for the rate, more are dropped; 0: the link's default
}

// RateStep is the resolution of rates of a link in bytes per second.
const RateStep = 1000

// lineFields are the keys of a line. lines are those that a key sets, and packets is where it is
// noted that only packets can do it.
func lineFields[T any](lines func(t *T) []*Line, packets func(t *T)) []field[T] {
	each := func(t *T, set func(l *Line)) {
		for _, l := range lines(t) {
			set(l)
		}
	}
	return []field[T]{
		{key: "delay", about: "of all data in each direction, whole milliseconds", is: aDuration, set: func(d *decoder, n *node, t *T) {
			v := d.milliseconds(n, "delay")
			each(t, func(l *Line) { l.Delay = v })
		}},
		{key: "jitter", about: "the delay varies by as much either way, whole milliseconds; the order is kept, so busy connections are delayed by more on average", is: aDuration, set: func(d *decoder, n *node, t *T) {
			v := d.milliseconds(n, "jitter")
			each(t, func(l *Line) { l.Jitter = v })
		}},
		{key: "loss", about: "share of the packets that are lost. This key, like reorder, queue, up, down, outage and move, needs a link of packets: Linux, and root or a user namespace", is: aShare, set: func(d *decoder, n *node, t *T) {
			packets(t)
			v := d.share(n, "loss")
			each(t, func(l *Line) { l.Loss = v })
		}},
		{key: "reorder", about: "share of the packets that are not delayed, and so overtake others", is: aShare, set: func(d *decoder, n *node, t *T) {
			packets(t)
			v := d.share(n, "reorder")
			each(t, func(l *Line) { l.Reorder = v })
		}},
		{key: "rate", about: "bytes per second at most, whole kB/s, of each direction: of each client where the link carries packets, else of each connection", is: aReadRate, set: func(d *decoder, n *node, t *T) {
			v := d.lineRate(n)
			each(t, func(l *Line) { l.Rate = v })
		}},
		{key: "queue", about: "bytes that may wait for the rate, of each client and direction; packets beyond are dropped; default 64kB", is: aSize, set: func(d *decoder, n *node, t *T) {
			packets(t)
			v := d.size(n, minQueue, maxQueue)
			each(t, func(l *Line) { l.Queue = v })
		}},
	}
}

// Limits of a queue: room for a packet, and what a second of 100 MB/s takes.
const (
	minQueue = 1500
	maxQueue = 100_000_000
)

func (d *decoder) lineRate(n *node) int {
	return int(read(d, n, "the rate", parseBytesRate, func(v float64) *flaw {
		switch whole := max(1, int(v/RateStep)); {
		case v < RateStep || v > 1<<30:
			return &flaw{"a rate of " + FormatSize(v) + "/s is out of range", "write 1kB/s to 1GB/s"}
		case v != float64(whole)*RateStep:
			return &flaw{fmt.Sprintf("the rate %s/s is not a whole number of kB/s", FormatSize(v)), fmt.Sprintf("write %dkB/s", whole)}
		}
		return nil
	}))
}

var lineTable = object[Line]{
	what: "one direction of the network",
	def:  "network_line", about: "What differs in this direction.",
	fields: lineFields(func(l *Line) []*Line { return []*Line{l} }, func(*Line) {}),
}

// networkFields are the keys of every network, before some more. The directions are read at the
// end: they take the place of what is said of both.
func networkFields(more ...field[Network]) []field[Network] {
	later := func(*decoder, *node, *Network) {}
	both := func(w *Network) []*Line { return []*Line{&w.Up, &w.Down} }
	return slices.Concat(lineFields(both, func(w *Network) { w.Packets = true }), []field[Network]{
		{key: "up", about: "what differs from the clients to the target", is: ref("network_line"), set: later},
		{key: "down", about: "what differs from the target to the clients", is: ref("network_line"), set: later},
	}, more)
}

var networkAdvice = map[string]string{
	"latency": "did you mean `delay`?", "bandwidth": "did you mean `rate`?", "down": "did you mean `cut`?", "drop": "did you mean `loss`?", "corrupt": "a checksum finds it: write loss",
}

// conditionTable is the network of a scenario or of a phase, without a fault.
var conditionTable = object[Network]{
	what: "network",
	def:  "network_condition", about: "The network between clients and targets, through a link that delays and loses what it carries. What a phase leaves out is as for the whole run.",
	shape:  form{"minProperties": 1},
	advice: networkAdvice,
	fields: networkFields(),
	done: func(d *decoder, n *node, w *Network) {
		if len(n.keys) == 0 {
			d.errs.add(n.at, "the network is empty", "write delay: 50ms, loss: 1% or rate: 100kB/s, or remove the key")
		}
		finishLines(d, n, w)
	},
}

var networkTable = object[Network]{
	what: "network",
	def:  "network", about: "What a link between clients and target does until the phase ends. All connections go through it in all phases of such a scenario. What is left out is as in the phase's network.",
	shape:  form{"minProperties": 1},
	advice: networkAdvice,
	fields: networkFields(
		field[Network]{key: "reset", about: "share of the connections that are reset", is: aShare, set: func(d *decoder, n *node, w *Network) { w.Reset = d.share(n, "reset") }},
		field[Network]{key: "half_open", about: "share of the connections that carry no data in either direction until the phase ends, and are closed then", is: aShare, set: func(d *decoder, n *node, w *Network) { w.HalfOpen = d.share(n, "half_open") }},
		field[Network]{key: "cut", about: "reset every connection, and refuse new ones until the phase ends", is: aBool, set: func(d *decoder, n *node, w *Network) { w.Cut = d.bool(n, "cut") }},
		field[Network]{key: "outage", about: "how long each client has no network: nothing passes, and neither side learns of it", is: aDuration, set: func(d *decoder, n *node, w *Network) {
			w.Packets, w.Outage = true, d.duration(n, "outage", time.Millisecond, maxPhase)
		}},
		field[Network]{key: "move", about: "share of the clients that get another address, at the end of their outage if they have one. The target resets their TCP connections when they send; QUIC may go on", is: aShare, set: func(d *decoder, n *node, w *Network) {
			w.Packets, w.Move = true, d.share(n, "move")
		}},
		field[Network]{key: "node", about: "index of the target, from 0, whose link is affected; default: all links", is: aCount, set: func(d *decoder, n *node, w *Network) {
			w.Alone, w.Node = true, d.count(n, "node", 0, maxTargets-1)
		}},
	),
	done: func(d *decoder, n *node, w *Network) {
		finishLines(d, n, w)
		aside := []string{"jitter", "node"} // which do nothing by themselves
		switch {
		case !slices.ContainsFunc(n.keys, func(e entry) bool { return !slices.Contains(aside, e.key) }):
			d.errs.add(n.at, "the link would do nothing", "write delay: 100ms, loss: 1%, rate: 100kB/s, reset: 5%, half_open: 5%, outage: 3s, move: 50% or cut: true")
		case w.Cut && len(n.keys) > 1 && (!w.Alone || len(n.keys) > 2):
			d.errs.add(at(n, "cut"), "a link that is cut has nothing else", "remove the other keys")
		case w.Reset+w.HalfOpen > 1:
			d.errs.add(at(n, "reset"), "reset and half_open go over 100% together", "lower one")
		case w.Alone && (w.Outage > 0 || w.Move > 0):
			d.errs.add(at(n, "node"), "outages and moves are of clients, not of the link to one target", "remove node, or outage and move")
		}
	},
}

// network reads an object of one of both tables, which says what differs from a base; nil: there is
// none.
func (d *decoder) network(n *node, table *object[Network], base *Network) *Network {
	w := &Network{}
	if base != nil {
		w.Up, w.Down, w.Packets = base.Up, base.Down, base.Packets
	}
	table.decode(d, n, w)
	return w
}

// finishLines reads what differs by direction, and refuses lines that cannot be.
func finishLines(d *decoder, n *node, w *Network) {
	for _, way := range []struct {
		key  string
		line *Line
	}{{"up", &w.Up}, {"down", &w.Down}} {
		own := n.get(way.key)
		if own != nil {
			w.Packets = true
			lineTable.decode(d, own, way.line)
		}
		if d.impossible(n, own, way.line) {
			return // both directions would say the same
		}
	}
}

// impossible notes what cannot be of a line, which is written in the network and in an object of
// its own, if that is not nil. Where neither says it, it is a mistake of the network that this one
// starts from, and a delay that could not be read is one already.
func (d *decoder) impossible(n, own *node, l *Line) bool {
	written := func(keys ...string) (is place, any bool) {
		for _, key := range keys {
			for _, from := range []*node{own, n} {
				if from.get(key) != nil {
					return at(from, key), true
				}
			}
		}
		return is, false
	}
	known := l.Delay > 0 || !unread(own.get("delay")) && !unread(n.get("delay"))
	if where, here := written("jitter", "delay"); here && known && l.Jitter > l.Delay {
		d.errs.add(where, fmt.Sprintf("a jitter of %s makes a delay of %s negative", formatDuration(l.Jitter), formatDuration(l.Delay)), "raise delay, or lower jitter")
		return true
	}
	if where, here := written("reorder", "delay"); here && known && l.Reorder > 0 && l.Delay == 0 {
		d.errs.add(where, "packets overtake others that are delayed, and none are", "add delay: 20ms, or remove reorder")
		return true
	}
	if where, here := written("queue"); here && l.Queue > 0 && l.Rate == 0 && n.get("rate") == nil {
		d.errs.add(where, "nothing waits where there is no rate", "add rate: 100kB/s, or remove queue")
		return true
	}
	return false
}

// unread reports whether a time is written that could not be read.
func unread(n *node) bool {
	if n == nil {
		return false
	}
	v, wrong := parseDuration(n.text)
	return wrong != nil || v != 0
}

// milliseconds reads a time in whole milliseconds.
func (d *decoder) milliseconds(n *node, what string) time.Duration {
	return read(d, n, what, parseDuration, func(v time.Duration) *flaw {
		switch {
		case v < 0 || v > time.Minute:
			return &flaw{fmt.Sprintf("%s is out of range: %s", what, formatDuration(v)), "write 1ms to 1m"}
		case v%time.Millisecond != 0:
			return &flaw{fmt.Sprintf("the time %s is not a whole number of milliseconds", formatDuration(v)), "write " + formatDuration(max(time.Millisecond, v.Round(time.Millisecond)))}
		}
		return nil
	})
}

// checkNetwork refuses networks that cannot be.
func (d *decoder) checkNetwork(root *node, s *Spec) {
	if !s.Linked() {
		return
	}
	where := at(root, "network")
	for i, p := range s.Phases {
		if p.Network != nil && p.Network != s.Network {
			where = at(root.get("phases").items[i], "network")
		}
		if p.Fault == nil || p.Fault.Network == nil {
			continue
		}
		where = at(root.get("phases").items[i], "fault")
		switch w := p.Fault.Network; {
		case w.Node >= s.Nodes():
			d.errs.add(where, fmt.Sprintf("there is no target %d", w.Node), fmt.Sprintf("the targets are 0 to %d", s.Nodes()-1))
		case (w.Reset+w.HalfOpen > 0 || w.Cut) && s.WebTransport():
			d.errs.add(where, "a network resets connections of TCP alone, and there are clients over WebTransport", "write outage: 10s in the place of cut; in that of reset and half_open write drop: 5% and half_open: 5% of the fault, without network")
		}
	}
	if s.Target != nil && slices.ContainsFunc(s.Target.URLs(), func(u string) bool { return strings.HasPrefix(u, "unix:") }) {
		d.errs.add(where, "a link to the target needs a TCP connection, and the target is a unix socket", "give the target a TCP address, or use drop: or half_open: of the fault")
	}
	if !s.Packets() {
		return
	}
	all := 0
	for _, g := range s.Groups {
		all += g.Count
		if len(g.Connect.From) > 0 {
			d.errs.add(at(root.get("groups").get(g.Name).get("connect"), "from"), "on a link of packets each client has an address of its own", "remove from, or what makes it one: loss, reorder, queue, up, down, outage and move of the network, and clients over WebTransport")
		}
	}
	if all > maxOnLink {
		d.errs.add(where, fmt.Sprintf("a link of packets has addresses for %s clients, and the groups have %s", formatCount(maxOnLink), formatCount(all)), "lower the count of the groups")
	}
}

// maxOnLink is how many clients can be on a link of packets.
const maxOnLink = 65_000

// NetworkIn is the network of a phase; nil: there is none, or nothing is said of it there.
func (s *Spec) NetworkIn(phase int) *Network {
	if phase >= 0 && phase < len(s.Phases) {
		switch p := &s.Phases[phase]; {
		case p.Fault != nil && p.Fault.Network != nil:
			return p.Fault.Network
		case p.Network != nil:
			return p.Network
		}
	}
	return s.Network
}

// networks lists all networks of the scenario.
func (s *Spec) networks() (all []*Network) {
	if s.Network != nil {
		all = append(all, s.Network)
	}
	for i := range s.Phases {
		if w := s.NetworkIn(i); w != nil && w != s.Network {
			all = append(all, w)
		}
	}
	return all
}

// Linked reports whether something is said of the network between clients and targets: then the
// connections of all phases go through a link.
func (s *Spec) Linked() bool { return len(s.networks()) > 0 }

// Packets reports whether that link carries packets, and not the bytes of connections: something is
// said that needs it, or clients use UDP.
func (s *Spec) Packets() bool {
	all := s.networks()
	return slices.ContainsFunc(all, func(w *Network) bool { return w.Packets }) || len(all) > 0 && s.WebTransport()
}

// alikeLinks makes the links of all combinations of a matrix carry packets if one of them does: the
// two kinds delay other things, so that latencies of one say nothing about those of the other.
func alikeLinks(specs []*Spec) {
	if !slices.ContainsFunc(specs, (*Spec).Packets) {
		return
	}
	for _, s := range specs {
		if all := s.networks(); len(all) > 0 && !s.Packets() {
			all[0].Packets = true
		}
	}
}
