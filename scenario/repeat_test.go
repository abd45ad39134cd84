package scenario

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/throng-io/throng/scenario/client"
	"github.com/throng-io/throng/scenario/file"
	"github.com/throng-io/throng/scenario/result"
)

const disturbable = `
version: 1
name: t
target: {url: "http://127.0.0.1:1"}
matrix: {repeat: 4}
groups: {all: {count: 2, connect: {rate: 10k/s}, send: [{op: echo, rate: 20/s, ack: 1s}]}}
phases: [{name: warm, for: 200ms, load: 0%, record: false}, {name: hold, for: 500ms}]
valid: [max(lag) < 20ms]
`

// A run with some invalid trials repeats those once. Both stay, the repeat counts, and a run most
// of whose trials are invalid is left as it is.
func TestInvalidTrialsAreRepeated(t *testing.T) {
	for _, test := range []struct {
		name     string
		late     map[int]bool // which of the trials are disturbed, from 1
		verdict  result.Verdict
		cells    int
		repeated string // cells from 1
		warns    string
	}{
		{"undisturbed", nil, result.Pass, 4, "", ""},
		{"one", map[int]bool{2: true}, result.Pass, 5, "2", "invalid trials, each repeated once: 1 of 4; repeats that are valid and count in their place: 1"},
		{"half", map[int]bool{1: true, 4: true}, result.Pass, 6, "1 4", "invalid trials, each repeated once: 2 of 4; repeats that are valid and count in their place: 2"},
		{"again", map[int]bool{2: true, 5: true}, result.Invalid, 5, "2", "invalid trials, each repeated once: 1 of 4; repeats that are valid and count in their place: 0"},
		{"most", map[int]bool{1: true, 2: true, 3: true}, result.Invalid, 4, "", ""},
	} {
		ownClock(t, func(t *testing.T) {
			trial := 0
			run := playHere(t.Context(), t, &fakeServer{}, disturbable, func(opt *Options) {
				opt.Trial = func(*file.Cell) func() {
					trial++
					return func() {}
				}
				opt.sleep = func(d time.Duration) {
					if test.late[trial] {
						d += 50 * time.Millisecond
					}
					time.Sleep(d)
				}
			})
			var repeated []string
			for i := range run.Cells {
				if run.Cells[i].Repeated {
					repeated = append(repeated, string(rune('1'+i)))
				}
			}
			if run.Verdict != test.verdict || len(run.Cells) != test.cells || strings.Join(repeated, " ") != test.repeated {
				t.Errorf("%s: %s, %d cells, repeated: %v", test.name, run.Verdict, len(run.Cells), repeated)
			}
			if w := strings.Join(run.Warnings, "\n"); (w == "") != (test.warns == "") || !strings.Contains(w, test.warns) {
				t.Errorf("%s: %q", test.name, w)
			}
			if test.name == "one" && run.Cells[4].Trial != 2 {
				t.Errorf("the repeat is trial %d", run.Cells[4].Trial)
			}
		})
	}
}

// A run whose target is gone when an invalid trial is repeated was interrupted, and says why: it can
// be gone on with.
func TestErrorInRepeat(t *testing.T) {
	ownClock(t, func(t *testing.T) {
		f, err := file.Parse("t.yaml", []byte(onAnyMachine(disturbable)), nil)
		if err != nil {
			t.Fatal(err)
		}
		trial := 0
		s := &fakeServer{refuse: func(int) error {
			if trial < 5 {
				return nil
			}
			return &client.DialError{Stage: "tcp", Class: "refused", Err: errors.New("connection refused")}
		}}
		run, err := Run(t.Context(), f, Options{
			dial: s.dial, Trial: func(*file.Cell) func() { trial++; return func() {} },
			sleep: func(d time.Duration) {
				if trial == 2 {
					d += 50 * time.Millisecond
				}
				time.Sleep(d)
			},
		})
		if _, is := errors.AsType[*TargetError](err); !is || len(run.Cells) != 4 || run.Cells[1].Verdict != result.Invalid {
			t.Fatalf("%v, %+v", err, run)
		}
		dropMachineWarnings(run)
		want := "interrupted: 4 of 4 trials ran, and not all invalid ones again: " + err.Error()
		if !run.Interrupted || run.Verdict != result.Invalid || len(run.Warnings) != 1 || run.Warnings[0] != want {
			t.Errorf("interrupted %v, %s, %q", run.Interrupted, run.Verdict, run.Warnings)
		}
	})
}

// So was one that is ended before the repeat begins. Where none was to come, nothing is missing.
func TestEndBeforeRepeat(t *testing.T) {
	for _, late := range []int{1, 3} { // trials that are disturbed
		ownClock(t, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			trial := 0
			run := playHere(ctx, t, &fakeServer{}, strings.Replace(disturbable, "repeat: 4", "repeat: 4, cooldown: 1m", 1), func(opt *Options) {
				opt.Trial = func(*file.Cell) func() { trial++; return func() {} }
				opt.sleep = func(d time.Duration) {
					if trial <= late {
						d += 50 * time.Millisecond
					}
					time.Sleep(d)
				}
				opt.Progress = func(p Progress) {
					if p.Done && trial == 4 {
						time.AfterFunc(0, cancel)
					}
				}
			})
			if len(run.Cells) != 4 || run.Verdict != result.Invalid {
				t.Fatalf("%d cells, %s", len(run.Cells), run.Verdict)
			}
			want := ""
			if late == 1 {
				want = "interrupted: 4 of 4 trials ran, and not all invalid ones again"
			}
			if got := strings.Join(run.Warnings, "\n"); got != want || run.Interrupted != (want != "") {
				t.Errorf("%d disturbed: interrupted %v, %q", late, run.Interrupted, got)
			}
		})
	}
}

// An error behind the last trial leaves nothing to be repeated where there is only that one.
func TestErrorBehindTheOnlyTrial(t *testing.T) {
	t.Parallel()
	f, err := file.Parse("t.yaml", []byte(strings.Replace(disturbable, "matrix: {repeat: 4}", "", 1)), nil)
	if err != nil {
		t.Fatal(err)
	}
	planned := plannedTrials(f.Cells())
	run := &result.Run{Verdict: result.Invalid, Cells: []result.Cell{{Params: planned[0].Params, Trial: planned[0].Trial, Verdict: result.Invalid}}}
	interrupted(run, f, planned, errors.New("no space left on device"))
	if run.Interrupted || len(run.Warnings) != 0 {
		t.Errorf("interrupted %v, %q", run.Interrupted, run.Warnings)
	}
}
