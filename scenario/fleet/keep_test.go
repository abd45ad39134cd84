package fleet

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/throng-io/throng/scenario"
	"github.com/throng-io/throng/scenario/result"
)

const testRun = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"

// ofTrial is a ticket of a run, and the head of an agent's file of it.
func ofTrial(self int) (ticket, keptHead) {
	t := ticket{Run: testRun, Trial: 2, Proof: []byte("known to the members")}
	return t, keptHead{Run: t.Run, Trial: t.Trial, Self: self, Build: Build(), Proof: hashOf(t.Proof)}
}

func (t *ticket) text(tb testing.TB) string {
	tb.Helper()
	text, err := json.Marshal(t)
	if err != nil {
		tb.Fatal(err)
	}
	return string(text)
}

// Wherever a file ends, as when its process is killed, the reports that were whole are read.
func TestKeeping(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "made", "when needed")
	_, head := ofTrial(1)
	k := newKeeping(dir, head, t.Logf)
	if len(keptIn(dir)) != 0 {
		t.Error("there is a file before the first report")
	}
	reports := [][]byte{[]byte("one"), bytes.Repeat([]byte("x"), 300), []byte("three")}
	ends := []int{}
	for _, r := range reports {
		k.add(r)
		ends = append(ends, k.size)
	}
	k.end()
	k.add([]byte("too late"))
	text, err := os.ReadFile(k.path)
	if err != nil {
		t.Fatal(err)
	}
	for n := range len(text) + 1 {
		p, err := readPart(text[:n])
		if cut := n <= bytes.IndexByte(text, '\n'); cut != (err != nil) {
			t.Fatalf("%d bytes: %v", n, err)
		} else if cut {
			continue
		}
		whole := 0
		for _, end := range ends {
			if end <= n {
				whole++
			}
		}
		if len(p.reports) != whole || p.whole != (n == len(text)) || !slices.EqualFunc(p.reports, reports[:whole], bytes.Equal) || p.head.Self != 1 {
			t.Fatalf("%d bytes: %d reports, whole %v", n, len(p.reports), p.whole)
		}
	}
	k.drop()
	if len(keptIn(dir)) != 0 {
		t.Error("the file is still there")
	}
	(*keeping)(nil).add([]byte("kept nowhere"))
	for _, name := range []string{"", "../../x", "short", strings.ToLower(testRun)} {
		if head.Run = name; newKeeping(dir, head, t.Logf) != nil {
			t.Errorf("a run named %q gets a file", name)
		}
	}
}

// What is older than a day is removed when something new is kept, and what is no file of an agent
// stays.
func TestTidy(t *testing.T) {
	dir := t.TempDir()
	for name, age := range map[string]time.Duration{"old.part": keptFor + time.Hour, "new.part": time.Hour, "other.txt": 2 * keptFor} {
		path, at := filepath.Join(dir, name), time.Now().Add(-age)
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(path, at, at); err != nil {
			t.Fatal(err)
		}
	}
	tidy(dir)
	left, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil || len(left) != 2 || filepath.Base(left[0]) != "new.part" {
		t.Errorf("%v, %v", left, err)
	}
}

