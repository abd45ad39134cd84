//go:build fleet

package fleet

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/throng-io/throng/scenario/result"
)

// memoryGroup makes a control group whose processes may have so many bytes together.
func memoryGroup(t *testing.T, bytes int) string {
	t.Helper()
	parent, limit := "/sys/fs/cgroup/memory", "memory.limit_in_bytes"
	if _, err := os.Stat(parent); err != nil { // version 2
		parent, limit = "/sys/fs/cgroup", "memory.max"
		_ = os.WriteFile(filepath.Join(parent, "cgroup.subtree_control"), []byte("+memory"), 0o644) // it may be there
	}
	dir := filepath.Join(parent, "throng-test-"+strconv.Itoa(os.Getpid()))
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatalf("%v; run the test as root", err)
	}
	t.Cleanup(func() {
		for range 100 { // until the kernel has noticed that its processes are gone
			if os.Remove(dir) == nil {
				return
			}
			time.Sleep(20 * time.Millisecond)
		}
	})
	if err := os.WriteFile(filepath.Join(dir, limit), []byte(strconv.Itoa(bytes)), 0o644); err != nil {
		t.Fatal(err)
	}
	return dir
}

// The kernel kills an agent for want of memory: it is lost as one that is killed by anybody, and the
// run goes on.
func TestOutOfMemory(t *testing.T) {
	group := memoryGroup(t, 256<<20)
	within := []string{"sh", "-c", fmt.Sprintf(`echo $$ > %s/cgroup.procs && exec "$0" "$@"`, group)}
	url, _ := broker(t, "127.0.0.1", -1)
	agents := []*process{agent(t, nil, url, "a0"), agent(t, within, url, "a1"), agent(t, nil, url, "a2")}
	// it is the one to go when another process of the group takes all the memory
	if err := os.WriteFile(fmt.Sprintf("/proc/%d/oom_score_adj", agents[1].Process.Pid), []byte("1000"), 0o644); err != nil {
		t.Fatal(err)
	}
	l := roomsFor(t, "127.0.0.1", 20*time.Second)
	run := l.run(t, "--nats", url, "--agents", "3")
	begun(t, agents...)
	time.Sleep(8 * time.Second) // in the middle of hold
	hog := exec.Command(within[0], within[1], within[2], "tail", "/dev/zero")
	if err := hog.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = hog.Process.Kill()
		_ = hog.Wait()
	}()
	select {
	case <-agents[1].gone:
	case <-time.After(wait):
		t.Fatal("the agent is still there")
	}
	if s, ok := agents[1].ProcessState.Sys().(syscall.WaitStatus); !ok || s.Signal() != syscall.SIGKILL {
		t.Errorf("the agent ended with %v", agents[1].ProcessState)
	}
	if code := run.code(t); code != 3 {
		t.Errorf("the exit code is %d, want 3: %s", code, run.errs)
	}
	c := l.result(t)
	if c.Verdict != result.Invalid || c.Errors["agent.lost"] != 1 || c.Ledger.Lost > 0 || c.Errors["delivery.unknown"] > 0 {
		t.Errorf("%s: %s; the account is %s, errors %v", c.Verdict, c.Reason, account(c), c.Errors)
	}
	if a := c.Agents; a[1].Health.LostAtS == nil || a[0].Health.LostAtS != nil || a[2].Health.LostAtS != nil || !strings.Contains(c.Reason, "agent.lost") {
		t.Errorf("%s; the agents are %+v", c.Reason, a)
	}
}
