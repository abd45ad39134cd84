package scenario

import (
	"cmp"
	"context"
	"fmt"
	"net"
	"net/url"
	"slices"
	"sync"
	"time"

	"github.com/throng-io/throng/scenario/internal/plan"
	"github.com/throng-io/throng/scenario/link"
	"github.com/throng-io/throng/scenario/link/network"
	"github.com/throng-io/throng/scenario/metric"
)

// Links are the links between clients and targets, of scenarios that say something of the network.
type links struct {
	list    []*link.Link // by target; nil: clients connect to the targets themselves, or the links are the controller's
	addrs   []string     // of the links, by target
	vias    map[string]string
	cost    link.Cost         // of those that carry bytes
	net     *network.Network  // that carries packets to them; nil: clients connect to them at once
	udp     []*link.Datagrams // relays of that network, where clients use UDP
	h3s     []string          // where they listen, by target
	lines   int               // of clients on that network
	restore func()            // gives back what it holds; nil: nothing

	mu    sync.Mutex
	phase int // whose state they are in
}

// startLinks puts a link before each target, where the scenario needs them.
func (t *trial) startLinks() (err error) {
	if !t.spec.Linked() {
		return nil
	}
	l := &t.links
	start := func(_ int, at string, dial link.Dial) (*link.Link, error) { return link.Start(at, dial) }
	if t.spec.Packets() {
		if err := l.startNetwork(t); err != nil {
			return err
		}
		start = l.beyond
	} else if l.cost, err = link.Measure(); err != nil {
		return fmt.Errorf("measure the link between clients and target: %w", err)
	}
	t.http.close() // what is idle now goes past the link
	l.vias = map[string]string{}
	for i, target := range t.server.urls {
		at, err := hostPort(target)
		if err != nil {
			return err
		}
		one, err := start(i, at, t.dialTarget)
		if err != nil {
			return fmt.Errorf("put a link between clients and %s: %w", target, err)
		}
		l.list, l.addrs = append(l.list, one), append(l.addrs, one.Addr())
		l.vias[at] = one.Addr()
	}
	l.become(t, 0, true)
	return nil
}

// dialTarget connects a link to its target, whose name is looked up as for clients without one.
func (t *trial) dialTarget(ctx context.Context, network, address string) (net.Conn, error) {
	return t.names.Dial(ctx, new(net.Dialer), network, address)
}

func (l *links) close() {
	for _, one := range l.list {
		one.Close()
	}
	for _, one := range l.udp {
		one.Close()
	}
	if l.net != nil {
		l.net.Close()
	}
	if l.restore != nil {
		l.restore()
	}
}

// via is the address to connect to for a target; "" for its own.
func (l *links) via(node int) string {
	if node >= len(l.addrs) {
		return ""
	}
	return l.addrs[node]
}

// dial connects HTTP clients, through the link where there is one.
func (l *links) dial(through func(ctx context.Context, network, address string) (net.Conn, error)) func(ctx context.Context, network, address string) (net.Conn, error) {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		if to := l.vias[address]; to != "" && l.net != nil {
			return l.net.Dial(ctx, l.lines-1, &net.Dialer{}, to) // the line that requests share
		}
		return through(ctx, network, cmp.Or(l.vias[address], address))
	}
}

// use makes the clients of an agent connect through the links of its controller.
func (l *links) use(addrs, targets []string) error {
	if len(addrs) == 0 {
		return nil
	}
	if len(addrs) != len(targets) {
		return fmt.Errorf("the job has %d links and %d targets", len(addrs), len(targets))
	}
	l.addrs, l.vias = addrs, map[string]string{}
	for i, target := range targets {
		at, err := hostPort(target)
		if err != nil {
			return err
		}
		l.vias[at] = addrs[i]
	}
	return nil
}

// hostPort is where a target listens.
func hostPort(target string) (string, error) {
	u, err := url.Parse(target)
	if err != nil {
		return "", err
	}
	port := cmp.Or(u.Port(), map[string]string{"https": "443", "wss": "443"}[u.Scheme], "80")
	return net.JoinHostPort(u.Hostname(), port), nil
}

