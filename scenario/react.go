package scenario

import (
	"encoding/json"
	"strconv"
	"time"

	"github.com/throng-io/throng/protocol/socketio"
	"github.com/throng-io/throng/scenario/client"
	"github.com/throng-io/throng/scenario/file"
	"github.com/throng-io/throng/scenario/internal/jsonpath"
	"github.com/throng-io/throng/scenario/internal/plan"
	"github.com/throng-io/throng/scenario/metric"
)

// react answers an event of the server by the group's rule for it.
func (a *actor) react(m *client.Message) {
	r := a.group.react[string(m.Name)]
	if r == nil {
		return
	}
	t := a.t
	a.reactions++
	if r.spec.Share < 1 && plan.Unit(plan.Draw(t.spec.Seed, plan.ForReaction, uint64(a.id), a.reactions, 0)) >= r.spec.Share {
		return
	}
	fill := *a.filling()
	fill.event = string(m.Name)
	if r.draws {
		fill.message = uint64(a.group.tallies.next(a.number, reactions))
	}
	if r.reads {
		// well-formed: the client has checked it
		fill.heard, _ = jsonpath.Args(a.group.json(m.Args))
	}
	if r.ack != nil && m.HasID {
		if err := a.acknowledge(m.ID, m.Space, r.ack.append(nil, &fill)); err != nil {
			a.countError(metric.Error(metric.ErrReact, metric.HowAck), -1, t.arrived(m), err)
		}
	}
	if r.emit == nil {
		return
	}
	packet, transmit := append([]byte(nil), a.head...), func(packet []byte) error { return a.transmit(packet) }
	if r.spec.ToPeers {
		packet, transmit = nil, func(packet []byte) error { return a.toPeers(packet, false) }
	}
	packet = r.emit.append(packet, &fill)
	send := func() {
		if err := transmit(packet); err != nil && state(a.state.Load()) == held {
			a.countError(metric.Error(metric.ErrReact, metric.HowEmit), -1, t.now(), err)
		}
	}
	if r.spec.After.IsZero() {
		send()
		return
	}
	wait := time.Duration(r.spec.After.At(plan.Unit(plan.Draw(t.spec.Seed, plan.ForReaction, uint64(a.id), a.reactions, 1))) * 1e9)
	t.life.wg.Go(func() {
		timer := time.NewTimer(wait)
		defer timer.Stop()
		select {
		case <-t.life.ctx.Done():
		case <-timer.C:
			send()
		}
	})
}

// A reaction is one of a file's, made ready.
type reaction struct {
	spec      *file.Reaction
	ack, emit *pattern
	draws     bool // they draw values
	reads     bool // they take values of the event
}

func newReactions(t *trial, spec *file.Group) map[string]*reaction {
	if len(spec.React) == 0 {
		return nil
	}
	out := map[string]*reaction{}
	for i := range spec.React {
		r := &reaction{spec: &spec.React[i]}
		if r.spec.Ack != nil {
			r.ack = t.compile(*r.spec.Ack, spec.Captured)
		}
		if !r.spec.Emit.IsZero() {
			r.emit = t.compile(r.spec.Emit, spec.Captured)
		}
		for _, p := range []*pattern{r.ack, r.emit} {
			r.draws = r.draws || p.draws("")
			r.reads = r.reads || p.draws(file.DrawEvent)
		}
		out[r.spec.Event] = r
	}
	return out
}

// acknowledge answers an event of the server; args is a JSON list.
func (a *actor) acknowledge(id uint64, space int, args []byte) error {
	name := a.group.names[space]
	if space == 0 && a.space != "" {
		name = a.space
	}
	if a.group.parser == socketio.JSON {
		return a.conn.Send(append(strconv.AppendUint(headOf("3", name), id, 10), args...))
	}
	var list []any
	if err := json.Unmarshal(args, &list); err != nil {
		return err
	}
	packet, _, err := a.group.parser.AppendAck(nil, name, id, list...)
	if err != nil {
		return err
	}
	return a.conn.SendBinary(nil, packet)
}
