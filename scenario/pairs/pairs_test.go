package pairs

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/throng-io/throng/scenario"
	"github.com/throng-io/throng/scenario/file"
	"github.com/throng-io/throng/scenario/result"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const text = `
version: 1
name: t
seed: 5
target: {url: "http://127.0.0.1:1"}
matrix: {repeat: 1, cooldown: 1s}
groups: {all: {count: 2, send: [{op: echo, rate: 1/s, ack: 1s}]}}
phases: [{name: hold, for: 5s}]
`

// model stands for scenario.Run: trials of five seconds that end as verdicts say, in order; "v" is
// valid, "f" a broken check, "i" invalid, "e" an error.
type model struct {
	verdicts string
	opts     []scenario.Options
}

func (m *model) trial(ctx context.Context, f *file.File, opt scenario.Options) (*result.Run, error) {
	n := len(m.opts)
	m.opts = append(m.opts, opt)
	run := &result.Run{Scenario: f.Spec.Name, Started: time.Now(), Seed: f.Spec.Seed}
	select {
	case <-time.After(5 * time.Second):
	case <-ctx.Done():
		run.Cells = []result.Cell{{Verdict: result.Invalid, Interrupted: true, Trial: 1}}
		return run, nil
	}
	verdict := byte('v')
	if n < len(m.verdicts) {
		verdict = m.verdicts[n]
	}
	if verdict == 'e' {
		return nil, &scenario.TargetError{URL: "http://x", Err: errors.New("gone")}
	}
	v := map[byte]result.Verdict{'v': result.Pass, 'f': result.Fail, 'i': result.Invalid}[verdict]
	run.Cells = []result.Cell{{Verdict: v, Trial: 1, Started: time.Now()}}
	return run, nil
}

// play runs pairs by a model on a clock of its own.
func play(t *testing.T, m *model, change func(*Options, context.CancelFunc)) (run *result.Run, err error) {
	t.Helper()
	f, err := file.Parse("t.yaml", []byte(text), nil)
	if err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		opt := Options{trial: m.trial, Budget: time.Minute}
		if change != nil {
			change(&opt, cancel)
		}
		run, err = Run(ctx, Side{Text: "the base", File: f}, Side{Text: "the head", File: f}, opt)
	})
	return run, err
}

// words writes the trials down: b1 and h1 are those of pair 1, with ! where invalid and ~ where
// another counts instead.
func words(run *result.Run) string {
	var all []string
	for i := range run.Cells {
		c := &run.Cells[i]
		w := fmt.Sprintf("%s%d", c.Params[result.AxisBuild][:1], c.Trial)
		if c.Verdict == result.Invalid {
			w += "!"
		}
		if c.Repeated {
			w += "~"
		}
		all = append(all, w)
	}
	return strings.Join(all, " ")
}

// Of each two pairs one begins with either side, and the seed decides which.
func TestOrder(t *testing.T) {
	firsts := map[string]bool{}
	for seed := range uint64(40) {
		var all []string
		for n := 1; n <= 8; n += 2 {
			a, b := order(seed, n), order(seed, n+1)
			if a[0] == b[0] || a[0] == a[1] || b[0] == b[1] {
				t.Fatalf("seed %d: pairs %d and %d begin with %s and %s", seed, n, n+1, a[0], b[0])
			}
			all = append(all, a[0])
		}
		firsts[strings.Join(all, " ")] = true
	}
	if len(firsts) < 10 {
		t.Errorf("forty seeds give %d orders", len(firsts))
	}
}

func TestRunsPairsUntilTheyAreEnough(t *testing.T) {
	m := &model{verdicts: "vvfv"}
	asked := 0
	run, err := play(t, m, func(opt *Options, _ context.CancelFunc) {
		opt.Enough = func(run *result.Run) bool {
			asked++
			return len(run.Cells) == 6
		}
	})
	if err != nil || asked != 3 || len(run.Cells) != 6 || run.Interrupted {
		t.Fatalf("%v, asked %d times: %+v", err, asked, run)
	}
	for i, c := range run.Cells {
		if want := order(5, i/2+1)[i%2]; c.Params[result.AxisBuild] != want || c.Trial != i/2+1 || c.Settings[result.SettingBuild] != "the "+want {
			t.Errorf("trial %d is %v %d of %q, want %s", i, c.Params, c.Trial, c.Settings, want)
		}
	}
	if run.Verdict != result.Fail || run.Seed != 5 {
		t.Errorf("%s, seed %d", run.Verdict, run.Seed)
	}
}

// A pair takes ten seconds and the pauses: of a minute it fits five times, and the sixth would end
// too late.
func TestTheBudgetEndsIt(t *testing.T) {
	run, err := play(t, &model{}, nil)
	if err != nil || len(run.Cells) != 10 {
		t.Errorf("%v, %s", err, words(run))
	}
	run, err = play(t, &model{}, func(opt *Options, _ context.CancelFunc) { opt.Budget = time.Second })
	if err != nil || len(run.Cells) != 2 {
		t.Errorf("a budget below one pair: %v, %s", err, words(run))
	}
}

