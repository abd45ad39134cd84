package scenario

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/throng-io/throng/scenario/client"
	"github.com/throng-io/throng/scenario/metric"
	"github.com/throng-io/throng/scenario/result"
)

// A talk is a chat without Socket.IO, in memory: JSON frames, text frames, or events and requests.
type talk struct {
	mu     sync.Mutex
	conns  []*talkConn
	said   int                                   // deliveries so far
	copies func(n int, to *talkConn) (times int) // of a delivery; nil: one
	status func(n int) int                       // of the nth request; nil: 200
	asked  int
	cfgs   []client.Config
}

type talkConn struct {
	*talk
	fakeConn
	in    chan client.Message
	rooms map[string]bool
	text  bool
}

func (s *talk) dial(_ context.Context, cfg *client.Config) (dialed, error) {
	c := &talkConn{talk: s, in: make(chan client.Message, 1<<14), rooms: map[string]bool{}, text: len(cfg.Subprotocols) > 0}
	c.done = make(chan struct{})
	s.mu.Lock()
	defer s.mu.Unlock()
	s.conns, s.cfgs = append(s.conns, c), append(s.cfgs, *cfg)
	if cfg.Welcome != nil {
		if is, err := cfg.Welcome([]byte(`{"type":"ready"}`), false); !is || err != nil {
			return dialed{}, fmt.Errorf("the welcome is not recognized: %v %w", is, err)
		}
	}
	d := dialed{conn: c, recovered: cfg.Recover.Offset != ""}
	if cfg.Protocol == client.Events {
		c.session = client.Session{Offset: "7", Retry: 50 * time.Millisecond}
	}
	return d, nil
}

func (c *talkConn) Run(h client.Handler) error {
	for {
		select {
		case <-c.done:
			c.mu.Lock()
			defer c.mu.Unlock()
			for i, o := range c.conns {
				if o == c {
					c.conns = append(c.conns[:i], c.conns[i+1:]...)
				}
			}
			return &client.CloseError{Reason: c.why}
		case m := <-c.in:
			if m.At = client.Now(); m.Status > 0 {
				h.Ack(&m)
			} else {
				h.Event(&m)
			}
		}
	}
}

func (c *talkConn) Busy() bool              { return false }
func (c *talkConn) Unread() bool            { return false }
func (c *talkConn) Stall(time.Duration)     {}
func (c *talkConn) CloseVanished()          {}
func (c *talkConn) Bytes() (in, out uint64) { return 10, 20 }

// SendBinary relays a binary frame to its sender.
func (c *talkConn) SendBinary(_ []byte, parts ...[]byte) error {
	c.in <- client.Message{Attachments: [][]byte{append([]byte(nil), parts[0]...)}}
	return nil
}

// A wish is what a client asks for.
type wish struct {
	Type, Room, Text string
	ID               any
}

func (c *talkConn) Send(packet []byte) error {
	select {
	case <-c.done:
		return client.ErrClosed
	default:
	}
	var w wish
	id, head, request := "", "", false
	switch {
	case c.text:
		word, rest, _ := strings.Cut(string(packet), " ")
		w.Type = strings.ToLower(word)
		w.Room, w.Text, _ = strings.Cut(rest, " ")
	case packet[0] == '{':
		if err := json.Unmarshal(packet, &w); err != nil {
			return err
		}
	default:
		var body string
		head, body, request = strings.Cut(string(packet), "\r\n\r\n")
		id = head[:strings.IndexByte(head, 'P')]
		path := strings.Split(strings.Fields(head)[1], "/") // /rooms/ROOM/TYPE
		if body != "" {
			if err := json.Unmarshal([]byte(body), &w); err != nil {
				return err
			}
		}
		w.Room, w.Type = path[2], path[3]
	}
	s := c.talk
	s.mu.Lock()
	defer s.mu.Unlock()
	if request {
		status := 200
		if s.status != nil {
			status = s.status(s.asked)
		}
		s.asked++
		n, err := strconv.ParseUint(id, 10, 64)
		if err == nil || status != 200 {
			c.in <- client.Message{ID: n, HasID: err == nil, Status: status, Args: []byte("why")}
		}
		if status != 200 {
			return nil
		}
	}
	switch w.Type {
	case "join":
		c.rooms[w.Room] = true
	case "say":
		for _, to := range s.conns {
			if !to.rooms[w.Room] {
				continue
			}
			n := 1
			if s.copies != nil {
				n = s.copies(s.said, to)
			}
			s.said++
			for range n {
				to.in <- to.form(&w, request)
			}
		}
	}
	if w.ID != nil {
		answer, _ := json.Marshal(map[string]any{"type": "ok", "id": w.ID})
		c.in <- client.Message{Args: answer}
	} else if !request && !c.text {
		c.in <- client.Message{Args: []byte(`{"type":"ok"}`)}
	}
	return nil
}

