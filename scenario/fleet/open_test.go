package fleet

import (
	"encoding/json"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"

	"github.com/throng-io/throng/scenario/result"
)

// A stranger is a connection with which a test does what an agent does.
type stranger struct {
	t    *testing.T
	conn *nats.Conn
}

func newStranger(t *testing.T, url string) *stranger {
	t.Helper()
	conn, err := connect(url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(conn.Close)
	return &stranger{t, conn}
}

// hears takes the messages of a subject from now on.
func (s *stranger) hears(subject string, take nats.MsgHandler) {
	s.t.Helper()
	if _, err := s.conn.Subscribe(subject, take); err != nil {
		s.t.Fatal(err)
	}
	if err := s.conn.Flush(); err != nil {
		s.t.Fatal(err)
	}
}

// key is the xkey of an agent.
func (s *stranger) key() string {
	s.t.Helper()
	pair, err := nkeys.CreateCurveKeys()
	if err != nil {
		s.t.Fatal(err)
	}
	key, err := pair.PublicKey()
	if err != nil {
		s.t.Fatal(err)
	}
	return key
}

// poses says that an agent is there, which answers no claim.
func (s *stranger) poses(one card) {
	s.t.Helper()
	one.Key = s.key()
	text, err := json.Marshal(one)
	if err != nil {
		s.t.Fatal(err)
	}
	s.hears(agentSubject+one.ID, func(*nats.Msg) {})
	s.hears(helloSubject, func(msg *nats.Msg) { _ = msg.Respond(text) })
}

// The clock of an agent that does not tell the time is not the same as this one.
func TestClockIsNotKnown(t *testing.T) {
	t.Parallel()
	url := broker(t, 0).ClientURL()
	newStranger(t, url).poses(card{ID: "a", Agent: result.Agent{Name: "a", Version: Build()}})
	if all, err := List(t.Context(), url); err != nil || len(all) != 1 || all[0].BoundUs != Uncompared {
		t.Errorf("%+v, %v", all, err)
	}
}

// Where there is no agent, a run that waits for one leaves the NATS server in peace.
func TestNobodyIsThere(t *testing.T) {
	t.Parallel()
	s := broker(t, 0)
	const waits = 10 * lookAgain
	if _, err := Open(t.Context(), Options{URL: s.ClientURL(), Wait: waits}); err == nil || !strings.Contains(err.Error(), "0 agents are free") {
		t.Errorf("%v", err)
	}
	if v, err := s.Varz(nil); err != nil || v.InMsgs > int64(waits/lookAgain)+2 {
		t.Errorf("%v, %+v", err, v.InMsgs)
	}
}

// An agent that is stopped just before it is claimed is named, and the run takes others.
func TestAgentDoesNotAnswer(t *testing.T) {
	t.Parallel()
	url := broker(t, 0).ClientURL()
	helper(t, AgentOptions{URL: url, Name: "b", Part: talk})
	newStranger(t, url).poses(card{ID: "stopped", Agent: result.Agent{Name: "a", Version: Build()}})
	log := &lockedBuffer{}
	c, err := Open(t.Context(), Options{URL: url, Wait: wait, Log: log})
	for deadline := time.Now().Add(2 * wait); err != nil && time.Now().Before(deadline); { // a busy machine may not answer, too
		log = &lockedBuffer{}
		c, err = Open(t.Context(), Options{URL: url, Wait: wait, Log: log})
	}
	if err != nil {
		t.Fatal(err)
	}
	if agents := c.Agents(); len(agents) != 1 || agents[0].Name != "b" {
		t.Errorf("the agents are %v, want b", agents)
	}
	c.Close()
	if text := log.String(); !strings.Contains(text, "the agent a takes no part: nothing came from it for 5s") || !strings.Contains(text, "agents that take no part: a (does not answer)") {
		t.Errorf("the log is %q", text)
	}
	for again := true; again; { // until b knows that it is let go
		_, err = Open(t.Context(), Options{URL: url, Agents: 2, Wait: time.Nanosecond})
		again = err != nil && (strings.Contains(err.Error(), "b (busy)") || strings.Contains(err.Error(), "the agent b takes no part"))
	}
	if err == nil || !strings.Contains(err.Error(), "the agent a takes no part: nothing came from it for 5s: it was ended or stopped") {
		t.Errorf("two are needed: %v", err)
	}
}

// Where all free agents are wanted, those that an attempt has claimed and let go again are taken by
// the next one, though they say at first that they are busy; and agents that do not answer are all
// found out at once.
func TestAllThatAnswerAreTaken(t *testing.T) {
	t.Parallel()
	url := broker(t, 0).ClientURL()
	them := newStranger(t, url)
	var asked atomic.Int32 // claims of those that do not answer
	for _, name := range []string{"0", "a", "b", "z"} {
		var mu sync.Mutex
		run, busy := "", 0
		one := card{ID: name, Agent: result.Agent{Name: name, Version: Build()}, Key: them.key(), Nonce: name}
		them.hears(helloSubject, func(msg *nats.Msg) {
			mu.Lock()
			defer mu.Unlock()
			now := one
			if run != "" && name == "b" && busy == 0 { // the first is let go faster
				now.Run, busy = run, busy+1
			}
			if text, err := json.Marshal(now); err == nil {
				_ = msg.Respond(text)
			}
		})
		them.hears(agentSubject+name, func(msg *nats.Msg) {
			if name == "0" || name == "z" {
				asked.Add(1)
				return
			}
			c, err := readClaim(name, msg.Data, nil)
			if err != nil {
				t.Error(err)
				return
			}
			mu.Lock()
			defer mu.Unlock()
			run = c.Run
			_ = msg.Respond([]byte("{}"))
		})
	}
	log := &lockedBuffer{}
	c, err := Open(t.Context(), Options{URL: url, Wait: wait, Log: log})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	var names []string
	for _, one := range c.Agents() {
		names = append(names, one.Name)
	}
	if !slices.Equal(names, []string{"a", "b"}) || asked.Load() != 2 {
		t.Errorf("the agents are %v after %d claims without an answer, want a and b after 2; the log: %s", names, asked.Load(), log)
	}
	if text := log.String(); !strings.Contains(text, "agents that take no part: 0 (does not answer), z (does not answer)\n") {
		t.Errorf("the log is %q", text)
	}
}
