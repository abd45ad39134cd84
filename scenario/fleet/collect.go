package fleet

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"time"

	"github.com/throng-io/throng/scenario"
	"github.com/throng-io/throng/scenario/regular"
	"github.com/throng-io/throng/scenario/result"
)

// ErrAway says that agents on other machines keep what is looked for, and no NATS server was named.
var ErrAway = errors.New("the agents of the run are at a NATS server, and keep what they measured; name it with --nats URL")

// Times of collecting.
const (
	// settled is for how long a file must not have grown that its agent has not ended: an agent
	// reports each second.
	settled = 10 * time.Second
	// collectWait is how long is waited for agents: they notice that their controller is gone, and
	// end their load.
	collectWait = silence + 2*endWait
)

// A Collection is what the agents of a trial have kept after their controller was killed.
type Collection struct {
	Kept []scenario.Kept // by agent, as the trial had them

	ticket ticket
	files  []string
	ctl    *Controller
}

// Collect gets what the agents of a trial have kept, of which text is the ticket; see
// [scenario.Note]. dir is where the agents of this machine have left it. It waits for agents that
// have not ended their parts, for a minute at most, and for none that are gone. Of an agent without
// reports there is nothing.
func Collect(ctx context.Context, o Options, text, dir string, agents []result.Agent) (*Collection, error) {
	c := &Collection{Kept: make([]scenario.Kept, len(agents))}
	for i := range c.Kept {
		c.Kept[i].Why = errors.New("it has kept nothing of the trial, or is not there any more")
	}
	if err := json.Unmarshal([]byte(text), &c.ticket); err != nil || !runName.MatchString(c.ticket.Run) {
		return nil, errors.New("the run's ticket is damaged")
	}
	switch {
	case c.ticket.Local:
		return c, c.fromDir(ctx, dir, len(agents))
	case o.URL == "":
		return nil, ErrAway
	}
	if o.Log == nil {
		o.Log = io.Discard
	}
	if err := c.fromAgents(ctx, o, len(agents)); err != nil {
		c.Close(false)
		return nil, err
	}
	return c, nil
}

// take takes in what a file of an agent has.
func (c *Collection) take(text []byte) (whole bool, err error) {
	p, err := readPart(text)
	if err != nil {
		return false, err
	}
	if p.head.Self >= len(c.Kept) || !c.ticket.has(&p.head) {
		return false, errors.New("it is not of the trial")
	}
	k := &c.Kept[p.head.Self]
	switch {
	case p.head.Build != Build():
		k.Why = otherBuild(p.head.Build)
	case len(p.reports) >= len(k.Reports):
		*k = scenario.Kept{Reports: p.reports}
		if !p.whole {
			k.Why = errors.New("it ended before it had written down all that it measured")
		}
	}
	return p.whole, nil
}

func otherBuild(build string) error {
	return fmt.Errorf("another build has kept it (%s), which only that one can read", result.Short(build, result.MaxText))
}

