package main

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"time"

	"github.com/throng-io/throng/bench/internal/program"
	"github.com/throng-io/throng/scenario/result"
)

//go:embed scenario.yaml
var scenarioText []byte

// condition is what the comparisons are judged by. A planted change of a tenth meets it.
const condition = "cpu(delivery) > +5%"

func main() {
	program.Main("pairs", study, program.Role{Name: "serve", Play: serve})
}

// options is the command line.
type options struct {
	rounds int
	plant  float64
	budget time.Duration
	throng string
	out    string
	kinds  []string
}

func study(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	o := options{kinds: []string{planted, equal}}
	f := flag.NewFlagSet("pairs", flag.ContinueOnError)
	f.SetOutput(stderr)
	f.IntVar(&o.rounds, "rounds", 20, "how often to compare the planted and the equal builds")
	f.Float64Var(&o.plant, "plant", 0.1, "how much more CPU time the planted build takes")
	f.DurationVar(&o.budget, "budget", 3*time.Minute, "the budget of each comparison")
	f.StringVar(&o.throng, "throng", "", "the build of throng to use; without it one is built")
	f.StringVar(&o.out, "out", "", "directory for pairs.jsonl, which is appended to, and pairs.txt; without it they are only shown")
	f.Var(program.Choice(&o.kinds, o.kinds...), "kinds", "what to compare in a round")
	if err := program.Parse(f, args); err != nil {
		return err
	}
	if o.out != "" {
		if err := os.MkdirAll(o.out, 0o755); err != nil {
			return err
		}
	}
	dir, err := os.MkdirTemp("", "pairs-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if o.throng == "" {
		if o.throng, err = program.Build(ctx, dir, "cmd/throng"); err != nil {
			return err
		}
	}
	var all []outcome
	for round := range o.rounds {
		for _, kind := range o.kinds {
			one, err := compareOnce(ctx, &o, kind, filepath.Join(dir, fmt.Sprintf("%s-%d", kind, round)))
			if err != nil {
				return err
			}
			if ctx.Err() != nil {
				return nil
			}
			all = append(all, one)
			_, _ = fmt.Fprintf(stderr, "%d/%d %s\n", round+1, o.rounds, one.line())
			if err := keep(o.out, &one); err != nil {
				return err
			}
		}
	}
	if o.out == "" {
		return sumUp(stdout, all)
	}
	return rewrite(stdout, o.out)
}

// compareOnce runs throng compare --live once.
func compareOnce(ctx context.Context, o *options, kind, dir string) (outcome, error) {
	one := outcome{Kind: kind, BudgetS: o.budget.Seconds(), Env: result.Environment(), Load: program.LoadAverage()}
	self, err := os.Executable()
	if err != nil {
		return one, err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return one, err
	}
	scenario := filepath.Join(dir, "scenario.yaml")
	if err := os.WriteFile(scenario, scenarioText, 0o644); err != nil {
		return one, err
	}
	base, head := "'"+self+"' serve", "'"+self+"' serve"
	if kind == planted {
		one.Plant = o.plant
		head += fmt.Sprintf(" -plant %g", o.plant)
	}
	began := time.Now()
	one.Started = began.UTC().Truncate(time.Second)
	cmd := exec.CommandContext(ctx, o.throng, "compare", "--live", base, head, scenario,
		"--set", fmt.Sprintf("seed=%d", began.UnixNano()%1e9), "--fail-if", condition, "--budget", o.budget.String(), "--out", filepath.Join(dir, "out"), "--json", "--quiet")
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	var out, said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &said
	err = cmd.Run()
	one.Seconds, one.Code = time.Since(began).Seconds(), cmd.ProcessState.ExitCode()
	if ctx.Err() != nil {
		return one, nil
	}
	var c comparison
	if jerr := json.Unmarshal(out.Bytes(), &c); jerr != nil || len(c.Pairs) != 1 {
		return one, fmt.Errorf("compare the %s builds: %w: %s", kind, errors.Join(err, jerr), said.Bytes())
	}
	one.read(&c)
	return one, nil
}

// comparison is what is read of the JSON that throng compare prints.
type comparison struct {
	Pairs []struct {
		New struct {
			Invalid int `json:"invalid"`
		} `json:"new_trials"`
		Base struct {
			Invalid int `json:"invalid"`
		} `json:"base_trials"`
		Changes []struct {
			Metric     string                       `json:"metric"`
			Base       float64                      `json:"base"`
			Change     float64                      `json:"change"`
			Detectable *float64                     `json:"detectable"`
			Interval   *struct{ Low, High float64 } `json:"interval"`
			Outcome    string                       `json:"outcome"`
			BaseN      int                          `json:"base_n"`
		} `json:"changes"`
	} `json:"pairs"`
	Gates []struct {
		Failed   bool   `json:"failed"`
		Unjudged bool   `json:"unjudged"`
		Text     string `json:"text"`
	} `json:"gates"`
}

// read takes what counts from a comparison.
func (o *outcome) read(c *comparison) {
	p := &c.Pairs[0]
	o.Invalid = p.Base.Invalid + p.New.Invalid
	for _, ch := range p.Changes {
		o.Metrics++
		if ch.Outcome == "better" || ch.Outcome == "worse" {
			o.Flagged = append(o.Flagged, ch.Metric)
		}
		if ch.Metric == "cpu(delivery)" {
			o.Pairs, o.BaseUS, o.Change, o.Detectable = ch.BaseN, ch.Base, ch.Change, ch.Detectable
			if ch.Interval != nil {
				o.Low, o.High = &ch.Interval.Low, &ch.Interval.High
			}
		}
	}
	for _, g := range c.Gates {
		switch {
		case g.Failed:
			o.Gate = failed
		case g.Unjudged:
			o.Gate = undecided
		default:
			o.Gate = held
		}
		o.Text = g.Text
	}
	slices.Sort(o.Flagged)
}
