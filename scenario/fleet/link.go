package fleet

import (
	"context"
	"encoding/binary"
	"sync"
	"sync/atomic"
	"time"

	"github.com/throng-io/throng/scenario"
	"github.com/throng-io/throng/scenario/result"
)

// link is a part of a trial in an agent. It is a [scenario.Link].
type link struct {
	partner *partner
	trial   uint32
	cancel  context.CancelFunc
	asked   atomic.Bool // the part is ready
	arrived chan struct{}
	started chan time.Duration // takes the epoch
	done    chan struct{}      // the part has ended
	kept    *keeping

	over chan struct{} // closed when the controller has ended the trial, or is gone

	mu    sync.Mutex
	inbox []scenario.LinkMessage
	left  bool  // the part has ended: nothing is read any more
	ended error // why; set before over is closed
}

var _ scenario.Link = (*link)(nil)

// put passes a message on.
func (l *link) put(m message) {
	if m.what == isStart {
		if len(m.data) == 16 {
			l.partner.m.bounds.Store(int64(binary.BigEndian.Uint64(m.data[8:])))
			select {
			case l.started <- time.Duration(binary.BigEndian.Uint64(m.data)):
			default:
			}
		}
		return
	}
	from := m.from
	if m.kind == down {
		from = -1
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.left {
		return
	}
	l.partner.m.count(len(m.data))
	l.inbox = append(l.inbox, scenario.LinkMessage{From: from, Data: m.data})
	l.wake()
}

// forget drops what the part has not read, and what still comes. It has ended, maybe long before
// the trial, and the others go on to tell it what they send: it must not stand in their way.
func (l *link) forget() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, m := range l.inbox {
		l.partner.m.count(-len(m.Data))
	}
	l.inbox, l.left = nil, true
}

// close ends the waiting of Epoch and Next.
func (l *link) close(why error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ended == nil {
		l.ended = why
		close(l.over)
	}
}

func (l *link) wake() {
	select {
	case l.arrived <- struct{}{}:
	default:
	}
}

// Self is of [scenario.Link].
func (l *link) Self() int { return l.partner.m.self }

// Agents is of [scenario.Link].
func (l *link) Agents() []result.Agent { return l.partner.claim.Agents }

// Epoch is of [scenario.Link].
func (l *link) Epoch(ctx context.Context) (time.Duration, error) {
	m := l.partner.m
	for m.clk.line.Load() == nil { // the clocks have not been compared yet
		select {
		case <-ctx.Done():
			return 0, ctx.Err()
		case <-time.After(10 * time.Millisecond):
		}
	}
	l.asked.Store(true)
	zero, bound := m.clk.reading()
	clocks := binary.BigEndian.AppendUint64(nil, uint64(zero))
	clocks = binary.BigEndian.AppendUint64(clocks, uint64(bound))
	if err := m.send(up, 0, isReady, l.trial, clocks); err != nil {
		return 0, err
	}
	select {
	case epoch := <-l.started:
		return epoch, nil
	case <-l.over:
		return 0, l.ended
	case <-ctx.Done():
		return 0, ctx.Err()
	}
}

// Fleet is of [scenario.Link].
func (l *link) Fleet(local time.Duration) time.Duration { return l.partner.m.clk.Fleet(local) }

// Bound is of [scenario.Link].
func (l *link) Bound() time.Duration { return time.Duration(l.partner.m.bounds.Load()) }

// Report is of [scenario.Link].
func (l *link) Report(data []byte) error {
	l.kept.add(data)
	return l.partner.m.send(up, 0, isData, l.trial, data)
}

// Mesh is of [scenario.Link].
func (l *link) Mesh(to int, data []byte) error {
	if to >= 0 {
		return l.partner.m.send(mesh, to, isData, l.trial, data)
	}
	for i := range l.Agents() {
		if i != l.Self() {
			if err := l.partner.m.send(mesh, i, isData, l.trial, data); err != nil {
				return err
			}
		}
	}
	return nil
}

// Next is of [scenario.Link].
func (l *link) Next(ctx context.Context) (scenario.LinkMessage, error) {
	for {
		l.mu.Lock()
		if len(l.inbox) > 0 {
			m := l.inbox[0]
			l.inbox[0] = scenario.LinkMessage{}
			l.inbox = l.inbox[1:]
			l.mu.Unlock()
			l.partner.m.count(-len(m.Data))
			return m, nil
		}
		l.mu.Unlock()
		select {
		case <-l.arrived:
		case <-l.over:
			return scenario.LinkMessage{}, l.ended
		case <-ctx.Done():
			return scenario.LinkMessage{}, ctx.Err()
		}
	}
}
