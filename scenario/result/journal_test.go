package result

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// ofTrial is a cell of the sample with another identity.
func ofTrial(transport string, trial int, v Verdict) *Cell {
	c := sample().Cells[0]
	c.Params, c.Trial, c.Verdict = map[string]string{"transport": transport}, trial, v
	return &c
}

func plan4() (out []PlannedTrial) {
	for trial := 1; trial <= 2; trial++ {
		for _, transport := range []string{"websocket", "polling"} {
			out = append(out, PlannedTrial{Params: map[string]string{"transport": transport}, Trial: trial})
		}
	}
	return out
}

// begin begins a journal of four trials, and adds cells to it.
func begin(t *testing.T, dir string, cells ...*Cell) {
	t.Helper()
	run := sample()
	run.Cells = nil
	j, err := BeginJournal(dir, run, plan4())
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range cells {
		if err := j.Add(c); err != nil {
			t.Fatal(err)
		}
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
}

// A journal reads back unchanged even with a half-written last line, and a directory without
// result.json is read as an interrupted run.
func TestJournalOfAKilledRun(t *testing.T) {
	dir := t.TempDir()
	if err := sample().Write(dir); err != nil { // of another run
		t.Fatal(err)
	}
	first, second := ofTrial("websocket", 1, Pass), ofTrial("polling", 1, Fail)
	begin(t, dir, first, second)
	path := filepath.Join(dir, JournalName)
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	_, err = f.WriteString(`{"cell":{"params":{"transport":"webs`)
	if err := errors.Join(err, f.Close(), os.WriteFile(filepath.Join(dir, "cell-03.delivery.hlog"), nil, 0o600)); err != nil {
		t.Fatal(err)
	}
	run, planned, err := ReadJournal(dir)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]Cell{*first, *second}, run.Cells); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(plan4(), planned); diff != "" || run.Seed != 7 || len(run.Warnings) != 1 {
		t.Errorf("the head: %+v\n%s", run, diff)
	}
	got, err := Read(dir)
	if err != nil {
		t.Fatal(err)
	}
	const want = "the run has not ended: its journal has 2 of 4 trials; missing: transport=websocket trial 2, transport=polling trial 2. " +
		"The trial that was running has left the histogram logs cell-03.*.hlog"
	if !got.Interrupted || got.Verdict != Invalid || len(got.Cells) != 2 || got.Warnings[len(got.Warnings)-1] != want {
		t.Errorf("%s, interrupted %v, %d cells, %q", got.Verdict, got.Interrupted, len(got.Cells), got.Warnings)
	}
}

// Once all trials have ended the journal is a whole result, in which a repeat stands for the trial
// that it repeats.
func TestJournalOfAllTrials(t *testing.T) {
	dir := t.TempDir()
	begin(t, dir, ofTrial("websocket", 1, Invalid), ofTrial("polling", 1, Pass), ofTrial("websocket", 2, Pass), ofTrial("polling", 2, Pass),
		ofTrial("websocket", 1, Pass))
	run, err := Read(dir)
	if err != nil {
		t.Fatal(err)
	}
	if run.Interrupted || run.Verdict != Pass || len(run.Warnings) != 1 || !run.Cells[0].Repeated || run.Cells[4].Repeated {
		t.Errorf("%+v", run)
	}
	if err := RemoveJournal(dir); err != nil {
		t.Fatal(err)
	}
	if _, err := Read(dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("without the journal: %v", err)
	}
	if err := RemoveJournal(dir); err != nil {
		t.Errorf("none there: %v", err)
	}
}

