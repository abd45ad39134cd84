package fleet

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"

	"github.com/throng-io/throng/protocol/address"
	"github.com/throng-io/throng/protocol/natsconn"
	"github.com/throng-io/throng/scenario"
	"github.com/throng-io/throng/scenario/client"
	"github.com/throng-io/throng/scenario/result"
)

// AgentOptions describe an agent.
type AgentOptions struct {
	URL    string            // of the NATS server; credentials come from the environment
	Name   string            // "": the machine's, and the process's id
	Labels map[string]string // by which groups of clients are placed
	// Accept are the public nkeys of the controllers whose work is taken; empty: of all that may
	// publish on throng.fleet.agent.* in the NATS account.
	Accept []string
	// Part runs a part of a trial; it is scenario.RunPart with the options of this process.
	Part func(ctx context.Context, job []byte, link scenario.Link) error
	Log  io.Writer // nil: nothing is logged
	// Keep is the directory for what the agent reports until its controller has written it down:
	// for at most a day, and at most 1 GiB in all. It is made when needed; "": nothing is kept.
	Keep string
	// KeepInRun lets the controller name that directory: the controller has started this process.
	KeepInRun bool
	// Ready is called when the agent answers. May be nil.
	Ready func()

	apart bool // a test's: the clocks are compared although they are one
}

// An agent is this process as others see it.
type agent struct {
	opt  AgentOptions
	conn *nats.Conn
	pair nkeys.KeyPair
	time timebase

	mu     sync.Mutex
	card   card
	since  time.Time
	claims chan *claim // takes one
	closed chan error  // takes why the connection is closed for good
}

// Serve is an agent until ctx ends: it says that it is there, takes part in one run after another,
// and does nothing between them. It fails when the NATS server cannot be reached at first, or
// closes the connection for good; any other end of the connection is logged, and it is made anew.
func Serve(ctx context.Context, o AgentOptions) error {
	if o.Log == nil {
		o.Log = io.Discard
	}
	a, err := newAgent(o)
	if err != nil {
		return err
	}
	defer a.conn.Close()
	if err := a.listen(); err != nil {
		return err
	}
	if o.Ready != nil {
		o.Ready()
	}
	for {
		select {
		case <-ctx.Done():
			return nil
		case err := <-a.closed:
			return fmt.Errorf("the NATS server has closed the connection: %w; start the agent again when that is mended", err)
		case c := <-a.claims:
			if err := a.takePart(ctx, c); err != nil {
				a.logf("the run has ended: %v", err)
			} else {
				a.logf("the run has ended")
			}
			a.free()
		}
	}
}

func newAgent(o AgentOptions) (*agent, error) {
	if o.Name == "" {
		o.Name = DefaultName()
	}
	if !simple.MatchString(o.Name) {
		return nil, fmt.Errorf("the name %q is not of up to 64 letters, digits and _.:/-; write another with --name", o.Name)
	}
	for _, key := range o.Accept {
		if !nkeys.IsValidPublicUserKey(key) {
			return nil, fmt.Errorf("--accept %s is not the public key of a controller; 'throng fleet key FILE' prints it", result.Short(key, result.MaxText))
		}
	}
	pair, err := nkeys.CreateCurveKeys()
	if err != nil {
		return nil, err
	}
	public, err := pair.PublicKey()
	if err != nil {
		return nil, err
	}
	a := &agent{opt: o, pair: pair, claims: make(chan *claim, 1), closed: make(chan error, 1)}
	if !o.apart {
		a.time = ownTimebase()
	}
	a.card = card{ID: rand.Text(), Agent: describe(o.Name, o.Labels), Key: public, Nonce: rand.Text(), Time: a.time}
	a.card.Agent.Host = hostname()
	if a.conn, err = connect(o.URL, a.outages()...); err != nil {
		return nil, err
	}
	return a, nil
}

// outages log when the connection to the NATS server ends and is there again: until then the agent
// is not seen by anybody.
func (a *agent) outages() []nats.Option {
	return []nats.Option{
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) {
			if err != nil { // else this process has closed it
				a.logf("the connection to NATS is lost: %v; it is made anew as soon as the server is there", err)
			}
		}),
		nats.ReconnectHandler(func(c *nats.Conn) { a.logf("connected to NATS again, at %s", address.Hide(c.ConnectedUrl())) }),
		nats.ClosedHandler(func(c *nats.Conn) {
			if err := c.LastError(); err != nil {
				a.closed <- err
			}
		}),
	}
}

