package scenario

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/throng-io/throng/scenario/file"
	"github.com/throng-io/throng/scenario/result"
)

const fourTrials = `
version: 1
name: t
seed: 11
target: {url: "http://127.0.0.1:1"}
matrix: {axes: {size: [64B, 128B]}, repeat: 2, cooldown: 0s}
groups: {all: {count: 2, connect: {rate: 10k/s}, send: [{op: echo, rate: 20/s, size: "${matrix.size}", ack: 1s}]}}
phases: [{name: warm, for: 200ms, load: 0%, record: false}, {name: hold, for: 500ms}]
valid: [max(lag) < 20ms]
`

// part plays four trials, of which some are disturbed, until so many have begun and the last of
// them is interrupted; 0: all.
func partOf(t *testing.T, dir string, earlier *result.Run, until int, late ...int) *result.Run {
	t.Helper()
	var run *result.Run
	ownClock(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		trial := 0
		run = playHere(ctx, t, &fakeServer{}, fourTrials, func(opt *Options) {
			opt.JournalDir, opt.HistogramDir, opt.Earlier = dir, dir, earlier
			opt.Trial = func(*file.Cell) func() {
				if trial++; trial == until {
					time.AfterFunc(400*time.Millisecond, cancel)
				}
				return func() {}
			}
			opt.sleep = func(d time.Duration) {
				for _, n := range late {
					if n == trial {
						d += 50 * time.Millisecond
					}
				}
				time.Sleep(d)
			}
		})
	})
	return run
}

// cellsOf writes the trials of a run down, in order.
func cellsOf(run *result.Run) string {
	var words []string
	for _, c := range run.Cells {
		word := fmt.Sprintf("%s/%d %s", c.Params["size"], c.Trial, c.Verdict)
		if c.Repeated {
			word += " repeated"
		}
		if c.Interrupted {
			word += " cut"
		}
		words = append(words, word)
	}
	return strings.Join(words, ", ")
}

// A run that was interrupted is gone on with from its journal: trials that had ended stay, the one
// that was cut short and the invalid ones are made again, with the same seed, and the logs of each
// trial stay where its place says.
func TestResume(t *testing.T) {
	dir := t.TempDir()
	first := partOf(t, dir, nil, 3, 2)
	if got := cellsOf(first); got != "64B/1 pass, 128B/1 invalid, 64B/2 invalid cut" || !first.Interrupted {
		t.Fatalf("the first part: %s", got)
	}
	if w := strings.Join(first.Warnings, "\n"); w != "interrupted: 3 of 4 trials ran, the last one cut short" {
		t.Errorf("the first part warns %q", w)
	}
	earlier, planned, err := result.ReadJournal(dir)
	if err != nil || len(planned) != 4 {
		t.Fatalf("%d planned, %v", len(planned), err)
	}
	if got := cellsOf(earlier); got != "64B/1 pass, 128B/1 invalid" {
		t.Fatalf("the journal has %s", got)
	}
	run := partOf(t, dir, earlier, 0)
	if got := cellsOf(run); got != "64B/1 pass, 128B/1 invalid repeated, 128B/1 pass, 64B/2 pass, 128B/2 pass" || run.Verdict != result.Pass || run.Interrupted {
		t.Errorf("resumed: %s: %s", run.Verdict, got)
	}
	if run.Seed != 11 || !run.Started.Equal(first.Started) || len(run.Resumed) != 1 {
		t.Errorf("seed %d, started %v, resumed %v", run.Seed, run.Started, run.Resumed)
	}
	if w := strings.Join(run.Warnings, "\n"); !strings.HasPrefix(w, "resumed: 1 of 4 trials are of an earlier part of the run, begun ") {
		t.Errorf("it warns %q", w)
	}
	was, _ := json.Marshal(first.Cells[0])
	if is, _ := json.Marshal(run.Cells[0]); string(was) != string(is) {
		t.Error("a trial that had ended was changed")
	}
	for i, c := range run.Cells {
		log, err := result.ReadLog(dir, result.CellName(i, len(run.Cells)), "ack", c.Started)
		sum := int64(0)
		for _, x := range log {
			if x.Tag == "" {
				sum += x.Histogram().TotalCount()
			}
		}
		if err != nil || sum != c.Latency["ack"].N {
			t.Errorf("trial %d has %d answers, its log %d, %v", i+1, c.Latency["ack"].N, sum, err)
		}
	}
	f, err := file.Parse("t.yaml", []byte(fourTrials), nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		run  *result.Run
		want result.Verdict
	}{{run, result.Pass}, {first, result.Invalid}} {
		if judged, err := JudgeAgain(f, c.run, dir); err != nil || judged.Verdict != c.want {
			t.Errorf("judged again: %+v, %v, want %s", judged, err, c.want)
		}
	}
	again, _, err := result.ReadJournal(dir)
	if err != nil || cellsOf(again) != strings.ReplaceAll(cellsOf(run), " repeated", "") {
		t.Errorf("the journal in the end: %s, %v", cellsOf(again), err)
	}
}

