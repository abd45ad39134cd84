//go:build fleet

package fleet

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/throng-io/throng/scenario/result"
)

// rooms is a load that crosses agents: rooms of ten, echoes, and a broadcast.
const rooms = `
version: 1
name: rooms
server: {listen: "HOST:0"}
groups:
  people:
    count: 300
    transport: websocket
    connect: {rate: 300/s, timeout: 10s}
    rooms: {of: 30, prefix: room-, join: 1}
    send:
      - {op: room, event: said, rate: 1/s, size: 128B, ack: 5s, expect: all, late: 5s}
      - {op: echo, event: echo, rate: 1/s, size: 64B}
  speaker:
    count: 1
    transport: websocket
    send:
      - {op: all, event: news, rate: 5/s, size: 256B, expect: others, late: 5s}
phases:
  - {name: ramp, for: 1s, clients: 0%..100%, load: 0%, record: false}
  - {name: settle, for: 2s, load: 0%, record: false}
  - {name: hold, for: LENGTH}
slo:
  - loss(delivery) == 0
  - errors(connect) == 0
`

func roomsFor(t *testing.T, host string, length time.Duration) load {
	t.Helper()
	return write(t, strings.NewReplacer("HOST", host, "LENGTH", length.String()).Replace(rooms))
}

func account(c *result.Cell) string {
	l := c.Ledger
	return fmt.Sprintf("sent %d, expected %d, received %d, late %d, lost %d, undecided %d", l.Sent, l.Expected, l.Received, l.Late, l.Lost, l.Undecided)
}

// whole fails unless every delivery of a run came.
func whole(t *testing.T, c *result.Cell) {
	t.Helper()
	l := c.Ledger
	if l.Expected == 0 || l.Lost+l.Undecided+l.Duplicate > 0 || l.Received+l.Late != l.Expected {
		t.Errorf("the account is %s, duplicates %d", account(c), l.Duplicate)
	}
	if n := c.Errors["delivery.unknown"] + c.Errors["delivery.unexpected"]; n > 0 {
		t.Errorf("errors: %v", c.Errors)
	}
}

// settled reports whether all clients were there before the load began. What is sent earlier than
// the join of a client is not for it, so that the accounts of two runs are the same only of such
// trials.
func settled(c *result.Cell) bool {
	hold := slices.IndexFunc(c.Phases, func(p result.Phase) bool { return p.Record })
	held := 0
	for i := 1; i < len(c.Timeline) && c.Timeline[i].T <= c.Phases[hold].StartS; i++ {
		held = c.Timeline[i-1].Held
	}
	return held > 0 && held == c.Clients.Asked
}

// counted runs a load until one run has had all of its clients in time, and returns its result.
func counted(t *testing.T, args ...string) *result.Cell {
	t.Helper()
	for range 5 { // a busy machine may let a client wait for seconds
		l := roomsFor(t, "127.0.0.1", 6*time.Second)
		l.run(t, args...).code(t)
		if c := l.result(t); settled(c) {
			return c
		}
	}
	t.Fatal("no run had all of its clients when the load began; is the machine busy?")
	return nil
}

// One process and three agents count the same.
func TestSameResult(t *testing.T) {
	one, three := counted(t), counted(t, "--agents", "3")
	whole(t, one)
	whole(t, three)
	if account(one) != account(three) {
		t.Errorf("alone: %s\ntogether: %s", account(one), account(three))
	}
	if len(three.Agents) != 3 || one.Agents != nil {
		t.Errorf("%d and %d agents", len(one.Agents), len(three.Agents))
	}
}

// fleetOf starts agents at a NATS server.
func fleetOf(t *testing.T, n int) (url string, agents []*process) {
	t.Helper()
	url, _ = broker(t, "127.0.0.1", -1)
	for i := range n {
		agents = append(agents, agent(t, nil, url, fmt.Sprintf("a%d", i)))
	}
	return url, agents
}

// An agent that is killed, or stands still, is missed: the run goes on without its clients, what
// the others measured is whole, and the verdict is INVALID.
func TestAgentLost(t *testing.T) {
	for name, s := range map[string]syscall.Signal{"killed": syscall.SIGKILL, "stopped": syscall.SIGSTOP} {
		t.Run(name, func(t *testing.T) {
			url, agents := fleetOf(t, 3)
			l := roomsFor(t, "127.0.0.1", 20*time.Second)
			run := l.run(t, "--nats", url, "--agents", "3")
			begun(t, agents...)
			time.Sleep(8 * time.Second) // in the middle of hold
			agents[1].signal(s)
			if code := run.code(t); code != 3 {
				t.Errorf("the exit code is %d, want 3: %s", code, run.errs)
			}
			c := l.result(t)
			if c.Verdict != result.Invalid {
				t.Errorf("%s: %s", c.Verdict, c.Reason)
			}
			if !slices.ContainsFunc(append(c.Warnings, c.Reason), func(s string) bool { return strings.Contains(s, "a1") }) {
				t.Errorf("nothing names the agent: %s; %q", c.Reason, c.Warnings)
			}
			if c.Ledger.Lost > 0 || c.Errors["delivery.unknown"] > 0 || c.Ledger.Received == 0 {
				t.Errorf("the account is %s, errors %v", account(c), c.Errors)
			}
			if len(c.Agents) != 3 || c.Agents[1].Health == nil || c.Agents[1].Health.LostAtS == nil || c.Agents[0].Health.LostAtS != nil {
				t.Errorf("the agents are %+v", c.Agents)
			}
			agents[1].signal(syscall.SIGCONT)
			// the others are free for the next run, and so is one that has come to again
			want := map[string]int{"killed": 2, "stopped": 3}[name]
			until(t, "the agents are free", func() bool { return free(t, url) == want })
		})
	}
}