// An agent hands what it keeps to a controller that has the ticket, and to no other, and removes it
// when that says so.
func TestCollect(t *testing.T) {
	t.Parallel()
	url := broker(t, 0).ClientURL()
	dir := t.TempDir()
	tick, head := ofTrial(0)
	large := bytes.Repeat([]byte("0123456789"), 200_000)
	k := newKeeping(dir, head, t.Logf)
	k.add(large)
	k.end()
	_, other := ofTrial(1)
	half := newKeeping(dir, other, t.Logf) // of a process that was killed
	half.add([]byte("half"))
	half.close()
	helper(t, AgentOptions{URL: url, Name: "one", Keep: dir, Part: talk})
	agents := []result.Agent{{Name: "one"}}
	wrong := tick
	wrong.Proof = []byte("guessed")
	c, err := Collect(t.Context(), Options{URL: url}, wrong.text(t), "", agents)
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Kept[0].Reports) != 0 || c.Kept[0].Why == nil {
		t.Errorf("it hands over %d reports to a stranger", len(c.Kept[0].Reports))
	}
	c.Close(true)
	if c, err = Collect(t.Context(), Options{URL: url}, tick.text(t), "", append(agents, result.Agent{Name: "two"})); err != nil {
		t.Fatal(err)
	}
	if got := c.Kept[0]; len(got.Reports) != 1 || !bytes.Equal(got.Reports[0], large) || got.Why != nil {
		t.Errorf("%d reports, %v", len(got.Reports), got.Why)
	}
	if got := c.Kept[1]; len(got.Reports) != 1 || got.Why == nil || !strings.Contains(got.Why.Error(), "ended before") {
		t.Errorf("of the other one: %d reports, %v", len(got.Reports), got.Why)
	}
	c.Close(true)
	for begun := time.Now(); len(keptIn(dir)) > 0; time.Sleep(10 * time.Millisecond) {
		if time.Since(begun) > wait {
			t.Fatal("the files are still there")
		}
	}
	if _, err := Collect(t.Context(), Options{}, tick.text(t), "", agents); !errors.Is(err, ErrAway) {
		t.Errorf("without an address: %v", err)
	}
	if _, err := Collect(t.Context(), Options{}, "{}", "", agents); err == nil {
		t.Error("a ticket without a run is taken")
	}
}

// An agent that keeps something and does not answer is named, and the others hand over theirs: but
// where there is nothing else, it may be asked again.
func TestCollectWithoutOne(t *testing.T) {
	t.Parallel()
	url := broker(t, 0).ClientURL()
	dir := t.TempDir()
	tick, head := ofTrial(0)
	k := newKeeping(dir, head, t.Logf)
	k.add([]byte("one"))
	k.end()
	keeps := func(name, build string, parts ...int) card {
		one := card{ID: name, Agent: result.Agent{Name: name, Version: build}}
		for _, self := range parts {
			one.Kept = append(one.Kept, partName(testRun, self))
		}
		return one
	}
	them := newStranger(t, url)
	them.poses(keeps("old", "another", 0, 1))
	agents := make([]result.Agent, 3)
	if _, err := Collect(t.Context(), Options{URL: url}, tick.text(t), "", agents[:1]); err == nil || !strings.Contains(err.Error(), "the agent old: another build has kept it (another)") {
		t.Errorf("nobody can hand over anything: %v", err)
	}
	helper(t, AgentOptions{URL: url, Name: "one", Keep: dir, Part: talk})
	them.poses(keeps("stopped", Build(), 2))
	deadline := time.Now().Add(2 * wait)
	for again := true; again; { // a busy machine may not answer within the times of a run
		log := &lockedBuffer{}
		c, err := Collect(t.Context(), Options{URL: url, Log: log}, tick.text(t), "", agents)
		wrong := wrongWithoutOne(c, err, log.String())
		if c != nil {
			c.Close(false)
		}
		if again = wrong != nil; again && time.Now().After(deadline) {
			t.Fatal(strings.Join(wrong, "\n"))
		}
	}
}

// wrongWithoutOne is what TestCollectWithoutOne does not find as it should be.
func wrongWithoutOne(c *Collection, err error, log string) (wrong []string) {
	if err != nil {
		return []string{err.Error()}
	}
	if got := c.Kept[0]; len(got.Reports) != 1 || got.Why != nil {
		wrong = append(wrong, fmt.Sprintf("of the one that answers: %d reports, %v", len(got.Reports), got.Why))
	}
	for self, want := range map[int]string{1: "another build", 2: "nothing came from it for 5s"} {
		if got := c.Kept[self]; len(got.Reports) > 0 || got.Why == nil || !strings.Contains(got.Why.Error(), want) {
			wrong = append(wrong, fmt.Sprintf("of agent %d: %d reports, %v; want %s", self, len(got.Reports), got.Why, want))
		}
	}
	if n := strings.Count(log, "the agent stopped takes no part"); n != unanswered {
		wrong = append(wrong, fmt.Sprintf("%d claims without an answer are told: %s", n, log))
	}
	return wrong
}

