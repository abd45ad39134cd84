package scenario

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/throng-io/throng/protocol/socketio"
	"github.com/throng-io/throng/scenario/client"
	"github.com/throng-io/throng/scenario/file"
	"github.com/throng-io/throng/scenario/result"
)

// A talker is a fake server with a protocol of its own; it notes what it hears.
type talker struct {
	fakeServer
	mu    sync.Mutex
	heard []string
}

func newTalker(t *testing.T, answer func(c *fakeConn, p *socketio.Packet, event string, args []byte)) *talker {
	s := &talker{}
	s.send = func(c *fakeConn, packet []byte) (bool, error) {
		var p socketio.Packet
		if err := p.Parse(append([]byte(nil), packet...)); err != nil {
			t.Errorf("bad packet %q: %v", packet, err)
			return true, nil
		}
		if p.Type == socketio.Ack {
			s.note(fmt.Sprintf("ack %d %s", p.ID, p.Data))
			return true, nil
		}
		name, args, _ := socketio.SplitEvent(p.Data)
		s.note(string(name) + " " + string(args))
		answer(c, &p, string(name), args)
		return true, nil
	}
	return s
}

func (s *talker) note(text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.heard = append(s.heard, text)
}

func (s *talker) heardOf(prefix string) (out []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, h := range s.heard {
		if strings.HasPrefix(h, prefix) {
			out = append(out, h)
		}
	}
	return out
}

const steps = `
version: 1
name: t
target: {url: "URL"}
groups:
  people:
    count: 3
    connect: {rate: 10k/s}
    flow:
      - {wait: {event: welcome, within: 2s}, capture: {greeting: "$[0]"}}
      - {emit: [login, {n: $client.index, g: "${greeting}"}], ack: 2s, capture: {token: "$[0].token", list: "$[0].list"}}
      - {emit: [ask, "${token}", $list], expect: {event: answer, within: 2s, match: {"$[1]": $token}}, capture: {said: "$[0]"}, name: asking}
      - {think: 1ms}
      - {join: "room-${token}"}
      - {repeat: {times: 2, steps: [{emit: [tick, $said], ack: 1s}]}}
      - {leave: "room-${token}"}
      - {http: {post: "/profile?t=${token}", body: {said: $said}, headers: {X-T: "${token}"}, status: 201}, capture: {id: "$.id"}}
      - {disconnect: HOW}
      - {connect: {}}
      - {emit: [back, $id]}
phases:
  - {name: all, for: 1500ms}
slo: [max(step) < 1s, errors == 0, "count(step{op=emit,event=tick}) == 6", count(flow) == 3]
valid: [max(rss) < 1000GiB]
`

func TestFlow(t *testing.T) {
	t.Parallel()
	for _, how := range []string{"clean", "drop", "stall"} {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			goThrough(t, how)
		})
	}
}

// goThrough plays the flow with a way of disconnecting.
func goThrough(t *testing.T, how string) {
	t.Helper()
	web := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if r.Method != http.MethodPost || r.Header.Get("X-T") != r.URL.Query().Get("t") || string(body) != `{"said":"so"}` {
			t.Errorf("%s %s %q %s", r.Method, r.URL, r.Header.Get("X-T"), body)
		}
		w.WriteHeader(http.StatusCreated)
		_, _ = io.WriteString(w, `{"id": 7}`)
	})
	s := newTalker(t, func(c *fakeConn, p *socketio.Packet, event string, args []byte) {
		reply := ""
		switch event {
		case "login":
			reply = `{"token":"tk","list":[1,{"a":2}]}`
		case "ask":
			// The first answer is for somebody else.
			c.deliver(fakePacket{text: []byte(`2["answer","no","other"]`)})
			c.deliver(fakePacket{text: []byte(`2["answer","so","tk"]`)})
		}
		if p.HasID {
			c.deliver(fakePacket{text: fmt.Appendf(nil, "3%d[%s]", p.ID, reply)})
		}
	})
	dial := s.dial
	cell := play(t, &s.fakeServer, strings.NewReplacer("URL", "http://web", "HOW", how).Replace(steps), func(o *Options) {
		o.Target, o.link = "", linkTo(web)
		o.dial = func(ctx context.Context, cfg *client.Config) (dialed, error) {
			d, err := dial(ctx, cfg)
			if err == nil { // before any step can wait for it
				d.conn.(*fakeConn).deliver(fakePacket{text: []byte(`2["welcome","hi"]`)})
			}
			return d, err
		}
	})
	if cell.Verdict != result.Pass || len(cell.Errors) != 0 || cell.Clients.Held != 3 {
		t.Errorf("verdict %s %s, errors %v, clients %+v, warnings %v", cell.Verdict, cell.Reason, cell.Errors, cell.Clients, cell.Warnings)
	}
	for want, n := range map[string]int{
		`login {"n":0,"g":"hi"}`: 1, `login {"n":2,"g":"hi"}`: 1, `ask "tk",[1,{"a":2}]`: 3, `join "room-tk"`: 3, `tick "so"`: 6, `leave "room-tk"`: 3, `back 7`: 3,
	} {
		if got := s.heardOf(want); len(got) != n {
			t.Errorf("%s: %d times, want %d; heard %q", want, len(got), n, s.heard)
		}
	}
	for name, n := range map[string]int64{"step.login": 3, "step.asking": 3, "step.tick": 6, "step.welcome": 3, "step.connect": 3, "step.POST /profile?t=*": 3, "flow": 3} {
		if h := cell.Latency[name]; h == nil || h.N != n {
			t.Errorf("%s: %+v, want %d; there are %v", name, h, n, keys(cell.Latency))
		}
	}
}