// free is how many agents are listed as free.
func free(t *testing.T, url string) (n int) {
	t.Helper()
	text, err := exec.Command(throng, "fleet", "--json", "--nats", url).Output()
	if err != nil {
		t.Fatal(err)
	}
	var all []struct{ State string }
	if err := json.Unmarshal(text, &all); err != nil {
		t.Fatal(err)
	}
	for _, a := range all {
		if a.State == "free" {
			n++
		}
	}
	return n
}

// The controller is killed: its agents stop their load within seconds and are free.
func TestControllerKilled(t *testing.T) {
	url, agents := fleetOf(t, 2)
	l := roomsFor(t, "127.0.0.1", time.Minute)
	run := l.run(t, "--nats", url, "--agents", "2")
	begun(t, agents...)
	time.Sleep(6 * time.Second)
	run.signal(syscall.SIGKILL)
	until(t, "the agents are free", func() bool { return free(t, url) == 2 })
	if _, err := os.Stat(l.out); err != nil {
		t.Error(err)
	}
	again := roomsFor(t, "127.0.0.1", 3*time.Second)
	again.run(t, "--nats", url, "--agents", "2").code(t)
	whole(t, again.result(t))
}

// The NATS server is started again in the middle of a run, which loses nothing by that.
func TestBrokerRestarts(t *testing.T) {
	url, stop := broker(t, "127.0.0.1", -1)
	agents := []*process{agent(t, nil, url, "a0"), agent(t, nil, url, "a1")}
	l := roomsFor(t, "127.0.0.1", 15*time.Second)
	run := l.run(t, "--nats", url, "--agents", "2")
	begun(t, agents...)
	time.Sleep(8 * time.Second)
	stop()
	var port int
	if _, err := fmt.Sscanf(url[strings.LastIndexByte(url, ':')+1:], "%d", &port); err != nil {
		t.Fatal(err)
	}
	time.Sleep(time.Second)
	broker(t, "127.0.0.1", port)
	run.code(t)
	whole(t, l.result(t))
}

// Interrupted, a run on a fleet ends as one of one process does: with what it has, and code 130.
func TestInterrupted(t *testing.T) {
	url, agents := fleetOf(t, 2)
	l := roomsFor(t, "127.0.0.1", time.Minute)
	run := l.run(t, "--nats", url, "--agents", "2")
	begun(t, agents...)
	time.Sleep(8 * time.Second)
	_ = run.Process.Signal(os.Interrupt)
	if code := run.code(t); code != 130 {
		t.Errorf("the exit code is %d: %s", code, run.errs)
	}
	if c := l.result(t); !c.Interrupted || c.Ledger.Received == 0 || c.Ledger.Lost > 0 {
		t.Errorf("interrupted %v, the account is %s", c.Interrupted, account(c))
	}
	until(t, "the agents are free", func() bool { return free(t, url) == 2 })
}

// What keeps a run from beginning has the exit code and the text of a run in one process, and the
// name of the agent.
func TestRefusals(t *testing.T) {
	url, _ := fleetOf(t, 2)
	l := roomsFor(t, "127.0.0.1", time.Second)
	many := write(t, strings.NewReplacer("HOST", "127.0.0.1", "LENGTH", "1s", "count: 300", "count: 300000", "rate: 300/s", "rate: 300k/s").Replace(rooms))
	for name, x := range map[string]struct {
		load load
		args []string
		code int
		want string
	}{
		"no target": {l, []string{"--target", "http://127.0.0.1:1"}, 4, "the target http://127.0.0.1:1 cannot be reached"},
		"a limit":   {many, nil, 2, "the scenario needs"},
	} {
		alone := x.load.run(t, x.args...)
		code, said := alone.code(t), alone.errs.String()
		if code != x.code || !strings.Contains(said, x.want) {
			t.Errorf("%s, in one process: code %d, %s", name, code, said)
		}
		together := x.load.run(t, append([]string{"--nats", url, "--agents", "2"}, x.args...)...)
		code, said = together.code(t), together.errs.String()
		if code != x.code || !strings.Contains(said, "the agent a") || !strings.Contains(said, x.want) {
			t.Errorf("%s, on agents: code %d, %s", name, code, said)
		}
	}
}
