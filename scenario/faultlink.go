package scenario

import (
	"cmp"
	"context"
	"fmt"
	"net"
	"net/url"
	"slices"
	"time"

	"github.com/throng-io/throng/scenario/internal/plan"
	"github.com/throng-io/throng/scenario/link"
	"github.com/throng-io/throng/scenario/metric"
)

// Links are the links between clients and targets, of scenarios with a fault of the network.
type links struct {
	list  []*link.Link // by target; nil: clients connect to the targets themselves, or the links are the controller's
	addrs []string     // of the links, by target
	vias  map[string]string
	cost  link.Cost
}

// startLinks puts a link before each target, where a phase needs them.
func (t *trial) startLinks() (err error) {
	if !t.spec.Linked() {
		return nil
	}
	l := &t.links
	if l.cost, err = link.Measure(); err != nil {
		return fmt.Errorf("measure the link between clients and target: %w", err)
	}
	t.http.close() // what is idle now goes past the link
	l.vias = map[string]string{}
	for _, target := range t.server.urls {
		at, err := hostPort(target)
		if err != nil {
			return err
		}
		one, err := link.Start(at)
		if err != nil {
			return fmt.Errorf("put a link between clients and %s: %w", target, err)
		}
		l.list, l.addrs = append(l.list, one), append(l.addrs, one.Addr())
		l.vias[at] = one.Addr()
	}
	return nil
}

func (l *links) close() {
	for _, one := range l.list {
		one.Close()
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
	if through == nil {
		through = new(net.Dialer).DialContext
	}
	return func(ctx context.Context, network, address string) (net.Conn, error) {
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

// network does to the links what the fault says, until its phase ends.
func (f *fault) network() {
	t, w := f.t, f.spec.Network
	over, cancel := context.WithTimeout(t.life.ctx, time.Duration(f.phase.End-t.now()))
	defer cancel()
	var undo []func()
	var hits []hit
	for i, l := range t.links.list {
		if w.Alone && i != w.Node {
			continue
		}
		if w.Cut || w.Delay > 0 || w.Rate > 0 {
			undo = append(undo, l.Set(link.State{Delay: w.Delay, Jitter: w.Jitter, Rate: w.Rate, Cut: w.Cut}))
		}
		hits = append(hits, f.hits(i, l)...)
	}
	slices.SortFunc(hits, func(a, b hit) int { return cmp.Compare(a.due, b.due) })
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
		if h.silent {
			h.link.Reset(h.n)
		}
	}
	for _, u := range undo {
		u()
	}
}

// A hit is what a fault does to one connection of a link.
type hit struct {
	due    int64
	link   *link.Link
	n      uint64
	silent bool // it falls silent, and is reset when the phase ends
}

func (h *hit) strike() {
	if h.silent {
		h.link.Silence(h.n)
	} else {
		h.link.Reset(h.n)
	}
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
		out = append(out, hit{due: start + int64(after), link: l, n: n, silent: u >= w.Reset})
	}
	return out
}

// healing is how long after a fault of the network connections may end because of it: they are
// reset when its phase ends, and the clients see that a little later.
const healing = int64(10 * time.Second)

// healed reports whether a fault of the network has just ended.
func (t *trial) healed(phase int, now int64) bool {
	if phase < 1 || now-t.tl.Spans[phase].Start > healing {
		return false
	}
	before := t.spec.Phases[phase-1].Fault
	return before != nil && before.Network != nil
}

// linkNote says what the link itself adds to all latencies; "" without one.
func (t *trial) linkNote() string {
	if len(t.links.list) == 0 {
		return ""
	}
	c := t.links.cost
	return fmt.Sprintf("all connections went through a link of this process, in every phase: a round trip through it took %s where it took %s without (medians without load, before the trial); this is part of all latencies",
		metric.FormatDuration(c.Through), metric.FormatDuration(c.Direct))
}