// DefaultName is the name of an agent in this process: the machine's, and the process's id.
func DefaultName() string { return hostname() + "-" + strconv.Itoa(os.Getpid()) }

// hostname is the machine's name, as far as names of agents may have it.
func hostname() string {
	host, err := os.Hostname()
	host, _, _ = strings.Cut(host, ".")
	if err != nil || !simple.MatchString(host) || len(host) > 40 {
		return "agent"
	}
	return host
}

// logf writes one line of the log, whatever a target, a controller or a NATS server has told it.
func (a *agent) logf(format string, args ...any) {
	_, _ = fmt.Fprintln(a.opt.Log, time.Now().Format(time.TimeOnly), result.Short(fmt.Sprintf(format, args...), result.MaxText))
}

// listen answers who is there, what time it is, and claims.
func (a *agent) listen() error {
	_, err := a.conn.Subscribe(helloSubject, func(msg *nats.Msg) {
		a.mu.Lock()
		c := a.card
		if c.Run != "" {
			c.Since = time.Since(a.since).Seconds()
		}
		a.mu.Unlock()
		if a.opt.Keep != "" {
			c.Kept = partsIn(a.opt.Keep)
		}
		if text, err := json.Marshal(c); err == nil {
			_ = msg.Respond(text)
		}
	})
	if err != nil {
		return err
	}
	if _, err = a.conn.Subscribe(agentSubject+a.card.ID+".time", func(msg *nats.Msg) {
		_ = msg.Respond(binary.BigEndian.AppendUint64(nil, uint64(time.Now().UnixNano())))
	}); err != nil {
		return err
	}
	if _, err = a.conn.Subscribe(agentSubject+a.card.ID, a.claimed); err != nil {
		return err
	}
	if err := a.conn.Flush(); err != nil {
		return err
	}
	if err := a.conn.LastError(); natsconn.Refused(err) {
		return refusal(err) // nobody would find it
	}
	a.conn.SetErrorHandler(refusals(a.opt.Log))
	return nil
}

// claimed takes or refuses a claim. The answer to one that is taken is sent when the agent listens
// to the run.
func (a *agent) claimed(msg *nats.Msg) {
	c, err := readClaim(a.card.ID, msg.Data, a.opt.Accept)
	a.mu.Lock()
	defer a.mu.Unlock()
	switch {
	case err != nil:
	case a.card.Run != "":
		err = errBusy
	case c.Nonce != a.card.Nonce:
		err = errOldClaim
	}
	if c != nil { // else a stranger could make every claim an old one
		a.card.Nonce = rand.Text()
	}
	if err != nil {
		a.logf("a claim is refused: %v", err)
		refuse(msg, err)
		return
	}
	c.reply = msg
	a.card.Run, a.since = c.Run, time.Now()
	a.claims <- c
}

func refuse(msg *nats.Msg, err error) {
	text, merr := json.Marshal(answer{err.Error(), errors.Is(err, errBusy) || errors.Is(err, errOldClaim)})
	if merr == nil {
		_ = msg.Respond(text)
	}
}

// free makes the agent ready for the next run.
func (a *agent) free() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.card.Run = ""
}