// form is a message as this client gets it.
func (c *talkConn) form(w *wish, event bool) client.Message {
	if c.text {
		return client.Message{Args: []byte("SAID " + w.Room + " " + w.Text)}
	}
	text, _ := json.Marshal(map[string]any{"type": "said", "id": 1, "room": w.Room, "text": w.Text}) // an id that is none of ours
	m := client.Message{Args: text}
	if event {
		m.Name = []byte("said")
	}
	return m
}

const talkGroups = `
groups:
  people:
    count: 10
    connect: {rate: 10k/s}
    rooms: {of: 2}
    reconnect: {min: 1s, recover: false}
    send: [{op: say, rate: 5/s, late: 200ms, ack: 100ms}]
phases:
  - {name: ramp, for: 1s, load: 0%, record: false}
  - {name: hold, for: 2s}
`

var talks = map[string]string{
	"JSON by id": `{url: "ws://127.0.0.1:1", protocol: websocket}
contract:
  frames: {id: $.id, welcome: ready}
  join: {emit: {type: join, id: "${call.id}", room: "${room}"}, ack: true}
  operations: {say: {emit: {type: say, id: "${call.id}", room: "${room}", text: "${payload}"}, to: room, deliver: said, ack: true}}`,
	"JSON in order": `{url: "ws://127.0.0.1:1", protocol: websocket}
contract:
  frames: {answer: ok}
  join: {emit: {type: join, room: "${room}"}, ack: true}
  operations: {say: {emit: {type: say, room: "${room}", text: "${payload}"}, to: room, deliver: said, ack: true}}`,
	"events": `{url: "http://127.0.0.1:1", protocol: sse}
contract:
  join: {http: {post: "/rooms/${room}/join"}, ack: true}
  operations: {say: {http: {post: "/rooms/${room}/say", body: {text: "${payload}"}}, to: room, deliver: said}}`,
}

// A target without Socket.IO has as exact a ledger as one with it.
func TestFramesAreExact(t *testing.T) {
	for name, target := range talks {
		t.Run(name, func(t *testing.T) {
			s := &talk{}
			c := play(t, nil, "\nversion: 1\nname: t\ntarget: "+target+talkGroups, func(o *Options) { o.dial = s.dial })
			want := result.Ledger{Due: 100, Sent: 100, Expected: 500, Received: 500}
			if c.Ledger != want {
				t.Errorf("ledger %+v, want %+v", c.Ledger, want)
			}
			if ack := c.Latency["ack"]; ack == nil || ack.N != 100 || len(c.Errors) != 0 {
				t.Errorf("acks %+v, errors %v", ack, c.Errors)
			}
			if got := c.Latency["event.gap"]; (name == "events") != (got != nil) {
				t.Errorf("gaps between events: %+v", got)
			}
			for _, m := range []string{"event.first", "event.jitter"} {
				if got := c.Latency[m]; name == "events" && (got == nil || got.N < 10) {
					t.Errorf("%s: %+v", m, got)
				}
			}
		})
	}
}

// Losses and duplicates of the server are counted, each one.
func TestFramesFindPlantedMistakes(t *testing.T) {
	for name, target := range talks {
		t.Run(name, func(t *testing.T) {
			s := &talk{copies: func(n int, _ *talkConn) int {
				switch n {
				case 100, 200, 300:
					return 0
				case 50, 250:
					return 2
				}
				return 1
			}}
			c := play(t, nil, "\nversion: 1\nname: t\ntarget: "+target+talkGroups, func(o *Options) { o.dial = s.dial })
			if l := c.Ledger; l.Lost != 3 || l.Duplicate != 2 || l.Received != 497 {
				t.Errorf("ledger %+v, want 3 lost and 2 duplicates", l)
			}
		})
	}
}

