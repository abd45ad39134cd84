package scenario

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/throng-io/throng/scenario/file"
	"github.com/throng-io/throng/scenario/result"
)

// A keepingLink keeps what its part reports, as agents do.
type keepingLink struct {
	*memLink
	keep func(self int, report []byte)
}

func (l *keepingLink) Report(b []byte) error {
	l.keep(l.self, b)
	return l.memLink.Report(b)
}

// keeping makes a run one on a fleet whose agents keep what they report, and keeps the note of its
// directory as it was meanwhile.
func keeping(t *testing.T, n int, kept []Kept, note **Note) func(*Options) {
	return func(opt *Options) {
		opt.JournalDir = t.TempDir()
		dir := opt.JournalDir
		f := newMemFleet(n, *opt)
		var mu sync.Mutex
		f.part = func(ctx context.Context, job []byte, l *memLink) error {
			return RunPart(ctx, job, &keepingLink{l, func(self int, b []byte) {
				mu.Lock()
				defer mu.Unlock()
				kept[self].Reports = append(kept[self].Reports, slices.Clone(b))
				if *note == nil {
					var err error
					if *note, err = ReadNote(dir); err != nil {
						t.Error(err)
					}
				}
			}}, f.opt)
		}
		opt.Fleet = f
	}
}

// What agents have kept makes the result that their controller would have made, cut short. Of one
// that has kept a part, that part counts, and it is lost.
func TestCollect(t *testing.T) {
	t.Parallel()
	text := fleetHead + `
groups:
  people:
    count: 30
    connect: {rate: 10k/s}
    auth: {user: "${client.index}"}
    rooms: {of: 5, join: 2, move: exp(400ms)}
    send: [{op: room, rate: 3/s, expect: others, late: 1s}, {op: echo, rate: 2/s, ack: 1s}]
phases: [{name: ramp, for: 400ms, clients: 0%..100%, load: 0%, record: false}, {name: hold, for: 3s}]
slo: [loss(delivery) < 50%, dup(delivery) < 50%, disorder(delivery) < 50%]
valid: [achieved(rate) > 99%]
`
	kept, note := make([]Kept, 3), (*Note)(nil)
	live := play(t, mistaken(), text, keeping(t, 3, kept, &note))
	f, err := file.Parse("test.yaml", []byte(text), nil)
	if err != nil {
		t.Fatal(err)
	}
	earlier := &result.Run{Format: result.Format, Warnings: []string{"before"}}
	opt := Options{Target: "http://127.0.0.1:1", Earlier: earlier}
	run, err := Collect(f, note, kept, opt)
	if err != nil {
		t.Fatal(err)
	}
	c := &run.Cells[0]
	dropMachineWarnings(run)
	if !c.Interrupted || !run.Interrupted || run.Verdict != result.Invalid || !strings.Contains(c.Reason, "the controller was killed") || len(run.Warnings) != 2 {
		t.Errorf("%s: %s; %q", c.Verdict, c.Reason, run.Warnings)
	}
	want, got := counts(live), counts(c)
	for _, what := range []string{"verdict", "reason"} {
		delete(want, what)
		delete(got, what)
	}
	for what := range want {
		if !reflect.DeepEqual(want[what], got[what]) {
			t.Errorf("%s: collected %+v, reported %+v", what, got[what], want[what])
		}
	}
	for name, l := range live.Latency {
		if o := c.Latency[name]; o == nil || o.P50us != l.P50us || o.P99us != l.P99us || o.Maxus != l.Maxus {
			t.Errorf("%s: collected %v, reported %v", name, o, l)
		}
	}

	part := slices.Clone(kept)
	part[1] = Kept{Reports: kept[1].Reports[:2], Why: errors.New("killed as well")}
	part[2] = Kept{Why: errors.New("not there")}
	run, err = Collect(f, note, part, opt)
	if err != nil {
		t.Fatal(err)
	}
	c = &run.Cells[0]
	l := c.Ledger
	if l.Expected == 0 || l.Expected >= live.Ledger.Expected || l.Expected != l.Received+l.Late+l.Lost+l.Undecided || c.Errors["agent.lost"] != 2 {
		t.Errorf("ledger %+v, errors %v", l, c.Errors)
	}
	sentAtMost(t, c)
	if a := c.Agents; a[0].Health.Lost != "" || a[1].Health.Lost != "killed as well" || a[1].Health.ReportBytes == 0 || a[2].Health.Lost != "not there" {
		t.Errorf("agents %+v", a)
	}

	if _, err := Collect(f, note, kept[:2], opt); err == nil {
		t.Error("an agent is missing, and nothing says so")
	}
	other, err := file.Parse("test.yaml", []byte(strings.Replace(text, "op: echo", "op: all", 1)), nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Collect(other, note, kept, opt); err == nil || !strings.Contains(err.Error(), "have changed since") {
		t.Errorf("another scenario: %v", err)
	}
}

// The note is there while a trial is under way, and no longer.
func TestNote(t *testing.T) {
	t.Parallel()
	dir := ""
	note := (*Note)(nil)
	play(t, &fakeServer{}, broadcast, keeping(t, 2, make([]Kept, 2), &note), func(opt *Options) { dir = opt.JournalDir })
	if note == nil || len(note.Agents) != 2 || note.Ticket != "memory" || note.Trial.Trial != 1 {
		t.Errorf("the note is %+v", note)
	}
	if _, err := ReadNote(dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("after the trial: %v", err)
	}
	path := filepath.Join(dir, NoteName)
	for _, text := range []string{"", "{}", `{"agents":[{}]`} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := ReadNote(dir); err == nil || !strings.Contains(err.Error(), path+" is damaged; remove it") {
			t.Errorf("%q: %v", text, err)
		}
	}
	if err := errors.Join(RemoveNote(dir), RemoveNote(dir)); err != nil {
		t.Error(err)
	}
}
