package fleet

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/throng-io/throng/scenario"
	"github.com/throng-io/throng/scenario/result"
)

// mostJob leaves of what a member keeps a place for everything but the job.
const mostJob = maxKept - 16<<20

// Begin is of [scenario.Fleet].
func (c *Controller) Begin(ctx context.Context, job []byte) (scenario.Parts, error) {
	c.trial++
	p := &parts{c: c, trial: c.trial, alive: map[int]bool{}}
	for i := range c.agents {
		if why := c.m.goneOf(i); why != nil {
			return nil, c.gone(i, why)
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

// gone says why a trial cannot begin without an agent.
func (c *Controller) gone(agent int, why error) error {
	return &scenario.AgentError{Err: fmt.Errorf("the agent %s is gone: %w", c.agents[agent].Name, why)}
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
				return &scenario.AgentError{Err: fmt.Errorf("%d of %d agents did not get ready within %v: %s", len(waits), len(p.alive), readyTime, p.names(waits))}
			}
			return err
		}
		name := p.c.agents[m.from].Name
		switch {
		case m.kind == 0:
			return p.c.gone(m.from, p.c.m.goneOf(m.from))
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

// Start is of [scenario.Parts]. It tells the bound of the clocks, too: the beats that do may be
// late.
func (p *parts) Start(epoch time.Duration) error {
	p.c.m.mu.Lock()
	bound := p.c.m.worstBound()
	p.c.m.mu.Unlock()
	b := binary.BigEndian.AppendUint64(nil, uint64(epoch))
	return p.c.m.send(down, 0, isStart, p.trial, binary.BigEndian.AppendUint64(b, uint64(bound)))
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
