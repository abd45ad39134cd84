package plain

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"strconv"
	"sync"
	"time"

	"github.com/valyala/fasthttp"

	"github.com/throng-io/throng/protocol/socketio"
)

// Limits of a session. A client beyond them is disconnected.
const (
	queueLength = 1024    // messages that wait for a connection
	bufferBytes = 4 << 20 // that wait for the next poll
	pollIdle    = time.Minute
)

// Limits of the rooms of a session, the same as the server's defaults. A client beyond them is
// disconnected.
const (
	maxRooms     = 10_000
	maxRoomName  = 4 << 10
	maxRoomBytes = 1 << 20 // of all names together
)

// Limits are what an operator says clients may take.
type Limits struct {
	Message  int // bytes of a message, or of a body
	Sessions int // at a time; more are answered with HTTP 503. 0: no limit
}

// Hub is the state of the plain clients: which rooms each is in. Use New.
type Hub struct {
	limits Limits

	mu    sync.Mutex
	all   map[*peer]struct{}
	polls int // of all, those of short polling
	rooms map[string]map[*peer]struct{}
	byID  map[string]*peer
}

// New returns a hub. It starts nothing; goroutines come with connections and end with them, at the
// latest when the HTTP server shuts down.
func New(limits Limits) *Hub {
	return &Hub{limits: limits, all: map[*peer]struct{}{}, rooms: map[string]map[*peer]struct{}{}, byID: map[string]*peer{}}
}

// Handle answers the requests under /plain/, and others with 404.
func (h *Hub) Handle(ctx *fasthttp.RequestCtx) {
	switch string(ctx.Path()) {
	case "/plain/ws":
		h.websocket(ctx)
	case "/plain/sse":
		h.byMethod(ctx, h.events)
	case "/plain/poll":
		h.byMethod(ctx, h.poll)
	default:
		ctx.SetStatusCode(fasthttp.StatusNotFound)
		ctx.SetBodyString("not found\n")
	}
}

// byMethod answers a GET by get; a POST with a session brings messages, and one without opens a
// session of short polling.
func (h *Hub) byMethod(ctx *fasthttp.RequestCtx, get func(*fasthttp.RequestCtx)) {
	switch {
	case ctx.IsGet():
		get(ctx)
	case !ctx.IsPost():
		ctx.SetStatusCode(fasthttp.StatusMethodNotAllowed)
		ctx.Response.Header.Set(fasthttp.HeaderAllow, "GET, POST")
	case len(ctx.QueryArgs().Peek("sid")) == 0 && string(ctx.Path()) == "/plain/poll":
		if p := h.join(false); p != nil {
			ctx.SetBodyString(p.id)
			return
		}
		tooMany(ctx)
	default:
		h.post(ctx)
	}
}

func tooMany(ctx *fasthttp.RequestCtx) {
	ctx.SetStatusCode(fasthttp.StatusServiceUnavailable)
	ctx.SetBodyString("too many sessions\n")
}

// A message is one list in the forms that transports write. The bytes are shared by all receivers.
type message struct {
	json  []byte
	frame []byte // websocket
	event []byte // server-sent event, as one chunk
}

// A peer is one client. Its rooms belong to the hub's lock.
type peer struct {
	hub   *Hub
	id    string
	rooms map[string]struct{}
	names int // bytes of the names of rooms

	queue chan *message // nil for short polling
	stop  sync.Once
	gone  chan struct{}

	mu     sync.Mutex // short polling
	buffer []byte
	asked  time.Time
}

// join makes a session, nil if there are too many.
func (h *Hub) join(queued bool) *peer {
	var raw [12]byte
	_, _ = rand.Read(raw[:]) // never fails
	p := &peer{hub: h, id: base64.RawURLEncoding.EncodeToString(raw[:]), rooms: map[string]struct{}{}, gone: make(chan struct{}), asked: time.Now()}
	if queued {
		p.queue = make(chan *message, queueLength)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.room() {
		return nil
	}
	if !queued {
		h.polls++
	}
	h.all[p] = struct{}{}
	h.byID[p.id] = p
	return p
}

// room reports whether there may be one more session; the lock is held.
func (h *Hub) room() bool {
	if h.polls > 0 { // the others end with their connections
		h.sweep()
	}
	return h.limits.Sessions == 0 || len(h.all) < h.limits.Sessions
}

// full reports whether there may be no more sessions.
func (h *Hub) full() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return !h.room()
}

// sweep ends the sessions of short polling that were not polled for pollIdle.
func (h *Hub) sweep() {
	for p := range h.all {
		if p.queue == nil && p.idle() {
			h.forget(p)
		}
	}
}

func (p *peer) idle() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return time.Since(p.asked) > pollIdle
}

// leave ends a session. It may be called more than once.
func (h *Hub) leave(p *peer) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.forget(p)
}

