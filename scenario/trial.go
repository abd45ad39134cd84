package scenario

import (
	"cmp"
	"context"
	"crypto/tls"
	"fmt"
	"os"
	"runtime"
	"time"

	"github.com/throng-io/throng/scenario/client"
	"github.com/throng-io/throng/scenario/client/deadline"
	"github.com/throng-io/throng/scenario/file"
	"github.com/throng-io/throng/scenario/internal/judge"
	"github.com/throng-io/throng/scenario/internal/ledger"
	"github.com/throng-io/throng/scenario/internal/plan"
	"github.com/throng-io/throng/scenario/internal/record"
	"github.com/throng-io/throng/scenario/internal/stamp"
	"github.com/throng-io/throng/scenario/machine"
	"github.com/throng-io/throng/scenario/metric"
	"github.com/throng-io/throng/scenario/result"
)

// A trial is one execution of one cell. Its parts have a file each: clients and streams (group.go,
// stream.go), labels (kinds.go), measurements (packages record and ledger), the server (server.go),
// the counters (counters.go) and the phases (life.go).
type trial struct {
	spec   *file.Spec
	cell   *file.Cell
	opt    Options
	at     place
	dial   dialer
	http   *httpClient
	probed *probed     // nil: no requests were made before the first phase for one client alone
	share  *plan.Share // of the clients over the agents of a fleet; nil: all are in this process
	id     uint32      // distinguishes this trial's messages from other trials' on the same server
	tl     *plan.Timeline

	groups   []*group
	streams  []*stream
	replays  []*replay
	keyings  []*keying
	feeds    []*feed
	contract *contract // of a foreign server; nil: the built-in one's
	kinds    kinds
	draws    uint64 // of all templates, to tell them apart

	rec     *record.Recorder
	replay  *record.Recorder // of an agent's deliveries; else rec
	turn    func(upTo int64) // of an agent: before a delivery of that moment is recorded; nil: none
	ledger  *ledger.Ledger
	errors  *record.Errors
	returns returns
	meters  meters
	scraper *scraper // nil: the target's metrics are not asked for
	tracer  *tracer  // nil: nothing is traced

	readers   client.Readers // of the clients' connections
	alarms    deadline.Queue // of the flows
	sending   sending
	acts      acts
	nodes     []node // the targets
	links     links
	udp       *client.UDP // of WebTransport
	names     client.Names
	server    server
	watch     watch
	count     counters
	unstamped unstamped
	life      life
}

func newTrial(c *file.Cell, ep *Endpoint, conf *tls.Config, opt Options, at place) *trial {
	t := &trial{
		spec: c.Spec, cell: c, opt: opt, at: at, dial: opt.dial,
		readers: client.Readers{Place: onePlace}, alarms: deadline.Queue{Clock: client.Now}, udp: &client.UDP{},
		tl: plan.NewTimeline(c.Spec.Phases), kinds: kinds{audiences: map[string]*ledger.Audience{}},
	}
	for n := uint64(0); n == 0 || !stamp.Searchable(t.id); n++ {
		t.id = uint32(plan.Draw(uint64(time.Now().UnixNano()), plan.ForRun, uint64(os.Getpid()), uint64(at.i), n))
	}
	if s := opt.role; s != nil {
		t.id, t.share = cmp.Or(s.run, t.id), s.share
	}
	t.life.init()
	t.sending.most = cmp.Or(opt.holds, maxHeld)
	t.server.init(ep, conf, len(t.tl.Spans))
	t.server.urls = nodesOf(t.spec, &opt, ep)
	t.nodes = make([]node, len(t.server.urls))
	t.errors = record.NewErrors(t.tl, t.spec.Secrets.Mask)
	t.http = newHTTPClient(t)
	t.feeds = newFeeds(t.spec, opt.tables)
	t.contract = newContract(t)
	t.scraper = newScraper(t.spec, opt)
	first := 0
	for i := range t.spec.Groups {
		g := newGroup(t, &t.spec.Groups[i], i, first)
		t.groups = append(t.groups, g)
		first += g.spec.Count
	}
	t.keyings = newKeyings(t)
	var books []*ledger.Book
	t.rankRooms()
	for _, g := range t.groups {
		g.finish()
		for i := range g.spec.Send {
			if st := &g.spec.Send[i]; st.Replay != nil && st.Rate == 0 {
				continue // the log has no message of the operation
			}
			s := newStream(t, g, &g.spec.Send[i], len(t.streams))
			t.streams = append(t.streams, s)
			books = append(books, s.book)
		}
	}
	t.meters.ended = make([]struct{ in, out int64 }, len(t.kinds.transports))
	t.watch.series = t.addSeries(record.Series{Metric: metric.LagReceive})
	t.replays = t.newReplays()
	t.rec = record.NewRecorder(t.kinds.series, len(t.tl.Spans))
	if t.replay = t.rec; opt.role != nil {
		t.replay = record.NewRecorder(t.kinds.series, len(t.tl.Spans))
	}
	t.ledger = ledger.New(ledger.Config{
		Books: books, Clock: t.now, Budget: opt.budget, Recent: t.recent(), Complete: t.fanout, Fleet: t.ofFleet(), Trouble: t.troubles(),
		Recorded: t.tl.Recorded,
	})
	return t
}

