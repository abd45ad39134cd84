package capacity

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/throng-io/throng/scenario"
	"github.com/throng-io/throng/scenario/file"
	"github.com/throng-io/throng/scenario/machine"
	"github.com/throng-io/throng/scenario/result"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const searched = `
version: 1
name: x
vars: {viewers: 10}
groups:
  viewers: {count: "${viewers}", connect: {rate: 5k/s}}
  speaker: {count: 1, send: [{op: all, rate: 1/s}]}
slo: [p99(delivery) < 50ms]
search: {raise: viewers, from: 100, to: 10k, trial: 2s, confirm: {for: 3s}, steps_after: [50%]}
`

// model is a server that holds so many viewers, behind a generator that is fit up to some level.
type model struct {
	knee, weak int
	few        bool     // samples for a check in every trial
	ran        []string // level and recorded seconds of each trial
	err        error
}

func (m *model) trial(_ context.Context, f *file.File, _ scenario.Options) (*result.Run, error) {
	n := f.Spec.Groups[0].Count
	m.ran = append(m.ran, fmt.Sprintf("%d for %s", n, f.Spec.Phases[len(f.Spec.Phases)-1].For))
	if m.err != nil {
		return nil, m.err
	}
	c := result.Cell{Verdict: result.Pass, Seconds: 2, Clients: result.Clients{Asked: n, Held: n}}
	switch {
	case m.few:
		c.Verdict, c.Reason = result.Invalid, "p99(delivery) < 50ms: not enough samples: 20, and a p99 takes 1 000"
		c.Checks = []result.Check{{Text: "p99(delivery) < 50ms", Kind: result.KindSLO, Undecided: true}}
	case m.weak > 0 && n >= m.weak:
		c.Verdict, c.Reason = result.Invalid, "p99(lag) < 25ms: 80ms"
	case n > m.knee:
		c.Verdict, c.Reason = result.Fail, "p99(delivery) < 50ms: 70ms"
	}
	return &result.Run{Scenario: "x", Seed: 9, Cells: []result.Cell{c}}, nil
}