func keys[V any](m map[string]V) (out []string) {
	for k := range m {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}

// Each way in which a step can fail is counted under its own class, and the rest of the flow is not
// done.
func TestFlowErrors(t *testing.T) {
	t.Parallel()
	for class, step := range map[string]string{
		"step.timeout":  `{emit: [silent], ack: 50ms}`,
		"step.capture":  `{emit: [fine], ack: 1s, capture: {x: "$[0].nothing"}}`,
		"step.mismatch": `{emit: [fine], ack: 1s, match: {"$[0].ok": true}}`,
		"step.status":   `{http: {get: /missing}}`,
		"step.http":     `{http: {get: "http://nobody/"}}`,
		"step.ports":    `{http: {get: "http://full/"}}`,
		"step.dropped":  `{emit: [bye], ack: 1s}`,
	} {
		t.Run(class, func(t *testing.T) {
			t.Parallel()
			s := newTalker(t, func(c *fakeConn, p *socketio.Packet, event string, _ []byte) {
				switch {
				case event == "bye":
					c.end(client.TransportClose)
				case p.HasID && event != "silent":
					c.deliver(fakePacket{text: fmt.Appendf(nil, "3%d[]", p.ID)})
				}
			})
			cell := play(t, &s.fakeServer, `
version: 1
name: t
target: {url: "http://web"}
groups: {people: {count: 1, reconnect: {min: 50ms}, flow: [`+step+`, {emit: [after]}]}}
phases: [{name: all, for: 600ms}]
valid: [max(rss) < 1000GiB]
`, func(o *Options) { o.Target, o.link = "", linkTo(http.NotFoundHandler()) })
			if cell.Errors[class] != 1 {
				t.Errorf("errors %v, want one %s; warnings %v", cell.Errors, class, cell.Warnings)
			}
			if got := s.heardOf("after"); len(got) != 0 {
				t.Errorf("the flow went on: %q", s.heard)
			}
			if own := class == "step.ports"; own != strings.Contains(cell.Reason, "errors(step.ports) == 0") {
				t.Errorf("verdict %s %s", cell.Verdict, cell.Reason)
			}
		})
	}
}

// A repeat gives up the round that fails, and begins the next.
func TestFlowRepeatsAfterFailure(t *testing.T) {
	t.Parallel()
	s := newTalker(t, func(*fakeConn, *socketio.Packet, string, []byte) {})
	cell := play(t, &s.fakeServer, `
version: 1
name: t
target: {url: "http://127.0.0.1:1"}
groups: {people: {count: 1, flow: [{repeat: {every: 100ms, steps: [{emit: [silent], ack: 10ms}, {emit: [after]}]}}]}}
phases: [{name: all, for: 1s}]
valid: [max(rss) < 1000GiB]
`)
	if n := len(s.heardOf("silent")); n < 3 || len(s.heardOf("after")) != 0 || cell.Errors["step.timeout"] < 3 {
		t.Errorf("heard %q, errors %v", s.heard, cell.Errors)
	}
}

func TestReact(t *testing.T) {
	t.Parallel()
	var once sync.Once
	s := newTalker(t, func(c *fakeConn, _ *socketio.Packet, event string, _ []byte) {
		if event == "hello" {
			once.Do(func() {
				c.deliver(fakePacket{text: []byte(`217["question",1]`)})
				c.deliver(fakePacket{text: []byte(`2["poke"]`)})
				c.deliver(fakePacket{text: []byte(`2["never"]`)})
			})
		}
	})
	cell := play(t, &s.fakeServer, `
version: 1
name: t
target: {url: "http://127.0.0.1:1"}
groups:
  people:
    count: 1
    flow: [{emit: [hello]}]
    react:
      question: {ack: [yes, {i: $client.index}]}
      poke: {emit: [ouch, "${group}"], after: 10ms}
      never: {emit: [no], share: 0%}
phases: [{name: all, for: 500ms}]
valid: [max(rss) < 1000GiB]
`)
	if got := s.heardOf("ack "); len(got) != 1 || got[0] != `ack 17 ["yes",{"i":0}]` {
		t.Errorf("acks %q", got)
	}
	if got := s.heardOf("ouch"); len(got) != 1 || got[0] != `ouch "people"` {
		t.Errorf("heard %q", s.heard)
	}
	if len(s.heardOf("no")) != 0 || len(cell.Errors) != 0 {
		t.Errorf("heard %q, errors %v", s.heard, cell.Errors)
	}
}

// A flow that begins with a phase begins for nobody before it, and goes round until its clients
// leave; each round that is complete counts.
func TestFlowBeginsWithAPhaseAndNeverEnds(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var first time.Duration
	s := newTalker(t, func(c *fakeConn, p *socketio.Packet, event string, _ []byte) {
		mu.Lock()
		defer mu.Unlock()
		if first == 0 {
			first = client.Now()
		}
		c.deliver(fakePacket{text: fmt.Appendf(nil, "3%d[]", p.ID)})
	})
	var began time.Duration
	cell := play(t, &s.fakeServer, `
version: 1
name: t
target: {url: "http://127.0.0.1:1"}
groups:
  people: {count: 2, connect: {rate: 10k/s}, flow: {start: hold, repeat: forever, every: 300ms, steps: [{emit: [ask], ack: 1s}]}}
  twice: {count: 1, flow: {repeat: 2, steps: [{think: 10ms}]}}
phases: [{name: up, for: 500ms, record: false}, {name: hold, for: 1s}]
slo: ["count(flow{group=people}) == 8"]
`, func(o *Options) {
		o.Trial = func(*file.Cell) func() { began = client.Now(); return func() {} }
	})
	if cell.Verdict != result.Pass || len(s.heardOf("ask")) != 8 || cell.Latency["flow"].N != 8 {
		t.Errorf("verdict %s %s, heard %q, flow %+v", cell.Verdict, cell.Reason, s.heard, cell.Latency["flow"])
	}
	if after := first - began; after < 500*time.Millisecond || after > 510*time.Millisecond {
		t.Errorf("the first step came after %v", after)
	}
}

// While all clients of a group are away by their own will, no message of the group is due, and
// nothing is wrong.
func TestDisconnectsOnPurposeAreNoTrouble(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"for good":  "send: [{op: all, rate: 200/s}]\n    flow: [{think: 500ms}, {disconnect: clean}]",
		"per room":  "rooms: {of: 2}\n    send: [{op: room, per: room, rate: 100/s}]\n    flow: [{think: 500ms}, {disconnect: drop}]",
		"and again": "send: [{op: echo, rate: 100/s, ack: 1s}]\n    flow: {repeat: forever, steps: [{think: 100ms}, {disconnect: clean}, {think: 60ms}, {connect: {}}]}", // no end of a round is the end of the trial
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := play(t, &fakeServer{}, `
version: 1
name: t
target: {url: "http://127.0.0.1:1"}
groups:
  people:
    count: 3
    connect: {rate: 10k/s}
    `+text+`
phases: [{name: up, for: 100ms, record: false, load: 0%}, {name: hold, for: 2s}]
`)
			if c.Verdict != result.Pass || len(c.Warnings)+len(c.Errors) > 0 || c.Clients.Held != 3 || c.Rates.AchievedPerS != c.Rates.OfferedPerS || c.Rates.OfferedPerS == 0 {
				t.Errorf("verdict %s %s, warnings %q, errors %v, clients %+v, rates %+v", c.Verdict, c.Reason, c.Warnings, c.Errors, c.Clients, c.Rates)
			}
		})
	}
}
