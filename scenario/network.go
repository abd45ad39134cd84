package scenario

import (
	"cmp"
	"context"
	"fmt"
	"net"
	"strconv"
	"time"

	"github.com/throng-io/throng/scenario/client"
	"github.com/throng-io/throng/scenario/file"
	"github.com/throng-io/throng/scenario/link"
	"github.com/throng-io/throng/scenario/link/network"
	"github.com/throng-io/throng/scenario/machine"
	"github.com/throng-io/throng/scenario/metric"
	"github.com/throng-io/throng/scenario/result"
)

// networkPossible says why a network that carries packets cannot be had here.
func networkPossible(cells []file.Cell, fleet bool) error {
	for i := range cells {
		switch {
		case !cells[i].Spec.Packets():
		case fleet:
			return fmt.Errorf("a network of packets is one of a single process; run %s without agents, or leave out what needs it: loss, reorder, queue, up, down, outage and move, and clients over WebTransport", cells[i].Spec.Name)
		default:
			return network.Check()
		}
	}
	return nil
}

// forwarding is how many threads pass packets on. They run before all others, but one that comes
// back from the kernel needs a place of the runtime, which must not be held by a thread that waits
// for a processor: so there are twice as many more.
const forwarding = 2

// startNetwork makes the network between clients and targets.
func (l *links) startNetwork(t *trial) (err error) {
	for _, g := range t.groups {
		l.lines += g.spec.Count
	}
	l.lines++ // of the requests of flows
	l.restore = machine.Places(2 * forwarding)
	if l.net, err = network.Start(network.Config{Clients: l.lines, Shared: 1, Seed: t.spec.Seed, First: t.conditions(0)}); err != nil || !t.spec.WebTransport() {
		return err
	}
	t.udp.Listen = l.net.PacketAt
	for i, target := range t.server.urls {
		at, err := hostPort(target)
		if err != nil {
			return err
		}
		if t.spec.Target != nil {
			at = cmp.Or(t.spec.Target.WebTransport, at)
		}
		port, err := portOf(at)
		if err != nil {
			return err
		}
		in, err := l.net.ListenPacket(i, port)
		if err != nil {
			return err
		}
		l.udp, l.h3s = append(l.udp, link.OnPackets(in, at, t.dialTarget)), append(l.h3s, in.LocalAddr().String())
	}
	return nil
}

// portOf is the port of host:port.
func portOf(at string) (uint16, error) {
	_, text, err := net.SplitHostPort(at)
	if err != nil {
		return 0, err
	}
	port, err := strconv.ParseUint(text, 10, 16)
	return uint16(port), err
}

// beyond starts the link on the far side of the network, which passes connections on to a target.
func (l *links) beyond(target int, at string, dial link.Dial) (*link.Link, error) {
	port, err := portOf(at)
	if err != nil {
		return nil, err
	}
	ln, err := l.net.Listen(target, port)
	if err != nil {
		return nil, err
	}
	return link.On(ln, at, dial), nil
}

// through makes a client connect over the network.
func (l *links) through(cfg *client.Config, who, node int) {
	if l.net == nil {
		return
	}
	cfg.LocalAddr = network.ClientAddr(who)
	if node < len(l.h3s) {
		cfg.ViaH3 = l.h3s[node]
	}
	cfg.Dial = func(ctx context.Context, d *net.Dialer, address string) (net.Conn, error) {
		return l.net.Dial(ctx, who, d, address)
	}
}

// networkTo is what a phase says of the network to a target. A fault is left out when it is over.
func (t *trial) networkTo(target, phase int, fault bool) file.Network {
	w := t.spec.NetworkIn(phase)
	p := &t.spec.Phases[phase]
	over := p.Fault != nil && p.Fault.Network != nil && (!fault || p.Fault.Network.Alone && p.Fault.Network.Node != target)
	if over {
		if w = p.Network; w == nil {
			w = t.spec.Network
		}
	}
	if w == nil {
		return file.Network{}
	}
	return *w
}

// conditions are what a phase does to packets, by target.
func (t *trial) conditions(phase int) []network.Condition { return t.conditionsOf(phase, true) }

func (t *trial) conditionsOf(phase int, fault bool) (out []network.Condition) {
	way := func(l file.Line) network.Way {
		return network.Way{Delay: l.Delay, Jitter: l.Jitter, Loss: l.Loss, Reorder: l.Reorder, Rate: l.Rate, Queue: l.Queue}
	}
	for i := range t.server.urls {
		w := t.networkTo(i, phase, fault)
		out = append(out, network.Condition{Up: way(w.Up), Down: way(w.Down)})
	}
	return out
}

// become puts the links into the state of a phase, without its fault when that is over. Of a phase
// that has passed nothing is done.
func (l *links) become(t *trial, phase int, fault bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if phase < l.phase {
		return
	}
	l.phase = phase
	if l.net != nil {
		l.net.Set(phase, t.conditionsOf(phase, fault))
	}
	for i, one := range l.list {
		w := t.networkTo(i, phase, fault)
		s := link.State{Cut: w.Cut}
		if l.net == nil {
			s.Delay, s.Jitter, s.Rate = w.Up.Delay, w.Up.Jitter, w.Up.Rate
		}
		one.Set(s)
	}
}

// A changeover puts the links into the state of each phase when it begins, and takes the fault of
// the last one from them when that ends. It is a source of the pacer.
type changeover struct {
	t  *trial
	at int
}