// An agent that ends when it has handed over what it keeps is not one of those that are waited for.
func TestCollectWaitsForEach(t *testing.T) {
	const agents = 2
	tick, head := ofTrial(1)
	dir := t.TempDir()
	k := newKeeping(dir, head, t.Logf)
	k.add([]byte("two"))
	k.end()
	text, err := os.ReadFile(k.path)
	if err != nil {
		t.Fatal(err)
	}
	m := alone(t, agents, agents)
	m.inbox = []message{
		{from: 0, kind: up, what: isKept}, {from: 0}, // all is said, and then it is gone
		{from: 1, kind: up, what: isKept, data: append([]byte{0, 0, 0, 1}, text...)}, {from: 1, kind: up, what: isKept},
	}
	c := &Collection{Kept: make([]scenario.Kept, agents), ticket: tick, ctl: &Controller{m: m, agents: make([]result.Agent, agents)}}
	if err := c.receive(t.Context(), agents); err != nil || len(c.Kept[1].Reports) != 1 {
		t.Errorf("%v, %d reports of the second", err, len(c.Kept[1].Reports))
	}
}

// What agents of this machine have left is read from the run's directory.
func TestCollectHere(t *testing.T) {
	dir := t.TempDir()
	tick, _ := ofTrial(0)
	tick.Local = true
	for i := range 2 {
		_, head := ofTrial(i)
		k := newKeeping(dir, head, t.Logf)
		k.add(fmt.Append(nil, "report of ", i))
		k.end()
	}
	c, err := Collect(t.Context(), Options{}, tick.text(t), dir, []result.Agent{{Name: "one"}, {Name: "two"}})
	if err != nil {
		t.Fatal(err)
	}
	if k := c.Kept; string(k[0].Reports[0]) != "report of 0" || string(k[1].Reports[0]) != "report of 1" || k[0].Why != nil || k[1].Why != nil {
		t.Errorf("%q", k)
	}
	c.Close(true)
	if len(keptIn(dir)) != 0 {
		t.Error("the files are still there")
	}
}

// An agent removes what it keeps when its run ends as it should, and keeps it when the controller
// vanishes.
func TestKeptUntilWritten(t *testing.T) {
	t.Parallel()
	for _, killed := range []bool{false, true} {
		t.Run(fmt.Sprintf("killed %v", killed), func(t *testing.T) {
			t.Parallel()
			url := broker(t, 0).ClientURL()
			dir := t.TempDir()
			helper(t, AgentOptions{URL: url, Name: "one", Keep: dir, Part: talk})
			c := open(t, url, 1)
			p := begin(t, c, "job")
			if err := p.Start(0); err != nil {
				t.Fatal(err)
			}
			collect(t, p, 1)
			if n := len(keptIn(dir)); n != 1 {
				t.Fatalf("%d files", n)
			}
			if killed {
				c.conn.Close()
			} else {
				c.Close()
			}
			for begun := time.Now(); ; time.Sleep(50 * time.Millisecond) {
				cards, err := List(t.Context(), url)
				if err != nil {
					t.Fatal(err)
				}
				if len(cards) == 1 && cards[0].State == stateFree {
					break
				}
				if time.Since(begun) > wait {
					t.Fatal("the agent does not become free")
				}
			}
			want := 0
			if killed {
				want = 1
			}
			if n := len(keptIn(dir)); n != want {
				t.Errorf("%d files are left, not %d", n, want)
			}
			if !killed {
				return
			}
			again, err := Collect(t.Context(), Options{URL: url}, p.Ticket(), "", []result.Agent{{Name: "one"}})
			if err != nil {
				t.Fatal(err)
			}
			if k := again.Kept[0]; len(k.Reports) != 1 || k.Why != nil || !strings.HasPrefix(string(k.Reports[0]), "one of 0: job") {
				t.Errorf("%q", k)
			}
			again.Close(true)
		})
	}
}
