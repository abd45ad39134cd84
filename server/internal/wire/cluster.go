package wire

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"strconv"
	"unicode/utf8"

	"github.com/throng-io/throng/protocol/socketio"
)

// Cluster is the form that the adapters for sharded pub/sub, streams and NATS share: a type, a
// node, a namespace, and data. Prefix is the option "channelPrefix".
type Cluster struct{ Prefix string }

// Everyone is the channel that each node of a namespace is subscribed to: they are counted.
func (c Cluster) Everyone(ns string) string { return c.Prefix + "#" + ns + "#" }

// Of is the channel of a room, or of the answers to a node.
func (c Cluster) Of(ns, name string) string { return c.Everyone(ns) + name + "#" }

// clusterTypes are the numbers of the kinds.
var clusterTypes = map[Kind]int{
	InitialHeartbeat: 1, Heartbeat: 2, Broadcast: 3, Ask: 3, Join: 4, Leave: 5, Disconnect: 6, Fetch: 7, Sockets: 8,
	ServerEvent: 9, ServerAnswer: 10, ClientCount: 11, Answer: 12, AdapterClose: 13, Returned: 64, // official servers read over it
}

// clusterKinds are the kinds of the numbers; an Ask is a Broadcast at first.
var clusterKinds = func() map[int]Kind {
	kinds := make(map[int]Kind, len(clusterTypes))
	for k, n := range clusterTypes {
		if k != Ask {
			kinds[n] = k
		}
	}
	return kinds
}()

type clusterJSON struct {
	Type int      `json:"type"`
	Data dataJSON `json:"data"`
	UID  string   `json:"uid"`
	NSP  string   `json:"nsp"`
}

// dataJSON is the data of all types. packet is a packet, an event, or a value.
type dataJSON struct {
	RequestID string          `json:"requestId,omitempty"`
	Packet    json.RawMessage `json:"packet,omitempty"`
	Opts      *optsJSON       `json:"opts,omitempty"`
	Rooms     *names          `json:"rooms,omitempty"`
	Close     *bool           `json:"close,omitempty"`
	Sockets   json.RawMessage `json:"sockets,omitempty"`
	More      bool            `json:"more,omitempty"` // of Sockets
	Count     *int            `json:"clientCount,omitempty"`
}

// AppendText writes a message as JSON. Its arguments must be JSON.
func (c Cluster) AppendText(dst []byte, m *Message) []byte {
	dst = strconv.AppendInt(append(dst, `{"type":`...), int64(clusterTypes[m.Kind]), 10)
	if data := c.DataText(m); data != nil {
		dst = append(append(dst, `,"data":`...), data...)
	}
	dst = socketio.AppendString(append(dst, `,"uid":`...), m.From)
	dst = socketio.AppendString(append(dst, `,"nsp":`...), m.Namespace)
	return append(dst, '}')
}

// DataText is the data of a message as JSON; nil if it has none.
func (Cluster) DataText(m *Message) []byte {
	d := dataJSON{RequestID: m.Request}
	switch m.Kind {
	case Broadcast, Ask:
		return broadcastJSON(m)
	case Join, Leave, Returned:
		d.Opts, d.Rooms = optsOf(m.To), (*names)(&m.Names)
	case Disconnect:
		d.Opts, d.Close = optsOf(m.To), &m.HangUp
	case Fetch:
		d.Opts = optsOf(m.To)
	case Sockets:
		d.Sockets, d.More = socketsJSON(m.List), m.More
	case ServerEvent:
		d.Packet = eventJSON(m)
	case ServerAnswer, Answer:
		d.Packet = firstJSON(m.Args)
	case ClientCount:
		d.Count = &m.Count
	case InitialHeartbeat, Heartbeat, AdapterClose:
		return nil
	}
	return marshal(d)
}

// AppendBinary writes a message as MessagePack. Its arguments must be that.
func (c Cluster) AppendBinary(dst []byte, m *Message) []byte {
	data := c.DataBinary(nil, m)
	n := 3
	if data != nil {
		n++
	}
	dst = value(value(appendMap(dst, n), "type"), clusterTypes[m.Kind])
	if data != nil {
		dst = append(value(dst, "data"), data...)
	}
	dst = value(value(dst, "uid"), m.From)
	return value(value(dst, "nsp"), m.Namespace)
}

// DataBinary appends the data of a message as MessagePack.
func (Cluster) DataBinary(dst []byte, m *Message) []byte {
	request := func(n int) {
		if m.Request == "" {
			dst = appendMap(dst, n)
			return
		}
		dst = value(value(appendMap(dst, n+1), "requestId"), m.Request)
	}
	switch m.Kind {
	case Broadcast, Ask:
		request(2)
		dst = value(value(appendMap(value(dst, "packet"), 2), "type"), 2)
		dst = appendEvent(value(dst, "data"), m)
		dst = appendAudience(value(dst, "opts"), m.To)
	case Join, Leave, Returned:
		request(2)
		dst = appendAudience(value(dst, "opts"), m.To)
		dst = appendStrings(value(dst, "rooms"), m.Names)
	case Disconnect:
		request(2)
		dst = appendAudience(value(dst, "opts"), m.To)
		dst = value(value(dst, "close"), m.HangUp)
	case Fetch:
		request(1)
		dst = appendAudience(value(dst, "opts"), m.To)
	case Sockets:
		if m.More {
			request(2)
			dst = value(value(dst, "more"), true)
		} else {
			request(1)
		}
		dst = appendSockets(value(dst, "sockets"), m.List)
	case ServerEvent:
		request(1)
		dst = appendEvent(value(dst, "packet"), m)
	case ServerAnswer, Answer:
		request(1)
		dst = append(value(dst, "packet"), orNil(m.Args)...)
	case ClientCount:
		request(1)
		dst = value(value(dst, "clientCount"), m.Count)
	}
	return dst
}

