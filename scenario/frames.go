package scenario

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/throng-io/throng/protocol/socketio"
	"github.com/throng-io/throng/scenario/client"
	"github.com/throng-io/throng/scenario/file"
	"github.com/throng-io/throng/scenario/internal/jsonpath"
	"github.com/throng-io/throng/scenario/metric"
)

// Targets without Socket.IO. Their clients hand over what arrives as it is; here it gets the name
// of an event, and answers find their calls, so that everything else need not know the difference.

// frames says how such a target marks what it sends, prepared for use. It does not change.
type frames struct {
	protocol string
	event    *field // nil: the client names it
	id       *field // nil: an answer is of the oldest call
	answers  []string
	welcome  string
	delivers map[string]bool // the events by which operations deliver
}

// newFrames returns nil for Socket.IO.
func newFrames(s *file.Spec) *frames {
	if s.Target == nil || s.Target.Protocol == "" || s.Target.Protocol == file.SocketIO {
		return nil
	}
	f := &frames{protocol: s.Target.Protocol, delivers: map[string]bool{}}
	if f.protocol == file.WebSocket {
		f.event = &field{key: "type"}
	}
	if s.Contract == nil {
		return f
	}
	for i := range s.Contract.Operations {
		f.delivers[s.Contract.Operations[i].Deliver] = true
	}
	if spec := s.Contract.Frames; spec != nil {
		if spec.Event != nil {
			f.event = newField(spec.Event)
		}
		if spec.ID != nil {
			f.id = newField(spec.ID)
		}
		f.answers, f.welcome = spec.Answer, spec.Welcome
	}
	return f
}

// numbered reports whether the id of a call stands before a packet. In frames it stands where the
// file says.
func (g *group) numbered() bool { return g.frames == nil || g.frames.protocol != file.WebSocket }

// appendCall begins a packet that asks for an answer.
func (g *group) appendCall(packet []byte, id uint64, fill *filling) []byte {
	if fill.call = id + 1; g.numbered() { // in frames from 1 on: servers take 0 for none
		return strconv.AppendUint(packet, id, 10)
	}
	return packet
}

// speak completes a client's configuration.
func (f *frames) speak(cfg *client.Config, t *file.Target) {
	cfg.Transport, cfg.Namespace, cfg.More, cfg.Parser, cfg.Engine, cfg.Poll = "", "", nil, socketio.JSON, 0, 0
	if cfg.Protocol = f.protocol; f.protocol != file.WebSocket {
		return
	}
	cfg.Subprotocols, cfg.Ping = t.Subprotocols, t.Ping
	if f.welcome != "" {
		cfg.Welcome = func(frame []byte, _ bool) (bool, error) {
			name, _ := f.read(frame)
			return string(name) == f.welcome, nil
		}
	}
}

// A field is where a value stands in frames. Most stand under a key of the frame itself, which is
// found without decoding the rest.
type field struct {
	key  string
	path *file.Path // nil: key
}

func newField(p *file.Path) *field {
	key, ok := strings.CutPrefix(p.Text, "$.")
	if ok && key != "" && !strings.ContainsFunc(key, func(r rune) bool {
		return r != '_' && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9')
	}) {
		return &field{key: key}
	}
	return &field{path: p}
}

// of returns the text or number of a frame at the place; nil: there is none.
func (f *field) of(args []byte) []byte {
	if f.path == nil {
		return scalarText(member(args, f.key))
	}
	doc, err := jsonpath.Args(args)
	if err != nil {
		return nil
	}
	v, found := doc.First(f.path)
	if !found {
		return nil
	}
	return scalarText(jsonpath.Append(nil, v))
}

// member returns the value of a key of an object; nil: there is none. A key that is written with
// escapes is not found.
func member(object []byte, key string) []byte {
	if len(object) < 2 || object[0] != '{' || object[len(object)-1] != '}' {
		return nil
	}
	for rest := object[1 : len(object)-1]; len(bytes.TrimSpace(rest)) > 0; {
		var name, value []byte
		name, rest = socketio.NextArg(rest)
		rest = bytes.TrimSpace(rest)
		if name = bytes.TrimSpace(name); len(name) < 2 || len(rest) == 0 || rest[0] != ':' {
			return nil
		}
		value, rest = socketio.NextArg(rest[1:])
		if string(name[1:len(name)-1]) == key {
			return bytes.TrimSpace(value)
		}
	}
	return nil
}

// scalarText is the text of a JSON value that is a text or a number.
func scalarText(v []byte) []byte {
	switch {
	case len(v) == 0 || v[0] == '{' || v[0] == '[':
		return nil
	case v[0] != '"':
		return v
	case len(v) >= 2 && bytes.IndexByte(v, '\\') < 0:
		return v[1 : len(v)-1]
	}
	var s string
	if json.Unmarshal(v, &s) != nil {
		return nil
	}
	return []byte(s)
}

