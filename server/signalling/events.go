package signalling

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/throng-io/throng/server"
	"github.com/throng-io/throng/server/internal/budget"
)

// A refusal is the answer to an event that was not carried out.
type refusal struct {
	Event  string `json:"event"`
	Room   string `json:"room"`
	To     string `json:"to,omitempty"`
	Code   Code   `json:"code"`
	Reason string `json:"reason"`
}

// refuse answers an event that is not carried out.
func refuse(s *server.Socket, e *server.Event, room, to string, code Code, reason string) error {
	r := refusal{Event: e.Name(), Room: room, To: to, Code: code, Reason: reason}
	return errors.Join(s.Emit("p2p:refused", r), e.Ack())
}

// interval is the time after which one more event may be sent.
func (l Limit) interval() time.Duration {
	return time.Duration(min(max(1, float64(time.Second)/l.PerSecond), 1e18))
}

// within checks an event against a limit. Where it refuses, it has answered.
func within(s *server.Socket, e *server.Event, sent *budget.Rate, l Limit) (ok bool, err error) {
	args, attachments := e.Raw()
	size := len(args)
	for _, a := range attachments {
		size += len(a)
	}
	if !sent.Take(time.Now(), l.Burst, l.interval()) {
		return false, refuse(s, e, "", "", Rate, fmt.Sprintf("more than %d at once or %v a second", l.Burst, l.PerSecond))
	}
	if size > l.Bytes {
		return false, refuse(s, e, "", "", Size, fmt.Sprintf("%d bytes; the most are %d", size, l.Bytes))
	}
	return true, nil
}

// place is the part that all events of clients have.
type place struct {
	Room string `json:"room"`
	To   string `json:"to"`
}

// placeOf decodes the place of an event, and refuses binary in it: what is passed on has the
// attachments of the message alone.
func placeOf(e *server.Event) (at place, err error) {
	if e.Name() == eventRelay {
		var members map[string]string // a placeholder is none
		if err := e.Bind(&members); err != nil {
			return at, fmt.Errorf("the first argument must be an object with a room and perhaps a peer: %w", err)
		}
		return place{members["room"], members["to"]}, nil
	}
	if _, attachments := e.Raw(); len(attachments) > 0 {
		return at, errors.New("binary data is for p2p:relay alone")
	}
	if err := e.Bind(&at); err != nil {
		return at, fmt.Errorf("the first argument must be an object with a room: %w", err)
	}
	return at, nil
}

// read decodes the place of an event and checks the limits and, where the sender must be in the
// room, that it is. Where it refuses, it has answered.
func (h *hub) read(s *server.Socket, e *server.Event, l Limit, inside bool, dst any) (p *peer, at place, ok bool, err error) {
	p = h.peerOf(s)
	sent := &p.signals
	if e.Name() == eventRelay {
		sent = &p.relays
	}
	if ok, err = within(s, e, sent, l); !ok {
		return p, at, false, err
	}
	if at, err = placeOf(e); err != nil {
		return p, at, false, refuse(s, e, "", "", Invalid, err.Error())
	}
	if at.Room == "" || len(at.Room) > h.opts.RoomName {
		return p, at, false, refuse(s, e, "", at.To, Invalid, fmt.Sprintf("a room has a name of 1 to %d bytes, not of %d", h.opts.RoomName, len(at.Room)))
	}
	if dst != nil {
		if err := e.Bind(dst); err != nil {
			return p, at, false, refuse(s, e, at.Room, at.To, Invalid, err.Error())
		}
	}
	h.mu.Lock()
	in := p.rooms[at.Room]
	h.mu.Unlock()
	if inside && !in {
		return p, at, false, refuse(s, e, at.Room, at.To, Absent, "join the room first")
	}
	if h.opts.Authorize != nil && e.Name() != eventLeave {
		if err := h.opts.Authorize(s, Action{Event: e.Name(), Room: at.Room, To: at.To}); err != nil {
			return p, at, false, refuse(s, e, at.Room, at.To, Denied, err.Error())
		}
	}
	return p, at, true, nil
}