func TestInvalidTrialsAreRepeatedAtOnce(t *testing.T) {
	const seed = 5
	first, second := order(seed, 1)[0][:1], order(seed, 1)[1][:1]
	for _, tt := range []struct{ verdicts, want, warns string }{
		{"vivv", first + "1 " + second + "1!~ " + second + "1", ""},
		{"ivv", first + "1!~ " + first + "1 " + second + "1", ""},
		{"ii", first + "1!~ " + first + "1!", ""}, // given up without its second trial
		{"iiiiiiiiiiii", first + "1!~ " + first + "1!", "stopped: 6 of 6 trials were invalid"},
	} {
		asked := 0
		run, err := play(t, &model{verdicts: tt.verdicts}, func(opt *Options, _ context.CancelFunc) {
			opt.Budget = 0
			opt.Enough = func(*result.Run) bool {
				asked++
				return true
			}
		})
		if err != nil || !strings.HasPrefix(words(run), tt.want) || !strings.Contains(strings.Join(run.Warnings, "\n"), tt.warns) {
			t.Errorf("%s: %v: %s, %q; want %s", tt.verdicts, err, words(run), run.Warnings, tt.want)
		}
		if valid := tt.warns == ""; (asked == 1) != valid {
			t.Errorf("%s: it was asked %d times whether that is enough", tt.verdicts, asked)
		}
	}
}

// What was measured is kept when somebody interrupts, or the target goes.
func TestItKeepsWhatThereIs(t *testing.T) {
	dir := t.TempDir()
	run, err := play(t, &model{}, func(opt *Options, cancel context.CancelFunc) {
		opt.Dir = dir
		opt.Step = func(s Step) {
			if s.Pair == 2 && s.Cell == nil {
				time.AfterFunc(time.Second, cancel)
			}
		}
	})
	if err != nil || !run.Interrupted || len(run.Cells) != 3 || run.Verdict != result.Invalid {
		t.Fatalf("interrupted: %v, %+v", err, run)
	}
	kept, err := result.Read(dir)
	if err != nil || len(kept.Cells) != 2 {
		t.Errorf("the journal: %v, %+v", err, kept)
	}
	run, err = play(t, &model{verdicts: "vvve"}, nil)
	if _, ok := errors.AsType[*scenario.TargetError](err); !ok || run == nil || len(run.Cells) != 3 {
		t.Errorf("the target goes: %v, %+v", err, run)
	}
	if want := "interrupted: the comparison had not ended: " + err.Error(); !run.Interrupted || run.Verdict != result.Invalid || !slices.Contains(run.Warnings, want) {
		t.Errorf("%s, %q, want %q", run.Verdict, run.Warnings, want)
	}
	if run, err := play(t, &model{verdicts: "e"}, nil); err == nil || run != nil {
		t.Errorf("it is not there: %v, %+v", err, run)
	}
	if run, err := play(t, &model{}, func(_ *Options, cancel context.CancelFunc) { cancel() }); err == nil || run != nil {
		t.Errorf("interrupted before the first trial: %v, %+v", err, run)
	}
}

func TestStepsAndSides(t *testing.T) {
	f, err := file.Parse("t.yaml", []byte(text), nil)
	if err != nil {
		t.Fatal(err)
	}
	var said []string
	m := &model{verdicts: "vi"}
	synctest.Test(t, func(t *testing.T) {
		served := map[string]func(context.Context) (*scenario.Endpoint, error){}
		for _, name := range []string{result.BuildBase, result.BuildHead} {
			served[name] = func(context.Context) (*scenario.Endpoint, error) { return &scenario.Endpoint{URL: name}, nil }
		}
		_, err = Run(t.Context(), Side{File: f, Serve: served[result.BuildBase]}, Side{File: f, Serve: served[result.BuildHead]}, Options{
			trial: m.trial, Budget: 20 * time.Second,
			Step: func(s Step) { said = append(said, fmt.Sprint(s.Pair, s.Side, s.Cell != nil, s.Again, s.Spent)) },
		})
	})
	o := order(5, 1)
	want := []string{
		"1" + o[0] + "false false 0s", "1" + o[0] + "true false 5s",
		"1" + o[1] + "false false 6s", "1" + o[1] + "true false 11s", "1" + o[1] + "false true 11s", "1" + o[1] + "true true 16s",
	}
	for i := range want {
		want[i] = strings.Replace(want[i], "1"+o[i/2%2], "1"+o[min(1, i/2)], 1)
	}
	if err != nil || !slices.Equal(said, want) {
		t.Errorf("%v: %q, want %q", err, said, want)
	}
	for i, side := range []string{o[0], o[1], o[1]} {
		if ep, err := m.opts[i].Serve(t.Context()); err != nil || ep.URL != side {
			t.Errorf("trial %d is served by %v, want %s", i, ep, side)
		}
	}
}

func TestAMatrixIsRefused(t *testing.T) {
	f, err := file.Parse("t.yaml", []byte(strings.NewReplacer("repeat: 1", "axes: {a: [1, 2]}", "rate: 1/s", "rate: \"${matrix.a}/s\"").Replace(text)), nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Run(t.Context(), Side{File: f}, Side{File: f}, Options{}); err == nil || !strings.Contains(err.Error(), "a matrix of 2 trials") {
		t.Errorf("%v", err)
	}
}
