package scenario

import (
	"fmt"
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/throng-io/throng/scenario/file"
	"github.com/throng-io/throng/scenario/internal/ledger"
	"github.com/throng-io/throng/scenario/internal/plan"
	"github.com/throng-io/throng/scenario/internal/record"
	"github.com/throng-io/throng/scenario/metric"
	"github.com/throng-io/throng/scenario/result"
)

// A node is one of the targets of a trial.
type node struct {
	held      atomic.Int64 // clients now
	connected atomic.Int64 // connections that came about
}

// several reports whether the trial has more targets than one.
func (t *trial) several() bool { return len(t.server.urls) > 1 }

// heldByNode is how many clients each target holds.
func (t *trial) heldByNode() []int64 {
	held := make([]int64, len(t.nodes))
	for i := range t.nodes {
		held[i] = t.nodes[i].held.Load()
	}
	return held
}

// firstNode is the target that a client connects to at first.
func (t *trial) firstNode(g *group, number int) int {
	n := len(t.server.urls)
	switch {
	case n < 2 || t.spec.Spread() == file.SpreadFirst:
		return 0
	case t.spec.Spread() == file.SpreadByGroup:
		return g.index % n
	}
	return plan.NodeOf(t.spec.Seed, g.index, number, n)
}

// nextNode is the target that a client's next attempt goes to: its own after a connection that came
// about, and the one after it when it could not be reached.
func (a *actor) nextNode() int {
	if state(a.state.Load()) == connecting {
		return (a.node + 1) % len(a.t.server.urls)
	}
	return a.node
}

// way is the series of a message that has come to a client: of its own target, or across.
func (s *stream) way(a *actor, slot *ledger.Slot) *arrivals {
	if slot.From.Node != a.Node {
		return &s.across
	}
	return &s.local
}

// A nodeError is an error of one target.
type nodeError struct {
	url string
	error
}

func (e *nodeError) Unwrap() error { return e.error }

// nodes fills in what is known of each target, and of the deliveries between them.
func (f *findings) nodes() {
	t := f.t
	if !t.several() {
		return
	}
	n := &result.Nodes{}
	held := f.c.nodesHeld()
	for i, url := range t.server.urls {
		n.List = append(n.List, result.Node{URL: url, Held: held[i], Connected: t.nodes[i].connected.Load()})
		n.List[i].Delivery = f.latency(metric.Delivery, map[string]string{metric.LabelNode: strconv.Itoa(i)})
	}
	pairs := make([]result.NodePair, len(n.List)*len(n.List))
	for i := range pairs {
		pairs[i].From, pairs[i].To = i/len(n.List), i%len(n.List)
	}
	f.e.EachRow(func(x *record.Series, r *ledger.Row) {
		if r.Class == ledger.Everybody || x.Node == 0 || !f.e.Recorded(r.Phase) || !x.Counted(nil) {
			return
		}
		d := r.Deliveries()
		way := &n.Same
		if x.Cross == "true" {
			way = &n.Across
		}
		way.Ledger.Add(d)
		if r.From == otherTarget {
			return // the pair is not known
		}
		p := &pairs[r.From*len(n.List)+x.Node-1]
		p.Expected, p.Received, p.Lost, p.Undecided = p.Expected+d.Expected, p.Received+d.Received+d.Late, p.Lost+d.Lost, p.Undecided+d.Undecided
	})
	n.Pairs = pairs
	n.Same.Delivery = f.latency(metric.Delivery, map[string]string{metric.LabelCross: "false"})
	n.Across.Delivery = f.latency(metric.Delivery, map[string]string{metric.LabelCross: "true"})
	f.cell.Nodes = n
}

// apart names the pairs of targets of which one never heard the other, while each heard itself; ""
// when there is none. It is what clients see of nodes without an adapter.
func apart(n *result.Nodes) string {
	if n == nil {
		return ""
	}
	var deaf []string
	for i := range n.Pairs {
		p := &n.Pairs[i]
		if own := n.Pair(p.To, p.To); p.From != p.To && p.Decided() > 0 && p.Received == 0 && own.Received > 0 {
			deaf = append(deaf, fmt.Sprintf("%s at %s", n.List[p.From].URL, n.List[p.To].URL))
		}
	}
	if len(deaf) == 0 {
		return ""
	}
	all := len(n.List) * (len(n.List) - 1)
	text := fmt.Sprintf("messages of one target never arrived at another in %d of %d pairs, %s", len(deaf), all, strings.Join(deaf[:min(3, len(deaf))], ", "))
	if len(deaf) > 3 {
		text += " and more"
	}
	return text + ": the nodes do not share their broadcasts; check the adapter between them"
}

// arrivals are the series of what reaches clients, by class of the receiver and decile of the room;
// -1: none.
type arrivals struct {
	delivery []int
	// of messages replayed to recovered receivers; equal to delivery where none are
	replayed    []int
	deliveryNet []int // of delivery, without the generator's own lateness
	replayedNet []int // of replayed, likewise
}

// add makes the series of the next class and decile, of which x has the labels.
func (x *arrivals) add(t *trial, s record.Series, reached bool, c class, cross string) {
	at, net := -1, -1
	if t.several() {
		s.Cross = cross
	}
	if reached {
		at, net = t.addSeries(s), t.addSeries(netOf(s))
	}
	x.delivery, x.deliveryNet = append(x.delivery, at), append(x.deliveryNet, net)
	if reached && t.groups[c.group].recovers() {
		s.Replayed = true
		at, net = t.addSeries(s), t.addSeries(netOf(s))
	}
	x.replayed, x.replayedNet = append(x.replayed, at), append(x.replayedNet, net)
}