// takePart is a member of a run until that ends.
func (a *agent) takePart(ctx context.Context, c *claim) error {
	secret, err := a.pair.Open(c.Secret, c.Key)
	if err != nil {
		err = errors.New("the secret of the run is not for this agent")
		refuse(c.reply, err)
		return err
	}
	clk := &clock{}
	offset, same := a.time.to(c.Time)
	if same {
		clk = exactly(offset)
	}
	m, err := join(a.conn, c.Run, secret, c.Self, len(c.Agents), clk)
	if err != nil {
		refuse(c.reply, err)
		return err
	}
	defer m.close()
	// the answer says that it listens: nothing of the run is missed
	if err := c.reply.Respond([]byte("{}")); err != nil {
		return err
	}
	a.logf("takes part in the run of %s, as %d of %d agents", result.Short(c.Name, 64), c.Self+1, len(c.Agents))
	if name := c.Agents[c.Self].Name; name != a.opt.Name {
		a.logf("its name there is %s: another agent has the name %s", result.Short(name, 128), a.opt.Name)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	p := &partner{agent: a, m: m, claim: c, keep: a.opt.Keep}
	if p.proof, err = proofOf(secret, c.Run); err != nil {
		return err
	}
	if !same {
		var all sync.WaitGroup
		defer all.Wait()
		defer cancel()
		all.Go(func() { p.compare(ctx) })
	}
	return p.serve(ctx)
}

// partner is an agent in a run.
type partner struct {
	agent *agent
	m     *member
	claim *claim
	link  *link // of the trial under way; nil: none

	keep  string   // the directory for what is kept
	kept  *keeping // of the last trial
	proof []byte
}

// compare keeps the clocks compared.
func (p *partner) compare(ctx context.Context) {
	for ctx.Err() == nil && p.m.clk.line.Load() == nil {
		if all, err := p.m.burst(ctx, firstBurst); err == nil {
			p.m.clk.learn(all, client.Now())
		}
	}
	p.m.keepTime(ctx)
}

// serve passes messages on to the parts of trials, one after another.
func (p *partner) serve(ctx context.Context) error {
	defer func() {
		p.end(errors.New("the run has ended"))
		if why := p.m.goneOf(p.m.of); errors.Is(why, errLeft) || errors.Is(p.m.failure(), errGoesOn) {
			p.kept.drop()
		}
	}()
	for {
		m, err := p.m.next(ctx)
		if err != nil {
			p.end(err)
			if ctx.Err() != nil || p.over() {
				return nil
			}
			return err
		}
		switch {
		case m.what == isJob && m.kind == down:
			p.end(errors.New("the next trial has begun"))
			p.begin(ctx, m)
		case m.what == isKeep && m.kind == down:
			if p.agent.opt.KeepInRun {
				p.keep = string(m.data)
			}
		case m.what == isCollect && m.kind == down:
			p.give(ctx, m.data)
		case m.what == isForget && m.kind == down:
			p.forget(m.data)
		case p.link == nil || m.trial != p.link.trial: // of an earlier trial
		case m.what == isOver && m.kind == down:
			p.end(errOver)
		default:
			p.link.put(m)
		}
	}
}

// over reports whether the controller has said that it ends.
func (p *partner) over() bool { return p.m.goneOf(p.m.of) != nil && p.link == nil }

var errOver = errors.New("the trial is over")

// begin starts a part of a trial.
func (p *partner) begin(ctx context.Context, m message) {
	p.kept.drop() // the controller has written the trial down
	head := keptHead{Run: p.claim.Run, Trial: m.trial, Self: p.m.self, Build: Build(), Proof: hashOf(p.proof)}
	p.kept = newKeeping(p.keep, head, p.agent.logf)
	ctx, cancel := context.WithCancel(ctx)
	l := &link{kept: p.kept, partner: p, trial: m.trial, cancel: cancel, arrived: make(chan struct{}, 1), started: make(chan time.Duration, 1), over: make(chan struct{}), done: make(chan struct{})}
	p.link = l
	go func() {
		defer close(l.done)
		defer cancel()
		err := p.agent.opt.Part(ctx, m.data, l)
		l.forget()
		l.kept.end()
		kind, text := isEnded, []byte(nil)
		if err != nil {
			text = []byte(err.Error())
			p.agent.logf("trial %d: %v", l.trial, err)
		}
		if !l.asked.Load() {
			kind = isRefused
			if err != nil {
				text = scenario.EncodeRefusal(err)
			}
		}
		_ = p.m.send(up, 0, kind, l.trial, text) // it fails when nobody listens any more
	}()
}

// endWait is how long a part may take to end before it is interrupted.
const endWait = 30 * time.Second

// end waits for the part under way.
func (p *partner) end(why error) {
	l := p.link
	if l == nil {
		return
	}
	p.link = nil
	l.close(why)
	timer := time.AfterFunc(endWait, l.cancel)
	defer timer.Stop()
	<-l.done
}