// network does to connections and clients what the fault says, until its phase ends. What it does
// to all of them is the state of the links in that phase.
func (f *fault) network() {
	t, w := f.t, f.spec.Network
	over, cancel := context.WithTimeout(t.life.ctx, time.Duration(f.phase.End-t.now()))
	defer cancel()
	hits := f.outages()
	for i, l := range t.links.list {
		if !w.Alone || i == w.Node {
			hits = append(hits, f.hits(i, l)...)
		}
	}
	slices.SortStableFunc(hits, func(a, b hit) int { return cmp.Compare(a.due, b.due) })
	for _, h := range hits {
		pause := time.NewTimer(time.Duration(h.due - t.now()))
		select {
		case <-pause.C:
		case <-over.Done():
		}
		pause.Stop()
		if over.Err() != nil {
			break
		}
		h.strike()
	}
	<-over.Done()
	for _, h := range hits {
		if h.end != nil {
			h.end()
		}
	}
}

// A hit is what a fault does to one connection of a link, or to one client.
type hit struct {
	due    int64
	strike func()
	end    func() // with the phase; nil: nothing
}

// hits draws which of a link's connections are reset or fall silent, and when.
func (f *fault) hits(node int, l *link.Link) (out []hit) {
	w, seed, start := f.spec.Network, f.t.spec.Seed, f.phase.Start
	if w.Reset+w.HalfOpen == 0 {
		return nil
	}
	for _, n := range l.Numbers() {
		who := uint64(node)<<48 | n
		u := plan.Unit(plan.Draw(seed, plan.ForFault, who, uint64(start), 100))
		if u >= w.Reset+w.HalfOpen {
			continue
		}
		after := plan.Unit(plan.Draw(seed, plan.ForFault, who, uint64(start), 101)) * float64(w.Within)
		one := hit{due: start + int64(after), strike: func() { l.Reset(n) }}
		if u >= w.Reset { // it falls silent, and is reset when the phase ends
			one.strike, one.end = func() { l.Silence(n) }, func() { l.Reset(n) }
		}
		out = append(out, one)
	}
	return out
}

// outages draws when clients have no network, and which of them get another address.
func (f *fault) outages() (out []hit) {
	w, seed, start, net := f.spec.Network, f.t.spec.Seed, f.phase.Start, f.t.links.net
	if net == nil || w.Outage == 0 && w.Move == 0 {
		return nil
	}
	for _, g := range f.t.groups {
		for i := range g.actors {
			who := g.first + i
			at := start + int64(plan.Unit(plan.Draw(seed, plan.ForFault, uint64(who), uint64(start), 102))*float64(w.Within))
			if w.Outage > 0 {
				out = append(out, hit{due: at, strike: func() { net.Outage(who, w.Outage) }})
			}
			if plan.Unit(plan.Draw(seed, plan.ForFault, uint64(who), uint64(start), 103)) < w.Move {
				out = append(out, hit{due: at + int64(w.Outage), strike: func() { net.Move(who) }})
			}
		}
	}
	return out
}

// How long after a fault of the network connections may end because of it: they are reset when its
// phase ends, and the clients see that a little later; and a side that only listens learns of an
// outage or another address by its heartbeat.
const (
	healing     = int64(10 * time.Second)
	healingSlow = int64(time.Minute)
)

// healed reports whether a fault of the network has ended a short time ago.
func (t *trial) healed(phase int, now int64) bool {
	for ; phase >= 1; phase-- {
		since := now - t.tl.Spans[phase].Start
		if since > healingSlow {
			return false
		}
		before := t.spec.Phases[phase-1].Fault
		if before == nil || before.Network == nil {
			continue
		}
		if w := before.Network; since <= healing || w.Outage > 0 || w.Move > 0 {
			return true
		}
	}
	return false
}

// linkNote says what the link itself adds to all latencies; "" without one.
func (t *trial) linkNote() string {
	if len(t.links.list) == 0 || t.links.net != nil {
		return ""
	}
	c := t.links.cost
	return fmt.Sprintf("all connections went through a link of this process, in every phase: a round trip through it took %s where it took %s without (medians without load, before the trial); this is part of all latencies",
		metric.FormatDuration(c.Through), metric.FormatDuration(c.Direct))
}