// recent is for how long live rules look at each second of the account.
func (t *trial) recent() time.Duration { return t.rules().Recent() + latest(t.streams) }

// latest is the longest limit of a delivery.
func latest(streams []*stream) (late time.Duration) {
	for _, s := range streams {
		late = max(late, time.Duration(s.book.Late))
	}
	return late
}

// onePlace is the place of the runtime that each of the readers keeps.
func onePlace() (restore func()) { return machine.Places(1) }

// now is the time since the trial's start.
func (t *trial) now() int64 { return t.moment(client.Now()) }

// moment is the time from the trial's start to a moment of this process's clock.
func (t *trial) moment(at time.Duration) int64 {
	if t.life.clock != nil {
		at = t.life.clock(at)
	}
	return int64(at - t.life.epoch)
}

// arrived is the arrival time of a message at the client's socket where the system reports it, else
// the time it was read.
func (t *trial) arrived(m *client.Message) int64 { return t.moment(cmp.Or(m.Until, m.At)) }

// record adds the time from a due moment to another.
func (t *trial) record(s *record.Shard, series int, due, until int64) {
	s.Add(series, t.tl.PhaseAt(due), time.Duration(until-due))
}

// fanout records when a broadcast reached its first and its last receiver. When some were never
// reached, the time of the last one is unknown and counts as later than the late limit and than all
// others.
func (t *trial) fanout(s *ledger.Slot, complete bool) {
	if int(s.Book.Stream) >= len(t.streams) {
		return // it is a broadcast to others besides, with the sender's own key
	}
	str := t.streams[s.Book.Stream]
	sh := t.replay.Shard(s.From.ID)
	first, last := s.First(), s.Last()
	add := sh.Add
	if !complete {
		last, add = max(last, s.Limit()), sh.AddNever
	}
	series := &str.fan[s.Decile()]
	if first != 0 {
		sh.Add(series[0], int(s.Phase), t.oneWay(first-s.Due))
		add(series[2], int(s.Phase), time.Duration(last-first))
	} else {
		sh.AddNever(series[0], int(s.Phase), time.Duration(last-s.Due))
	}
	add(series[1], int(s.Phase), t.oneWay(last-s.Due))
}

// A probed is the first client of this process, for which the requests before its connection were
// made already.
type probed struct {
	*user
	group, number int
}

// probe connects one client to each target and sends it away: is there a server at all? The
// requests before its connection are not made again for the first client, since some cannot be: to
// register a user. A process without clients has nothing to find out.
func (t *trial) probe(ctx context.Context) error {
	g, number := t.firstClient()
	if g == nil {
		return nil
	}
	for _, g := range t.groups {
		if _, any := g.firstOwn(); any {
			if err := g.rehearse(ctx); err != nil {
				return &beforeError{err}
			}
		}
	}
	p := &user{}
	switch b := g.before; {
	case b == nil:
	case b.common != nil:
		b.give(p)
	default:
		p.probed = &fetched{}
		if err := g.fetch(&flow{ctx: ctx, user: p, jar: &p.jar, number: number, node: t.firstNode(g, number), id: uint32(g.first + number), aside: p.probed}); err != nil {
			return &beforeError{err}
		}
		t.probed = &probed{p, g.index, number}
	}
	for _, url := range t.server.urls {
		cfg := g.config(p, number, g.transports[plan.TransportOf(g.spec.Transport, number)])
		cfg.URL, cfg.Timeout = url, connectedWithin
		cfg.Tickets = nil // p may become the first client's, and the first handshake of each is a full one
		d, err := t.dial(ctx, cfg)
		if err != nil {
			return &nodeError{url, redactedError{err, &filling{group: g, client: number, captured: p.values()}, nil}}
		}
		sendAway(d.conn)
	}
	return nil
}

// firstClient is the first client of this process and its group; nil: it has none.
func (t *trial) firstClient() (*group, int) {
	for _, g := range t.groups {
		if i, any := g.firstOwn(); any {
			return g, i
		}
	}
	return nil, 0
}

// user returns a new user, or for the client that was probed that one.
func (t *trial) user(g *group, number int) *user {
	if p := t.probed; p != nil && g.index == p.group && number == p.number {
		return p.user
	}
	return &user{}
}

