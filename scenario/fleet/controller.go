package fleet

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"

	"github.com/throng-io/throng/protocol/address"
	"github.com/throng-io/throng/scenario"
	"github.com/throng-io/throng/scenario/result"
)

// Options say which agents a controller takes.
type Options struct {
	URL string // of the NATS server; see natsconn.Options for credentials
	// Agents is how many agents the run needs; 0: all that are free.
	Agents int
	// Wait is how long to wait for so many; 0: 30 s.
	Wait time.Duration
	// Identity is the file of the controller's nkey; "": one is made for this run.
	Identity string
	// Log is told of agents that are not taken. May be nil.
	Log io.Writer
}

// A Controller is a fleet that a run has claimed. It is a [scenario.Fleet].
type Controller struct {
	conn *nats.Conn
	m    *member

	agents []result.Agent
	trial  uint32
	run    string
	proof  []byte
	keep   string // directory of this machine; "": each agent has its own
}

var _ scenario.Fleet = (*Controller)(nil)

// claimTime is how long an agent may take to answer a claim.
const claimTime = 5 * time.Second

// Open claims agents for a run. It fails when there are too few. Where another run that begins at
// the same time takes one of them, it looks for others.
func Open(ctx context.Context, o Options) (*Controller, error) {
	identity, err := identityOf(o.Identity)
	if err != nil {
		return nil, err
	}
	if o.Log == nil {
		o.Log = io.Discard
	}
	if o.Wait == 0 {
		o.Wait = 30 * time.Second
	}
	conn, err := connect(o.URL)
	if err != nil {
		return nil, err
	}
	for begun := time.Now(); ; {
		c := &Controller{conn: conn}
		cards, err := gather(ctx, conn, o, begun)
		if err == nil {
			conn.SetErrorHandler(refusals(o.Log))
			err = c.claim(ctx, cards, identity)
		}
		if err == nil {
			return c, nil
		}
		if _, taken := errors.AsType[takenError](err); !taken || time.Since(begun) > o.Wait || ctx.Err() != nil {
			c.Close()
			return nil, err
		}
		c.m.close() // lets go those that were claimed
	}
}

// gather waits for enough free agents.
func gather(ctx context.Context, conn *nats.Conn, o Options, begun time.Time) ([]card, error) {
	for {
		cards, err := roster(ctx, conn, o.Agents)
		if err != nil {
			return nil, err
		}
		var free []card
		var not []string
		for _, one := range cards {
			if one.state() == stateFree && (o.Agents == 0 || len(free) < o.Agents) {
				free = append(free, one)
			} else if one.state() != stateFree {
				not = append(not, one.Agent.Name+" ("+one.state()+")")
			}
		}
		if len(free) > 0 && len(free) >= o.Agents {
			if len(not) > 0 {
				_, _ = fmt.Fprintf(o.Log, "agents that take no part: %s\n", strings.Join(not, ", "))
			}
			return free, nil
		}
		if time.Since(begun) > o.Wait || ctx.Err() != nil {
			return nil, tooFew(o, len(free), not)
		}
	}
}

// tooFew says why there is no fleet.
func tooFew(o Options, free int, not []string) error {
	text := fmt.Sprintf("%d agents are free at %s", free, address.Hide(o.URL))
	if o.Agents > 0 {
		text += fmt.Sprintf(", not %d", o.Agents)
	}
	if len(not) > 0 {
		text += "; others take no part: " + strings.Join(not, ", ")
	}
	return errors.New(text + "; start some with 'throng agent --nats URL', and look at 'throng fleet --nats URL'")
}

// claim makes agents the run's.
func (c *Controller) claim(ctx context.Context, cards []card, identity nkeys.KeyPair) error {
	secret := make([]byte, secretSize)
	_, _ = rand.Read(secret) // it never fails
	run := rand.Text()
	own := ownTimebase()
	for i := range cards {
		c.agents = append(c.agents, cards[i].Agent)
	}
	distinguish(c.agents)
	var err error
	c.run = run
	if c.proof, err = proofOf(secret, run); err != nil {
		return err
	}
	if c.m, err = join(c.conn, run, secret, len(cards), len(cards), exactly(0)); err != nil {
		return err
	}
	pair, err := nkeys.CreateCurveKeys()
	if err != nil {
		return err
	}
	key, err := pair.PublicKey()
	if err != nil {
		return err
	}
	public, err := identity.PublicKey()
	if err != nil {
		return err
	}
	host := hostname() // only for the agents' logs
	texts := make([][]byte, len(cards))
	for i := range cards {
		sealed, err := pair.Seal(secret, cards[i].Key)
		if err != nil {
			return fmt.Errorf("the agent %s: %w", c.agents[i].Name, err)
		}
		if texts[i], err = (&claim{
			Run: run, Self: i, Agents: c.agents, Name: host, Build: Build(), Key: key, Secret: sealed, Identity: public, Time: own, Nonce: cards[i].Nonce,
		}).sign(cards[i].ID, identity); err != nil {
			return err
		}
	}
	return c.askAll(ctx, cards, texts)
}

