package scenario

import (
	"net/netip"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/throng-io/throng/protocol/socketio"
	"github.com/throng-io/throng/scenario/client"
	"github.com/throng-io/throng/scenario/file"
	"github.com/throng-io/throng/scenario/internal/ledger"
	"github.com/throng-io/throng/scenario/internal/plan"
	"github.com/throng-io/throng/scenario/internal/record"
	"github.com/throng-io/throng/scenario/internal/stamp"
	"github.com/throng-io/throng/scenario/metric"
)

// A group is a population of clients that behave alike. It is a source of the pacer that makes
// clients connect and leave.
type group struct {
	t          *trial
	index      int
	first      int // the trial-wide index of its first client
	spec       *file.Group
	transports []int // of the trial's, by the group's own
	plan       *plan.Population
	tallies    tallies

	actors    []atomic.Pointer[actor] // by index; nil: not called, or sent away
	held      atomic.Int32
	attempts  []atomic.Int64 // connects by phase
	present   int            // called and not sent away, by any agent; the pacer's
	elsewhere []bool         // in a fleet, those of them that other agents have, by index
	classes   []int          // the kinds of its clients, of the trial's
	namespace *ledger.Audience
	spaces    []*ledger.Audience // of further namespaces
	rooms     []*ledger.Audience
	parser    socketio.Parser
	finder    stamp.Finder // of stamps anywhere
	finders   stampFinders
	names     []string         // of its namespaces
	shares    *plan.RoomShares // of the rooms; nil: all rooms are alike
	moves     *moves           // nil: no client does
	before    *before          // nil: nothing
	flow      *flowPlan        // nil: none
	react     map[string]*reaction
	byRoom    [][]uint32 // clients by room; made when a stream needs it

	frames  *frames              // nil: Socket.IO
	stream  [][eventMetrics]int  // series of server-sent events, by the trial's transports
	head    []byte               // of every event packet: type and namespace
	own     *pattern             // the namespace of each client; nil: all have the same
	auth    *pattern             // nil: none
	query   []namedPattern       // of the handshake
	headers []namedPattern       // likewise
	configs []client.Config      // by the trial's transports
	from    []netip.Addr         // local addresses, in turn; none: the system chooses
	connect [][connectStages]int // series, by the trial's transports
	// of stageAll and stageAttempt, without the generator's own lateness
	connectNet [][2]int

	channel [][len(channelNames)]int // series by transport; nil: they open no data channels

	rtt  []int // series by class, of the group's own
	late []int // likewise, of how late they read
	// like connect, but for stageResumed, of clients that come back; nil when the group's do not
	reconnect [][connectStages]int
}

// The stages of connecting that have a metric of their own.
const (
	stageAll = iota // through all attempts
	stageAttempt
	stageTCP
	stageTLS
	stageResumed // of TLS; also of clients that come back
	stageQUIC
	stageOpen
	stageNamespace
	stageUpgrade
	connectStages
)

var stageNames = [connectStages]string{
	metric.Connect, metric.ConnectAttempt, metric.ConnectTCP, metric.ConnectTLS, metric.ConnectResumed, metric.ConnectQUIC, metric.ConnectOpen, metric.ConnectNamespace, metric.ConnectUpgrade,
}

// againNames are those of clients that come back. Resumed handshakes are counted with the others.
var againNames = [connectStages]string{
	metric.Reconnect, metric.ReconnectAttempt, metric.ReconnectTCP, metric.ReconnectTLS, "", metric.ReconnectQUIC, metric.ReconnectOpen, metric.ReconnectNamespace, metric.ReconnectUpgrade,
}

