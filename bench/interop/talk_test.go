//go:build interop

package interop

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	library "github.com/fasthttp/websocket"

	"github.com/throng-io/throng/scenario/result"
)

// A talk is a chat of this test over plain websockets, or over server-sent events and HTTP. It
// loses and doubles deliveries on purpose, and counts both.
type talk struct {
	mu    sync.Mutex
	rooms map[string]map[chan string]bool
	users map[string]chan string

	sent, said, lost, doubled int64
}

// Each of these deliveries is lost, or made twice.
const (
	loseEvery   = 97
	doubleEvery = 101
)

type talkFrame struct {
	Type string `json:"type"`
	ID   int    `json:"id,omitempty"`
	Room string `json:"room,omitempty"`
	Text string `json:"text,omitempty"`
}

// do performs what a client asks for.
func (s *talk) do(me chan string, f *talkFrame) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch f.Type {
	case "join":
		if s.rooms[f.Room] == nil {
			s.rooms[f.Room] = map[chan string]bool{}
		}
		s.rooms[f.Room][me] = true
	case "say":
		s.sent++
		text, _ := json.Marshal(talkFrame{Type: "said", Room: f.Room, Text: f.Text})
		for to := range s.rooms[f.Room] {
			switch s.said++; {
			case s.said%loseEvery == 0:
				s.lost++
				continue
			case s.said%doubleEvery == 0:
				s.doubled++
				to <- string(text)
			}
			to <- string(text)
		}
	}
}

func (s *talk) enter(user string) (me chan string, leave func()) {
	me = make(chan string, 1<<12)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.users[user] = me
	return me, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		for _, members := range s.rooms {
			delete(members, me)
		}
	}
}

// websocket serves a client that must say hello first.
func (s *talk) websocket(w http.ResponseWriter, r *http.Request) {
	upgrader := library.Upgrader{Subprotocols: []string{"talk.v2"}}
	ws, err := upgrader.Upgrade(w, r, nil)
	if err != nil {
		return
	}
	defer ws.Close()
	me, leave := s.enter("")
	var writers sync.WaitGroup
	writers.Go(func() {
		for text := range me {
			if ws.WriteMessage(library.TextMessage, []byte(text)) != nil {
				return
			}
		}
	})
	defer func() {
		leave()
		close(me)
		writers.Wait()
	}()
	for greeted := false; ; {
		var f talkFrame
		if ws.ReadJSON(&f) != nil {
			return
		}
		switch {
		case !greeted && f.Type != "hello":
			_ = ws.WriteMessage(library.CloseMessage, library.FormatCloseMessage(4401, "say hello first"))
			return
		case !greeted:
			greeted = true
			me <- `{"type":"ready"}`
			continue
		}
		s.do(me, &f)
		if f.ID != 0 {
			me <- fmt.Sprintf(`{"type":"ok","id":%d}`, f.ID)
		}
	}
}

// events serves the stream of one user.
func (s *talk) events(w http.ResponseWriter, r *http.Request) {
	me, leave := s.enter(r.URL.Query().Get("user"))
	defer leave()
	w.Header().Set("Content-Type", "text/event-stream")
	w.WriteHeader(http.StatusOK)
	flush := w.(http.Flusher)
	for flush.Flush(); ; flush.Flush() {
		select {
		case <-r.Context().Done():
			return
		case text := <-me:
			fmt.Fprintf(w, "event: said\ndata: %s\n\n", text)
		}
	}
}

// ask takes a request of a user.
func (s *talk) ask(w http.ResponseWriter, r *http.Request) {
	f := talkFrame{Type: r.PathValue("what"), Room: r.PathValue("room")}
	body, err := io.ReadAll(r.Body)
	if err == nil && len(body) > 0 {
		err = json.Unmarshal(body, &f)
	}
	s.mu.Lock()
	me := s.users[r.Header.Get("X-User")]
	s.mu.Unlock()
	if err != nil || me == nil {
		http.Error(w, "no such user", http.StatusConflict)
		return
	}
	s.do(me, &f)
}

func newTalk(t *testing.T) (*talk, string) {
	s := &talk{rooms: map[string]map[chan string]bool{}, users: map[string]chan string{}}
	mux := http.NewServeMux()
	mux.HandleFunc("/ws", s.websocket)
	mux.HandleFunc("GET /events", s.events)
	mux.HandleFunc("POST /rooms/{room}/{what}", s.ask)
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return s, server.URL
}

// runText runs a scenario of the test and returns its only cell.
func runText(t *testing.T, text string) *result.Cell {
	t.Helper()
	dir := t.TempDir()
	file, out := filepath.Join(dir, "talk.yaml"), filepath.Join(dir, "out")
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	printed, _ := runCommand(file, out).CombinedOutput() // planted mistakes fail it
	run, err := result.Read(out)
	if err != nil || len(run.Cells) != 1 {
		t.Fatalf("%v\n%s", err, printed)
	}
	return &run.Cells[0]
}

// arrived checks how many messages were sent, and how many of the expected deliveries were lost and
// came twice. On a busy machine some clients still connect when messages are due: those to them are
// undecided, and those from them cannot be sent.
func arrived(t *testing.T, c *result.Cell, sent, expected, lost, doubled int64) {
	t.Helper()
	l := c.Ledger
	if l.Received+l.Lost+l.Undecided != l.Expected || l.Duplicate > doubled || doubled-l.Duplicate > l.Undecided || l.Lost > lost || lost-l.Lost > l.Undecided {
		t.Errorf("ledger %+v, want %d lost and %d twice", l, lost, doubled)
	}
	if all := c.Errors["send.unconnected"] == 0; all && (l.Sent != sent || l.Expected != expected) {
		t.Errorf("ledger %+v, errors %v; want %d sent and %d deliveries expected", l, c.Errors, sent, expected)
	}
	if errs := failures(c); len(errs) != 0 {
		t.Errorf("errors %v", errs)
	}
}

