//go:build fleet

package fleet

import (
	"fmt"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/throng-io/throng/scenario/result"
)

// A space is a network namespace that a pair of virtual interfaces joins to this one.
type space struct{ name, link string }

// the addresses of this side and of that one, of pair i
func here(i int) string  { return fmt.Sprintf("10.213.%d.1", i) }
func there(i int) string { return fmt.Sprintf("10.213.%d.2", i) }

func ip(t *testing.T, line string) {
	t.Helper()
	if out, err := exec.Command("ip", strings.Fields(line)...).CombinedOutput(); err != nil {
		t.Fatalf("ip %s: %v: %s", line, err, out)
	}
}

// newSpace makes a namespace.
func newSpace(t *testing.T, i int) space {
	t.Helper()
	s := space{fmt.Sprintf("throngf%d", i), fmt.Sprintf("thf%d", i)}
	ip(t, "netns add "+s.name)
	t.Cleanup(func() { _ = exec.Command("ip", "netns", "del", s.name).Run() })
	ip(t, fmt.Sprintf("link add %s type veth peer name inside netns %s", s.link, s.name))
	t.Cleanup(func() { _ = exec.Command("ip", "link", "del", s.link).Run() })
	ip(t, fmt.Sprintf("addr add %s/24 dev %s", here(i), s.link))
	ip(t, "link set up "+s.link)
	ip(t, fmt.Sprintf("-n %s addr add %s/24 dev inside", s.name, there(i)))
	ip(t, fmt.Sprintf("-n %s link set up inside", s.name))
	ip(t, fmt.Sprintf("-n %s link set up lo", s.name))
	ip(t, fmt.Sprintf("-n %s route add default via %s", s.name, here(i)))
	return s
}

// agent starts an agent in the namespace, with a monotonic clock that is some seconds ahead.
func (s space) agent(t *testing.T, url, name string, ahead int) *process {
	t.Helper()
	before := []string{"ip", "netns", "exec", s.name, "unshare", "--time", "--fork", "--kill-child", "--monotonic", fmt.Sprint(ahead)}
	return agent(t, before, url, name)
}

// Agents on networks of their own, with clocks of their own: the account is whole, and the bounds
// of the clocks are told and small.
func TestOtherMachines(t *testing.T) {
	spaces := []space{newSpace(t, 1), newSpace(t, 2)}
	url, _ := broker(t, "0.0.0.0", -1)
	port := url[strings.LastIndexByte(url, ':'):]
	agents := []*process{
		spaces[0].agent(t, "nats://"+here(1)+port, "a0", 5000),
		spaces[1].agent(t, "nats://"+here(2)+port, "a1", 70_000),
	}
	l := roomsFor(t, here(1), 10*time.Second)
	run := l.run(t, "--nats", "nats://127.0.0.1"+port, "--agents", "2")
	begun(t, agents...)
	run.code(t)
	c := l.result(t)
	whole(t, c)
	for _, a := range c.Agents {
		if a.BoundUs <= 0 || a.BoundUs > 100_000 {
			t.Errorf("the clock of %s is right within %d us", a.Name, a.BoundUs)
		}
	}
	if c.Latency["delivery"] == nil || c.Latency["delivery"].P50us > 1e6 {
		t.Errorf("deliveries took %+v", c.Latency["delivery"])
	}
}

// A network that is cut for a moment costs nothing of the account between agents; one that stays
// cut costs the agent.
func TestCutOff(t *testing.T) {
	for name, cut := range map[string]time.Duration{"moment": 2 * time.Second, "stays": time.Minute} {
		t.Run(name, func(t *testing.T) {
			s := newSpace(t, 1)
			url, _ := broker(t, "0.0.0.0", -1)
			port := url[strings.LastIndexByte(url, ':'):]
			agents := []*process{agent(t, nil, "nats://127.0.0.1"+port, "a0"), s.agent(t, "nats://"+here(1)+port, "a1", 100)}
			l := roomsFor(t, here(1), 20*time.Second)
			run := l.run(t, "--nats", "nats://127.0.0.1"+port, "--agents", "2")
			begun(t, agents...)
			time.Sleep(8 * time.Second)
			ip(t, "link set down "+s.link)
			time.Sleep(min(cut, 2*time.Second))
			if cut < time.Minute {
				ip(t, "link set up "+s.link)
			}
			run.code(t)
			c := l.result(t)
			if cut < time.Minute {
				if c.Agents[1].Health.LostAtS != nil {
					t.Errorf("the agent is lost: %s", c.Agents[1].Health.Lost)
				}
				if n := c.Errors["delivery.unknown"] + c.Errors["delivery.unexpected"]; n > 0 {
					t.Errorf("errors: %v", c.Errors)
				}
				return
			}
			if c.Verdict != result.Invalid || c.Agents[1].Health.LostAtS == nil || c.Errors["delivery.unknown"] > 0 {
				t.Errorf("%s: %s, errors %v", c.Verdict, c.Reason, c.Errors)
			}
		})
	}
}