// askAll waits for the answers of all agents. The first one is asked before the others: of two runs
// that want the same agents one does not get it, and leaves the others alone.
func (c *Controller) askAll(ctx context.Context, cards []card, claims [][]byte) error {
	errs := make([]error, len(cards))
	ask := func(i int) {
		if err := c.ask(ctx, cards[i].ID, claims[i]); err != nil {
			errs[i] = fmt.Errorf("the agent %s takes no part: %w", c.agents[i].Name, err)
			return
		}
		c.m.expect(i)
	}
	if ask(0); errs[0] != nil {
		return errs[0]
	}
	var all sync.WaitGroup
	for i := 1; i < len(cards); i++ {
		all.Go(func() { ask(i) })
	}
	all.Wait()
	var taken error
	for _, err := range errs {
		if _, is := errors.AsType[takenError](err); is {
			taken = err
		} else if err != nil {
			return err // looking for others does not help
		}
	}
	return taken
}

// A takenError is the refusal of an agent that has been free a moment ago, or of one that has gone
// since.
type takenError struct{ error }

// ask waits for an agent's answer to a claim.
func (c *Controller) ask(ctx context.Context, id string, text []byte) error {
	ctx, cancel := context.WithTimeout(ctx, claimTime)
	defer cancel()
	msg, err := c.conn.RequestWithContext(ctx, agentSubject+id, text)
	switch {
	case errors.Is(err, nats.ErrNoResponders):
		return takenError{errors.New("it is gone")}
	case errors.Is(err, context.DeadlineExceeded):
		return errors.New("it does not answer")
	case err != nil:
		return err
	}
	var a answer
	if len(msg.Data) > maxText || json.Unmarshal(msg.Data, &a) != nil {
		return errors.New("it does not answer as an agent does")
	}
	if a.Error == "" {
		return nil
	}
	err = errors.New(result.Short(a.Error, result.MaxText))
	if a.Taken {
		err = takenError{err}
	}
	return err
}

// KeepIn makes agents that this process has started keep what they report of the next trials in a
// directory.
func (c *Controller) KeepIn(dir string) error {
	c.keep = dir
	return c.m.send(down, 0, isKeep, 0, []byte(dir))
}

// Close lets the agents go.
func (c *Controller) Close() {
	if c.m != nil {
		c.m.close()
		_ = c.conn.FlushTimeout(time.Second) // else they notice by our silence
	}
	c.conn.Close()
}

// Agents returns the agents with what is known of their clocks by now: of an agent that is gone, as
// it told last. The caller owns the list. Any goroutine may call it.
func (c *Controller) Agents() []result.Agent {
	c.m.mu.Lock()
	defer c.m.mu.Unlock()
	out := append([]result.Agent(nil), c.agents...)
	for i := range out {
		at := c.m.clocks[i]
		out[i].OffsetUs, out[i].BoundUs = at.offset.Microseconds(), int64(math.Ceil(float64(at.bound)/1e3))
	}
	return out
}

// mostJob leaves of what a member keeps a place for everything but the job.
const mostJob = maxKept - 16<<20

// Begin is of [scenario.Fleet].
func (c *Controller) Begin(ctx context.Context, job []byte) (scenario.Parts, error) {
	c.trial++
	p := &parts{c: c, trial: c.trial, alive: map[int]bool{}}
	for i := range c.agents {
		if why := c.m.goneOf(i); why != nil {
			return nil, fmt.Errorf("the agent %s is gone: %w", c.agents[i].Name, why)
		}
		p.alive[i] = true
	}
	if len(job) > mostJob {
		return nil, fmt.Errorf("the scenario takes %d MiB with its tables and logs, and agents are sent %d MiB at most; shorten them", len(job)>>20, mostJob>>20)
	}
	if err := c.m.send(down, 0, isJob, p.trial, job); err != nil {
		return nil, err
	}
	if err := p.ready(ctx); err != nil {
		_ = p.Close()
		return nil, err
	}
	return p, nil
}

