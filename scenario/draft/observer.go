package draft

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/throng-io/throng/protocol/socketio"
	"github.com/throng-io/throng/scenario/internal/yamltext"
)

// Limits of an observer. What is beyond them is counted and left out.
const (
	maxEvents   = 64      // different events of clients
	maxTexts    = 8       // texts in the arguments of an event that are looked at
	maxWords    = 100_000 // different short texts
	maxWord     = 64      // bytes of a text that may be the name of a room
	maxClients  = 10_000
	maxPending  = 1024 // messages that may still be delivered
	maxSample   = 4096 // bytes of the arguments of an event that is drafted
	pendingFor  = 10 * time.Second
	maxNamed    = 64 // names of keys of auth, query and headers
	defaultRows = 500_000
)

// An Observer takes in the traffic of clients. Goroutines may share it.
type Observer struct {
	mu       sync.Mutex
	limit    int
	began    time.Time
	last     time.Time
	clients  []*Client
	events   []*event
	byName   map[string]*event
	rows     []row
	words    map[string]int32
	wordList []string
	pending  []*message
	texts    map[string][]*message // by text, of the pending ones
	answers  map[string]*answer    // of clients to events of the server
	cookies  bool                  // clients sent some
	requests []string              // HTTP requests beside the sockets, without values

	beyond int // messages that were left out
	errors int // packets that could not be read
}

// A row is one message of the log.
type row struct {
	at     time.Duration
	client int32
	event  int32 // place in events; joined and left say the rest
	size   int32
	sizes  [maxTexts]int32
	words  [maxTexts]int32 // place in wordList, -1 for none
}

// presence is the event of rows that say that a client is there.
const presence = -1

// An event is what clients emit under one name in one namespace.
type event struct {
	name, namespace string
	n               int
	clients         map[int32]int // messages by client
	asked, answered int
	sample          []any
	texts           []*text
	varies          map[string]bool // paths whose values differ
	odd             bool            // its arguments are of several shapes
	binary          int
	delivered       map[string]int // by the event of the server
	matched         int            // messages that came out again
	toSelf          int            // of them, those that came back to their sender
	toOthers        int            // of them, those that others received
	reach           float64        // sum of the shares of other clients that received them
}

// A text is a place in the arguments of an event where a text stands.
type text struct {
	path     string
	hits     int // how often it came out again
	distinct map[int32]bool
	long     bool // some were longer than a word
}

// A message may still be delivered.
type message struct {
	event    *event
	at       time.Time
	client   int32
	texts    [maxTexts]string
	received map[int32]bool
	others   int // other clients that were there
}

// An answer is what clients acknowledge.
type answer struct {
	event  string
	asked  int
	given  int
	sample []any
	differ bool
}

// New returns an observer of at most so many messages; 0 means 500 000.
func New(limit int) *Observer {
	return &Observer{
		limit: cmp.Or(limit, defaultRows), byName: map[string]*event{}, words: map[string]int32{}, texts: map[string][]*message{}, answers: map[string]*answer{},
	}
}

// Request notes an HTTP request beside the sockets: its method and path, without query. Parts of
// the path that may be an id or a token are replaced.
func (o *Observer) Request(method, path string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	parts := strings.Split(path, "/")
	for i, part := range parts {
		if len(part) >= 20 || reDigit.MatchString(part) && len(part) > 2 || reSecret.MatchString(part) && len(part) > 10 {
			parts[i] = "*"
		}
	}
	line := printable(method + " " + strings.Join(parts, "/"))
	if len(o.requests) < maxNamed && len(line) <= 200 && !slices.Contains(o.requests, line) {
		o.requests = append(o.requests, line)
	}
}

// Counts returns how many clients and messages have been seen.
func (o *Observer) Counts() (clients, messages int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for i := range o.rows {
		if o.rows[i].event >= 0 {
			messages++
		}
	}
	return len(o.clients), messages
}

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