func newGroup(t *trial, spec *file.Group, index, first int) *group {
	g := &group{
		t: t, index: index, first: first, spec: spec, actors: make([]atomic.Pointer[actor], spec.Count),
		head: headOf("2", spec.Namespace), parser: parserOf(spec.Parser), attempts: make([]atomic.Int64, len(t.tl.Spans)),
	}
	g.finder = stamp.Finder{Parser: g.parser, Run: t.id}
	g.names = spec.Spaces()
	g.finders = newStampFinders(t.spec.Contract, g.finder)
	g.plan = plan.NewPopulation(t.tl, spec, t.spec.Seed, index)
	if t.share != nil {
		g.elsewhere = make([]bool, spec.Count)
	}
	g.namespace = t.audience(spec.Namespace, "", -1)
	for _, name := range spec.More {
		g.spaces = append(g.spaces, t.audience(name, "", -1))
	}
	if !spec.Own.IsZero() {
		g.own = t.compile(spec.Own, spec.Captured)
	}
	if !spec.Auth.IsZero() {
		g.auth = t.compile(spec.Auth, spec.Captured)
	}
	g.query, g.headers = t.named(spec.Query, spec.Captured), t.named(spec.Headers, spec.Captured)
	if r := spec.Rooms; r != nil {
		g.rooms = make([]*ledger.Audience, r.Of)
		for i := range g.rooms {
			g.rooms[i] = t.audience(spec.Namespace, r.Prefix, i)
		}
	}
	if g.frames = newFrames(t.spec); g.frames != nil {
		g.head = nil
	}
	g.planRooms()
	for _, s := range spec.Transport {
		g.transports = append(g.transports, indexIn(&t.kinds.transports, s.Name))
	}
	g.admit()
	for _, s := range spec.Connect.From {
		if addr, err := netip.ParseAddr(s); err == nil { // the file's reader has checked them
			g.from = append(g.from, addr)
		}
	}
	return g
}

// finish prepares the fields that depend on all groups.
func (g *group) finish() {
	g.before = newBefore(g.t, g)
	g.flow, g.react = newFlowPlan(g.t, g), newReactions(g.t, g.spec)
	g.channels()
	g.connect = make([][connectStages]int, len(g.t.kinds.transports))
	g.connectNet = make([][2]int, len(g.t.kinds.transports))
	g.configs = make([]client.Config, len(g.t.kinds.transports))
	for i, c := range g.t.kinds.classes {
		at, late := -1, -1
		if c.group == g.index {
			at = g.t.addSeries(g.t.label(record.Series{Metric: metric.RTT}, i))
			late = g.t.addSeries(g.t.label(record.Series{Metric: metric.LagReceive}, i))
		}
		g.rtt, g.late = append(g.rtt, at), append(g.late, late)
	}
	for i, name := range g.t.kinds.transports {
		if g.frames != nil && g.frames.protocol == file.SSE {
			g.stream = append(g.stream, [eventMetrics]int{})
			for n, name := range eventNames {
				g.stream[i][n] = g.t.addSeries(record.Series{Metric: name, Group: g.spec.Name, Transport: file.SSE})
			}
		}
		g.connect[i] = g.stages(&stageNames, name)
		for stage := range g.connectNet[i] {
			g.connectNet[i][stage] = g.t.addSeries(netOf(record.Series{Metric: stageNames[stage], Group: g.spec.Name, Transport: name}))
		}
		if g.spec.Reconnect != nil {
			g.reconnect = append(g.reconnect, g.stages(&againNames, name))
		}
		g.configs[i] = client.Config{
			URL: g.t.server.ep.URL, Path: g.t.server.ep.Path, Transport: name, Namespace: g.spec.Namespace, More: g.spec.More, Parser: g.parser, Engine: g.spec.Engine, Poll: g.spec.Poll,
			Compress: g.spec.Compression,
			TLS:      g.t.server.tls, UDP: g.t.udp, Names: &g.t.names, Timeout: g.spec.Connect.Timeout, MaxMessage: g.t.receives(),
		}
		if target := g.t.spec.Target; target != nil {
			g.configs[i].H3 = target.WebTransport
		}
		if g.frames != nil {
			g.frames.speak(&g.configs[i], g.t.spec.Target)
		}
	}
}

// stages makes the series of the stages of connecting over a transport.
func (g *group) stages(names *[connectStages]string, transport string) (series [connectStages]int) {
	for stage, what := range names {
		if what != "" {
			series[stage] = g.t.addSeries(record.Series{Metric: what, Group: g.spec.Name, Transport: transport})
		}
	}
	return series
}

func (g *group) roomName(room int) string {
	if names := g.spec.Rooms.Names; names != nil {
		return names[room]
	}
	return g.spec.Rooms.Prefix + strconv.Itoa(room)
}

