//go:build fleet

package fleet

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/throng-io/throng/scenario/result"
)

// short is what a run of several trials repeats.
const short = `
version: 1
name: several
server: {listen: "127.0.0.1:0"}
groups:
  people:
    count: ${clients}
    transport: websocket
    rooms: {of: 4, join: 1}
    send: [{op: room, rate: 2/s, size: 64B, expect: all, late: 5s}]
phases:
  - {name: ramp, for: 1s, clients: 0%..100%, load: 0%, record: false}
  - {name: settle, for: 2s, load: 0%, record: false}
  - {name: hold, for: 3s}
slo: [loss(delivery) == 0]
valid: [{check: achieved(rate) > 1%, optional: true}]
`

// all reads the cells of a run.
func (l load) all(t *testing.T) *result.Run {
	t.Helper()
	r, err := result.Read(l.out)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// A matrix with repeats has the counts of one process in each of its trials; interrupted, it is
// continued on agents.
func TestMatrix(t *testing.T) {
	matrix := strings.Replace(short, "${clients}", "${matrix.clients}", 1) + "matrix: {axes: {clients: [20, 40]}, repeat: 2, cooldown: 1s}\n"
	alone, together := write(t, matrix), write(t, matrix)
	alone.run(t).code(t)
	run := together.run(t, "--agents", "3")
	until(t, "the first trial has ended", func() bool {
		text, _ := os.ReadFile(together.out + "/journal.jsonl")
		return strings.Count(string(text), "\n") >= 2
	})
	_ = run.Process.Signal(os.Interrupt)
	if code := run.code(t); code != 130 {
		t.Errorf("the exit code is %d: %s", code, run.errs)
	}
	if done := together.all(t); len(done.Cells) == 0 || len(done.Cells) > 3 || !done.Interrupted {
		t.Errorf("%d trials are there", len(done.Cells))
	}
	if code, said := together.resume(t, "--agents", "3", "--quiet"); code != 0 && code != 3 { // a busy machine is no fault
		t.Errorf("code %d: %s", code, said)
	}
	one, three := alone.all(t), together.all(t)
	want, got := map[string]string{}, map[string]string{}
	for i := range one.Cells {
		want[fmt.Sprint(one.Cells[i].Params, one.Cells[i].Trial)] = account(&one.Cells[i])
	}
	for i := range three.Cells {
		c := &three.Cells[i]
		if whole(t, c); len(c.Agents) == 3 {
			got[fmt.Sprint(c.Params, c.Trial)] = account(c)
		}
	}
	if len(want) != 4 || len(three.Resumed) != 1 || fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("on agents: %v\nin one process: %v", got, want)
	}
}

// A search finds its answer on agents.
func TestSearch(t *testing.T) {
	l := write(t, short+"vars: {clients: 40}\nsearch: {raise: clients, from: 20, to: 40, grow: x2, precision: 50%, confirm: {trials: 1, for: 2s}}\n")
	p := start(t, nil, "capacity", l.file, "--agents", "2", "--out", l.out, "--quiet")
	if code := p.code(t); code != 0 && code != 3 { // a busy machine is no fault
		t.Errorf("code %d: %s", code, p.errs)
	}
	r := l.all(t)
	if r.Capacity == nil || len(r.Cells) == 0 {
		t.Fatalf("%d trials, %+v", len(r.Cells), r.Capacity)
	}
	for i := range r.Cells {
		if c := &r.Cells[i]; len(c.Agents) != 2 || c.Ledger.Expected == 0 || c.Ledger.Lost > 0 {
			t.Errorf("%d agents, the account is %s", len(c.Agents), account(c))
		}
	}
}

// A viewer watches a live page over polling.
type viewer struct{ url string }

func (v *viewer) ask(t *testing.T, body string) string {
	t.Helper()
	var r *http.Response
	var err error
	if body == "" {
		r, err = http.Get(v.url)
	} else {
		r, err = http.Post(v.url, "text/plain", strings.NewReader(body))
	}
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	text, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// watch opens the live page that a run says it has.
func watch(t *testing.T, run *process) *viewer {
	t.Helper()
	said := regexp.MustCompile(`live on (http://\S+)`)
	until(t, "the run has a live page", func() bool { return said.MatchString(run.errs.String()) })
	v := &viewer{said.FindStringSubmatch(run.errs.String())[1] + "socket.io/?EIO=4&transport=polling"}
	sid := regexp.MustCompile(`"sid":"([^"]+)"`).FindStringSubmatch(v.ask(t, ""))
	if sid == nil {
		t.Fatal("the live page opens no session")
	}
	v.url += "&sid=" + sid[1]
	v.ask(t, "40")
	return v
}

// The live view shows a fleet second by second, and goes on while an agent hangs that is not known
// to be lost.
func TestLive(t *testing.T) {
	url, agents := fleetOf(t, 3)
	l := roomsFor(t, "127.0.0.1", 25*time.Second)
	run := start(t, nil, "run", l.file, "--out", l.out, "--nats", url, "--agents", "3", "--live", "127.0.0.1:0")
	v := watch(t, run)
	begun(t, agents...)
	second := regexp.MustCompile(`"last":\{"t":([0-9.]+)`)
	seen, since := map[string]bool{}, 0
	for begin := time.Now(); ; {
		if time.Since(begin) > 2*wait {
			t.Fatalf("after %d seconds of the view nothing says that the agent is lost", len(seen))
		}
		text := v.ask(t, "")
		if strings.Contains(text, `"agent.lost"`) {
			break
		}
		for p := range strings.SplitSeq(text, "\x1e") {
			if p == "2" {
				v.ask(t, "3")
			}
		}
		for _, m := range second.FindAllStringSubmatch(text, -1) {
			if seen[m[1]] {
				continue
			}
			if seen[m[1]] = true; len(seen) == 8 {
				agents[1].signal(syscall.SIGSTOP)
				since = len(seen)
			}
		}
	}
	if n := len(seen) - since; since == 0 || n < 3 {
		t.Errorf("%d seconds were shown, %d of them while the agent hung", len(seen), n)
	}
	agents[1].signal(syscall.SIGCONT)
	run.code(t)
	if c := l.result(t); c.Verdict != result.Invalid || c.Ledger.Lost > 0 || c.Errors["agent.lost"] != 1 {
		t.Errorf("%s: %s; the account is %s, errors %v", c.Verdict, c.Reason, account(c), c.Errors)
	}
}