func (c *changeover) next() (int64, bool) {
	switch spans := c.t.tl.Spans; {
	case c.at < len(spans):
		return spans[c.at].Start, true
	case c.at == len(spans):
		return spans[len(spans)-1].End, true
	}
	return 0, false
}

// fire does not wait until all connections have followed.
func (c *changeover) fire(int64) {
	phase, fault := c.at, true
	if phase == len(c.t.tl.Spans) {
		phase, fault = phase-1, false
	}
	c.at++
	c.t.life.wg.Go(func() { c.t.links.become(c.t, phase, fault) })
}

// Limits of what the network may add of its own at the 99th percentile. Two processors that others
// use as well add some milliseconds now and then.
const (
	addedFloor = 10 * time.Millisecond
	addedShare = 0.1 // of the delay that was asked for
)

// networkResult is what the network did, in the words of results, and why it was not the one that
// was asked for; "" when it was.
func (t *trial) networkResult() (out *result.Network, unfit string) {
	if t.links.net == nil {
		return nil, ""
	}
	sum := t.links.net.Totals()
	out = &result.Network{CPUS: sum.CPU.Seconds(), Missed: int64(sum.Missed)}
	for _, relay := range t.links.udp {
		out.RelayDropped += int64(relay.Dropped())
	}
	switch {
	case out.RelayDropped > 0:
		unfit = fmt.Sprintf("the relay behind the network dropped %s datagrams that it should not: this machine was too busy to read them", metric.FormatCount(out.RelayDropped))
	case sum.Missed > 0:
		unfit = fmt.Sprintf("the network lost %s packets that it should not: this machine was too busy to pass them on", metric.FormatCount(int64(sum.Missed)))
	}
	for _, way := range []struct {
		name   string
		counts []network.Counts
		line   func(*file.Network) *file.Line
	}{{"up", sum.Up, func(w *file.Network) *file.Line { return &w.Up }}, {"down", sum.Down, func(w *file.Network) *file.Line { return &w.Down }}} {
		for phase := range way.counts {
			c := &way.counts[phase]
			if c.Packets == 0 && c.Delay.TotalCount() == 0 {
				continue
			}
			w := t.networkTo(0, phase, true)
			row := networkRow(c, way.line(&w))
			row.Phase, row.Direction = t.tl.Spans[phase].Name, way.name
			if row.Outages > 0 {
				row.AskedOutageS = w.Outage.Seconds()
			}
			out.Rows = append(out.Rows, row)
			unfit = cmp.Or(unfit, t.networkUnfit(&row, phase))
		}
	}
	return out, unfit
}

// networkRow is what a line was asked for, and what it did.
func networkRow(c *network.Counts, asked *file.Line) result.NetworkRow {
	row := result.NetworkRow{
		AskedUs: asked.Delay.Microseconds(), JitterUs: asked.Jitter.Microseconds(),
		AskedLoss: asked.Loss, AskedReorder: asked.Reorder, AskedRate: int64(asked.Rate),
		Packets: int64(c.Packets), Bytes: int64(c.Bytes), Lost: int64(c.Lost), Full: int64(c.Full), Outage: int64(c.Outage),
		Stale: int64(c.Stale), Overtook: int64(c.Overtook), Overflow: int64(c.Overflow), Outages: int64(c.Outages), Moves: int64(c.Moves),
		Probes:     c.Delay.TotalCount(),
		DelayP50us: result.Percentile(c.Delay, 50), DelayP99us: result.Percentile(c.Delay, 99),
		AddedP50us: result.Percentile(c.Added, 50), AddedP99us: result.Percentile(c.Added, 99),
	}
	if c.QueuedTime > 0 {
		row.Rate = float64(c.QueuedBytes) / c.QueuedTime.Seconds()
	}
	return row
}

// networkUnfit says why a phase did not have the network that was asked for.
func (t *trial) networkUnfit(r *result.NetworkRow, phase int) string {
	if r.Overflow > 0 {
		return fmt.Sprintf("the network dropped %s packets in %s for want of memory: it cannot hold so many for so long; ask for a shorter delay or fewer clients", metric.FormatCount(r.Overflow), r.Phase)
	}
	limit := max(addedFloor, time.Duration(addedShare*float64(r.AskedUs))*time.Microsecond)
	if added := time.Duration(r.AddedP99us) * time.Microsecond; t.tl.Spans[phase].Record && r.Probes >= 100 && added > limit {
		return fmt.Sprintf("the network itself added %s to packets in %s (99th percentile; up to %s is allowed): this machine was too busy; use fewer clients, or a quieter machine", metric.FormatDuration(added), r.Phase, metric.FormatDuration(limit))
	}
	return ""
}

// networkNote says what of all latencies was the network's own doing; "" without one.
func (f *findings) networkNote() string {
	n := f.cell.Network
	if n == nil {
		return ""
	}
	added := int64(0)
	for i := range f.t.tl.Spans {
		span := &f.t.tl.Spans[i]
		for j := range n.Rows {
			if r := &n.Rows[j]; span.Record && r.Phase == span.Name {
				added = max(added, r.AddedP99us)
			}
		}
	}
	return fmt.Sprintf("the network itself added at most %s (p99 of a recorded phase) to a packet, and took %.2f s of CPU, %s of a core",
		us(added), n.CPUS, metric.FormatShare(n.CPUS/max(float64(f.e.End)/1e9, 1)))
}

func us(n int64) string { return metric.FormatDuration(time.Duration(n) * time.Microsecond) }