// run plays the phases and returns the measurements.
func (t *trial) run(ctx context.Context) (*result.Cell, error) {
	var cancel context.CancelFunc
	t.life.ctx, cancel = context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	runtime.GC() // what earlier trials left behind is not this one's pause
	if t.scraper != nil {
		t.scraper.read(ctx) // how it was before the first client
		t.life.wg.Go(func() { t.scraper.run(t.life.ctx) })
	}
	c := newCollector(t)
	t.life.epoch = client.Now()
	if err := t.watchReads(); err != nil {
		t.readers.Close()
		return nil, err
	}
	defer t.watch.close()
	var work *machine.Yardstick
	if t.opt.Yardstick && t.opt.Fleet == nil && t.opt.role == nil {
		var err error
		if work, err = machine.StartYardstick(c.recording); err != nil {
			t.readers.Close()
			return nil, fmt.Errorf("time a fixed piece of work: %w", err)
		}
		defer work.Stop()
	}
	c.start()

	p, paced := t.pace(t.sources())
	end, why := t.wait(ctx)
	p.end(ctx, paced, end == judge.RanOut)
	t.seal()
	c.stopped(t.now())
	t.drain(ctx, end)
	t.life.loaded()
	rows := t.ledger.Close(t.now())
	t.life.over.Store(true)
	t.dismiss(cancel)
	t.serverIsBack()
	err := c.finish()
	cell := t.report(c, rows, end, why)
	if work != nil {
		cell.Generator.WorkUS = float64(work.Piece()) / float64(time.Microsecond)
	}
	if err != nil {
		return cell, err
	}
	return cell, nil
}

// sources are what the pacer plays: the clients' comings and goings, their moves and messages, and
// the faults.
func (t *trial) sources() (list []source) {
	for _, g := range t.groups {
		// before the streams: at the same moment clients come first
		list = append(list, g)
		if g.moves != nil {
			list = append(list, g.moves)
		}
	}
	for _, s := range t.streams {
		list = append(list, s)
	}
	for _, r := range t.replays {
		list = append(list, r)
	}
	return append(list, t.faults()...)
}

// faults are the sources that break something.
func (t *trial) faults() (list []source) {
	for i := range t.spec.Phases {
		if f := t.spec.Phases[i].Fault; f != nil {
			list = append(list, newFault(t, &t.tl.Spans[i], f))
		}
	}
	if len(t.links.list) > 0 { // before faults: at the same moment the link changes first
		list = append([]source{&changeover{t: t}}, list...)
	}
	return list
}

// pace begins to play sources. paced is closed when the pacer has ended.
func (t *trial) pace(sources []source) (p *pacer, paced chan struct{}) {
	for _, s := range sources {
		if r, is := s.(*replay); is {
			r.start(t.life.ctx, &t.life.wg)
		}
	}
	p, paced = &pacer{now: t.now, sleep: t.opt.sleep}, make(chan struct{})
	go func() {
		defer close(paced)
		defer machine.Precise()()
		p.run(sources...)
	}()
	return p, paced
}

// dismiss ends all clients when the trial is over, and waits for them.
func (t *trial) dismiss(cancel func()) {
	t.countMissing(t.now())
	cancel()
	all := newFarewell()
	for _, g := range t.groups {
		g.disconnect(all)
	}
	t.life.wg.Wait()
	t.life.closeVanished()
	t.alarms.Close()
	t.readers.Close()
}

// serverIsBack takes over the server of a restart that was under way when the phases ended.
func (t *trial) serverIsBack() {
	select {
	case r := <-t.server.restarted:
		if r.err == nil {
			t.server.became(r.ep)
		}
	default:
	}
}

// wait returns when the phases are over, or earlier when the trial cannot go on.
func (t *trial) wait(ctx context.Context) (judge.Ending, error) {
	timer := time.NewTimer(time.Duration(t.tl.End - t.now()))
	defer timer.Stop()
	gone := t.server.ep.Done
	for {
		select {
		case <-timer.C:
			return judge.RanOut, nil
		case <-ctx.Done():
			return judge.Interrupted, nil
		case why := <-t.life.aborted:
			return judge.Aborted, why
		case err := <-gone:
			if !t.server.restarting.Load() {
				return judge.ServerGone, err
			}
			gone = nil // we ended it
		case r := <-t.server.restarted:
			if r.err != nil {
				return judge.ServerGone, r.err
			}
			t.server.became(r.ep)
			gone = t.server.ep.Done
			t.server.restarting.Store(false)
		}
	}
}

// interruptedDrain is how long an interrupted trial still waits for messages in flight.
const interruptedDrain = 300 * time.Millisecond

// drain waits until no message that counts is outstanding, at most until the last late limit and
// acknowledgement timeout.
func (t *trial) drain(ctx context.Context, end judge.Ending) {
	if end == judge.ServerGone {
		return // its connections are closing; give nothing that was on its way the blame
	}
	defer func() {
		for _, g := range t.groups {
			g.countIgnored()
		}
	}()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	var cut <-chan time.Time
	done := ctx.Done()
	for {
		now := t.readUpTo(t.now())
		for _, g := range t.groups {
			g.expireCalls(now)
		}
		if t.count.calls.Load() <= 0 && !t.ledger.Outstanding(now) {
			return
		}
		select {
		case <-tick.C:
		case <-cut:
			return
		case <-done:
			done, cut = nil, time.After(interruptedDrain)
		}
	}
}
