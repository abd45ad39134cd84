package admin

import (
	"bytes"
	"cmp"
	"encoding/json"
	"sync/atomic"
	"time"

	"github.com/throng-io/throng/protocol/socketio"
	"github.com/throng-io/throng/server"
)

// socket is a socket as the UI knows it.
type socket struct {
	ID        string          `json:"id"`
	ClientID  string          `json:"clientId"`
	Transport string          `json:"transport"`
	Nsp       string          `json:"nsp"`
	Data      json.RawMessage `json:"data"`
	Handshake handshake       `json:"handshake"`
	Rooms     []string        `json:"rooms"`
}

type handshake struct {
	Address string            `json:"address"`
	Headers map[string]string `json:"headers"`
	Query   map[string]string `json:"query"`
	Issued  int64             `json:"issued"`
	Secure  bool              `json:"secure"`
	Time    string            `json:"time"`
	URL     string            `json:"url"`
	XDomain bool              `json:"xdomain"`
}

func (a *admin) describe(s *server.Socket) socket {
	h := s.Handshake()
	headers := h.Headers()
	data := json.RawMessage(`{}`)
	if d, ok := a.data.Load(s); ok {
		data = d.(*socketData).text()
	}
	return socket{
		ID: s.ID(), ClientID: s.Client(), Transport: s.Transport(), Nsp: s.Namespace().Name(), Data: data,
		Handshake: handshake{
			Address: cmp.Or(headers["cf-connecting-ip"], headers["x-forwarded-for"], h.Address),
			Headers: headers, Query: h.Queries(), Issued: h.Time.UnixMilli(), Secure: h.Secure,
			Time: h.Time.UTC().Format("Mon Jan 02 2006 15:04:05 GMT-0700"), URL: h.URL(), XDomain: headers["origin"] != "",
		},
		Rooms: append([]string{s.ID()}, s.Rooms()...),
	}
}

// sendSockets sends a UI the connected sockets.
func (a *admin) sendSockets(s *server.Socket) {
	all, others := []socket{}, []*server.Socket{}
	for _, ns := range a.srv.Namespaces() {
		for _, other := range ns.Sockets() {
			if len(all) == a.opts.MaxSockets {
				break
			}
			all, others = append(all, a.describe(other)), append(others, other)
		}
	}
	_ = s.Emit("all_sockets", all)
	// afterwards: the UI ignores events of a socket that it does not know
	for _, other := range others {
		a.refresh(other)
	}
}

// watch reports what happens to the UIs. Events from and to the UIs themselves are left out:
// reporting them would cause further events without end.
func (a *admin) watch() {
	a.srv.Watch(server.Watch{
		Connect:    a.connected,
		Disconnect: a.disconnected,
		Join:       func(room string, s *server.Socket) { a.moved("room_joined", room, s) },
		Leave:      func(room string, s *server.Socket) { a.moved("room_left", room, s) },
		Upgrade: func(s *server.Socket) {
			a.show("socket_updated", map[string]string{"id": s.ID(), "nsp": s.Namespace().Name(), "transport": s.Transport()})
		},
		Receive: a.received,
		Send:    a.sent,
	})
}

// show sends an event to the UIs. An event that cannot be encoded is one that will not be sent to
// its sockets either.
func (a *admin) show(event string, args ...any) {
	if a.watched() {
		_ = a.ns.Emit(event, args...)
	}
}

// now is the time as JavaScript writes Dates.
func now() string { return time.Now().UTC().Format("2006-01-02T15:04:05.000Z") }

func (a *admin) connected(s *server.Socket) {
	if !a.watched() {
		return
	}
	// The UI knows of the socket only by the second of these, as with the official server:
	// otherwise it would count it twice in its own room.
	a.moved("room_joined", s.ID(), s)
	a.show("socket_connected", a.describe(s), now())
	a.refresh(s)
}

func (a *admin) disconnected(s *server.Socket, reason string) {
	a.data.Delete(s)
	a.show("socket_disconnected", s.Namespace().Name(), s.ID(), reason, now())
	a.moved("room_left", s.ID(), s)
}

func (a *admin) moved(event, room string, s *server.Socket) {
	a.show(event, s.Namespace().Name(), room, s.ID(), now())
}

// received reports an event. JSON arguments are passed on unchanged: decoding them would take
// longer than all the rest, and round large numbers.
func (a *admin) received(s *server.Socket, e *server.Event) {
	ns := s.Namespace()
	if ns == a.ns || !a.watched() {
		return
	}
	a.refresh(s)
	if !a.allowEvent() {
		return
	}
	args, attachments := e.Raw()
	if parser := e.Parser(); parser != socketio.JSON {
		list := []any{e.Name()}
		for len(args) > 0 {
			var arg []byte
			var v any
			arg, args = parser.NextArg(args)
			if parser.Bind(arg, attachments, &v) != nil {
				v = "(not decodable)"
			}
			list = append(list, v)
		}
		a.show("event_received", ns.Name(), s.ID(), list, now())
		return
	}
	list := socketio.AppendString(nil, ns.Name())
	list = socketio.AppendString(append(list, ','), s.ID())
	list = socketio.AppendString(append(list, ',', '['), e.Name())
	if len(args) > 0 {
		list = append(append(list, ','), args...)
	}
	list = socketio.AppendString(append(list, ']', ','), now())
	a.ns.Everyone().EmitRaw("event_received", list, attachments)
}

// sent reports an event once for each socket that receives it, as the UI expects.
func (a *admin) sent(to server.Target, event string, args []any) {
	if to.Namespace() == a.ns || !a.watched() || !a.allowEvent() {
		return
	}
	list := append([]any{event}, args...)
	for i, s := range to.Sockets() {
		switch {
		case s.Namespace() == a.ns: // of a pattern
			continue
		case i > 0 && !a.allowEvent():
			return
		}
		a.show("event_sent", s.Namespace().Name(), s.ID(), list, now())
	}
}

// allowEvent reports whether another event may be sent to the UIs in this second.
func (a *admin) allowEvent() bool {
	a.events.Lock()
	defer a.events.Unlock()
	return a.eventRate.Take(time.Now(), a.opts.MaxEvents, time.Second/time.Duration(a.opts.MaxEvents))
}

// socketData is what is known of a socket's data.
type socketData struct {
	json    atomic.Pointer[[]byte]
	pending atomic.Bool // it will be looked at
}

func (d *socketData) text() json.RawMessage {
	if b := d.json.Load(); b != nil {
		return *b
	}
	return json.RawMessage(`{}`)
}

// refresh looks at the data of a socket as soon as no handler of it runs, and informs the UIs if it
// has changed.
func (a *admin) refresh(s *server.Socket) {
	if a.opts.Data == nil {
		return
	}
	entry, _ := a.data.LoadOrStore(s, new(socketData))
	d := entry.(*socketData)
	if d.pending.Swap(true) {
		return
	}
	s.Do(func() {
		d.pending.Store(false)
		if !s.Connected() {
			a.data.Delete(s)
			return
		}
		v := a.opts.Data(s)
		if v == nil {
			v = struct{}{}
		}
		b, err := json.Marshal(v)
		if err != nil {
			b = append(socketio.AppendString([]byte(`{"error":`), err.Error()), '}')
		}
		if bytes.Equal(b, d.text()) {
			return
		}
		d.json.Store(&b)
		a.show("socket_updated", map[string]any{"id": s.ID(), "nsp": s.Namespace().Name(), "data": json.RawMessage(b)})
	})
}
