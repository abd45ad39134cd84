//go:build fleet && soak

package fleet

import (
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/throng-io/throng/scenario/result"
)

// soaked is how long the load is held.
const soaked = 9 * time.Minute

// rss is the resident memory of a process, in MiB; 0: it is gone.
func rss(p *process) int {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", p.Process.Pid))
	var size, resident int
	if err == nil {
		_, err = fmt.Sscan(string(text), &size, &resident)
	}
	if err != nil {
		return 0
	}
	return resident * os.Getpagesize() >> 20
}

// For ten minutes a thousand clients on four agents talk. Meanwhile one agent is killed and started
// again, and another one stands still for a moment: the account is whole but for the clients of the
// first, nothing grows, and both take part in the next run.
func TestSoak(t *testing.T) {
	url, agents := fleetOf(t, 4)
	at := target(t)
	text := strings.NewReplacer("HOST", "127.0.0.1", "LENGTH", soaked.String(), "count: 300", "count: 1000", "of: 30", "of: 100", "for: 1s", "for: 10s").Replace(rooms)
	l := write(t, text+"valid: [errors(agent.lost) <= 1]\n")
	run := l.run(t, "--nats", url, "--agents", "4", "--target", at)
	begun(t, agents...)
	all := append([]*process{run}, agents...)
	sizes := func() (out []int) {
		for _, p := range all {
			out = append(out, rss(p))
		}
		return out
	}
	time.Sleep(2 * time.Minute)
	early := sizes()
	agents[3].signal(syscall.SIGSTOP)
	time.Sleep(4 * time.Second)
	agents[3].signal(syscall.SIGCONT)
	time.Sleep(56 * time.Second)
	agents[1].signal(syscall.SIGKILL)
	back := agent(t, nil, url, "a1")
	time.Sleep(soaked - 3*time.Minute - 20*time.Second)
	late := sizes()
	run.code(t)
	c := l.result(t)
	if c.Ledger.Lost+c.Ledger.Duplicate > 0 || c.Errors["delivery.unknown"]+c.Errors["delivery.unexpected"] > 0 || c.Ledger.Received == 0 {
		t.Errorf("the account is %s, duplicates %d, errors %v", account(c), c.Ledger.Duplicate, c.Errors)
	}
	if c.Seconds != soaked.Seconds() || c.Interrupted {
		t.Errorf("%v s were recorded: %s", c.Seconds, c.Reason)
	}
	for i, a := range c.Agents {
		if lost := a.Health.LostAtS != nil; lost != (i == 1) {
			t.Errorf("%s: %+v", a.Name, a.Health)
		}
	}
	for i := range all {
		if i != 2 && late[i] > early[i]+early[i]/2+32 {
			t.Errorf("process %d had %d MiB after two minutes, and %d MiB at the end", i, early[i], late[i])
		}
	}
	t.Logf("%s; MiB of the controller and the agents after two minutes %v, at the end %v; generator %.1f s of processor time", account(c), early, late, c.Generator.CPUs)
	for _, a := range c.Agents {
		h := a.Health
		t.Logf("%s: %d clients, lost %q, reports %d KiB, to other agents %d KiB, peak %d MiB", a.Name, h.Held, h.Lost, h.ReportBytes>>10, h.MeshBytes>>10, h.RSSPeakBytes>>20)
	}

	until(t, "all agents are free", func() bool { return free(t, url) == 4 })
	next := roomsFor(t, "127.0.0.1", 3*time.Second)
	next.run(t, "--nats", url, "--agents", "4", "--target", at).code(t)
	c = next.result(t)
	whole(t, c)
	if len(c.Agents) != 4 || !strings.Contains(back.errs.String(), "takes part in the run") || c.Verdict == result.Fail {
		t.Errorf("%s: %s; %d agents", c.Verdict, c.Reason, len(c.Agents))
	}
}
