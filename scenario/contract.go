package scenario

import (
	"context"
	"fmt"
	"time"

	"github.com/throng-io/throng/protocol/socketio"
	"github.com/throng-io/throng/scenario/client"
	"github.com/throng-io/throng/scenario/file"
	"github.com/throng-io/throng/scenario/metric"
)

// A contract describes how clients join and leave the rooms of a foreign server, prepared for use.
// What they send is in operations.go.
type contract struct {
	spec        *file.Contract
	join, leave *pattern // nil: the server has no such call
	joined      matcher  // of what a join is answered with
}

func newContract(t *trial) *contract {
	spec := t.spec.Contract
	if spec == nil {
		return nil
	}
	c := &contract{spec: spec}
	if spec.Join != nil {
		c.join, c.joined = t.compile(spec.Join.Emit, nil), t.matcher(spec.Join.Match, nil)
	}
	if spec.Leave != nil {
		c.leave = t.compile(spec.Leave.Emit, nil)
	}
	return c
}

// joinAsked reports whether clients ask for their rooms, and whether the server
// acknowledges it.
func (t *trial) joinAsked() (asked, acknowledged bool) {
	if t.contract == nil {
		framed := t.groups[0].frames != nil
		return !framed, !framed
	}
	return t.contract.join != nil, t.contract.spec.Join.WantsAck()
}

// appendMove appends the packet by which a client joins or leaves a room. id is the acknowledgement
// id; negative when the server does not acknowledge moves.
func (a *actor) appendMove(dst []byte, join bool, room string, id int64) []byte {
	dst = append(dst, a.head...)
	fill := filling{group: a.group, client: a.number, room: room, message: roomDraw(room)}
	if id >= 0 {
		dst = a.group.appendCall(dst, uint64(id), &fill)
	}
	if c := a.t.contract; c != nil {
		p := c.leave
		if join {
			p = c.join
		}
		return p.append(dst, &fill)
	}
	word := `["leave",`
	if join {
		word = `["join",`
	}
	dst = append(dst, word...)
	dst = socketio.AppendString(dst, room)
	return append(dst, ']')
}

// joinAnswered makes the client a member of the room that it has asked for, unless the answer
// refuses it: then a client that connects is given up, and one that changes rooms is in neither.
func (a *actor) joinAnswered(c *pendingCall, m *client.Message) {
	room, coming := int(c.seq), state(a.state.Load()) == joining
	if t := a.t; t.contract != nil {
		if err := t.contract.joined.checkArgs(a.group.json(m.Args), a.filling(), "the answer"); err != nil {
			err = fmt.Errorf("the server refused the room %s: %w", a.group.roomName(room), err)
			a.mu.Lock()
			leaving := a.leaving
			a.mu.Unlock()
			switch {
			case coming && !leaving: // the first of its rooms decides
				a.notJoined(err)
			case !coming:
				a.countError(metric.Error(metric.ErrMove, metric.HowMismatch), -1, c.due, err)
			}
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