func (h *hub) join(s *server.Socket, e *server.Event) error {
	p, at, ok, err := h.read(s, e, h.opts.Signals, false, nil)
	if !ok {
		return err
	}
	others, reason := h.enter(s, p, at.Room)
	if reason != "" {
		return refuse(s, e, at.Room, "", Full, reason)
	}
	type welcome struct {
		Room  string   `json:"room"`
		You   string   `json:"you"`
		Peers []string `json:"peers"`
	}
	if err := s.Emit("p2p:peers", welcome{at.Room, s.ID(), others}); err != nil {
		return err
	}
	h.tell(s, at.Room, "p2p:joined")
	return e.Ack()
}

// enter puts a socket into a room and lists the others there; never nil. A reason says why it may
// not be there.
func (h *hub) enter(s *server.Socket, p *peer, room string) (others []string, reason string) {
	h.mu.Lock()
	switch {
	case p.rooms[room]:
	case len(p.rooms) >= h.opts.Rooms:
		reason = fmt.Sprintf("you are in %d rooms, which is the most; leave one first", len(p.rooms))
	case len(h.rooms[room]) >= h.opts.Peers:
		reason = fmt.Sprintf("the room has %d peers, which is the most", len(h.rooms[room]))
	default:
		if h.rooms[room] == nil {
			h.rooms[room] = map[string]bool{}
		}
		h.rooms[room][s.ID()], p.rooms[room] = true, true
	}
	others = []string{}
	for id := range h.rooms[room] {
		if id != s.ID() {
			others = append(others, id)
		}
	}
	h.mu.Unlock()
	if reason != "" {
		return nil, reason
	}
	if !s.Join(everyone(room)) || !s.Join(alone(room, s.ID())) {
		h.exit(s, p, room)
		return nil, "you have left, or are in as many rooms of the server as you may"
	}
	others = append(others, h.elsewhere(room)...)
	if len(others) >= h.opts.Peers {
		h.exit(s, p, room)
		return nil, fmt.Sprintf("the room has %d peers, which is the most", len(others))
	}
	slices.Sort(others)
	return others, ""
}

// exit takes a socket out of a room, and reports whether it was there.
func (h *hub) exit(s *server.Socket, p *peer, room string) bool {
	h.mu.Lock()
	in := p.rooms[room]
	h.drop(s.ID(), p, room)
	h.mu.Unlock()
	s.Leave(everyone(room))
	s.Leave(alone(room, s.ID()))
	return in
}

func (h *hub) leave(s *server.Socket, e *server.Event) error {
	p, at, ok, err := h.read(s, e, h.opts.Signals, true, nil)
	if !ok {
		return err
	}
	if h.exit(s, p, at.Room) {
		h.tell(s, at.Room, "p2p:left")
	}
	return e.Ack()
}

// target is the peer that an event is for, or all others in the room.
func target(s *server.Socket, at place) server.Target {
	if at.To == "" {
		return s.To(everyone(at.Room))
	}
	return s.To(alone(at.Room, at.To))
}

func (h *hub) signal(s *server.Socket, e *server.Event) error {
	var what struct {
		Data json.RawMessage `json:"data"`
	}
	_, at, ok, err := h.read(s, e, h.opts.Signals, true, &what)
	switch {
	case !ok:
		return err
	case len(what.Data) == 0:
		return refuse(s, e, at.Room, at.To, Invalid, "the member data is missing")
	}
	type signal struct {
		Room string          `json:"room"`
		From string          `json:"from"`
		Data json.RawMessage `json:"data"`
	}
	return errors.Join(target(s, at).Emit(eventSignal, signal{at.Room, s.ID(), what.Data}), e.Ack())
}

// relay passes a message on as it came, without decoding it.
func (h *hub) relay(s *server.Socket, e *server.Event) error {
	_, at, ok, err := h.read(s, e, h.opts.Relayed, true, nil)
	if !ok {
		return err
	}
	args, attachments := e.Raw()
	parser := e.Parser()
	_, message := parser.NextArg(args)
	if len(message) == 0 {
		return refuse(s, e, at.Room, at.To, Invalid, "the message, a second argument, is missing")
	}
	type head struct {
		Room string `json:"room"`
		From string `json:"from"`
	}
	out, _, err := parser.AppendArgs(make([]byte, 0, len(message)+128), nil, head{at.Room, s.ID()})
	if err != nil {
		return err
	}
	if !parser.IsBinary() {
		out = append(out, ',')
	}
	target(s, at).EmitRaw(eventRelay, append(out, message...), attachments)
	return e.Ack()
}