func (h *Hub) forget(p *peer) {
	p.stop.Do(func() { close(p.gone) })
	if _, here := h.all[p]; here && p.queue == nil {
		h.polls--
	}
	delete(h.all, p)
	delete(h.byID, p.id)
	for room := range p.rooms {
		h.unroom(p, room)
	}
}

func (h *Hub) unroom(p *peer, room string) {
	if _, in := p.rooms[room]; !in {
		return
	}
	delete(p.rooms, room)
	p.names -= len(room)
	delete(h.rooms[room], p)
	if len(h.rooms[room]) == 0 {
		delete(h.rooms, room)
	}
}

func (h *Hub) find(id []byte) *peer {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.byID[string(id)]
}

// send queues a message without waiting. full says that the client has fallen behind.
func (p *peer) send(m *message) (full bool) {
	if p.queue != nil {
		select {
		case p.queue <- m:
			return false
		default:
			return true
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.buffer)+len(m.json)+1 > bufferBytes {
		return true
	}
	p.buffer = append(append(p.buffer, m.json...), '\n')
	return false
}

var errRooms = errors.New("too many rooms, or too long names of rooms")

var errMessage = errors.New("a message is a JSON list of an optional id, an event, and its arguments")

// receive carries out one message of a client.
func (h *Hub) receive(p *peer, text []byte) error {
	text = bytes.TrimSpace(text)
	if !json.Valid(text) || text[0] != '[' {
		return errMessage
	}
	if bytes.ContainsAny(text, "\r\n") { // which end a line or an event where it is passed on
		var line bytes.Buffer
		_ = json.Compact(&line, text) // it is valid
		text = line.Bytes()
	}
	args := text[1 : len(text)-1]
	first, rest := socketio.NextArg(args)
	id := []byte(nil)
	if n, err := strconv.ParseUint(string(first), 10, 64); err == nil {
		id = strconv.AppendUint(nil, n, 10)
		first, rest = socketio.NextArg(rest)
	}
	var event string
	if json.Unmarshal(first, &event) != nil {
		return errMessage
	}
	answer, err := h.perform(p, event, rest, id != nil)
	if err != nil || id == nil {
		return err
	}
	h.reply(p, list(id, answer))
	return nil
}

// list lays a message out for every transport.
func list(first, rest []byte) *message {
	text := append([]byte{'['}, first...)
	if len(rest) > 0 {
		text = append(append(text, ','), rest...)
	}
	text = append(text, ']')
	return &message{json: text, frame: frame(text), event: chunk(text)}
}

// perform carries out an event and returns the arguments of its acknowledgement.
func (h *Hub) perform(p *peer, event string, args []byte, wanted bool) (answer []byte, err error) {
	switch event {
	case "join", "leave":
		var room string
		first, _ := socketio.NextArg(args)
		if json.Unmarshal(first, &room) != nil || room == "" {
			return nil, errors.New("the name of the room is missing")
		}
		h.mu.Lock()
		defer h.mu.Unlock()
		if event == "leave" {
			h.unroom(p, room)
			return nil, nil
		}
		if _, here := h.all[p]; !here {
			return nil, nil
		}
		if _, in := p.rooms[room]; in {
			return nil, nil
		}
		if len(room) > maxRoomName || len(p.rooms) == maxRooms || p.names+len(room) > maxRoomBytes {
			return nil, errRooms
		}
		p.names += len(room)
		if h.rooms[room] == nil {
			h.rooms[room] = map[*peer]struct{}{}
		}
		h.rooms[room][p], p.rooms[room] = struct{}{}, struct{}{}
	case "echo":
		if wanted {
			return args, nil
		}
		h.reply(p, list([]byte(`"echo"`), args))
	case "room":
		var room string
		first, rest := socketio.NextArg(args)
		if json.Unmarshal(first, &room) != nil {
			return nil, errors.New("the name of the room is missing")
		}
		h.cast(p, &room, rest)
	case "all":
		h.cast(p, nil, args)
	default:
		return nil, errors.New("unknown event " + strconv.Quote(event))
	}
	return nil, nil
}

// cast delivers (event, data, others?) to a room, or to all.
func (h *Hub) cast(from *peer, room *string, args []byte) {
	event, rest := socketio.NextArg(args)
	data, rest := socketio.NextArg(rest)
	others, _ := socketio.NextArg(rest)
	m := list(bytes.TrimSpace(event), data)
	h.mu.Lock()
	defer h.mu.Unlock()
	to := h.all
	if room != nil {
		to = h.rooms[*room]
	}
	var behind []*peer
	for p := range to {
		if p == from && string(others) == "true" {
			continue
		}
		if p.send(m) {
			behind = append(behind, p)
		}
	}
	for _, p := range behind {
		h.forget(p)
	}
}

func (h *Hub) reply(p *peer, m *message) {
	if p.send(m) {
		h.leave(p)
	}
}