// Frames of text are named by their first word; binary ones hold the payload alone.
func TestFramesOfTextAndBytes(t *testing.T) {
	s := &talk{}
	c := play(t, nil, `
version: 1
name: t
target: {url: "ws://127.0.0.1:1", protocol: websocket, subprotocol: text, ping: 3s}
contract:
  join: {emit: "JOIN ${room}"}
  operations:
    say: {emit: "SAY ${room} ${payload}", to: room, deliver: SAID}
    relay: {emit: "${payload}", to: self}
groups:
  people:
    count: 10
    auth: {token: "t${client.index}"}
    rooms: {of: 2}
    send:
      - {op: say, rate: 5/s, late: 200ms}
      - {op: relay, rate: 5/s, binary: true, size: 64B, late: 200ms}
phases:
  - {name: ramp, for: 1s, load: 0%, record: false}
  - {name: hold, for: 2s}
`, func(o *Options) { o.dial = s.dial })
	if l := c.Ledger; l.Sent != 200 || l.Expected != 600 || l.Received != 600 || len(c.Errors) != 0 {
		t.Errorf("ledger %+v, errors %v", l, c.Errors)
	}
	cfg := s.cfgs[len(s.cfgs)-1]
	if cfg.Protocol != client.Frames || cfg.Transport != "" || cfg.Ping != 3*time.Second || !strings.HasPrefix(string(cfg.Hello), `{"token":"t`) || cfg.Auth != nil {
		t.Errorf("the client is %+v", cfg)
	}
}

// A request that the server refuses is an error of its stream.
func TestRefusedRequestsAreCounted(t *testing.T) {
	s := &talk{status: func(n int) int {
		if n >= 20 && n < 25 {
			return 503
		}
		return 200
	}}
	c := play(t, nil, "\nversion: 1\nname: t\ntarget: "+talks["events"]+talkGroups, func(o *Options) { o.dial = s.dial })
	if l := c.Ledger; c.Errors["ack.status"] != 5 || l.Lost != 25 || l.Received != 475 {
		t.Errorf("errors %v, ledger %+v", c.Errors, l)
	}
}

// A client of events comes back with the id of the last event, when the server said.
func TestEventsResume(t *testing.T) {
	s := &talk{}
	text := "\nversion: 1\nname: t\ntarget: " + talks["events"] + strings.Replace(talkGroups, "min: 1s, recover: false", "min: 1s, recover: true", 1)
	text = strings.Replace(text, "{name: hold, for: 2s}", "{name: hold, for: 2s, fault: {drop: 100%}}", 1)
	c := play(t, nil, text, func(o *Options) { o.dial = s.dial })
	again := 0
	for _, cfg := range s.cfgs {
		if cfg.Recover.Offset == "7" {
			again++
		}
	}
	if again != 10 {
		t.Errorf("%d clients came back with the id of the last event, want 10", again)
	}
	if r := c.Reconnects; r == nil || r.Back != 10 || r.Recovered != 10 {
		t.Errorf("reconnects %+v", r)
	}
	if l := c.Latency["reconnect"]; l == nil || l.Maxus > 900_000 { // 50 ms, as the server says, instead of 1 s
		t.Errorf("reconnect %+v", l)
	}
}

// A request of a flow that the server refuses is a failed step, and is not waited for until it would
// be late.
func TestRefusedRequestsOfFlows(t *testing.T) {
	tr, all := flowing(t, 1, "[{emit: [ask], ack: 30s}]", func(*actor) conn { return &saying{} })
	all[0].hold()
	(&framed{actor: all[0]}).refused(&client.Message{ID: 0, HasID: true, Status: 403}, metric.HowStatus, errors.New("HTTP status 403"))
	counts := tr.errors.Counts()
	if len(counts) != 1 || counts[0].N != 1 || counts[0].Class != metric.Error(metric.ErrStep, metric.HowStatus) {
		t.Errorf("errors %+v, want one failed step", counts)
	}
}
