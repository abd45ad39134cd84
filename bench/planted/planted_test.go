package planted_test

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/throng-io/throng/bench/planted"
	"github.com/throng-io/throng/protocol/socketio"
	"github.com/throng-io/throng/scenario/client"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A peer notes the numbers of the messages that reach it, and of the calls that are answered.
type peer struct {
	c      *client.Client
	parser socketio.Parser
	ended  chan struct{}

	mu       sync.Mutex
	got      []string
	events   []string // their names
	answered []uint64
}

func (p *peer) Event(m *client.Message) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.events = append(p.events, string(m.Name))
	if len(m.Attachments) > 0 {
		p.got = append(p.got, string(m.Attachments[0]))
		return
	}
	text, err := p.parser.AppendJSON(nil, m.Args)
	if err != nil {
		text = []byte(err.Error())
	}
	p.got = append(p.got, string(text))
}

func (p *peer) Ack(m *client.Message) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.answered = append(p.answered, m.ID)
}

func (p *peer) received() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.got)
}

func (p *peer) names() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.events)
}

func join(t *testing.T, cfg client.Config) *peer {
	t.Helper()
	c, err := client.Dial(t.Context(), &cfg)
	if err != nil {
		t.Fatal(err)
	}
	if c.UpgradeErr != nil {
		t.Fatal(c.UpgradeErr)
	}
	p := &peer{c: c, parser: cfg.Parser, ended: make(chan struct{})}
	go func() {
		defer close(p.ended)
		_ = c.Run(p)
	}()
	t.Cleanup(p.leave)
	return p
}

func (p *peer) leave() {
	_ = p.c.Close()
	<-p.ended
}

func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(time.Minute); !ok(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%s did not happen", what)
		}
	}
}

