package adapter

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"

	"github.com/throng-io/throng/protocol/socketio"
	"github.com/throng-io/throng/server"
	"github.com/throng-io/throng/server/internal/wire"
)

// receive carries out what another node asks, or takes its answer. It runs on the goroutine of the
// broker's connection: the messages of a node are carried out in their order.
func (n *node) receive(m *wire.Message) {
	if m.From == n.id || m.Namespace != n.ns.Name() {
		return
	}
	switch m.Kind {
	case wire.Broadcast:
		if event, ok := n.relay(m); ok {
			_ = n.Adapter.Broadcast(n.target(m.To), event)
		}
	case wire.Ask:
		n.ask(m)
	case wire.Join, wire.Leave, wire.Disconnect:
		n.change(m)
	case wire.Fetch:
		for part, more := range parts(n.list(m.To), n.link.largest()) {
			n.answer(m, &wire.Message{Kind: wire.Sockets, List: part, More: more})
		}
	case wire.ServerEvent:
		n.serverEvent(m)
	case wire.ListRooms:
		n.answer(m, &wire.Message{Kind: wire.Rooms, Names: n.rooms()})
	case wire.ListIDs:
		n.answer(m, &wire.Message{Kind: wire.IDs, Names: n.ids(m.To)})
	case wire.ClientCount, wire.Answer, wire.Sockets, wire.ServerAnswer:
		n.answered(m)
	case wire.Returned:
		if n.returned != nil {
			n.returned(m)
		}
	}
}

// relay makes an event of this server of one of another.
func (n *node) relay(m *wire.Message) (server.Message, bool) {
	event, err := n.ns.Relay(m.Event, m.Parser, m.Args, nil)
	if err != nil {
		n.cluster.malformed(n.ns.Name(), err)
	}
	return event, err == nil
}

// target is an audience on this server.
func (n *node) target(to wire.Audience) server.Target {
	t := n.ns.Local()
	for _, room := range to.Rooms {
		t = t.To(room)
	}
	for _, room := range to.Except {
		t = t.Except(room)
	}
	if to.Volatile {
		t = t.Volatile()
	}
	return t.Compress(!to.NoCompress)
}

// answer sends what m asks for, if it wants an answer.
func (n *node) answer(m, answer *wire.Message) {
	if m.Request == "" {
		return
	}
	answer.From, answer.Namespace, answer.Request = n.id, n.ns.Name(), m.Request
	n.link.send(answer, m.From)
}

func (n *node) ask(m *wire.Message) {
	event, ok := n.relay(m)
	if !ok {
		n.answer(m, &wire.Message{Kind: wire.ClientCount})
		return
	}
	timeout := m.To.Timeout
	if timeout <= 0 {
		timeout = n.cluster.opts.RequestTimeout
	}
	// Flags but the timeout are not for questions.
	to := n.target(wire.Audience{Rooms: m.To.Rooms, Except: m.To.Except})
	question := wire.Message{From: m.From, Request: m.Request}
	_ = to.Ask(event, timeout, func(sockets int) {
		n.answer(&question, &wire.Message{Kind: wire.ClientCount, Count: sockets})
	}, func(a server.Answer) {
		args, attachments := a.Event.Raw()
		n.answerWith(&question, wire.Answer, a.Event.Parser(), args, attachments)
	})
}

// answerWith sends arguments of this server's encoding as an answer.
func (n *node) answerWith(question *wire.Message, kind wire.Kind, p socketio.Parser, args []byte, attachments [][]byte) {
	a := &wire.Message{Kind: kind}
	if err := n.encode(a, func(to socketio.Parser) ([]byte, [][]byte, error) {
		return reencode(p, to, args, attachments)
	}); err != nil {
		n.cluster.malformed(n.ns.Name(), err)
		a.Args = nil
	}
	n.answer(question, a)
}

// reencode returns a list of arguments in another encoding.
func reencode(from, to socketio.Parser, args []byte, attachments [][]byte) ([]byte, [][]byte, error) {
	if from == to {
		return args, attachments, nil
	}
	list, err := from.Values(args, attachments)
	if err != nil {
		return nil, nil, err
	}
	return to.AppendArgs(nil, nil, list...)
}

func (n *node) change(m *wire.Message) {
	to := n.target(wire.Audience{Rooms: m.To.Rooms, Except: m.To.Except})
	c := server.Change{Disconnect: m.Kind == wire.Disconnect, HangUp: m.HangUp, Aside: true}
	switch m.Kind {
	case wire.Join:
		c.Join = m.Names
	case wire.Leave:
		c.Leave = m.Names
	}
	_ = n.Adapter.Apply(to, c)
	n.answer(m, &wire.Message{Kind: wire.ClassicDone})
}