// Handshake notes the names of query keys and headers of the client, without their values, and
// whether it sent cookies. The slices become the client's.
func (c *Client) Handshake(query, headers []string, cookies bool) {
	if c != nil {
		c.o.mu.Lock()
		defer c.o.mu.Unlock()
		c.o.cookies = c.o.cookies || cookies
		c.query, c.headers = query[:min(len(query), maxNamed)], headers[:min(len(headers), maxNamed)]
	}
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
		for k := range auth {
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
	e := o.event(string(name), string(p.Namespace))
	if e == nil || len(o.rows) >= o.limit {
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

// event finds an event, or makes it; nil when there are too many.
func (o *Observer) event(name, namespace string) *event {
	k := namespace + "," + name
	e := o.byName[k]
	if e == nil && len(o.events) < maxEvents {
		e = &event{name: name, namespace: namespace, clients: map[int32]int{}, delivered: map[string]int{}, varies: map[string]bool{}}
		o.byName[k] = e
		o.events = append(o.events, e)
	}
	return e
}

// look takes in the arguments of a message.
func (e *event) look(o *Observer, list []any, size int, r *row, m *message) {
	if e.sample == nil {
		if size > maxSample {
			e.odd = true
			return
		}
		e.sample = list
	}
	seen := map[string]any{}
	walk("", list, func(path string, v any) any {
		seen[path] = v
		s, isText := v.(string)
		if !isText {
			return v
		}
		i := slices.IndexFunc(e.texts, func(t *text) bool { return t.path == path })
		if i < 0 {
			if len(e.texts) == maxTexts {
				return v
			}
			i = len(e.texts)
			e.texts = append(e.texts, &text{path: path, distinct: map[int32]bool{}})
		}
		r.sizes[i], m.texts[i] = int32(len(s)), s
		if w := o.word(s); w >= 0 {
			r.words[i] = w
			if t := e.texts[i]; len(t.distinct) < maxWords/maxEvents {
				t.distinct[w] = true
			}
		} else {
			e.texts[i].long = true
		}
		return v
	})
	n := 0
	walk("", e.sample, func(path string, v any) any {
		n++
		if now, there := seen[path]; !there {
			e.odd = true
		} else if now != v {
			e.varies[path] = true
		}
		return v
	})
	if n != len(seen) {
		e.odd = true
	}
}

// word keeps a short text once; -1 for one that is too long, or beyond the limit.
func (o *Observer) word(s string) int32 {
	if len(s) == 0 || len(s) > maxWord || printable(s) != s {
		return -1
	}
	if w, ok := o.words[s]; ok {
		return w
	}
	if len(o.wordList) >= maxWords {
		return -1
	}
	w := int32(len(o.wordList))
	o.words[s] = w
	o.wordList = append(o.wordList, s)
	return w
}

// await keeps a message for as long as it may be delivered.
func (o *Observer) await(m *message) {
	for len(o.pending) > 0 && (len(o.pending) >= maxPending || m.at.Sub(o.pending[0].at) > pendingFor) {
		o.settle(o.pending[0])
		o.pending = o.pending[1:]
	}
	o.pending = append(o.pending, m)
	for _, s := range m.texts {
		if len(s) > 0 {
			o.texts[s] = append(o.texts[s], m)
		}
	}
}

// settle accounts for a message that is no longer awaited.
func (o *Observer) settle(m *message) {
	for _, s := range m.texts {
		if len(s) == 0 {
			continue
		}
		rest := slices.DeleteFunc(o.texts[s], func(x *message) bool { return x == m })
		if len(rest) == 0 {
			delete(o.texts, s)
		} else {
			o.texts[s] = rest
		}
	}
	if len(m.received) == 0 {
		return
	}
	e := m.event
	e.matched++
	others := len(m.received)
	if m.received[m.client] {
		e.toSelf++
		others--
	}
	if others > 0 {
		e.toOthers++
		e.reach += float64(others) / float64(max(others, m.others))
	}
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

// delivers finds the message that an event of the server delivers: a text of it comes out again
// that no other pending message has.
func (o *Observer) delivers(c *Client, name string, list []any) {
	var best *message
	longest := 0
	walk("", list, func(_ string, v any) any {
		if s, isText := v.(string); isText && len(s) > longest && len(o.texts[s]) == 1 {
			m := o.texts[s][0]
			if !m.event.texts[slices.Index(m.texts[:], s)].common(m.event.n) {
				best, longest = m, len(s)
			}
		}
		return v
	})
	if best == nil || best.received[c.id] {
		return
	}
	best.received[c.id] = true
	best.event.delivered[name]++
	walk("", list, func(_ string, v any) any {
		if s, isText := v.(string); isText && s != "" {
			if i := slices.Index(best.texts[:], s); i >= 0 {
				best.event.texts[i].hits++
			}
		}
		return v
	})
}

// common reports whether a text has few values in so many messages, as the name of a room has.
func (t *text) common(n int) bool { return n >= 4 && !t.long && len(t.distinct)*2 < n }

// printable is a text without control characters.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r == utf8.RuneError || r >= 0x80 && r < 0xa0 || r == 0x2028 || r == 0x2029 {
			return -1
		}
		return r
	}, s)
}