func start(t *testing.T, opt planted.Options) *planted.Server {
	t.Helper()
	s, err := planted.Start(opt)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// How a client speaks.
type way struct {
	name, transport string
	parser          socketio.Parser
	binary          bool
}

var ways = []way{
	{name: "websocket", transport: client.WebSocket},
	{name: "polling", transport: client.Polling},
	{name: "upgrade", transport: client.Upgrade},
	{name: "MessagePack", transport: client.WebSocket, parser: socketio.MessagePack},
	{name: "MessagePack over polling", transport: client.Polling, parser: socketio.MessagePack},
	{name: "binary", transport: client.WebSocket, binary: true},
	{name: "binary over polling", transport: client.Polling, binary: true},
}

// say sends message n to all others, or in the sender's room.
func say(t *testing.T, from *peer, w way, n int) {
	t.Helper()
	data := any(map[string]string{"$b": fmt.Sprintf("%032d", n), "p": fmt.Sprintf("message %d", n) + strings.Repeat("x", 40)})
	if w.binary {
		data = fmt.Appendf(nil, "%032d message %dxxxxxxxx", n, n)
	}
	b, attachments, err := w.parser.AppendEvent(nil, "/", 0, false, "all", "say", data, true)
	if err == nil && w.parser.IsBinary() {
		err = from.c.SendBinary(nil, b)
	} else if err == nil {
		err = from.c.SendBinary(b, attachments...)
	}
	if err != nil {
		t.Fatal(err)
	}
}

var number = regexp.MustCompile(`message ([0-9]+)`)

// numbers says for each text which message it is; 0: none of ours.
func numbers(texts []string) (out []int) {
	for _, text := range texts {
		n := 0
		if m := number.FindStringSubmatch(text); m != nil {
			n, _ = strconv.Atoi(m[1])
		}
		out = append(out, n)
	}
	return out
}

// Each kind of mistake does to the messages what it says, whatever they are carried by.
func TestDeliveries(t *testing.T) {
	for _, c := range []struct {
		fault planted.Fault
		want  []int // what the one receiver gets of messages 1 to 6
	}{
		{planted.Fault{}, []int{1, 2, 3, 4, 5, 6}},
		{planted.Fault{Kind: planted.Loss, Every: 3}, []int{1, 2, 4, 5}},
		{planted.Fault{Kind: planted.Duplicate, Every: 3}, []int{1, 2, 3, 3, 4, 5, 6, 6}},
		{planted.Fault{Kind: planted.Swap, Every: 3, From: 2, For: time.Minute}, []int{1, 3, 2, 4, 6, 5}},
		{planted.Fault{Kind: planted.Late, Every: 4, For: 100 * time.Millisecond}, []int{1, 2, 3, 5, 6, 4}},
		{planted.Fault{Kind: planted.Delay, Every: 4, For: 50 * time.Millisecond}, []int{1, 2, 3, 4, 5, 6}},
		{planted.Fault{Kind: planted.Stall, Every: 4, For: 50 * time.Millisecond}, []int{1, 2, 3, 4, 5, 6}},
	} {
		for _, w := range ways {
			t.Run(string(c.fault.Kind)+" "+w.name, func(t *testing.T) {
				t.Parallel()
				fault := c.fault
				s, got := six(t, w, fault, len(c.want))
				// On a slow machine what should overtake a late message comes after it.
				for fault.Kind == planted.Late && fault.For < 10*time.Second && !slices.Equal(got, c.want) {
					fault.For *= 8
					s, got = six(t, w, fault, len(c.want))
				}
				if diff := cmp.Diff(c.want, got); diff != "" {
					t.Errorf("messages differ (-want +got):\n%s", diff)
				}
				checkLog(t, s, fault)
			})
		}
	}
}

// six sends six messages to one receiver of a server with a fault, and returns which of them came,
// when there are as many as expected.
func six(t *testing.T, w way, f planted.Fault, expected int) (*planted.Server, []int) {
	t.Helper()
	s := start(t, planted.Options{Parser: w.parser, Faults: []planted.Fault{f}})
	cfg := client.Config{URL: s.URL, Transport: w.transport, Parser: w.parser}
	receiver, sender := join(t, cfg), join(t, cfg)
	for n := range 6 {
		say(t, sender, w, n+1)
		until(t, "a message at the server", func() bool { return s.Log().Messages == n+1 })
	}
	until(t, "the last delivery", func() bool { return len(receiver.received()) >= expected })
	return s, numbers(receiver.received())
}

// checkLog compares the account of six messages to one receiver each.
func checkLog(t *testing.T, s *planted.Server, f planted.Fault) {
	t.Helper()
	log := s.Log()
	if log.Messages != 6 || log.Deliveries != 6 {
		t.Errorf("%d messages and %d deliveries in the log, want 6 and 6", log.Messages, log.Deliveries)
	}
	var want []int
	first := f.Every
	if f.From > 0 {
		first = f.From
	}
	for n := first; f.Kind != "" && n <= 6; n += f.Every {
		want = append(want, n)
	}
	if diff := cmp.Diff(want, log.Numbers(f.Kind)); diff != "" {
		t.Errorf("log of %q (-want +got):\n%s", f.Kind, diff)
	}
	for _, p := range log.Plants {
		if (p.Kind == planted.Late || p.Kind == planted.Delay) && p.Held < f.For {
			t.Errorf("a message was held for %v, want at least %v", p.Held, f.For)
		}
	}
}

func TestDamage(t *testing.T) {
	for _, kind := range []planted.Kind{planted.Corrupt, planted.Garble} {
		for _, w := range ways {
			t.Run(string(kind)+" "+w.name, func(t *testing.T) {
				t.Parallel()
				s := start(t, planted.Options{Parser: w.parser, Faults: []planted.Fault{{Kind: kind, Every: 2}}})
				cfg := client.Config{URL: s.URL, Transport: w.transport, Parser: w.parser}
				receiver, sender := join(t, cfg), join(t, cfg)
				say(t, sender, w, 1)
				say(t, sender, w, 1)
				until(t, "both deliveries", func() bool { return len(receiver.received()) == 2 })
				got := receiver.received()
				differ := 0
				for i := range min(len(got[0]), len(got[1])) {
					if got[0][i] != got[1][i] {
						differ++
					}
				}
				if len(got[0]) != len(got[1]) || differ != 1 {
					t.Errorf("%q became %q, want one other byte", got[0], got[1])
				}
				if n := s.Log().Count(kind); n != 1 {
					t.Errorf("%d in the log, want 1", n)
				}
			})
		}
	}
}

// A cut payload is eight bytes shorter and well-formed, and another event has the same message.
func TestCutAndMisnamed(t *testing.T) {
	for _, w := range ways {
		t.Run(w.name, func(t *testing.T) {
			t.Parallel()
			s := start(t, planted.Options{Parser: w.parser, Faults: []planted.Fault{{Kind: planted.Shorten, Every: 3}, {Kind: planted.Misname, Every: 3, From: 2}}})
			cfg := client.Config{URL: s.URL, Transport: w.transport, Parser: w.parser}
			receiver, sender := join(t, cfg), join(t, cfg)
			for range 3 {
				say(t, sender, w, 1)
			}
			until(t, "three deliveries", func() bool { return len(receiver.received()) == 3 })
			got, names := receiver.received(), receiver.names()
			if got[0] != got[1] || len(got[2]) != len(got[0])-8 || numbers(got)[2] != 1 {
				t.Errorf("received %q, want the third eight bytes shorter", got)
			}
			if names[0] != "say" || names[1] == "say" || names[2] != "say" {
				t.Errorf("events %q, want another name for the second", names)
			}
			if log := s.Log(); log.Count(planted.Shorten) != 1 || log.Count(planted.Misname) != 1 {
				t.Errorf("log: %+v", log)
			}
		})
	}
}

// What goes to a room reaches its members, and a stranger as planned.
func TestStranger(t *testing.T) {
	s := start(t, planted.Options{Faults: []planted.Fault{{Kind: planted.Stranger, Every: 2}}})
	cfg := client.Config{URL: s.URL}
	member, stranger := join(t, cfg), join(t, cfg)
	send := func(p *peer, packet string) {
		if err := p.c.Send([]byte(packet)); err != nil {
			t.Fatal(err)
		}
	}
	send(member, `21["join","a"]`)
	until(t, "the join", func() bool { member.mu.Lock(); defer member.mu.Unlock(); return len(member.answered) == 1 })
	for range 3 {
		send(member, `2["room","a","say",1]`)
	}
	until(t, "the deliveries", func() bool { return len(member.received()) == 3 && len(stranger.received()) == 1 })
	if log := s.Log(); log.Deliveries != 3 || !slices.Equal(log.Numbers(planted.Stranger), []int{2}) {
		t.Errorf("log: %+v", log)
	}
}

// A fault hits one receiver of a message, or all.
func TestReceiversHit(t *testing.T) {
	for _, all := range []bool{false, true} {
		s := start(t, planted.Options{Faults: []planted.Fault{{Kind: planted.Loss, Every: 2, All: all}}})
		cfg := client.Config{URL: s.URL}
		a, b, sender := join(t, cfg), join(t, cfg), join(t, cfg)
		for n := range 3 {
			say(t, sender, ways[0], n+1)
		}
		want := 5
		if all {
			want = 4
		}
		until(t, "the last delivery", func() bool {
			last := func(p *peer) bool { got := numbers(p.received()); return len(got) > 0 && got[len(got)-1] == 3 }
			return last(a) && last(b)
		})
		if got := len(a.received()) + len(b.received()); got != want || s.Log().Count(planted.Loss) != 6-want {
			t.Errorf("all %v: %d deliveries and %d losses in the log, want %d and %d", all, got, s.Log().Count(planted.Loss), want, 6-want)
		}
	}
}

func TestCalls(t *testing.T) {
	s := start(t, planted.Options{Faults: []planted.Fault{{Kind: planted.Unanswered, Every: 4, From: 2}, {Kind: planted.AnsweredTwice, Every: 4, From: 3}}})
	p := join(t, client.Config{URL: s.URL})
	for n := range 5 {
		if err := p.c.Send(fmt.Appendf(nil, `2%d["echo",1]`, n+1)); err != nil {
			t.Fatal(err)
		}
	}
	until(t, "the last answer", func() bool { p.mu.Lock(); defer p.mu.Unlock(); return len(p.answered) == 5 })
	if !slices.Equal(p.answered, []uint64{1, 3, 3, 4, 5}) {
		t.Errorf("answered: %v, want 2 never and 3 twice", p.answered)
	}
}

func TestConnections(t *testing.T) {
	s := start(t, planted.Options{Faults: []planted.Fault{{Kind: planted.Refused, Every: 4}, {Kind: planted.Silent, Every: 4, From: 2}, {Kind: planted.Forgotten, Every: 4, From: 3}}})
	var got []string
	for n := range 4 {
		ctx, cancel := context.WithCancel(t.Context())
		if silent := n == 1; silent { // it is given up when the server has seen it
			go func() {
				for s.Log().Count(planted.Silent) == 0 && ctx.Err() == nil {
					time.Sleep(time.Millisecond)
				}
				cancel()
			}()
		}
		c, err := client.Dial(ctx, &client.Config{URL: s.URL, Transport: client.Polling})
		cancel()
		if err != nil {
			failed, _ := errors.AsType[*client.DialError](err)
			got = append(got, failed.Class)
			continue
		}
		got = append(got, "fine")
		_ = c.Close()
		_ = c.Run(&peer{})
	}
	if want := []string{"fine", "canceled", "engine.1", "http.503"}; !slices.Equal(got, want) {
		t.Errorf("four connections: %q, want %q", got, want)
	}
}

// A client that is recovered without its rooms gets what it missed, and of what is said later only
// what is for all.
func TestRoomsAreForgotten(t *testing.T) {
	t.Parallel()
	s := start(t, planted.Options{Recovery: true, Faults: []planted.Fault{{Kind: planted.Cut, Every: 100, From: 2}, {Kind: planted.RoomsForgotten}}})
	cfg := client.Config{URL: s.URL, Transport: client.WebSocket}
	receiver, sender := join(t, cfg), join(t, cfg)
	emit := func(p *peer, asks bool, event string, args ...any) {
		t.Helper()
		b, _, err := p.parser.AppendEvent(nil, "/", 1, asks, event, args...)
		if err == nil {
			err = p.c.SendBinary(b)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, p := range []*peer{receiver, sender} {
		emit(p, true, "join", "x")
		until(t, "the join", func() bool {
			p.mu.Lock()
			defer p.mu.Unlock()
			return len(p.answered) == 1
		})
	}
	room := func(n int) {
		emit(sender, false, "room", "x", "say", map[string]string{"$b": fmt.Sprintf("%032d", n), "p": fmt.Sprintf("message %d", n)}, true)
		until(t, "a message at the server", func() bool { return s.Log().Messages == n })
	}
	room(1)
	until(t, "a delivery", func() bool { return len(receiver.received()) == 1 })
	room(2)
	<-receiver.ended
	room(3)
	cfg.Recover = receiver.c.Session()
	again := join(t, cfg)
	if !again.c.Recovered() {
		t.Fatal("not recovered")
	}
	room(4)
	say(t, sender, ways[0], 5)
	got := func() []int { return numbers(append(receiver.received(), again.received()...)) }
	until(t, "message 5", func() bool { return slices.Contains(got(), 5) })
	if g := got(); !slices.Equal(g, []int{1, 2, 3, 5}) || s.Log().Count(planted.RoomsForgotten) != 1 {
		t.Errorf("received %v; log %+v", g, s.Log())
	}
}

// A client that comes back gets what it missed, or what a bad server takes for that.
func TestReplay(t *testing.T) {
	for _, w := range ways[:3] {
		for kind, want := range map[planted.Kind][]int{
			"": {1, 2, 3, 4, 5, 6}, planted.ReplayNothing: {1, 2, 6}, planted.ReplayAll: {1, 2, 1, 2, 3, 4, 5, 6}, planted.ReplayReverse: {1, 2, 5, 4, 3, 6},
		} {
			t.Run(string(kind)+" "+w.name, func(t *testing.T) {
				t.Parallel()
				// Message 3 breaks the connection of the receiver.
				s := start(t, planted.Options{Recovery: true, Faults: []planted.Fault{{Kind: planted.Cut, Every: 100, From: 3}, {Kind: kind}}})
				cfg := client.Config{URL: s.URL, Transport: w.transport}
				receiver, sender := join(t, cfg), join(t, cfg)
				for n := range 5 {
					say(t, sender, w, n+1)
					until(t, "a message at the server", func() bool { return s.Log().Messages == n+1 })
					if n == 1 {
						until(t, "two deliveries", func() bool { return len(receiver.received()) == 2 })
					}
				}
				<-receiver.ended
				cfg.Recover = receiver.c.Session()
				again := join(t, cfg)
				if !again.c.Recovered() {
					t.Fatal("not recovered")
				}
				say(t, sender, w, 6)
				got := func() []int { return numbers(append(receiver.received(), again.received()...)) }
				until(t, "message 6", func() bool { g := got(); return len(g) > 0 && g[len(g)-1] == 6 })
				if g := got(); !slices.Equal(g, want) {
					t.Errorf("received %v, want %v", g, want)
				}
				if log := s.Log(); log.Recoveries != 1 || log.Replayed != 3 || kind == planted.ReplayAll && log.Repeated != 2 {
					t.Errorf("log: %+v", log)
				}
			})
		}
	}
}