func TestSettle(t *testing.T) {
	all := func(vs ...Verdict) (cells []Cell) {
		for i, p := range plan4()[:min(4, len(vs))] {
			cells = append(cells, *ofTrial(p.Params["transport"], p.Trial, vs[i]))
		}
		return cells
	}
	cut := *ofTrial("websocket", 1, Invalid)
	cut.Interrupted = true
	for _, c := range []struct {
		name  string
		cells []Cell
		want  Verdict
	}{
		{"none", nil, Invalid},
		{"all pass", all(Pass, Pass, Pass, Pass), Pass},
		{"one fails", all(Pass, Fail, Pass, Pass), Fail},
		{"one is missing", all(Pass, Pass, Pass), Invalid},
		{"one was repeated", append(all(Invalid, Pass, Pass, Pass), *ofTrial("websocket", 1, Fail)), Fail},
		{"a repeat was cut short", append(all(Invalid, Pass, Pass, Pass), cut), Invalid},
		{"one was cut short", append(all(Pass, Pass, Pass, Pass)[1:], cut), Invalid},
	} {
		run := &Run{Cells: c.cells}
		if run.Settle(plan4()); run.Verdict != c.want {
			t.Errorf("%s: %s, want %s", c.name, run.Verdict, c.want)
		}
	}
}

func TestJournalTellsWhatIsWrong(t *testing.T) {
	const head = `{"run":{"format":1,"cells":[]},"planned":[{"params":{},"trial":1}]}` + "\n"
	for text, want := range map[string]string{
		"":                   "throng run",
		"{}\n":               ":1: it does not begin like the journal of a run",
		"[]\n":               ":1: it does not begin like the journal of a run",
		`{"plan":{}}` + "\n": "continue it with: throng capacity FILE --resume",
		`{"run":{"format":99,"cells":[]}}` + "\n": "result format 99 is newer",
		head:                                   "ended before its first trial",
		head + `{"cell":{"tri`:                 "ended before its first trial",
		head + "{}\n":                          ":2: it is not a trial of a run",
		head + "nonsense\n":                    ":2: it is not JSON",
		head + `{"cell":{"trial":"x"}}` + "\n": ":2: damaged result",
	} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, JournalName), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Read(dir); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %s", text, err, want)
		}
	}
	if _, err := BeginJournal(filepath.Join(t.TempDir(), "missing"), sample(), nil); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no such directory: %v", err)
	}
}

// The plan in a journal from a stranger is bounded, and its texts do nothing to a terminal.
func TestJournalOfAStranger(t *testing.T) {
	const cell = `{"cell":{"params":{},"trial":1,"verdict":"pass"}}` + "\n"
	read := func(planned string) (*Run, error) {
		dir := t.TempDir()
		text := `{"run":{"format":1,"cells":[]},"planned":[` + planned + "]}\n" + cell
		if err := os.WriteFile(filepath.Join(dir, JournalName), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return Read(dir)
	}
	if _, err := read("{}" + strings.Repeat(",{}", maxCells)); err == nil || !strings.Contains(err.Error(), ":1: it plans 20001 trials, and at most 20000 are taken") {
		t.Errorf("too many trials: %v", err)
	}
	run, err := read(`{"params":{"a":"\u001b[2J\u202e` + strings.Repeat("x", 2*MaxText) + `"},"trial":1}`)
	if err != nil {
		t.Fatal(err)
	}
	w := run.Warnings[len(run.Warnings)-1]
	if !strings.Contains(w, `missing: a=\x1b[2J\u202exxx`) || len(w) > MaxText+len("…") {
		t.Errorf("%d bytes: %q", len(w), w)
	}
}

// A number that JSON cannot hold costs no trial, and a warning does not name a thousand trials.
func TestJournalKeepsBadNumbersAndLongPlans(t *testing.T) {
	dir := t.TempDir()
	bad := ofTrial("websocket", 1, Pass)
	bad.Rates.AchievedPerS = math.NaN()
	run := sample()
	var planned []PlannedTrial
	for i := range 1000 {
		planned = append(planned, PlannedTrial{Params: map[string]string{"transport": "websocket"}, Trial: i + 1})
	}
	run.Cells = nil
	j, err := BeginJournal(dir, run, planned)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(j.Add(bad), j.Close()); err != nil {
		t.Fatal(err)
	}
	got, err := Read(dir)
	if err != nil {
		t.Fatal(err)
	}
	if w := fmt.Sprint(got.Cells[0].Warnings); !strings.Contains(w, "rates.achieved_per_s was NaN") {
		t.Error(w)
	}
	if w := got.Warnings[len(got.Warnings)-1]; len(w) > MaxText/2 || !strings.HasSuffix(w, "trial 21, 979 more") {
		t.Errorf("%d bytes: %s", len(w), w)
	}
}
