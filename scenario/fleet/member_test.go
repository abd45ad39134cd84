package fleet

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	natsserver "github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"github.com/throng-io/throng/scenario"
	"github.com/throng-io/throng/scenario/result"
)

// alone is a member of a run, without a connection.
func alone(t *testing.T, self, agents int) *member {
	t.Helper()
	ring, err := newKeyring(bytes.Repeat([]byte{7}, secretSize), "run", agents+1)
	if err != nil {
		t.Fatal(err)
	}
	return &member{
		run: "run", self: self, of: agents, keys: ring, arrived: make(chan struct{}, 1), out: map[stream]*outgoing{}, in: map[stream]*incoming{},
		heard: map[int]time.Time{}, latest: map[int]uint64{}, clocks: map[int]agentClock{}, gone: map[int]error{},
	}
}

// Only something new is a sign of life: what a stranger repeats on the subjects of a run does not
// keep the load of a controller going that is gone.
func TestRepeatedIsNoSignOfLife(t *testing.T) {
	m := alone(t, 0, 2)
	m.in[stream{down, 2, 0}] = &incoming{}
	plain := map[kind][]byte{beat: make([]byte, 4), down: append([]byte{byte(isData)}, make([]byte, headSize)...)}
	for _, step := range []struct {
		kind   kind
		number uint64
		sign   bool
	}{
		{beat, 1, true},
		{beat, 1, false},
		{beat, 3, true},
		{beat, 2, false}, // it was overtaken, or is from before
		{down, 0, true},
		{down, 0, false},
		{down, 2, false}, // it comes again
		{down, 1, true},
	} {
		ago := time.Now().Add(-time.Hour)
		m.heard[2], m.any = ago, ago
		st := stream{kind: step.kind, from: 2}
		m.take(step.kind, &nats.Msg{Subject: m.subject(step.kind, strconv.Itoa(2), 0), Data: m.keys.seal(st, step.number, plain[step.kind])})
		if heard, anybody := m.heard[2] != ago, m.any != ago; heard != step.sign || anybody != step.sign {
			t.Errorf("message %d of kind %d: a sign of the controller %v, of anybody %v, want %v", step.number, step.kind, heard, anybody, step.sign)
		}
	}
}

// Silence ends a member: after 8 s, after 24 s while there may be no NATS server. That of an agent
// counts once it has taken part.
func TestSilence(t *testing.T) {
	begin := time.Now()
	at := func(seconds float64) time.Time { return begin.Add(time.Duration(seconds * float64(time.Second))) }
	for name, x := range map[string]struct {
		cut         float64 // when there was no connection last; 0: there was one all the time
		alive, gone float64
	}{
		"connected":            {0, 7.9, 8.1},
		"cut for a moment":     {1, 8.9, 9.1},
		"the server restarts":  {12, 19.9, 20.1},
		"the server stays out": {30, 23.9, 24.1},
	} {
		m := alone(t, 0, 1)
		m.heard[1], m.any = begin, begin
		for _, end := range []float64{x.alive, x.gone} {
			if x.cut > 0 {
				m.cut = at(min(x.cut, end))
			}
			m.loseSilent(at(end))
			if gone := m.goneOf(1) != nil; gone != (end == x.gone) {
				t.Errorf("%s, after %g s: gone %v", name, end, gone)
			}
		}
	}
	m := alone(t, 2, 2)
	m.expect(0)
	m.loseSilent(at(3600))
	if m.goneOf(0) == nil || m.goneOf(1) != nil {
		t.Errorf("one agent has been asked: %v", m.gone)
	}
}

// The bound of the clocks is that of agents that have compared theirs, and an agent has it before
// it has clients: a later one would be too late for what waits by the earlier.
func TestBoundOfTheStart(t *testing.T) {
	m := alone(t, 2, 2)
	m.noteClock(0, 0, time.Millisecond)
	m.noteClock(1, 0, uncompared)
	m.noteClock(0, 0, uncompared) // a beat that was overtaken
	if got := m.worstBound(); got != time.Millisecond {
		t.Errorf("the bound is %v", got)
	}
	l := &link{partner: &partner{m: alone(t, 0, 2)}, started: make(chan time.Duration, 1)}
	epoch := binary.BigEndian.AppendUint64(nil, 42)
	l.put(message{what: isStart, kind: down, data: binary.BigEndian.AppendUint64(epoch, uint64(time.Millisecond))})
	if l.Bound() != time.Millisecond || <-l.started != 42 {
		t.Errorf("the part begins with the bound %v", l.Bound())
	}
}

// What is no claim does not make the claim that follows it an old one.
func TestNonsenseBeforeAClaim(t *testing.T) {
	t.Parallel()
	url := broker(t, 0).ClientURL()
	helper(t, AgentOptions{URL: url, Name: "a", Part: talk})
	conn := newStranger(t, url).conn
	identity, err := identityOf("")
	if err != nil {
		t.Fatal(err)
	}
	deadline := time.Now().Add(wait)
	for tries := 0; ; tries++ { // a busy machine may not answer within the times of a run
		cards, err := roster(t.Context(), conn, 1)
		if err != nil {
			t.Fatal(err)
		}
		if len(cards) == 1 {
			if answer, err := conn.Request(agentSubject+cards[0].ID, []byte("nonsense"), wait); err != nil || !strings.Contains(string(answer.Data), "this is no claim") {
				t.Errorf("the answer is %v, %v", answer, err)
			}
			c := &Controller{conn: conn}
			if err = c.claim(context.Background(), cards, identity, newAttempts()); err == nil {
				collect(t, begin(t, c, "job"), 1)
			}
			c.m.close()
			if err == nil {
				return
			}
		}
		old := err != nil && tries == 0 && strings.Contains(err.Error(), errOldClaim.Error())
		if err != nil && !retry(err) || old || time.Now().After(deadline) {
			t.Fatalf("%d agents: %v", len(cards), err)
		}
	}
}

