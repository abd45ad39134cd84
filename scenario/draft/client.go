package draft

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/throng-io/throng/protocol/socketio"
	"github.com/throng-io/throng/scenario/internal/yamltext"
)

// A Client is one client as the observer sees it. Methods of one direction must be called in the
// order of the packets.
type Client struct {
	o         *Observer
	id        int32
	opened    time.Time
	closed    time.Time // zero: it is there
	transport string
	spaces    []string
	auth      []string // names of the keys
	query     []string
	headers   []string
	up, down  socketio.Decoder
	msgpack   bool
	engine3   bool               // it speaks Engine.IO 3, as clients of Socket.IO 2 do
	asked     map[string]*event  // calls of the client without an answer, by namespace and id
	due       map[string]*answer // calls of the server, likewise
}

// Open notes a client that has connected by a transport: websocket or polling. It returns nil, on
// which all methods do nothing, when there are too many.
func (o *Observer) Open(at time.Time, transport string) *Client {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.clients) >= maxClients {
		o.beyond++
		return nil
	}
	o.tick(at)
	c := &Client{o: o, id: int32(len(o.clients)), opened: at, transport: transport, asked: map[string]*event{}, due: map[string]*answer{}}
	o.clients = append(o.clients, c)
	return c
}

// tick notes that time has passed.
func (o *Observer) tick(at time.Time) {
	if o.began.IsZero() {
		o.began = at
	}
	if at.After(o.last) {
		o.last = at
	}
}

// Upgraded notes that the client has changed from polling to websocket.
func (c *Client) Upgraded() {
	if c != nil {
		c.o.mu.Lock()
		defer c.o.mu.Unlock()
		c.transport = "upgrade"
	}
}

// engineKeys are the query keys that the protocol uses itself.
var engineKeys = []string{"EIO", "transport", "sid", "t", "b64", "j"}

// Handshake notes what the client sent with the request that opened its session, beside what the
// protocol and browsers send: the names of query keys and headers, without their values, whether
// there were cookies, and whether it speaks Engine.IO 3. headers are names of any case.
func (c *Client) Handshake(query url.Values, headers []string, engine3 bool) {
	if c == nil {
		return
	}
	c.o.mu.Lock()
	defer c.o.mu.Unlock()
	c.engine3, c.query, c.headers = engine3, nil, nil
	for name := range query {
		if !slices.Contains(engineKeys, name) {
			c.query = append(c.query, name)
		}
	}
	for _, name := range headers {
		switch lower := strings.ToLower(name); {
		case lower == "cookie":
			c.o.cookies = true
		case lower == "authorization", strings.HasPrefix(lower, "x-") && !strings.HasPrefix(lower, "x-forwarded"):
			c.headers = append(c.headers, name)
		}
	}
	slices.Sort(c.query)
	slices.Sort(c.headers)
	c.query, c.headers = c.query[:min(len(c.query), maxNamed)], c.headers[:min(len(c.headers), maxNamed)]
}

// Close notes that the client has gone.
func (c *Client) Close(at time.Time) {
	if c == nil {
		return
	}
	c.o.mu.Lock()
	defer c.o.mu.Unlock()
	c.o.tick(at)
	if c.closed.IsZero() {
		c.closed = at
	}
}

// Message takes in one Engine.IO message, which is a Socket.IO packet or an attachment. up says
// that the client has sent it. The data is read during the call only, and changed.
func (c *Client) Message(at time.Time, up, binary bool, data []byte) {
	if c == nil {
		return
	}
	o := c.o
	o.mu.Lock()
	defer o.mu.Unlock()
	o.tick(at)
	d := &c.down
	if up {
		d = &c.up
	}
	var p *socketio.Packet
	var err error
	if binary {
		if d.Pending() == 0 && !c.msgpack {
			c.msgpack = true
			c.up.Parser, c.down.Parser = socketio.MessagePack, socketio.MessagePack
		}
		p, err = d.Binary(data)
	} else {
		p, err = d.Text(data)
	}
	switch {
	case err != nil:
		o.errors++
		d.Reset()
	case p == nil:
	case up:
		o.sent(c, at, p, d.Parser)
	default:
		o.received(c, p, d.Parser)
	}
}

// key names a call within a client.
func key(p *socketio.Packet) string { return fmt.Sprintf("%s,%d", p.Namespace, p.ID) }

// maxCalls bounds the calls of a client that wait for their answer.
const maxCalls = 1024