// list is the sockets of an audience on this server.
func (n *node) list(to wire.Audience) []wire.Socket {
	local, err := n.Adapter.Fetch(context.Background(), n.target(to))
	if err != nil {
		n.cluster.logError(n.ns.Name(), err)
	}
	all := make([]wire.Socket, 0, len(local))
	for _, s := range local {
		all = append(all, wire.Socket{ID: s.ID, Handshake: handshake(s), Rooms: append([]string{s.ID}, s.Rooms...), Data: n.data(s.Data)})
	}
	return all
}

// parts divides a list of sockets into parts of at most so many bytes, or one socket if that is
// larger, and says with each whether more come. There is at least one.
func parts(list []wire.Socket, largest int) iter.Seq2[[]wire.Socket, bool] {
	return func(yield func([]wire.Socket, bool) bool) {
		begin, bytes := 0, 0
		for i := range list {
			size := sizeOf(&list[i])
			if largest > 0 && i > begin && bytes+size > largest {
				if !yield(list[begin:i], true) {
					return
				}
				begin, bytes = i, 0
			}
			bytes += size
		}
		yield(list[begin:], false)
	}
}

// perSocket is about what a socket takes beside its values.
const perSocket = 64

// sizeOf is about how many bytes list a socket.
func sizeOf(s *wire.Socket) int {
	n := perSocket + len(s.ID) + len(s.Handshake) + len(s.Data)
	for _, room := range s.Rooms {
		n += len(room) + len(`"",`)
	}
	return n
}

// handshake has nine fields, the last of which is what the client sent to connect.
func handshake(s server.RemoteSocket) []byte {
	b, err := json.Marshal(s.Handshake)
	if err != nil || len(b) < 2 {
		return []byte("{}")
	}
	auth := s.Auth
	if len(auth) == 0 || !json.Valid(auth) {
		auth = json.RawMessage("{}")
	}
	return append(append(append(b[:len(b)-1], `,"auth":`...), auth...), '}')
}

// data is what the application keeps with a socket; an empty object if there is nothing, or nothing
// that JSON can say.
func (n *node) data(v any) []byte {
	if v == nil {
		return []byte("{}")
	}
	b, err := encodeData(func() ([]byte, error) { return json.Marshal(v) })
	if err != nil {
		n.cluster.logError(n.ns.Name(), err)
		return []byte("{}")
	}
	return b
}

// encodeData encodes Socket.Data on a goroutine that is not the application's. A panic in one of
// its methods is an error, as it would end the process.
func encodeData(encode func() ([]byte, error)) (b []byte, err error) {
	defer func() {
		if cause := recover(); cause != nil {
			b, err = nil, fmt.Errorf("a method of Socket.Data panicked: %v", cause)
		}
	}()
	if b, err = encode(); err != nil {
		err = fmt.Errorf("Socket.Data cannot be encoded: %w", err)
	}
	return b, err
}

func (n *node) ids(to wire.Audience) []string {
	var all []string
	for _, s := range n.target(to).Sockets() {
		all = append(all, s.ID())
	}
	return all
}

// rooms lists the rooms of this server, those that sockets have by their ids included.
func (n *node) rooms() []string {
	all := n.ids(wire.Audience{})
	for room := range n.ns.Rooms() {
		all = append(all, room)
	}
	return all
}

func (n *node) serverEvent(m *wire.Message) {
	var reply func([]byte, [][]byte)
	question, parser := wire.Message{From: m.From, Request: m.Request}, m.Parser
	if m.Request != "" {
		reply = func(args []byte, attachments [][]byte) {
			n.answerWith(&question, wire.ServerAnswer, parser, args, attachments)
		}
	}
	event, args := m.Event, m.Args
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.closed {
		return
	}
	select {
	case n.events <- func() { n.ns.ServerEvent(event, parser, args, nil, reply) }:
	default:
		n.cluster.lostEvents.Add(1)
	}
}

// answered takes an answer to a question of this node.
func (n *node) answered(m *wire.Message) {
	n.mu.Lock()
	r := n.requests[m.Request]
	if r != nil && r.listed != nil && m.Kind == wire.Sockets {
		r.list = append(r.list, m.List...)
	}
	n.mu.Unlock()
	switch {
	case r == nil: // of another node, or too late
	case m.Kind == wire.ClientCount && r.acks != nil:
		r.acks.ExpectFromServer(m.Count)
	case (m.Kind == wire.Answer || m.Kind == wire.ServerAnswer) && r.acks != nil:
		r.acks.Answer(server.NewAnswer(m.Parser, m.Args, nil))
	case m.Kind == wire.Sockets && !m.More:
		select {
		case r.listed <- struct{}{}:
		default: // more nodes than were counted
		}
	}
}
