package fleet

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
)

// An agent that is stopped just before it is claimed is named, and the run takes others.
func TestAgentDoesNotAnswer(t *testing.T) {
	t.Parallel()
	url := broker(t, 0).ClientURL()
	helper(t, AgentOptions{URL: url, Name: "b", Part: talk})
	conn, err := connect(url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(conn.Close)
	cards, err := roster(t.Context(), conn, 1)
	if err != nil {
		t.Fatal(err)
	}
	stopped := cards[0]
	stopped.ID, stopped.Agent.Name = "stopped", "a"
	text, err := json.Marshal(stopped)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Subscribe(helloSubject, func(msg *nats.Msg) { _ = msg.Respond(text) }); err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Subscribe(agentSubject+stopped.ID, func(*nats.Msg) {}); err != nil {
		t.Fatal(err)
	}
	if err := conn.Flush(); err != nil {
		t.Fatal(err)
	}
	log := &lockedBuffer{}
	c, err := Open(t.Context(), Options{URL: url, Wait: wait, Log: log})
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
	_, err = Open(t.Context(), Options{URL: url, Agents: 2, Wait: time.Nanosecond})
	if err == nil || !strings.Contains(err.Error(), "the agent a takes no part: nothing came from it for 5s: it was ended or stopped") {
		t.Errorf("two are needed: %v", err)
	}
}