// sent takes in a packet of a client.
func (o *Observer) sent(c *Client, at time.Time, p *socketio.Packet, parser socketio.Parser) {
	switch p.Type {
	case socketio.Connect:
		o.connects(c, at, p, parser)
	case socketio.Event, socketio.BinaryEvent:
		o.emits(c, at, p, parser)
	case socketio.Ack, socketio.BinaryAck:
		a := c.due[key(p)]
		if a == nil {
			return
		}
		delete(c.due, key(p))
		a.given++
		list, ok := decode(asJSON(parser, parser.AckArgs(p.Data)))
		switch {
		case !ok:
			a.differ = true
		case a.sample == nil:
			a.sample = list
		case yamltext.Flow(a.sample) != yamltext.Flow(list):
			a.differ = true
		}
	}
}

// asJSON is a list of arguments in JSON, in memory of its own.
func asJSON(parser socketio.Parser, args []byte) []byte {
	if parser == socketio.JSON {
		return args
	}
	out, err := parser.AppendJSON(nil, args)
	if err != nil {
		return nil
	}
	return out
}

// connects notes a namespace and the names of its auth.
func (o *Observer) connects(c *Client, at time.Time, p *socketio.Packet, parser socketio.Parser) {
	space, _, _ := strings.Cut(string(p.Namespace), "?")
	o.joins(c, at, space)
	list, ok := decode(asJSON(parser, p.Data))
	if !ok || len(list) == 0 {
		return
	}
	if auth, ok := list[0].(map[string]any); ok {
		// a client that comes back names its session of before, for what it missed
		_, back := auth["pid"]
		for k := range auth {
			if back && (k == "pid" || k == "offset") {
				continue
			}
			if !slices.Contains(c.auth, k) && len(c.auth) < maxNamed {
				c.auth = append(c.auth, k)
			}
		}
		slices.Sort(c.auth)
	}
}

// joins notes that a client is in a namespace.
func (o *Observer) joins(c *Client, at time.Time, space string) {
	if slices.Contains(c.spaces, space) || len(c.spaces) >= maxNamed || printable(space) != space || strings.Contains(space, " ") {
		return
	}
	c.spaces = append(c.spaces, space)
	if len(c.spaces) == 1 && len(o.rows) < o.limit {
		o.rows = append(o.rows, row{at: max(0, at.Sub(o.began)), client: c.id, event: presence})
	}
}

// emits notes a message of a client.
func (o *Observer) emits(c *Client, at time.Time, p *socketio.Packet, parser socketio.Parser) {
	name, args, err := parser.SplitEvent(p.Data)
	if err != nil || len(name) == 0 || len(name) > 128 || printable(string(name)) != string(name) {
		o.errors++
		return
	}
	var e *event
	if len(o.rows) < o.limit { // an event without a message would be drafted
		e = o.event(string(name), string(p.Namespace))
	}
	if e == nil {
		o.beyond++
		return
	}
	args = asJSON(parser, args)
	o.joins(c, at, e.namespace) // clients of Socket.IO 2 do not ask for the main one
	e.n++
	e.clients[c.id]++
	if p.Type == socketio.BinaryEvent {
		e.binary++
	}
	if p.HasID {
		e.asked++
		if len(c.asked) < maxCalls {
			c.asked[key(p)] = e
		}
	}
	r := row{at: max(0, at.Sub(o.began)), client: c.id, event: int32(slices.Index(o.events, e)), size: int32(len(args))}
	for i := range r.words {
		r.words[i] = -1
	}
	m := &message{event: e, at: at, client: c.id, received: map[int32]bool{}}
	if list, ok := decode(args); ok && len(args) <= 16*maxSample {
		e.look(o, withoutAttachments(list).([]any), len(args), &r, m)
	}
	for _, other := range o.clients {
		if other != c && other.closed.IsZero() && slices.Contains(other.spaces, e.namespace) {
			m.others++
		}
	}
	o.rows = append(o.rows, r)
	o.await(m)
}

// received takes in a packet of the server.
func (o *Observer) received(c *Client, p *socketio.Packet, parser socketio.Parser) {
	switch p.Type {
	case socketio.Ack, socketio.BinaryAck:
		if e := c.asked[key(p)]; e != nil {
			delete(c.asked, key(p))
			e.answered++
		}
	case socketio.Event, socketio.BinaryEvent:
		name, args, err := parser.SplitEvent(p.Data)
		if err != nil {
			o.errors++
			return
		}
		if p.HasID {
			o.owes(c, string(name), key(p))
		}
		if list, ok := decode(asJSON(parser, args)); ok {
			o.delivers(c, string(name), list)
		}
	}
}

// owes notes that the server wants an acknowledgement of an event.
func (o *Observer) owes(c *Client, name, call string) {
	a := o.answers[name]
	if a == nil {
		if len(o.answers) >= maxEvents {
			return
		}
		a = &answer{event: name}
		o.answers[name] = a
	}
	a.asked++
	if len(c.due) < maxCalls {
		c.due[call] = a
	}
}
