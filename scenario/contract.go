package scenario

import (
	"github.com/throng-io/throng/protocol/socketio"
	"github.com/throng-io/throng/scenario/file"
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