const talkGroups = `
groups:
  people:
    count: 20
    GREETING
    connect: {rate: 200/s, timeout: 20s}
    rooms: {of: 4}
    send: [{op: say, rate: 5/s, ack: 20s, late: 8s}] # what is lost is waited for
phases:
  - {name: ramp, for: 500ms, clients: 0%..100%, load: 0%, record: false}
  - {name: settle, for: 2s, load: 0%, record: false}
  - {name: hold, for: 2s}
report: {formats: [json]}
`

// Servers without Socket.IO are measured as exactly, also in their mistakes.
func TestTalks(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"websocket": `
version: 1
name: talk
target: {url: "URL", path: /ws, protocol: websocket, subprotocol: [talk.v2, talk.v1], ping: 500ms}
contract:
  frames: {id: $.id, welcome: ready}
  join: {emit: {type: join, id: $call.id, room: "${room}"}, ack: true}
  operations:
    say: {emit: {type: say, id: $call.id, room: "${room}", text: "${payload}"}, to: room, deliver: said, ack: true}
` + strings.Replace(talkGroups, "GREETING", "auth: {type: hello}", 1),
		"sse": `
version: 1
name: talk
target: {url: "URL", path: /events, protocol: sse}
contract:
  join: {http: {post: "/rooms/${room}/join", headers: {X-User: "${client.index}"}}, ack: true}
  operations:
    say: {http: {post: "/rooms/${room}/say", headers: {X-User: "${client.index}"}, body: {text: "${payload}"}}, to: room, deliver: said}
` + strings.Replace(talkGroups, "GREETING", `query: {user: "${client.index}"}`, 1),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, url := newTalk(t)
			c := runText(t, strings.ReplaceAll(text, "URL", url))
			s.mu.Lock()
			defer s.mu.Unlock()
			arrived(t, c, 200, 1000, s.lost, s.doubled)
			if c.Ledger.Sent != s.sent || s.lost == 0 || s.doubled == 0 {
				t.Errorf("ledger %+v; the server heard %d messages, lost %d deliveries and doubled %d", c.Ledger, s.sent, s.lost, s.doubled)
			}
			if ack := c.Latency["ack"]; ack == nil || ack.N != c.Ledger.Sent || c.Clients.Held != 20 {
				t.Errorf("acks %+v, clients %+v", ack, c.Clients)
			}
			for metric, of := range map[string]string{"rtt": "websocket", "connect.namespace": "websocket", "event.first": "sse", "event.gap": "sse", "event.jitter": "sse"} {
				if l := c.Latency[metric]; (l != nil) != (of == name) {
					t.Errorf("%s: %+v", metric, l)
				}
			}
		})
	}
}

// The official ws package, with a login before the connection.
func TestPlainPeer(t *testing.T) {
	t.Parallel()
	url := server{name: "plain", command: []string{"node", "../peers/node/plain.js", "--port", "{port}"}}.start(t, "")
	c := runText(t, strings.ReplaceAll(`
version: 1
name: plain
target: {url: "URL", path: /ws, protocol: websocket}
contract:
  frames: {id: $.id}
  join: {emit: {type: join, id: $call.id, room: "${room}"}, ack: true}
  operations:
    say: {emit: {type: say, id: $call.id, room: "${room}", text: "${payload}"}, to: room, deliver: said, ack: true}
    typing: {emit: {type: typing, room: "${room}", draft: "${payload}"}, to: {room: true, others: true}, deliver: typing}
    announce: {emit: {type: announce, text: "${payload}"}, to: all, deliver: announced}
groups:
  people:
    count: 20
    before:
      steps: [{http: {post: /login, body: {user: "u${client.index}"}}, capture: {token: $.token}}]
    query: {token: "${token}"}
    connect: {rate: 200/s, timeout: 20s}
    rooms: {of: 4}
    send:
      - {op: say, rate: 5/s, ack: 20s, late: 20s}
      - {op: typing, rate: 5/s, late: 20s}
      - {op: announce, rate: 5/s, late: 20s}
phases:
  - {name: ramp, for: 500ms, clients: 0%..100%, load: 0%, record: false}
  - {name: settle, for: 2s, load: 0%, record: false}
  - {name: hold, for: 2s}
report: {formats: [json]}
`, "URL", url))
	arrived(t, c, 410, 1000+800+200, 0, 0)
}

// A connection that the server refuses is named by its close code.
func TestCloseCodeIsNamed(t *testing.T) {
	t.Parallel()
	_, url := newTalk(t)
	file := filepath.Join(t.TempDir(), "talk.yaml")
	text := fmt.Sprintf("version: 1\nname: talk\ntarget: {url: %q, path: /ws, protocol: websocket}\ncontract: {frames: {welcome: ready}}\ngroups: {a: {count: 1, auth: {type: what}}}\n", url)
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ path, want string }{{"/ws", `4401 "say hello first"`}, {"/nothing", "name the right path with --set target.path"}} {
		out, err := exec.Command(throng, "run", file, "--quiet", "--out", filepath.Join(t.TempDir(), "out"), "--set", "target.path="+c.path).CombinedOutput()
		if err == nil || !strings.Contains(string(out), c.want) {
			t.Errorf("%v, %s; want %q", err, out, c.want)
		}
	}
}
