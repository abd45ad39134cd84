package scenario

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/throng-io/throng/scenario/client"
	"github.com/throng-io/throng/scenario/internal/ledger"
	"github.com/throng-io/throng/scenario/metric"
)

// join asks for every room. Each acknowledgement makes one membership.
func (a *actor) join() {
	now := a.t.now()
	var packet []byte
	for _, m := range a.unjoined() {
		id := a.calls.open(pendingCall{due: now, sent: now, stream: joinCall, seq: uint32(m.Room)})
		packet = a.appendMove(packet[:0], true, a.group.roomName(m.Room), int64(id))
		if err := a.transmit(packet); err != nil {
			return // the connection has ended: run sees it
		}
	}
}

// unjoined lists the memberships of rooms that are asked for and not acknowledged.
func (a *actor) unjoined() (list []*ledger.Membership) {
	for _, m := range a.Memberships() {
		if _, ended := m.HasEnded(); m.Room >= 0 && !ended && !m.HasJoined() {
			list = append(list, m)
		}
	}
	return list
}

// joinLate ends a client whose rooms did not acknowledge it in time.
func (a *actor) joinLate() {
	if state(a.state.Load()) != joining {
		return
	}
	text := "a room did not acknowledge its join in time"
	if a.group.held.Load() == 0 {
		text += fmt.Sprintf("; if the server has no event `%s`, or does not acknowledge it, describe in the contract how clients join", a.t.joinEvent())
	}
	if a.peering != nil {
		text = "the client was not in its room in time, which includes the data channels to its peers; the server must have the events of the signalling (p2p:join and the others)"
	}
	a.notJoined(errors.New(text))
}

// joinAnswered makes the client a member of the room that it has asked for, unless the answer
// refuses it: then a client that connects is given up, and one that changes rooms is in neither.
func (a *actor) joinAnswered(c *pendingCall, m *client.Message) {
	room, coming := int(c.seq), state(a.state.Load()) == joining
	if t := a.t; t.contract != nil {
		if err := t.contract.joined.checkArgs(a.group.json(m.Args), a.filling(), "the answer"); err != nil {
			a.roomRefused(c, metric.HowMismatch, err)
			return
		}
	}
	if to := a.awaited(room); to != nil {
		a.t.ledger.Join(a.Receiver, to)
	}
	if coming {
		if a.joins--; a.joins == 0 {
			a.hold()
		}
	}
}

// roomRefused gives up a client that connects; one that changes rooms is in neither.
func (a *actor) roomRefused(c *pendingCall, how string, why error) {
	why = fmt.Errorf("the server refused the room %s: %w", a.group.roomName(int(c.seq)), why)
	a.mu.Lock()
	leaving := a.leaving
	a.mu.Unlock()
	switch coming := state(a.state.Load()) == joining; {
	case coming && !leaving: // the first of its rooms decides
		a.notJoined(why)
	case !coming:
		a.countError(metric.Error(metric.ErrMove, how), -1, c.due, why)
	}
}

// notJoined gives up a client that is not in all of its rooms.
func (a *actor) notJoined(why error) {
	a.group.countError(metric.Error(metric.ErrConnect, metric.HowJoin), a.t.now(), why)
	a.mu.Lock()
	a.leaving, a.planned = true, true
	a.mu.Unlock()
	a.t.count.failed.Add(1)
	_ = a.conn.Close() // live ends
}

// joinSettles is the longest assumed duration of a join that the server does not acknowledge. Until
// it has passed the ledger expects no delivery to the client and counts no arrival.
const joinSettles = 500 * time.Millisecond

// joinSilently makes the client a member of its rooms where the server does not say so: at
// once when there is nothing to ask for, else a moment after it was asked.
func (a *actor) joinSilently(ctx context.Context, asked bool) {
	rooms := a.unjoined()
	if asked {
		var packet []byte
		for _, m := range rooms {
			packet = a.appendMove(packet[:0], true, a.group.roomName(m.Room), -1)
			if err := a.transmit(packet); err != nil {
				return // the connection has ended: run sees it
			}
		}
		timer := time.NewTimer(joinSettles)
		defer timer.Stop()
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
	}
	for _, m := range rooms {
		a.t.ledger.Join(a.Receiver, m)
	}
	a.joins = 0
	a.hold()
}

// hold makes the client a member of its namespace and lets it send.
func (a *actor) hold() {
	a.joinKeyed()
	for _, m := range a.Spaces() {
		a.t.ledger.Join(a.Receiver, m)
	}
	a.t.sending.Lock()
	in := a.state.CompareAndSwap(int32(joining), int32(held))
	if in {
		a.away.Store(0)
		if a.outbox != nil {
			a.outbox.flushing = len(a.outbox.ops) > 0
		}
	}
	a.t.sending.Unlock()
	if in {
		a.t.count.held.Add(1)
		a.group.held.Add(1)
		a.t.nodes[a.node].held.Add(1)
		a.back()
		a.flush()
		a.flowing()
	}
}