// Where nothing has ended there is nothing to go on with: the run begins anew, and says nothing of
// the part before.
func TestResumeOfNothing(t *testing.T) {
	dir := t.TempDir()
	first := partOf(t, dir, nil, 1)
	earlier, _, err := result.ReadJournal(dir)
	if err != nil || len(earlier.Cells) > 0 {
		t.Fatalf("the journal has %+v, %v", earlier, err)
	}
	for _, part := range []*result.Run{earlier, first} {
		run := partOf(t, dir, part, 0)
		if got := cellsOf(run); got != "64B/1 pass, 128B/1 pass, 64B/2 pass, 128B/2 pass" || run.Resumed != nil || run.Warnings != nil {
			t.Errorf("%s, resumed %v, %q", got, run.Resumed, run.Warnings)
		}
	}
}

// A run that is interrupted again and again loses nothing either.
func TestResumeTwice(t *testing.T) {
	dir := t.TempDir()
	partOf(t, dir, nil, 2)
	for _, until := range []int{2, 3} {
		earlier, _, err := result.ReadJournal(dir)
		if err != nil {
			t.Fatal(err)
		}
		partOf(t, dir, earlier, until)
	}
	earlier, _, err := result.ReadJournal(dir)
	if err != nil {
		t.Fatal(err)
	}
	if got := cellsOf(earlier); got != "64B/1 pass, 128B/1 pass, 64B/2 pass, 128B/2 pass" {
		t.Errorf("after three parts: %s", got)
	}
	run := partOf(t, dir, earlier, 0)
	if got := cellsOf(run); got != cellsOf(earlier) || run.Verdict != result.Pass || len(run.Resumed) != 3 || strings.Count(strings.Join(run.Warnings, "\n"), "resumed") != 1 {
		t.Errorf("%s: %s, resumed %v, %q", run.Verdict, got, run.Resumed, run.Warnings)
	}
}

// When the target does not answer, the directory's files stay unchanged; an unwritable directory is
// found before the run.
func TestJournalBeginsWithTheFirstTrial(t *testing.T) {
	dir := t.TempDir()
	old := filepath.Join(dir, result.FileName)
	if err := os.WriteFile(old, []byte("old"), 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := file.Parse("t.yaml", []byte(fourTrials), nil)
	if err != nil {
		t.Fatal(err)
	}
	begun := 0
	opt := Options{JournalDir: dir, Begin: func() { begun++ }}
	if _, err := Run(t.Context(), f, opt); err == nil {
		t.Fatal("there is no server")
	}
	if text, err := os.ReadFile(old); err != nil || string(text) != "old" || begun != 0 {
		t.Errorf("the old result is %q, %v, begun %d times", text, err, begun)
	}
	if _, _, err := result.ReadJournal(dir); err == nil {
		t.Error("a journal has begun")
	}
	ownClock(t, func(t *testing.T) {
		run := playHere(t.Context(), t, &fakeServer{}, fourTrials, func(opt *Options) {
			opt.JournalDir, opt.Begin = filepath.Join(dir, "missing"), func() { begun++ }
		})
		if w := strings.Join(run.Warnings, "\n"); run.Verdict != result.Pass || begun != 1 || !strings.Contains(w, "--resume could not have kept them: begin the journal") {
			t.Errorf("%s, begun %d times, %q", run.Verdict, begun, w)
		}
	})
}