// parts are the agents' parts of one trial. It is a [scenario.Parts].
type parts struct {
	c     *Controller
	trial uint32
	alive map[int]bool
	over  sync.Once
}

// readyTime is how long agents may take to build their parts.
const readyTime = 60 * time.Second

// ready waits until all parts are built.
func (p *parts) ready(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, readyTime)
	defer cancel()
	for waits := maps.Clone(p.alive); len(waits) > 0; {
		m, err := p.c.m.next(ctx)
		if err != nil {
			if errors.Is(err, context.DeadlineExceeded) {
				return fmt.Errorf("%d of %d agents did not get ready within %v: %s", len(waits), len(p.alive), readyTime, p.names(waits))
			}
			return err
		}
		name := p.c.agents[m.from].Name
		switch {
		case m.kind == 0:
			return fmt.Errorf("the agent %s is gone: %w", name, p.c.m.goneOf(m.from))
		case m.trial != p.trial: // of an earlier trial
		case m.what == isReady:
			delete(waits, m.from)
			if len(m.data) == 16 {
				p.c.m.mu.Lock()
				p.c.m.noteClock(m.from, int64(binary.BigEndian.Uint64(m.data)), time.Duration(binary.BigEndian.Uint64(m.data[8:])))
				p.c.m.mu.Unlock()
			}
		case m.what == isRefused:
			return scenario.DecodeRefusal(name, m.data)
		}
	}
	return nil
}

// names are those of some agents, in order: of many, the first.
func (p *parts) names(of map[int]bool) string {
	const most = 5
	var names []string
	for _, i := range slices.Sorted(maps.Keys(of)) {
		names = append(names, p.c.agents[i].Name)
	}
	if more := len(names) - most; more > 0 {
		names = append(names[:most], fmt.Sprintf("%d more", more))
	}
	return strings.Join(names, ", ")
}

// Start is of [scenario.Parts].
func (p *parts) Start(epoch time.Duration) error {
	return p.c.m.send(down, 0, isStart, p.trial, binary.BigEndian.AppendUint64(nil, uint64(epoch)))
}

// Tell is of [scenario.Parts].
func (p *parts) Tell(order []byte) error { return p.c.m.send(down, 0, isData, p.trial, order) }

// Ticket is of [scenario.Parts].
func (p *parts) Ticket() string {
	text, err := json.Marshal(ticket{Run: p.c.run, Trial: p.trial, Proof: p.c.proof, Local: p.c.keep != ""})
	if err != nil {
		return "" // it has only text
	}
	return string(text)
}

// Next is of [scenario.Parts].
func (p *parts) Next(ctx context.Context) (scenario.PartMessage, error) {
	for {
		m, err := p.c.m.next(ctx)
		if err != nil {
			return scenario.PartMessage{}, err
		}
		if m.kind == 0 {
			if p.alive[m.from] {
				delete(p.alive, m.from)
				return scenario.PartMessage{Agent: m.from, Lost: p.c.m.goneOf(m.from)}, nil
			}
			continue
		}
		if m.trial != p.trial || !p.alive[m.from] {
			continue
		}
		switch m.what {
		case isData:
			return scenario.PartMessage{Agent: m.from, Data: m.data}, nil
		case isEnded: // before its time, if at all
			if len(m.data) > 0 {
				delete(p.alive, m.from)
				return scenario.PartMessage{Agent: m.from, Lost: errors.New(result.Short(string(m.data), result.MaxText))}, nil
			}
		}
	}
}

// Close is of [scenario.Parts].
func (p *parts) Close() (err error) {
	p.over.Do(func() { err = p.c.m.send(down, 0, isOver, p.trial, nil) })
	return err
}

// compareClocks asks an agent that is in no run what time of the day it has, and returns how much
// its clock is ahead and the error, in microseconds.
func compareClocks(ctx context.Context, conn *nats.Conn, id string) (offset, bound int64) {
	var all []exchange
	for range burstSize {
		e := exchange{asked: time.Duration(time.Now().UnixNano())}
		short, cancel := context.WithTimeout(ctx, timeWait)
		msg, err := conn.RequestWithContext(short, agentSubject+id+".time", nil)
		cancel()
		e.back = time.Duration(time.Now().UnixNano())
		if err != nil || len(msg.Data) != 8 {
			return 0, 0
		}
		e.came = time.Duration(binary.BigEndian.Uint64(msg.Data))
		e.answered = e.came
		all = append(all, e)
	}
	l := fit(all, all[0].at())
	return int64(l.offset) / 1000, int64(math.Ceil(float64(l.bound) / 1e3))
}
