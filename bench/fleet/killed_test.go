//go:build fleet

package fleet

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/throng-io/throng/scenario/result"
)

// target starts a server that outlives the run, and returns its address.
func target(t *testing.T) string {
	t.Helper()
	p := start(t, nil, "serve", "--listen", "127.0.0.1:0")
	select {
	case line := <-p.lines:
		url, ok := strings.CutPrefix(line, "listening on ")
		if !ok {
			t.Fatalf("the server says %q", line)
		}
		return url
	case <-time.After(wait):
		t.Fatal("the server does not listen")
		return ""
	}
}

// resume goes on with a run, and returns the exit code and what it says on standard error.
func (l load) resume(t *testing.T, args ...string) (int, string) {
	t.Helper()
	p := start(t, nil, append([]string{"run", "--resume", l.out}, args...)...)
	return p.code(t), p.errs.String()
}

// cut checks the result of a trial whose controller was killed: every count adds up.
func cut(t *testing.T, c *result.Cell, agents int) {
	t.Helper()
	l := c.Ledger
	if !c.Interrupted || c.Verdict != result.Invalid || !strings.Contains(c.Reason, "the controller was killed") {
		t.Errorf("%s: %s", c.Verdict, c.Reason)
	}
	if l.Received == 0 || l.Lost+l.Duplicate > 0 || l.Expected != l.Received+l.Late+l.Lost+l.Undecided {
		t.Errorf("the account is %s", account(c))
	}
	for class, n := range c.Errors {
		t.Errorf("%s: %d", class, n)
	}
	var byClass result.Ledger
	for i := range c.Receivers {
		byClass.Add(c.Receivers[i].Ledger)
	}
	if byClass.Expected != l.Expected || byClass.Received != l.Received || byClass.Undecided != l.Undecided {
		t.Errorf("by receivers: %+v, in all %+v", byClass, l)
	}
	came := int64(0)
	for i := range c.Timeline {
		came += c.Timeline[i].Received
	}
	if d := c.Latency["delivery"]; d == nil || d.N != l.Received+l.Late || came != d.N {
		t.Errorf("%d deliveries by second, %v, the account is %s", came, d, account(c))
	}
	if len(c.Agents) != agents || c.Clients.Held != 301 || c.Seconds < 2 {
		t.Errorf("%d agents held %d clients for %v s", len(c.Agents), c.Clients.Held, c.Seconds)
	}
	for _, a := range c.Agents {
		if a.Health == nil || a.Health.LostAtS != nil || a.Health.Held == 0 {
			t.Errorf("%s: %+v", a.Name, a.Health)
		}
	}
}

// The controller of agents elsewhere is killed: they keep what they measured, --resume makes a
// report of it, and goes on with the run when it is given again.
func TestCollected(t *testing.T) {
	url, agents := fleetOf(t, 3)
	at := target(t)
	l := roomsFor(t, "127.0.0.1", 15*time.Second)
	run := l.run(t, "--nats", url, "--agents", "3", "--target", at)
	begun(t, agents...)
	time.Sleep(9 * time.Second)
	run.signal(syscall.SIGKILL)
	<-run.gone
	if code, said := l.resume(t); code != 2 || !strings.Contains(said, "name it with --nats URL") {
		t.Errorf("without the address of the agents: code %d, %s", code, said)
	}
	if code, said := l.resume(t, "--nats", url); code != 3 || !strings.Contains(said, "go on with it: throng run --resume") {
		t.Errorf("code %d: %s", code, said)
	}
	cut(t, l.result(t), 3)
	if _, err := os.Stat(filepath.Join(l.out, "report.html")); err != nil {
		t.Error(err)
	}
	if code, said := l.resume(t, "--nats", url, "--agents", "3"); code != 0 && code != 3 { // a busy machine is no fault
		t.Errorf("code %d: %s", code, said)
	}
	c := l.result(t)
	whole(t, c)
	if c.Interrupted {
		t.Errorf("%s: %s", c.Verdict, c.Reason)
	}
	if kept, err := filepath.Glob(filepath.Join(agents[0].cache, "throng", "kept", "*")); err != nil || len(kept) > 0 {
		t.Errorf("the agents still keep %v, %v", kept, err)
	}
}

// The agents of one machine and the server of a run end with it, but not before they have written
// down what they measured.
func TestCollectedHere(t *testing.T) {
	l := roomsFor(t, "127.0.0.1", time.Minute)
	run := l.run(t, "--agents", "3")
	until(t, "the agents keep what they measure", func() bool {
		kept, _ := filepath.Glob(filepath.Join(l.out, "parts", "*.part"))
		return len(kept) == 3
	})
	time.Sleep(8 * time.Second)
	run.signal(syscall.SIGKILL)
	<-run.gone
	if code, said := l.resume(t); code != 3 {
		t.Errorf("code %d: %s", code, said)
	}
	cut(t, l.result(t), 3)
	for _, name := range []string{"parts", "agents.json"} {
		if _, err := os.Stat(filepath.Join(l.out, name)); err == nil {
			t.Errorf("%s is still there", name)
		}
	}
}