// AppendEntry appends the fields of an entry of a stream to dst: names and values in turn.
func (c Cluster) AppendEntry(dst []string, m *Message) []string {
	var data string
	if m.Parser == msgpack {
		data = base64.StdEncoding.EncodeToString(c.DataBinary(nil, m))
	} else {
		data = string(c.DataText(m))
	}
	return append(dst, "uid", m.From, "nsp", m.Namespace, "type", strconv.Itoa(clusterTypes[m.Kind]), "data", data)
}

// Message reads a message in either encoding, told apart by its first byte.
func (c Cluster) Message(b []byte, m *Message) error {
	*m = Message{}
	if len(b) > 0 && b[0] == '{' {
		if m.broadcastText(b) {
			return nil
		}
		return m.text(b)
	}
	if !whole(b) {
		return errForm
	}
	kind := 0
	var data []byte
	if !fields(b, func(key string, v []byte) {
		switch key {
		case "type":
			kind = integer(v)
		case "uid":
			m.From, _ = text(v)
		case "nsp":
			m.Namespace, _ = text(v)
		case "data":
			data = v
		}
	}) {
		return errForm
	}
	return m.dataBinary(kind, data)
}

// Entry reads the fields of an entry of a stream, where data is JSON, or base64 of MessagePack.
func (c Cluster) Entry(node, ns, kind, data string, m *Message) error {
	*m = Message{From: node, Namespace: ns}
	n, err := strconv.Atoi(kind)
	if err != nil {
		return ErrKind
	}
	if data == "" || data[0] == '{' {
		if text := []byte(data); kind == broadcastType && utf8.Valid(text) && json.Valid(text) && m.broadcastData(text) {
			return nil
		}
		var d dataJSON
		if data != "" {
			err = decodeJSON([]byte(data), &d)
		}
		return m.fromJSON(n, &d, err)
	}
	b, err := base64.StdEncoding.DecodeString(data)
	if err != nil || !whole(b) {
		return errForm
	}
	return m.dataBinary(n, b)
}

// kindOf is the kind of a type; a broadcast that wants answers has a request id.
func (m *Message) kindOf(kind int) bool {
	m.Kind = clusterKinds[kind]
	return m.Kind != 0
}

// text reads a message in JSON, of any kind.
func (m *Message) text(b []byte) error {
	var j clusterJSON
	err := decodeJSON(b, &j)
	m.From, m.Namespace = j.UID, j.NSP
	return m.fromJSON(j.Type, &j.Data, err)
}

// decodeJSON is json.Unmarshal for text that must be UTF-8.
func decodeJSON(b []byte, v any) error {
	if !utf8.Valid(b) {
		return errForm
	}
	return json.Unmarshal(b, v)
}

// fromJSON takes the data of a message that was decoded with the given error. Data of a type that
// is not known may have any form: such a message is of a later version, and not malformed.
func (m *Message) fromJSON(kind int, d *dataJSON, err error) error {
	known := m.kindOf(kind)
	_, mistyped := errors.AsType[*json.UnmarshalTypeError](err)
	switch {
	case !known && (err == nil || mistyped && kind != 0):
		return ErrKind
	case err != nil:
		return errForm
	}
	m.Request, m.To, m.Parser = d.RequestID, d.Opts.audience(), socketio.JSON
	if d.Rooms != nil {
		m.Names = *d.Rooms
	}
	m.HangUp = d.Close != nil && *d.Close
	switch m.Kind {
	case Broadcast:
		var p struct {
			Data json.RawMessage `json:"data"`
		}
		if json.Unmarshal(d.Packet, &p) != nil {
			return errEvent
		}
		if m.Request != "" {
			m.Kind = Ask
		}
		return m.eventJSON(p.Data)
	case ServerEvent:
		return m.eventJSON(d.Packet)
	case ServerAnswer, Answer:
		m.Args = d.Packet
	case ClientCount:
		if d.Count == nil {
			return errForm
		}
		m.Count = max(0, *d.Count)
	case Sockets:
		m.More = d.More
		return m.socketsJSON(d.Sockets)
	}
	return nil
}

func (m *Message) dataBinary(kind int, b []byte) (err error) {
	if !m.kindOf(kind) {
		return ErrKind
	}
	m.Parser = msgpack
	if m.Kind == Broadcast || m.Kind == ServerEvent {
		err = errEvent
	}
	fields(b, func(key string, v []byte) {
		switch key {
		case "requestId":
			m.Request, _ = text(v)
		case "opts":
			m.To = audience(v)
		case "rooms":
			m.Names = texts(v)
		case "close":
			m.HangUp = truth(v)
		case "clientCount":
			m.Count = max(0, integer(v))
		case "sockets":
			m.List = sockets(v)
		case "more":
			m.More = truth(v)
		case "packet":
			switch m.Kind {
			case Broadcast:
				ns := m.Namespace
				err = m.packet(v)
				m.Namespace = ns
			case ServerEvent:
				err = m.event(v)
			default:
				m.Args = v
			}
		}
	})
	if m.Kind == Broadcast && m.Request != "" {
		m.Kind = Ask
	}
	return err
}