// fromDir reads the files of agents of this machine, when each has ended or grows no more.
func (c *Collection) fromDir(ctx context.Context, dir string, agents int) error {
	sizes, changed := map[string]int64{}, time.Now()
	for {
		whole := 0
		c.files = c.ticket.filesOf(dir)
		for _, path := range c.files {
			text, err := regular.ReadFile(path, 2*keptOfPart)
			if err != nil {
				return err
			}
			ended, err := c.take(text)
			if err != nil {
				return fmt.Errorf("%s: %w", path, err)
			}
			if ended {
				whole++
			}
			if n := int64(len(text)); n != sizes[path] {
				sizes[path], changed = n, time.Now()
			}
		}
		if whole == agents || time.Since(changed) > settled {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// fromAgents asks the agents that keep something of the run, once they are free.
func (c *Collection) fromAgents(ctx context.Context, o Options, agents int) error {
	identity, err := identityOf(o.Identity)
	if err != nil {
		return err
	}
	conn, err := connect(o.URL)
	if err != nil {
		return err
	}
	c.ctl = &Controller{conn: conn}
	conn.SetErrorHandler(refusals(o.Log))
	silent := map[string]int{} // by ID, how many claims an agent has not answered
	for begun := time.Now(); ; {
		cards, err := c.keepers(ctx, o, agents, silent)
		if len(cards) == 0 { // else there is something without those that cannot
			return err
		}
		before := newAttempts()
		if err = c.ctl.claim(ctx, cards, identity, before); err == nil {
			return c.ask(ctx, len(cards))
		}
		if !retry(err) || time.Since(begun) > collectWait || ctx.Err() != nil {
			return err
		}
		for id := range before.silent {
			silent[id]++
		}
		_, _ = fmt.Fprintf(o.Log, "%v; tries again\n", err)
		c.ctl.m.close() // lets go those that were claimed
		*c.ctl = Controller{conn: conn}
	}
}

// unanswered is after how many claims without an answer an agent counts as gone.
const unanswered = 2

// keepers are the agents that keep something of the run and can hand it over; of others it notes
// why they cannot, and returns that for one of them. It waits until all is found.
func (c *Collection) keepers(ctx context.Context, o Options, agents int, silent map[string]int) ([]card, error) {
	for begun := time.Now(); ; {
		cards, err := roster(ctx, c.ctl.conn, 0)
		if err != nil {
			return nil, err
		}
		patience, found := settled, map[int]bool{} // for agents that do not answer
		var can []card
		var cannot error
		for _, one := range cards {
			parts, busy, why := c.offer(&one, agents, silent[one.ID])
			if busy {
				patience = collectWait
			}
			for _, self := range parts {
				if found[self] = true; why != nil {
					c.Kept[self].Why, cannot = why, fmt.Errorf("the agent %s: %w", one.Agent.Name, why)
				}
			}
			if parts != nil && why == nil {
				can = append(can, one)
			}
		}
		if len(found) == agents || time.Since(begun) > patience {
			return can, cannot
		}
		_, _ = fmt.Fprintf(o.Log, "waits for what the agents keep: %d of %d are found\n", len(found), agents)
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(time.Second):
		}
	}
}

// offer says which parts an agent has, and why it cannot hand them over. busy: it may have some
// when it is free. unheard are the claims that it has not answered.
func (c *Collection) offer(one *card, agents, unheard int) (parts []int, busy bool, why error) {
	parts = c.of(one, agents)
	switch state := one.state(); {
	case state == stateOther:
		return parts, false, otherBuild(one.Agent.Version)
	case state == stateBusy:
		return nil, parts != nil || one.Run == c.ticket.Run, nil
	case unheard >= unanswered:
		return parts, false, silentError{}
	}
	return parts, false, nil
}

// of are the agents of the run of which one has something.
func (c *Collection) of(one *card, agents int) (parts []int) {
	for self := range agents {
		if slices.Contains(one.Kept, partName(c.ticket.Run, self)) {
			parts = append(parts, self)
		}
	}
	return parts
}

// ask gets the files of the agents.
func (c *Collection) ask(ctx context.Context, agents int) error {
	text, err := json.Marshal(c.ticket)
	if err != nil {
		return err
	}
	if err := c.ctl.m.send(down, 0, isCollect, 0, text); err != nil {
		return err
	}
	return c.receive(ctx, agents)
}

// receive takes in what the agents hand over.
func (c *Collection) receive(ctx context.Context, agents int) error {
	waits := map[int]bool{}
	for i := range agents {
		waits[i] = true
	}
	texts := map[[2]int][]byte{} // by who sends it and whose it is
	for len(waits) > 0 {
		m, err := c.ctl.m.next(ctx)
		switch {
		case err != nil:
			return err
		case m.kind == 0, m.what == isKept && len(m.data) == 0: // gone, when another one may have the same, or done
			delete(waits, m.from)
		case m.what == isKept && len(m.data) >= 4:
			at := [2]int{m.from, int(binary.BigEndian.Uint32(m.data))}
			if texts[at] = append(texts[at], m.data[4:]...); len(texts[at]) > 2*keptOfPart {
				return fmt.Errorf("the agent %s sends more than one keeps", c.ctl.agents[m.from].Name)
			}
		}
	}
	for at, text := range texts {
		if _, err := c.take(text); err != nil && at[1] < len(c.Kept) && c.Kept[at[1]].Reports == nil {
			c.Kept[at[1]].Why = fmt.Errorf("what the agent %s has kept of it cannot be read: %w", c.ctl.agents[at[0]].Name, err)
		}
	}
	return nil
}

// Close lets the agents go. done: what they kept is written down, and can be removed.
func (c *Collection) Close(done bool) {
	if done {
		for _, path := range c.files {
			_ = os.Remove(path) // it grows old
		}
	}
	if c.ctl == nil {
		return
	}
	if done && c.ctl.m != nil {
		if text, err := json.Marshal(c.ticket); err == nil {
			if c.ctl.m.send(down, 0, isForget, 0, text) == nil {
				ctx, cancel := context.WithTimeout(context.Background(), timeWait)
				_ = c.ctl.m.room(ctx, stream{kind: down, from: c.ctl.m.self}, 0) // else it grows old
				cancel()
			}
		}
	}
	c.ctl.Close()
}

// pieceOfKept is how much of a file is sent at once, and waitingKept how much may be on its way.
const (
	pieceOfKept = 256 << 10
	waitingKept = 8 << 20
)

// give sends what is kept of a trial to a controller that has its ticket.
func (p *partner) give(ctx context.Context, text []byte) {
	var t ticket
	if json.Unmarshal(text, &t) != nil {
		return
	}
	for _, path := range t.filesOf(p.agent.opt.Keep) {
		h, err := headOf(path)
		if err == nil {
			err = p.giveFile(ctx, path, h.Self)
		}
		if err != nil {
			p.agent.logf("what was kept of an earlier run cannot be handed over: %v", err)
		}
	}
	_ = p.m.send(up, 0, isKept, 0, nil) // it fails when nobody listens any more
}

func (p *partner) giveFile(ctx context.Context, path string, self int) error {
	f, err := regular.Open(path, 2*keptOfPart)
	if err != nil {
		return err
	}
	defer f.Close()
	b := make([]byte, 4+pieceOfKept)
	binary.BigEndian.PutUint32(b, uint32(self))
	for {
		n, err := io.ReadFull(f, b[4:])
		if n > 0 {
			if err := p.m.room(ctx, stream{kind: up, from: p.m.self}, waitingKept); err != nil {
				return err
			}
			if err := p.m.send(up, 0, isKept, 0, b[:4+n]); err != nil {
				return err
			}
		}
		switch {
		case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
			return nil
		case err != nil:
			return err
		}
	}
}

// forget removes what is kept of a trial, for a controller that has its ticket.
func (p *partner) forget(text []byte) {
	var t ticket
	if json.Unmarshal(text, &t) != nil {
		return
	}
	for _, path := range t.filesOf(p.agent.opt.Keep) {
		_ = os.Remove(path) // it grows old
	}
}