// Messages have the size that the NATS server takes; one that takes too little is refused.
func TestSmallPayload(t *testing.T) {
	t.Parallel()
	takes := func(bytes int32) string {
		return broker(t, 0, func(o *natsserver.Options) { o.MaxPayload = bytes }).ClientURL()
	}
	url := takes(leastPayload)
	for i := range 2 {
		helper(t, AgentOptions{URL: url, Name: fmt.Sprint("a", i), Part: talk})
	}
	c := open(t, url, 2)
	p := begin(t, c, "job")
	got := collect(t, p, 2+2) // what the agents tell each other is larger
	want(t, got, "0 a0 of 0: job", "1 a1 of 1: job", "0 heard 1: from 1", "1 heard 0: from 0")
	_, err := connect(takes(leastPayload / 2))
	if err == nil || !strings.Contains(err.Error(), "takes messages of 32768 bytes at most, and a fleet needs 65536; raise its max_payload") {
		t.Errorf("got %v", err)
	}
}

// A scenario that is larger than a fleet can send is refused before anything of it is sent.
func TestLargeJob(t *testing.T) {
	t.Parallel()
	url := broker(t, 0).ClientURL()
	helper(t, AgentOptions{URL: url, Name: "a0", Part: talk})
	c := open(t, url, 1)
	if _, err := c.Begin(context.Background(), make([]byte, mostJob+1)); err == nil || !strings.Contains(err.Error(), "agents are sent 240 MiB at most") {
		t.Errorf("got %v", err)
	}
	collect(t, begin(t, c, "a smaller one"), 1)
}

// What comes faster than it is read waits at its senders, which send it again; the controller's
// orders do not wait. Nothing is lost by that.
func TestFullInbox(t *testing.T) {
	m := alone(t, 0, 2)
	from := stream{kind: mesh, from: 1}
	m.in[from], m.in[stream{kind: down, from: 2}] = &incoming{}, &incoming{}
	p := &partner{m: m}
	l := &link{partner: p, arrived: make(chan struct{}, 1), over: make(chan struct{})}
	take := func(k kind, sender int, n uint64, bytes int) {
		plain := append([]byte{byte(isData), 0, 0, 0, 0, 1}, make([]byte, bytes)...)
		m.take(k, &nats.Msg{Subject: m.subject(k, strconv.Itoa(sender), 0), Data: m.keys.seal(stream{kind: k, from: sender}, n, plain)})
	}
	m.count(maxUnread - 100)
	take(mesh, 1, 0, 100)
	for range 2 {
		take(mesh, 1, 1, 50)
	}
	take(down, 2, 0, 10)
	if m.in[from].next != 1 || len(m.inbox) != 2 {
		t.Fatalf("it waits for message %d, and %d are here", m.in[from].next, len(m.inbox))
	}
	for range 2 { // they are still not read by the part
		one, err := m.next(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		l.put(one)
	}
	if take(mesh, 1, 1, 50); m.in[from].next != 1 {
		t.Error("a message is taken that has no place")
	}
	for _, bytes := range []int{100, 10} {
		if one, err := l.Next(t.Context()); err != nil || len(one.Data) != bytes {
			t.Fatalf("%d bytes were read, %v", len(one.Data), err)
		}
	}
	if take(mesh, 1, 1, 50); m.in[from].next != 2 {
		t.Error("what is sent again is not taken")
	}
	one, err := m.next(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	l.put(one)
	l.forget()
	l.put(one) // the part has ended, and the trial goes on
	if m.count(100 - maxUnread); m.unread != 0 || len(l.inbox) > 0 {
		t.Errorf("%d bytes are counted that nobody has", m.unread)
	}
}

// What the others tell a part that has ended before its trial does not wait for it.
func TestEndedPartReadsNothing(t *testing.T) {
	t.Parallel()
	url := broker(t, 0).ClientURL()
	ended := make(chan *member, 1)
	for i := range 2 {
		helper(t, AgentOptions{URL: url, Name: fmt.Sprint("a", i), Part: func(ctx context.Context, _ []byte, l scenario.Link) error {
			if _, err := l.Epoch(ctx); err != nil {
				return err
			}
			if l.Self() == 1 {
				ended <- l.(*link).partner.m
				return errors.New("it has failed")
			}
			_, err := l.Next(ctx) // the order, after that
			return errors.Join(err, l.Mesh(1, make([]byte, 1000)))
		}})
	}
	c := open(t, url, 2)
	p := begin(t, c, "job")
	want(t, collect(t, p, 1), "1 lost: it has failed")
	if err := p.Tell([]byte("order")); err != nil {
		t.Fatal(err)
	}
	m := <-ended
	for deadline := time.Now().Add(wait); ; time.Sleep(time.Millisecond) {
		m.mu.Lock()
		came, unread := m.in[stream{mesh, 0, 1}].next, m.unread
		m.mu.Unlock()
		if came == 1 && unread == 0 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d messages of the other agent came, and %d bytes wait", came, unread)
		}
	}
}

// Agents of one name are told apart by what is said of them.
func TestDistinguish(t *testing.T) {
	var agents []result.Agent
	for _, name := range []string{"gen", "gen", "gen-2", "gen", "other", "gen-2"} {
		agents = append(agents, result.Agent{Name: name})
	}
	distinguish(agents)
	var got []string
	for i := range agents {
		got = append(got, agents[i].Name)
	}
	if want := "gen gen-3 gen-2 gen-4 other gen-2-2"; strings.Join(got, " ") != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
