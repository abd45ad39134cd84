package wire

import (
	"encoding/json"
	"strings"
	"unicode/utf8"
)

// Classic is the form of @socket.io/redis-adapter: broadcasts on channels of rooms, requests and
// answers on one channel each. Prefix is its option "key".
type Classic struct{ Prefix string }

// Broadcasts is the channel of broadcasts to the whole namespace. Those to one room are published
// on Room; a pattern of both is Broadcasts and a star.
func (c Classic) Broadcasts(ns string) string { return c.Prefix + "#" + ns + "#" }

// Room is the channel of broadcasts to one room.
func (c Classic) Room(ns, room string) string { return c.Broadcasts(ns) + room + "#" }

// Requests is the channel of requests. Every node has one subscription to it: they are counted.
func (c Classic) Requests(ns string) string { return c.Prefix + "-request#" + ns + "#" }

// Responses is the channel of answers to all nodes.
func (c Classic) Responses(ns string) string { return c.Prefix + "-response#" + ns + "#" }

// Response is the channel of answers to one node.
func (c Classic) Response(ns, node string) string { return c.Responses(ns) + node + "#" }

// Escape is a channel as PSUBSCRIBE takes it in a pattern.
func Escape(channel string) string {
	return strings.NewReplacer(`*`, `\*`, `?`, `\?`, `[`, `\[`, `]`, `\]`, `\`, `\\`).Replace(channel)
}

// Channel is where a broadcast, request or answer to all is published.
func (c Classic) Channel(m *Message) string {
	switch m.Kind {
	case Broadcast:
		if len(m.To.Rooms) == 1 {
			return c.Room(m.Namespace, m.To.Rooms[0])
		}
		return c.Broadcasts(m.Namespace)
	case ClientCount, Answer, Sockets, ServerAnswer, Rooms, IDs, ClassicDone:
		return c.Responses(m.Namespace)
	}
	return c.Requests(m.Namespace)
}

// The numbers of requests and answers.
const (
	classicIDs = iota
	classicRooms
	classicJoin
	classicLeave
	classicDisconnect
	classicFetch
	classicServerEvent
	classicAsk
	classicOwes
	classicAnswer
)

// classicJSON is every request and answer in JSON. The order of fields is the reference's.
type classicJSON struct {
	UID       string          `json:"uid,omitempty"`
	Type      *int            `json:"type,omitempty"`
	RequestID string          `json:"requestId,omitempty"`
	Opts      *optsJSON       `json:"opts,omitempty"`
	Rooms     *names          `json:"rooms,omitempty"`
	Close     *bool           `json:"close,omitempty"`
	Data      json.RawMessage `json:"data,omitempty"`
	Count     *int            `json:"clientCount,omitempty"`
	Sockets   json.RawMessage `json:"sockets,omitempty"`
	SID       string          `json:"sid,omitempty"`
	Room      json.RawMessage `json:"room,omitempty"`
}

// Append writes a message. Arguments of broadcasts and of answers of sockets must be MessagePack,
// those of events and answers of servers JSON.
func (c Classic) Append(dst []byte, m *Message) []byte {
	switch m.Kind {
	case Broadcast:
		dst = value(appendArray(dst, 3), m.From)
		return appendAudience(c.packet(dst, m), m.To)
	case Ask:
		dst = value(value(appendMap(dst, 5), "uid"), m.From)
		dst = value(value(dst, "requestId"), m.Request)
		dst = value(value(dst, "type"), classicAsk)
		return appendAudience(value(c.packet(value(dst, "packet"), m), "opts"), m.To)
	case Answer:
		dst = value(value(appendMap(dst, 3), "type"), classicAnswer)
		dst = value(value(dst, "requestId"), m.Request)
		return append(value(dst, "packet"), orNil(m.Args)...)
	}
	return append(dst, marshal(c.json(m))...)
}

// orNil is the value of an answer that may be none.
func orNil(args []byte) []byte {
	if first, _ := msgpack.NextArg(args); first != nil {
		return first // only the first one travels
	}
	return []byte{0xc0}
}

func (Classic) packet(dst []byte, m *Message) []byte {
	dst = value(value(appendMap(dst, 3), "type"), 2)
	dst = appendEvent(value(dst, "data"), m)
	return value(value(dst, "nsp"), m.Namespace)
}

func (c Classic) json(m *Message) *classicJSON {
	kind := func(n int) *int { return &n }
	j := &classicJSON{UID: m.From, RequestID: m.Request}
	switch m.Kind {
	case Join, Leave, Disconnect:
		j.Type = kind(classicJoin + int(m.Kind-Join))
		j.Opts = &optsJSON{Rooms: m.To.Rooms, Except: m.To.Except}
		if m.Kind == Disconnect {
			j.Close = &m.HangUp
		} else {
			j.Rooms = (*names)(&m.Names)
		}
	case Fetch:
		j.Type, j.Opts = kind(classicFetch), &optsJSON{Rooms: m.To.Rooms, Except: m.To.Except}
	case ServerEvent:
		j.Type, j.Data = kind(classicServerEvent), eventJSON(m)
	case ListRooms:
		j.Type = kind(classicRooms)
	case ServerAnswer:
		j.UID, j.Type, j.Data = "", kind(classicServerEvent), firstJSON(m.Args)
	case ClientCount:
		j.UID, j.Type, j.Count = "", kind(classicOwes), &m.Count
	case Sockets:
		j.UID, j.Sockets = "", socketsJSON(m.List)
	case Rooms:
		j.UID, j.Rooms = "", (*names)(&m.Names)
	case IDs:
		j.UID = ""
		j.Sockets = marshal(names(m.Names))
	case ClassicDone:
		j.UID = ""
	}
	return j
}

// Broadcast reads a broadcast. Its namespace is "/" if it names none.
func (Classic) Broadcast(b []byte, m *Message) error {
	*m = Message{Kind: Broadcast}
	if !whole(b) {
		return errForm
	}
	i, err := 0, errEvent
	if !elements(b, func(v []byte) {
		switch i {
		case 0:
			m.From, _ = text(v)
		case 1:
			err = m.packet(v)
		case 2:
			m.To = audience(v)
		}
		i++
	}) || i < 3 {
		return errForm
	}
	if m.Namespace == "" {
		m.Namespace = "/"
	}
	return err
}

// Request reads a request of namespace ns.
func (Classic) Request(ns string, b []byte, m *Message) error {
	*m = Message{Namespace: ns}
	if len(b) > 0 && b[0] != '{' {
		return m.classicAsk(b)
	}
	var j classicJSON
	if !utf8.Valid(b) || json.Unmarshal(b, &j) != nil || j.Type == nil {
		return errForm
	}
	m.From, m.Request = j.UID, j.RequestID
	if j.Opts != nil {
		m.To.Rooms, m.To.Except = j.Opts.Rooms, j.Opts.Except
	}
	if j.Rooms != nil {
		m.Names = *j.Rooms
	}
	switch *j.Type {
	case classicIDs:
		m.Kind, m.To.Rooms, m.Names = ListIDs, m.Names, nil
	case classicRooms:
		m.Kind = ListRooms
	case classicJoin, classicLeave, classicDisconnect:
		m.Kind = Join + Kind(*j.Type-classicJoin)
		m.HangUp = j.Close != nil && *j.Close
		if j.Opts == nil { // an old node names one socket, and wants to know when it is done
			var room names
			if j.SID == "" || len(j.Room) > 0 && json.Unmarshal(append(append([]byte{'['}, j.Room...), ']'), &room) != nil {
				return errForm
			}
			m.To.Rooms, m.Names = []string{j.SID}, room
			return nil
		}
		m.Request = ""
	case classicFetch:
		m.Kind = Fetch
	case classicServerEvent:
		m.Kind = ServerEvent
		return m.eventJSON(j.Data)
	default:
		return ErrKind
	}
	return nil
}

func (m *Message) classicAsk(b []byte) error {
	if !whole(b) {
		return errForm
	}
	ns, kind, err := m.Namespace, -1, errEvent
	fields(b, func(key string, v []byte) {
		switch key {
		case "uid":
			m.From, _ = text(v)
		case "requestId":
			m.Request, _ = text(v)
		case "type":
			kind = integer(v)
		case "packet":
			err = m.packet(v)
		case "opts":
			m.To = audience(v)
		}
	})
	if m.Kind, m.Namespace = Ask, ns; kind != classicAsk {
		return ErrKind
	}
	return err
}

// Answer reads an answer to a node of namespace ns.
func (Classic) Answer(ns string, b []byte, m *Message) error {
	*m = Message{Namespace: ns}
	if len(b) > 0 && b[0] != '{' {
		if !whole(b) {
			return errForm
		}
		kind := -1
		fields(b, func(key string, v []byte) {
			switch key {
			case "requestId":
				m.Request, _ = text(v)
			case "type":
				kind = integer(v)
			case "packet":
				m.Args, m.Parser = v, msgpack
			}
		})
		if m.Kind = Answer; kind != classicAnswer {
			return ErrKind
		}
		return nil
	}
	var j classicJSON
	if !utf8.Valid(b) || json.Unmarshal(b, &j) != nil {
		return errForm
	}
	m.Request = j.RequestID
	switch {
	case j.Type != nil && *j.Type == classicOwes && j.Count != nil:
		m.Kind, m.Count = ClientCount, max(0, *j.Count)
	case j.Type != nil && *j.Type == classicServerEvent:
		m.Kind, m.Args = ServerAnswer, j.Data
	case j.Rooms != nil:
		m.Kind, m.Names = Rooms, *j.Rooms
	case j.Sockets != nil:
		m.Kind = Sockets
		return m.socketsJSON(j.Sockets)
	default:
		return ErrKind
	}
	return nil
}
