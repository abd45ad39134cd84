package scenario

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/throng-io/throng/scenario/internal/judge"
)

// How often an agent announces its messages to the others, and how many announcements there are
// between two settlements. At 100 ms the announcements alone of four agents are 1 % of a broadcast
// a second to 10 000. A divisor of a second, with which the figures of a second end. When all is
// sent, nobody should wait for them.
const (
	announceEvery = 200 * time.Millisecond
	announceAtEnd = 20 * time.Millisecond
	settleEach    = 5
)

// exchange keeps the ledger one with those of the other agents, and obeys the controller, until the
// ledgers can be closed. It is the one goroutine that the ledger's exchange takes.
func (p *part) exchange(ctx context.Context) {
	tick := time.NewTicker(announceEvery)
	defer tick.Stop()
	l, at := p.t.ledger, int64(-1)
	for n := 0; ; {
		select {
		case m := <-p.inbox:
			if moment, err := p.take(m); err != nil {
				p.fail(err)
			} else if moment >= 0 {
				at = moment
			}
		case <-tick.C:
			n++
			over := p.t.now() > p.t.tl.End || at >= 0
			p.announce(over || n%settleEach == 0)
			p.turn(l.Horizon())
			if over {
				tick.Reset(announceAtEnd)
			}
		case <-p.gone:
			l.Stop(p.t.now())
			return
		case <-ctx.Done():
			l.Stop(p.t.now())
			return
		}
		if at >= 0 && l.Closable() {
			p.announce(true) // others may wait for what follows from the last message
			p.closed <- at
			return
		}
	}
}

// announce tells the other agents what was sent since the last time and, with settle, what has
// become of their messages here.
func (p *part) announce(settle bool) {
	l, link := p.t.ledger, p.link
	p.mesh(-1, l.Announce(nil))
	for to := range link.Agents() {
		if to != link.Self() && settle {
			p.mesh(to, l.Settlements(to, nil))
		}
	}
}

func (p *part) mesh(to int, b []byte) {
	others := len(p.link.Agents()) - 1
	if len(b) == 0 || others == 0 {
		return
	}
	if err := p.link.Mesh(to, b); err != nil {
		p.fail(fmt.Errorf("announce to the other agents: %w", err))
	}
	if to >= 0 {
		others = 1
	}
	p.meshed.Add(int64(len(b) * others))
}

// take takes a message in. at is not negative when the ledgers are to be closed as of that moment.
func (p *part) take(m LinkMessage) (at int64, err error) {
	if m.From >= 0 {
		if err := p.t.ledger.Hear(m.From, m.Data); err != nil {
			return -1, fmt.Errorf("the announcements of the agent %s cannot be followed: %w", p.nameOf(m.From), err)
		}
		return -1, nil
	}
	o, err := readOrder(m.Data)
	if err != nil {
		return -1, fmt.Errorf("the order of the controller cannot be followed: %w", err)
	}
	switch o.kind {
	case orderStop:
		select {
		case p.stop <- judge.Ending(o.ending):
		default: // it stops already
		}
	case orderLost:
		switch {
		case o.agent == p.link.Self():
			return -1, errors.New("the controller has given this agent up")
		case o.agent < 0 || o.agent >= len(p.link.Agents()):
			return -1, fmt.Errorf("the controller has lost the agent %d, which there is not", o.agent)
		}
		p.t.ledger.Lost(o.agent)
	case orderClose:
		p.t.ledger.Stop(o.at)
		return o.at, nil
	}
	return -1, nil
}

func (p *part) nameOf(agent int) string {
	if all := p.link.Agents(); agent < len(all) {
		return all[agent].Name
	}
	return "?"
}