func parse(t *testing.T, text string, set map[string]string) *file.File {
	t.Helper()
	f, err := file.Parse("x.yaml", []byte(text), set)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func options(dir string, m *model) Options {
	return Options{Dir: dir, trial: m.trial, pause: time.Nanosecond, PlanFor: 5000, Spare: 1}
}

func TestSearchLeavesEverything(t *testing.T) {
	dir := t.TempDir()
	m := &model{knee: 1234}
	var steps []Step
	opt := options(dir, m)
	opt.Step = func(s Step) { steps = append(steps, s) }
	run, err := Run(t.Context(), parse(t, searched, nil), opt)
	if err != nil {
		t.Fatal(err)
	}
	c := run.Capacity
	if c.End != "found" || !c.LowConfirmed || !c.HighConfirmed || c.Low > 1234 || c.High <= 1234 || c.High > c.Low*1.051 || run.Verdict != result.Pass {
		t.Errorf("%s: %+v", run.Verdict, c)
	}
	if c.Raise != "viewers" || c.PlanFor != 5000 || c.Spare != 1 || c.Confirm != 3 || c.TrialS != 2 || c.ConfirmS != 3 || run.Seed != 9 {
		t.Errorf("the conditions are not noted: %+v", c)
	}
	if len(c.Probes) != len(m.ran) || len(run.Cells) != len(m.ran) || len(steps) != 2*len(m.ran) {
		t.Fatalf("%d probes, %d cells and %d steps of %d trials", len(c.Probes), len(run.Cells), len(steps), len(m.ran))
	}
	for i, p := range c.Probes {
		want := map[string]string{"confirm": "3s"}[p.Kind]
		if want == "" {
			want = "2s"
		}
		if m.ran[i] != fmt.Sprintf("%.0f for %s", p.Level, want) || p.Cell != i+1 || run.Cells[i].Params[result.ParamLevel] != strconv.Itoa(int(p.Level)) {
			t.Errorf("trial %d: %s, noted as %+v, cell %v", i+1, m.ran[i], p, run.Cells[i].Params)
		}
		own, err := result.Read(filepath.Join(dir, p.Dir))
		if err != nil || len(own.Cells) != 1 || own.Verdict != run.Cells[i].Verdict {
			t.Errorf("trial %d has left %+v, %v", i+1, own, err)
		}
	}
	if at70 := c.Probes[len(c.Probes)-2]; at70.Kind != "curve" || at70.Level < 0.69*c.Low || at70.Level > 0.71*c.Low {
		t.Errorf("the load to run at was not measured: %+v", at70)
	}
	if last := c.Probes[len(c.Probes)-1]; last.Kind != "curve" || last.Level < 0.49*c.Low || last.Level > 0.51*c.Low {
		t.Errorf("the curve ends with %+v", last)
	}
}

// TestGoesOnAfterAnInterruption interrupts after each number of trials: the whole is what one
// search would have made.
func TestGoesOnAfterAnInterruption(t *testing.T) {
	f := parse(t, searched, nil)
	whole := &model{knee: 1234}
	want, err := Run(t.Context(), f, options(t.TempDir(), whole))
	if err != nil {
		t.Fatal(err)
	}
	for stop := 1; stop < len(whole.ran); stop += 4 {
		dir := t.TempDir()
		m := &model{knee: 1234}
		ctx, cancel := context.WithCancel(t.Context())
		opt := options(dir, m)
		opt.trial = func(ctx context.Context, f *file.File, o scenario.Options) (*result.Run, error) {
			if len(m.ran) == stop {
				cancel()
				return &result.Run{Interrupted: true}, nil
			}
			return m.trial(ctx, f, o)
		}
		run, err := Run(ctx, f, opt)
		cancel()
		if err != nil || !run.Interrupted || len(run.Cells) != stop {
			t.Fatalf("interrupted in trial %d: %v, %+v", stop+1, err, run)
		}
		opt.trial = m.trial
		again := 0
		opt.Step = func(s Step) {
			if s.Again {
				again++
			}
		}
		opt.Budget = time.Hour // more time makes no other search of it
		if run, err = Run(t.Context(), f, opt); err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(whole.ran, m.ran); d != "" || again != stop {
			t.Errorf("stopped after %d, %d taken from the journal:\n%s", stop, again, d)
		}
		if run.Interrupted || run.Capacity.Low != want.Capacity.Low || run.Capacity.High != want.Capacity.High || len(run.Cells) != len(want.Cells) {
			t.Errorf("stopped after %d: %+v", stop, run.Capacity)
		}
	}
}

func TestOtherSearchInTheDirectory(t *testing.T) {
	dir := t.TempDir()
	if _, err := Run(t.Context(), parse(t, searched, nil), options(dir, &model{knee: 1234})); err != nil {
		t.Fatal(err)
	}
	for name, opt := range map[string]func() (*file.File, Options){
		"another size": func() (*file.File, Options) {
			return parse(t, searched, map[string]string{"seed": "2"}), options(dir, &model{})
		},
		"another target": func() (*file.File, Options) {
			o := options(dir, &model{})
			o.Run.Target = "http://127.0.0.1:9"
			return parse(t, searched, nil), o
		},
	} {
		f, o := opt()
		if _, err := Run(t.Context(), f, o); err == nil || !strings.Contains(err.Error(), "another directory") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestWeakGenerator: what the generator cannot judge is no capacity, whatever the server did.
func TestWeakGenerator(t *testing.T) {
	m := &model{knee: 1e9, weak: 700}
	run, err := Run(t.Context(), parse(t, searched, nil), options(t.TempDir(), m))
	if err != nil {
		t.Fatal(err)
	}
	if c := run.Capacity; run.Verdict != result.Invalid || c.End != "generator" || c.Low != 400 || c.High != 800 || c.Invalid != 2 {
		t.Errorf("%s: %+v", run.Verdict, c)
	}
}

// TestTooFewSamples: a trial that is too short for a check is not repeated, as the next would be as
// short, nor when the search is gone on with.
func TestTooFewSamples(t *testing.T) {
	dir, m := t.TempDir(), &model{knee: 1e9, few: true}
	for range 2 {
		run, err := Run(t.Context(), parse(t, searched, nil), options(dir, m))
		if err != nil {
			t.Fatal(err)
		}
		if c := run.Capacity; len(m.ran) != 1 || run.Verdict != result.Invalid || c.End != "generator" || c.High != 100 || c.Invalid != 1 {
			t.Errorf("%d trials: %s, %+v", len(m.ran), run.Verdict, c)
		}
	}
}

func TestEnds(t *testing.T) {
	for _, tt := range []struct {
		knee    int
		set     map[string]string
		end     string
		verdict result.Verdict
	}{
		{10, nil, "below", result.Fail},
		{1e9, nil, "at least", result.Pass},
		{1234, map[string]string{"search.budget": "4s"}, "budget", result.Fail},
	} {
		m := &model{knee: tt.knee}
		run, err := Run(t.Context(), parse(t, searched, tt.set), options(t.TempDir(), m))
		if err != nil {
			t.Fatal(err)
		}
		if run.Capacity.End != tt.end || run.Verdict != tt.verdict {
			t.Errorf("knee %d, %v: %s, %+v", tt.knee, tt.set, run.Verdict, run.Capacity)
		}
	}
}

// TestMachineLimits: a level that needs more descriptors than any machine gives is not tried, and
// the search says so.
func TestMachineLimits(t *testing.T) {
	text := strings.Replace(searched, "to: 10k", "to: 4M", 1)
	run, err := Run(t.Context(), parse(t, text, nil), options(t.TempDir(), &model{knee: 1e9}))
	if err != nil {
		t.Fatal(err)
	}
	c := run.Capacity
	if c.LimitedBy == "" || c.To >= 4e6 || c.End != "at least" || c.Low != c.To || len(run.Warnings) == 0 || !strings.Contains(run.Warnings[0], "no level above") {
		t.Errorf("%+v, %q", c, run.Warnings)
	}
	_, err = Run(t.Context(), parse(t, strings.Replace(text, "from: 100", "from: 4M", 1), nil), options(t.TempDir(), &model{}))
	if _, ok := errors.AsType[*scenario.LimitError](err); !ok {
		t.Errorf("a first level beyond the machine: %v", err)
	}
}

// TestAgentsLimits: on a fleet this machine's limits are not those of a level, and the highest one
// is what the agents take, within the precision.
func TestAgentsLimits(t *testing.T) {
	const most = 1_300_000
	text := strings.NewReplacer("to: 10k", "to: 4M", "50%", "130%").Replace(searched)
	for name, x := range map[string]struct {
		knee, low, high float64
		end             string
	}{
		"the agents are the limit": {1e9, most / 1.05, most, "at least"},
		"the server is":            {1_250_000, 1_250_000 / 1.05, 1_250_000, "found"}, // and the curve ends below 130 %
	} {
		m := &model{knee: int(x.knee)}
		opt := options(t.TempDir(), m)
		opt.Run.Fleet = struct{ scenario.Fleet }{}
		trial := opt.trial
		opt.trial = func(ctx context.Context, f *file.File, o scenario.Options) (*result.Run, error) {
			if n := f.Spec.Groups[0].Count; n > most {
				return nil, fmt.Errorf("the agent a0: %w", &scenario.LimitError{What: machine.Files, Need: int64(n), Have: most, Fix: "raise it"})
			}
			return trial(ctx, f, o)
		}
		run, err := Run(t.Context(), parse(t, text, nil), opt)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if c := run.Capacity; c.End != x.end || c.Low < x.low || c.Low > x.high || !strings.Contains(c.LimitedBy, "the agent a0: ") {
			t.Errorf("%s: %+v", name, c)
		}
		if x.end == "at least" && (len(run.Warnings) == 0 || !strings.Contains(run.Warnings[0], "no level above")) {
			t.Errorf("%s: %q", name, run.Warnings)
		}
	}
	// agents of this machine have descriptors of their own, and share the rest
	opt := options(t.TempDir(), &model{knee: 1e9})
	opt.Run.Fleet, opt.Run.Here = manyAgents{}, true
	run, err := Run(t.Context(), parse(t, text, nil), opt)
	if err != nil {
		t.Fatal(err)
	}
	if c := run.Capacity; strings.Contains(c.LimitedBy, machine.Files) || c.LimitedBy == "" && machine.ReadLimits().Ports() > 0 {
		t.Errorf("agents of this machine: %+v", c)
	}
	opt = options(t.TempDir(), &model{err: &scenario.LimitError{What: machine.Files, Fix: "raise it"}})
	opt.Run.Fleet = struct{ scenario.Fleet }{}
	if _, err := Run(t.Context(), parse(t, text, nil), opt); err == nil {
		t.Error("the first level is refused, and nothing says so")
	}
}

// manyAgents are a fleet of a thousand.
type manyAgents struct{ scenario.Fleet }

func (manyAgents) Agents() []result.Agent { return make([]result.Agent, 1000) }

// TestPausesCount: the time between trials is a part of the budget.
func TestPausesCount(t *testing.T) {
	opt := options(t.TempDir(), &model{knee: 1234})
	opt.pause = 2 * time.Millisecond
	run, err := Run(t.Context(), parse(t, searched, nil), opt)
	if err != nil {
		t.Fatal(err)
	}
	if c := run.Capacity; c.TookS < float64(len(c.Probes)-1)*opt.pause.Seconds() {
		t.Errorf("%d trials took %v s", len(c.Probes), c.TookS)
	}
}

// TestBudgetLeavesTimeToConfirm: no further level is tried where the time for the pauses, too, that
// confirming the one that holds takes would be gone.
func TestBudgetLeavesTimeToConfirm(t *testing.T) {
	f := parse(t, searched, nil)
	for budget := 39 * time.Second; budget <= time.Minute; budget += time.Second { // a probe of 8 s, three trials of 10 s
		synctest.Test(t, func(t *testing.T) {
			m := &model{knee: 1234}
			opt := Options{Dir: t.TempDir(), Budget: budget, trial: func(ctx context.Context, f *file.File, opt scenario.Options) (*result.Run, error) {
				time.Sleep(f.Spec.Plan().Duration)
				return m.trial(ctx, f, opt)
			}}
			run, err := Run(t.Context(), f, opt)
			if err != nil {
				t.Fatal(err)
			}
			if c := run.Capacity; !c.LowConfirmed || c.TookS > budget.Seconds() {
				t.Errorf("within %v: %+v", budget, c)
			}
		})
	}
}

func TestErrors(t *testing.T) {
	gone := &scenario.TargetError{URL: "http://x", Err: errors.New("refused")}
	m := &model{err: gone}
	run, err := Run(t.Context(), parse(t, searched, nil), options(t.TempDir(), m))
	if !errors.Is(err, error(gone)) || run == nil || len(run.Cells) != 0 {
		t.Errorf("%v, %+v", err, run)
	}
	if run.Interrupted {
		t.Error("a search without a trial is one that was interrupted")
	}
	opt := options(t.TempDir(), &model{knee: 1234})
	trial, trials := opt.trial, 0
	opt.trial = func(ctx context.Context, f *file.File, o scenario.Options) (*result.Run, error) {
		if trials++; trials == 3 {
			return nil, gone
		}
		return trial(ctx, f, o)
	}
	run, err = Run(t.Context(), parse(t, searched, nil), opt)
	want := "the search was interrupted after 2 trials; run it again with the same directory and it goes on: " + gone.Error()
	if !errors.Is(err, error(gone)) || !run.Interrupted || !slices.Contains(run.Warnings, want) {
		t.Errorf("%v, %q", err, run.Warnings)
	}
	none := parse(t, strings.Split(searched, "search:")[0], nil)
	if _, err := Run(t.Context(), none, options(t.TempDir(), m)); err == nil || !strings.Contains(err.Error(), "no search") {
		t.Error(err)
	}
	matrix := strings.Replace(searched, "vars: {viewers: 10}", "vars: {viewers: 10}\nmatrix: {axes: {size: [64B, 128B]}}", 1)
	matrix = strings.Replace(matrix, "rate: 1/s}", "rate: 1/s, size: \"${matrix.size}\"}", 1)
	if _, err := Run(t.Context(), parse(t, matrix, nil), options(t.TempDir(), m)); err == nil || !strings.Contains(err.Error(), "one combination") {
		t.Error(err)
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, JournalName), []byte("nonsense\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := Run(t.Context(), parse(t, searched, nil), options(dir, m)); err == nil || !strings.Contains(err.Error(), JournalName) {
		t.Error(err)
	}
}

// TestLostResult: a trial whose result somebody removed still counts, and its figures are said to
// be missing.
func TestLostResult(t *testing.T) {
	dir := t.TempDir()
	f := parse(t, searched, nil)
	if _, err := Run(t.Context(), f, options(dir, &model{knee: 1234})); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(filepath.Join(dir, TrialsName, "02")); err != nil {
		t.Fatal(err)
	}
	run, err := Run(t.Context(), f, options(dir, &model{knee: 1234}))
	if err != nil {
		t.Fatal(err)
	}
	if run.Capacity.Probes[1].Cell != 0 || run.Capacity.Probes[2].Cell != 2 || run.Capacity.End != "found" || len(run.Warnings) != 1 {
		t.Errorf("%+v, %q", run.Capacity.Probes[:3], run.Warnings)
	}
}

// TestResumedBudget: the trials of the run before do not count against the budget of the one that
// goes on.
func TestResumedBudget(t *testing.T) {
	dir := t.TempDir()
	f := parse(t, searched, nil)
	m := &model{knee: 1234}
	opt := options(dir, m)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	opt.Step = func(s Step) {
		if s.N == 4 {
			cancel()
		}
	}
	if _, err := Run(ctx, f, opt); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, JournalName)
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	text = regexp.MustCompile(`"took_ns":\d+`).ReplaceAll(text, []byte(`"took_ns":3600000000000`))
	if err := os.WriteFile(path, text, 0o644); err != nil {
		t.Fatal(err)
	}
	ran := len(m.ran)
	opt.Budget = 90 * time.Minute // no trial is taken to be shorter than the longest one
	opt.Step = func(s Step) {
		if s.Spent < 0 || s.Spent > s.Budget || s.Budget != 90*time.Minute {
			t.Errorf("trial %d: %s of %s are spent", s.N, s.Spent, s.Budget)
		}
	}
	run, err := Run(t.Context(), f, opt)
	if err != nil {
		t.Fatal(err)
	}
	if len(m.ran) == ran || run.Capacity.BudgetS != 5400 || run.Capacity.TookS < 3*3600 {
		t.Errorf("%d trials more, %+v", len(m.ran)-ran, run.Capacity)
	}
}

func TestExpect(t *testing.T) {
	f := parse(t, searched, nil)
	e, err := Expect(f)
	if err != nil {
		t.Fatal(err)
	}
	if e.Trials[0] < 4 || e.Trials[1] > 25 || e.Trials[0] >= e.Trials[1] || e.Took[0] < 4*8*time.Second || e.Took[1] > 25*12*time.Second {
		t.Errorf("%+v", e)
	}
	for _, knee := range []int{50, 130, 1234, 9000, 20_000} {
		m := &model{knee: knee}
		if _, err := Run(t.Context(), f, options(t.TempDir(), m)); err != nil {
			t.Fatal(err)
		}
		if n := len(m.ran); n < e.Trials[0]-1 || n > e.Trials[1]+2 {
			t.Errorf("a search for %d took %d trials, expected are %v", knee, n, e.Trials)
		}
	}
}