// read finds the event of a frame, and its arguments: the items of a list, or the frame itself. A
// frame that is not JSON is named by its first word.
func (f *frames) read(frame []byte) (name, args []byte) {
	frame = bytes.TrimSpace(frame)
	args = frame
	if len(frame) >= 2 && frame[0] == '[' && frame[len(frame)-1] == ']' {
		args = frame[1 : len(frame)-1]
	}
	if name = f.event.of(args); name == nil && len(frame) > 0 && frame[0] != '{' && frame[0] != '[' {
		end := bytes.IndexAny(frame, " \t\r\n")
		if end < 0 {
			end = len(frame)
		}
		name = frame[:end]
	}
	return name, args
}

// answered returns the call that a frame answers.
func (a *actor) answered(name, args []byte) (id uint64, is bool) {
	f := a.group.frames
	listed := slices.ContainsFunc(f.answers, func(s string) bool { return s == string(name) })
	switch {
	case len(f.answers) > 0 && !listed, f.delivers[string(name)]:
		return 0, false
	case f.id == nil && listed:
		return a.calls.oldest()
	case f.id == nil:
		return 0, false
	}
	n, err := strconv.ParseUint(string(f.id.of(args)), 10, 64)
	if err != nil || n == 0 {
		return 0, false
	}
	return n - 1, listed || a.calls.isOpen(n-1)
}

// framed is the handler of a client without Socket.IO.
type framed struct {
	*actor
	began     int64 // when its stream was asked for
	last, gap int64 // when the last event came, and how long after the one before; 0: not known
}

// handler is what receives on the client's connection.
func (a *actor) handler(began int64) client.Handler {
	if a.group.frames == nil {
		return a
	}
	return &framed{actor: a, began: began}
}

// Event receives a frame, or a server-sent event.
func (h *framed) Event(m *client.Message) {
	f := h.group.frames
	if f.protocol == file.SSE {
		h.recordEvent(m)
	}
	if f.event != nil && len(m.Attachments) == 0 {
		if m.Name, m.Args = f.read(m.Args); f.protocol == file.WebSocket {
			if id, is := h.answered(m.Name, m.Args); is {
				m.ID, m.HasID = id, true
				h.actor.Ack(m)
				return
			}
		}
	}
	h.actor.Event(m)
}

// Ack receives the answer to a request.
func (h *framed) Ack(m *client.Message) {
	err, how := m.Err, howHTTP(m.Err)
	if err == nil && m.Status/100 != 2 {
		how, err = metric.HowStatus, fmt.Errorf("HTTP status %d: %q", m.Status, client.BodyText(m.Args))
	}
	switch {
	case err == nil:
		h.actor.Ack(m)
	case !m.HasID:
		h.countError(metric.Error(metric.ErrSend, how), -1, h.t.arrived(m), err)
	default:
		h.refused(m, how, err)
	}
}

// refused ends a call that was answered with an error.
func (h *framed) refused(m *client.Message, how string, err error) {
	c, was := h.calls.answer(m.ID)
	if was != callOpen {
		return // counted when its limit passed
	}
	switch c.stream {
	case flowCall:
		h.flow.answered(h.actor, m, h.t.arrived(m), &stepError{class: how, status: m.Status, err: err})
		return
	case joinCall:
		h.roomRefused(&c, how, err)
		return
	}
	h.t.count.calls.Add(-1)
	h.recordNoAck(&c, h.t.arrived(m))
	h.countError(metric.Error(metric.ErrAck, how), int(c.stream), c.due, err)
}

// recordEvent records the times between the events of a stream.
func (h *framed) recordEvent(m *client.Message) {
	t, at := h.t, h.t.arrived(m)
	series, phase := &h.group.stream[h.transport], t.tl.PhaseAt(at)
	if h.last == 0 {
		h.shard.Add(series[eventFirst], phase, time.Duration(at-h.began))
		h.last = at
		return
	}
	gap := max(1, at-h.last)
	h.shard.Add(series[eventGap], phase, time.Duration(gap))
	if h.gap != 0 {
		h.shard.Add(series[eventJitter], phase, time.Duration(gap-h.gap).Abs())
	}
	h.last, h.gap = at, gap
}

// The metrics of a stream of events.
const (
	eventFirst = iota
	eventGap
	eventJitter
	eventMetrics
)

var eventNames = [eventMetrics]string{metric.EventFirst, metric.EventGap, metric.EventJitter}

// transmitFrame sends a packet of a target without Socket.IO.
func transmitFrame(to sender, packet []byte, attachments [][]byte) error {
	if len(attachments) > 1 {
		return errors.New("a frame holds one binary payload")
	}
	if len(attachments) == 1 {
		return to.SendBinary(nil, attachments[0])
	}
	return to.Send(packet)
}
