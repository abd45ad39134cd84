package fleet

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"

	"github.com/throng-io/throng/protocol/address"
	"github.com/throng-io/throng/scenario/result"
)

// claimTime is how long an agent may take to answer a claim.
const claimTime = 5 * time.Second

// Open claims agents for a run. It fails when there are too few. Where another run that begins at
// the same time takes one of them, or one does not answer, it looks for others.
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
	before := newAttempts()
	for begun := time.Now(); ; {
		c := &Controller{conn: conn}
		cards, err := gather(ctx, conn, o, begun, before)
		if err == nil {
			conn.SetErrorHandler(refusals(o.Log))
			err = c.claim(ctx, cards, identity, before)
		}
		if err == nil {
			return c, nil
		}
		if !retry(err) || time.Since(begun) > o.Wait || ctx.Err() != nil {
			c.Close()
			return nil, err
		}
		if isSilent(err) {
			_, _ = fmt.Fprintf(o.Log, "%v; looks for others\n", err)
		}
		c.m.close() // lets go those that were claimed
	}
}

// lookAgain is after how long a run that has too few agents looks for others.
const lookAgain = 100 * time.Millisecond

// attempts are what is known of earlier attempts to claim agents.
type attempts struct {
	silent map[string]string // names of agents that did not answer a claim, by ID
	run    string            // of the last one: its agents may not know yet that they are let go
	told   bool              // that agents are waited for
}

func newAttempts() *attempts { return &attempts{silent: map[string]string{}} }

// gather waits for enough free agents, without some that did not answer. Where all free ones are
// wanted, it waits for those that the last attempt has claimed, too.
func gather(ctx context.Context, conn *nats.Conn, o Options, begun time.Time, before *attempts) ([]card, error) {
	for {
		want := o.Agents
		if len(before.silent) > 0 {
			want = 0 // they may be the first ones to say that they are there
		}
		cards, err := roster(ctx, conn, want)
		if err != nil {
			return nil, err
		}
		var free []card
		var not []string
		leaving := false
		for _, one := range cards {
			_, mute := before.silent[one.ID]
			switch {
			case mute:
			case one.state() != stateFree:
				leaving = leaving || one.Run != "" && one.Run == before.run
				not = append(not, one.Agent.Name+" ("+one.state()+")")
			case o.Agents == 0 || len(free) < o.Agents:
				free = append(free, one)
			}
		}
		for _, name := range slices.Sorted(maps.Values(before.silent)) {
			not = append(not, name+" (does not answer)")
		}
		over := time.Since(begun) > o.Wait || ctx.Err() != nil
		if len(free) > 0 && len(free) >= o.Agents && (o.Agents > 0 || !leaving || over) {
			if len(not) > 0 {
				_, _ = fmt.Fprintf(o.Log, "agents that take no part: %s\n", strings.Join(not, ", "))
			}
			return free, nil
		}
		if over {
			return nil, errors.New(tooFew(o, len(free), not) + "; start some with 'throng agent --nats URL', and look at 'throng fleet --nats URL'")
		}
		before.waits(ctx, o, tooFew(o, len(free), not))
	}
}

// waits says once that there are too few agents so far, and lets lookAgain pass: where no agent
// listens, the server says so at once.
func (a *attempts) waits(ctx context.Context, o Options, tooFew string) {
	if !a.told {
		a.told = true
		_, _ = fmt.Fprintf(o.Log, "waits for agents, for %v at most: %s\n", o.Wait, tooFew)
	}
	select {
	case <-ctx.Done():
	case <-time.After(lookAgain):
	}
}

// tooFew says why there is no fleet.
func tooFew(o Options, free int, not []string) string {
	text := fmt.Sprintf("%d agents are free at %s", free, address.Hide(o.URL))
	if o.Agents > 0 {
		text += fmt.Sprintf(", not %d", o.Agents)
	}
	if len(not) > 0 {
		text += "; others take no part: " + strings.Join(not, ", ")
	}
	return text
}

// claim makes agents the run's, and notes in before what the next attempt should know.
func (c *Controller) claim(ctx context.Context, cards []card, identity nkeys.KeyPair, before *attempts) error {
	secret := make([]byte, secretSize)
	_, _ = rand.Read(secret) // it never fails
	run := rand.Text()
	own := ownTimebase()
	for i := range cards {
		c.agents = append(c.agents, cards[i].Agent)
	}
	distinguish(c.agents)
	var err error
	c.run, before.run = run, run
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
	return c.askAll(ctx, cards, texts, before.silent)
}

// askAll waits for the answers of all agents, and adds to silent those that give none. The first
// one is asked before the others: of two runs that want the same agents one does not get it, and
// leaves the others alone.
func (c *Controller) askAll(ctx context.Context, cards []card, claims [][]byte, silent map[string]string) error {
	errs := make([]error, len(cards))
	ask := func(i int) {
		if err := c.ask(ctx, cards[i].ID, claims[i]); err != nil {
			if errors.Is(err, context.DeadlineExceeded) {
				err = silentError{}
			}
			errs[i] = fmt.Errorf("the agent %s takes no part: %w", c.agents[i].Name, err)
			return
		}
		c.m.expect(i)
	}
	if ask(0); errs[0] == nil || isSilent(errs[0]) {
		var all sync.WaitGroup
		for i := 1; i < len(cards); i++ {
			all.Go(func() { ask(i) })
		}
		all.Wait()
	}
	for i, err := range errs {
		if isSilent(err) {
			silent[cards[i].ID] = c.agents[i].Name
		}
	}
	var taken error
	for _, err := range errs {
		if retry(err) {
			taken = err
		} else if err != nil {
			return err
		}
	}
	return taken
}

// A takenError is the refusal of an agent that has been free a moment ago, or of one that has gone
// since.
type takenError struct{ error }

// A silentError is that of an agent that was there a moment ago and does not answer a claim.
type silentError struct{}

func (silentError) Error() string {
	return silentFor(claimTime).Error() + "; look at its log, or end it and start another one"
}

// retry reports whether it helps to look for other agents after an error.
func retry(err error) bool {
	_, taken := errors.AsType[takenError](err)
	return taken || isSilent(err)
}

func isSilent(err error) bool {
	_, is := errors.AsType[silentError](err)
	return is
}

// ask waits for an agent's answer to a claim.
func (c *Controller) ask(ctx context.Context, id string, text []byte) error {
	ctx, cancel := context.WithTimeout(ctx, claimTime)
	defer cancel()
	msg, err := c.conn.RequestWithContext(ctx, agentSubject+id, text)
	switch {
	case errors.Is(err, nats.ErrNoResponders):
		return takenError{errors.New("it is gone")}
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