// pick finds a connected client, beginning at a starting place: among some, or among all when some
// is nil. Without a connected client it returns an absent one, if there is any.
func (g *group) pick(start uint64, some []uint32) (a *actor, is presence) {
	n := len(g.actors)
	if some != nil {
		n = len(some)
	}
	if n == 0 || g.present == 0 {
		return nil, absent
	}
	if !g.mine(start, some) {
		return nil, atAnother
	}
	none := some == nil && g.held.Load() == 0
	// a flow may have disconnected them
	if none && !g.churns() && g.spec.Reconnect == nil && g.flow == nil {
		return nil, missing
	}
	for i := range n {
		at := int((start + uint64(i)) % uint64(n))
		if some != nil {
			at = int(some[at])
		}
		one := g.actors[at].Load()
		if one == nil {
			continue
		}
		switch p := one.presence(); {
		case p == here:
			return one, here
		case p == away && is != away:
			a, is = one, away
			if none {
				return a, is
			}
		case p == missing && is == absent:
			is = missing
		}
	}
	return a, is
}

// inRoom returns the clients that join a room. It is never nil.
func (g *group) inRoom(room int) []uint32 {
	if g.byRoom == nil {
		r := g.spec.Rooms
		g.byRoom = make([][]uint32, r.Of)
		for i := range g.byRoom {
			g.byRoom[i] = []uint32{}
		}
		for c := range g.spec.Count {
			for _, room := range g.rooming(c) {
				g.byRoom[room] = append(g.byRoom[room], uint32(c))
			}
		}
	}
	return g.byRoom[room]
}

// A farewell is the end of all clients when a trial is over, several at a time. A client on polling
// waits a while for the server to take its goodbye: where so many in a row have waited in vain, the
// server hangs, and the others go without one. Else a hundred thousand would keep the trial for
// minutes.
type farewell struct {
	hands chan struct{}
	after time.Duration // a goodbye that takes as long is in vain
	vain  atomic.Int32  // such goodbyes in a row
}

// handsAtOnce is how many say goodbye at once, and how many in vain.
const handsAtOnce = 64

func newFarewell() *farewell {
	return &farewell{hands: make(chan struct{}, handsAtOnce), after: 200 * time.Millisecond} // less than clients wait
}

// disconnect closes all clients of the group.
func (g *group) disconnect(all *farewell) {
	for i := range g.actors {
		if a := g.away(i); a != nil {
			all.hands <- struct{}{}
			g.t.life.wg.Go(func() {
				defer func() { <-all.hands }()
				all.part(a)
			})
		}
	}
}

func (all *farewell) part(a *actor) {
	if all.vain.Load() >= handsAtOnce {
		a.leaveBy(conn.Cut)
		return
	}
	began := client.Now()
	a.leave()
	if held := time.Duration(a.t.heldUp(a.t.now())); client.Now()-began-held < all.after {
		all.vain.Store(0)
	} else {
		all.vain.Add(1)
	}
}

// expireCalls finds the calls that were not answered in time.
func (g *group) expireCalls(now int64) {
	waits := g.moves != nil
	for _, s := range g.spec.Send {
		waits = waits || s.Ack > 0
	}
	if !waits {
		return
	}
	for i := range g.actors {
		if a := g.actors[i].Load(); a != nil {
			a.expireCalls(now)
		}
	}
}

// countIgnored counts the calls that the server has ignored on the connections that there are.
func (g *group) countIgnored() {
	for i := range g.actors {
		if a := g.actors[i].Load(); a != nil {
			a.countIgnored()
		}
	}
}

// dialsAtOnce bounds the connections that are being set up, so that a server that does not
// answer costs a bounded number of sockets in that state. A client that waits for its
// turn is waiting on the server: its connect counts from when it was due.
const dialsAtOnce = 1024

const connectedWithin = 10 * time.Second // of the probe, and of the connections for requests

// countError counts an error of one of the group's clients that is of no stream.
func (g *group) countError(class metric.ErrorClass, when int64, err error) {
	g.t.errors.Add(record.ErrorKey{Class: class, Stream: -1, Group: g.index}, when, err)
}

// slowShare is the share of the group's clients that read slowly.
func (g *group) slowShare() float64 {
	if g.spec.Read == nil {
		return 0
	}
	return g.spec.Read.Share
}
