package fleet

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"time"
)

// Times of a run.
const (
	beatEvery = 250 * time.Millisecond
	// silence is how long nothing has come from a member that counts as gone.
	silence = 8 * time.Second
	// outage is how long nothing may have come from anybody, where there are several, or while this
	// process has no connection to NATS: the server or this machine may stand still.
	outage = 3 * silence
)

// An agentClock is how an agent's clock stood at one moment.
type agentClock struct {
	offset time.Duration // what its clock of the day showed minus what the controller's showed
	bound  time.Duration // how far that may be off
}

// noteClock takes in what an agent's clock of the day shows when the fleet's clock shows zero, and
// the bound of that moment. An agent that has not compared its clock has no clients: its bound,
// which the others would wait for, counts for nothing. The lock is held.
func (m *member) noteClock(agent int, zero int64, bound time.Duration) {
	if bound < uncompared {
		m.clocks[agent] = agentClock{time.Duration(zero - dayAt(0)), bound}
	}
}

// beatOn says several times a second that this member is there and what it has got, sends again
// what nobody has confirmed, and notices who has fallen silent.
func (m *member) beatOn(ctx context.Context) {
	tick := time.NewTicker(beatEvery)
	defer tick.Stop()
	for last := time.Now(); ; {
		select {
		case <-ctx.Done():
			m.sendBeat(true)
			return
		case <-m.hurry:
			if m.sendAgain() {
				m.sendBeat(false)
			}
			continue
		case <-tick.C:
		}
		m.mu.Lock()
		now := time.Now()
		if now.Sub(last) > silence/2 { // this process stood still itself
			for who := range m.heard {
				m.heard[who] = now
			}
		}
		last = now
		if !m.conn.IsConnected() {
			m.cut = now
		}
		m.loseSilent(now)
		m.mu.Unlock()
		m.sendAgain()
		m.sendBeat(false)
	}
}

// hasten makes beatOn do at once what else waits for its next turn.
func (m *member) hasten() {
	select {
	case m.hurry <- struct{}{}:
	default:
	}
}

// sendAgain sends again what nobody has confirmed. It reports whether so much has come since the
// last beat that its senders should know.
func (m *member) sendAgain() (confirms bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := time.Now()
	for st, o := range m.out {
		for _, sealed := range o.overdue(now) {
			if err := m.publish(st, sealed); err != nil {
				m.fail(err)
				return false
			}
		}
	}
	return m.taken >= confirmAt
}

// loseSilent goes on without those from whom nothing has come for too long. The lock is held.
func (m *member) loseSilent(now time.Time) {
	limit := silence
	if m.of > 1 && now.Sub(m.any) > silence/2 || now.Sub(m.cut) < silence {
		limit = outage
	}
	for who, at := range m.heard {
		if now.Sub(at) > limit {
			m.lose(who, silentFor(limit))
		}
	}
}

// silentFor says what may be the matter with a member that is not heard.
func silentFor(d time.Duration) error {
	return fmt.Errorf("nothing came from it for %v: it was ended or stopped, its machine is overloaded, or NATS does not reach it", d)
}

// A beat is a flag (1: this member leaves), at the controller the members that are gone, the error
// bound of the clock (at the controller of any two members, in nanoseconds), at an agent what its
// clock of the day shows when the fleet's clock shows zero, and for each stream the number of the
// message that is waited for.

// sendBeat publishes the state of this member.
func (m *member) sendBeat(leaves bool) {
	zero, bound := m.clk.reading()
	m.mu.Lock()
	m.taken = 0
	if m.isController() {
		zero, bound = 0, m.worstBound()
	}
	b := []byte{0}
	if leaves {
		b[0] = 1
	}
	b = binary.AppendUvarint(b, uint64(len(m.gone)))
	for who := range m.gone {
		b = binary.AppendUvarint(b, uint64(who))
	}
	b = binary.AppendUvarint(b, uint64(bound))
	b = binary.AppendVarint(b, zero)
	for s, in := range m.in {
		b = append(b, byte(s.kind))
		b = binary.AppendUvarint(b, uint64(s.from))
		b = binary.AppendUvarint(b, in.next)
	}
	m.mu.Unlock()
	st := stream{kind: beat, from: m.self}
	_ = m.publish(st, m.keys.seal(st, m.beats.Add(1), b)) // the next one may be taken
}

// worstBound is at the controller the largest error between the clocks of two agents that are
// there. The lock is held.
func (m *member) worstBound() time.Duration {
	var all []time.Duration
	for agent, at := range m.clocks {
		if m.gone[agent] == nil {
			all = append(all, at.bound)
		}
	}
	slices.SortFunc(all, func(a, b time.Duration) int { return int(b - a) })
	sum := time.Duration(0)
	for _, b := range all[:min(2, len(all))] {
		sum += b
	}
	return sum
}

// takeBeat takes in the state of another member. The lock is held.
func (m *member) takeBeat(from int, n uint64, b []byte) {
	if n <= m.latest[from] {
		return // an old one
	}
	m.latest[from] = n
	m.hear(from)
	r := reader{b}
	leaves := r.byte() == 1
	for range r.uint() {
		who := int(r.uint())
		switch {
		case r.b == nil:
			return
		case from != m.of:
		case who == m.self:
			m.fail(errGoesOn)
			return
		default:
			m.lose(who, errors.New("the controller has lost it"))
		}
	}
	bound, zero := time.Duration(r.uint()), r.int()
	switch {
	case m.isController():
		m.noteClock(from, zero, bound)
	case from == m.of:
		m.bounds.Store(int64(bound))
	}
	for len(r.b) > 0 {
		k, of, waitsFor := kind(r.byte()), int(r.uint()), r.uint()
		st := stream{kind: k, from: of}
		if k == mesh {
			st.to = from
		}
		if o := m.out[st]; r.b != nil && o != nil {
			if o.confirm(from, waitsFor, time.Now()); o.again < o.next {
				m.hasten()
			}
		}
	}
	if leaves && (m.isController() || from == m.of) {
		m.lose(from, errLeft)
	}
}

// A reader reads numbers; b is nil after a mistake.
type reader struct{ b []byte }

func (r *reader) byte() byte {
	if len(r.b) == 0 {
		r.b = nil
		return 0
	}
	c := r.b[0]
	r.b = r.b[1:]
	return c
}

func (r *reader) uint() uint64 {
	n, size := binary.Uvarint(r.b)
	if size <= 0 {
		r.b = nil
		return 0
	}
	r.b = r.b[size:]
	return n
}

func (r *reader) int() int64 {
	n, size := binary.Varint(r.b)
	if size <= 0 {
		r.b = nil
		return 0
	}
	r.b = r.b[size:]
	return n
}
