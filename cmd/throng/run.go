package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/throng-io/throng/reports"
	"github.com/throng-io/throng/reports/export"
	"github.com/throng-io/throng/scenario"
	"github.com/throng-io/throng/scenario/file"
	"github.com/throng-io/throng/scenario/fleet"
	"github.com/throng-io/throng/scenario/result"
)

// runFlags are what `throng run` can be told beside the scenarios.
type runFlags struct {
	scenarioFlags
	quick   float64 // 0: as the file says
	out     string
	resume  string // a directory with a part of the run
	profile string
	quiet   bool
	asJSON  bool
	force   bool

	watch watchFlags
	fleet fleetFlags
}

func runCommand() *cobra.Command {
	var flags runFlags
	cmd := &cobra.Command{
		Use:   "run FILE|NAME...",
		Short: "Run scenarios and report the results",
		Long: `Run scenarios: files, ready ones by name ('throng list'), or - for standard input.
Without a target they start the built-in server as a separate process. Each run
writes result.json, report.html, the figures and the histograms to its directory.

--profile DIR writes profiles for 'go tool pprof' of each trial: processor time from the
start of the trial to the end of its load, and the heap at that end, for this process and
for each node of the built-in server; agents are not profiled. Profiling costs a few
percent of CPU: do not compare a profiled run with one that was not profiled.

A scenario whose faults execute commands on this machine (fault: {run: [...]}) runs only
with --allow-run: read the commands first, in the file or with 'throng check'.

Secrets are neither written nor shown: values that the scenario takes from the
environment (${env.TOKEN}), and variables named by --secret.

On a terminal the run is shown live; q or Ctrl-C ends it early. --live serves the same
view as a web page, to any number of viewers at any time of the run. --metrics and
--otlp export metrics to Prometheus and OpenTelemetry; bench/grafana has a dashboard.

Each trial is saved when it ends, in journal.jsonl until result.json has all of them.
--resume DIR continues a run that was interrupted or killed, with the same scenario and
seed: invalid and unfinished trials are repeated, the others are kept. When a run on
agents was killed, the first --resume collects what they had measured of the trial
under way, and the second one continues.

--agents N divides the clients over so many processes of this machine, and --nats URL over
the agents of a fleet ('throng agent'): for more clients than one process may have, or one
machine can carry. The result is the same as with one process.

If the scenario names a baseline (report: {baseline: DIR}), each run is compared with it.

Exit codes: 0 all checks held, 1 a check failed, 2 bad usage or file, 3 the run is
invalid (this machine could not keep up, a check had too few samples, or an agent was
lost), 4 the target cannot be reached or does not support the scenario, 130 interrupted;
results so far are kept.`,
		Example: `  throng run quickstart                          # a first run, everything built in
  throng run broadcast --set viewers=5000 --quick
  throng run my.yaml --target http://127.0.0.1:3000 --live :7071
  throng run my.yaml --agents 4 --out out/mine   # in four processes`,
		Args: func(cmd *cobra.Command, args []string) error {
			switch {
			case flags.resume != "" && len(args) > 1:
				return fmt.Errorf("--resume %s continues one run; leave the scenarios out, or name the one of that run", flags.resume)
			case flags.resume != "":
				return nil
			}
			return arguments(1, unlimited)(cmd, args)
		},
		ValidArgsFunction: completeScenarios,
		RunE:              func(cmd *cobra.Command, args []string) error { return runAll(cmd, args, flags) },
	}
	group(
		cmd,
		flagGroup{"The scenario", func(f *pflag.FlagSet) {
			flags.add(f)
			f.Float64Var(&flags.quick, "quick", 0, "scale clients, rooms and lengths down to this `SHARE`, to try a scenario")
			f.Lookup("quick").NoOptDefVal = "0.2"
		}},
		flagGroup{"Results", func(f *pflag.FlagSet) {
			f.StringVar(&flags.out, "out", "", "write the results to this `DIR` (default out/NAME-TIME)")
			f.BoolVar(&flags.force, "force", false, "overwrite a result that is in the directory already")
			f.StringVar(&flags.resume, "resume", "", "continue the interrupted run in this `DIR`")
			jsonFlag(f, &flags.asJSON)
			f.StringVar(&flags.profile, "profile", "", "write processor and heap profiles (pprof) of each trial to this `DIR`: the generator's and the built-in server's")
		}},
		flagGroup{"While it runs", func(f *pflag.FlagSet) {
			flags.watch.add(f)
			f.BoolVar(&flags.quiet, "quiet", false, "no progress")
		}},
		flagGroup{"Several load generators", flags.fleet.add},
	)
	cmd.MarkFlagsMutuallyExclusive("out", "resume")
	cmd.MarkFlagsMutuallyExclusive("force", "resume")
	return cmd
}

func runAll(cmd *cobra.Command, names []string, flags runFlags) error {
	set, err := flags.values(cmd)
	if err != nil {
		return err
	}
	// NaN neither
	if quick := cmd.Flags().Changed("quick"); quick && !(flags.quick > 0 && flags.quick < 1) {
		return fmt.Errorf("--quick %g is not a share between 0 and 1; write --quick for a fifth, or --quick=0.05", flags.quick)
	}
	var files []*file.File
	if flags.resume != "" {
		var f *file.File
		f, err = toResume(cmd, names, set, &flags)
		files, flags.out = []*file.File{f}, flags.resume
		if err == nil {
			var collected bool
			if collected, err = collectKept(cmd, f, &flags); collected && err == nil {
				return &exitError{code: exitInvalid}
			}
		}
	} else {
		files, err = loadAll(cmd, names, set, &flags)
	}
	if err != nil {
		return err
	}
	opt := scenario.Options{Version: result.Version(), AllowRun: flags.allow}
	opt.Command = commandLine("run", ownArguments(), flags.secret, files...)
	agents, release, err := flags.fleet.open(cmd)
	if err != nil {
		return err
	}
	defer release()
	if agents != nil {
		opt.Fleet, opt.Here = agents, flags.fleet.nats == ""
	}
	watching, err := watch(cmd.Context(), flags.watch, cmd.ErrOrStderr())
	if err != nil {
		return err
	}
	defer watching.close()
	worst := exitPass
	for _, f := range files {
		dir := outputDir(f, flags.out, len(files) > 1)
		code, err := runOne(cmd, f, dir, opt, flags, watching, agents)
		if err != nil {
			return err
		}
		worst = max(worst, code)
		if code == exitInterrupted {
			break
		}
	}
	if worst != exitPass {
		return &exitError{code: worst}
	}
	return nil
}

// loadAll loads the scenarios before the first one runs.
func loadAll(cmd *cobra.Command, names []string, set map[string]string, flags *runFlags) (files []*file.File, err error) {
	if n, err := strconv.ParseFloat(names[len(names)-1], 64); err == nil && flags.quick > 0 {
		return nil, fmt.Errorf("%g is not a scenario; write --quick=%[1]g, without a space", n)
	}
	files = make([]*file.File, len(names))
	taken := map[string]bool{}
	for i, name := range names {
		if files[i], err = load(stdinOf(cmd), name, set, flags.secret...); err != nil {
			return nil, err
		}
		its := files[i].Spec.Name
		if flags.out != "" && taken[its] {
			return nil, fmt.Errorf("two scenarios are named %s, and would both write to %s; run them one by one, or without --out", its, filepath.Join(flags.out, its))
		}
		taken[its] = true
		if dir := namedDir(files[i], flags.out, len(names) > 1); dir != "" && !flags.force {
			if err := vacant(dir); err != nil {
				return nil, err
			}
		}
		if flags.quick != 0 {
			files[i].Quicken(flags.quick)
		}
	}
	return files, nil
}

// runOne runs one scenario and writes its results to dir.
func runOne(cmd *cobra.Command, f *file.File, dir string, opt scenario.Options, flags runFlags, watching *watchers, agents *fleet.Controller) (int, error) {
	ctx, stop := context.WithCancel(cmd.Context())
	defer stop()
	base, err := readBaseline(f.Spec.Report.Baseline)
	if err != nil {
		return 0, err
	}
	release, err := claim(dir, flags.force || flags.resume != "")
	if err != nil {
		return 0, err
	}
	defer release()
	if flags.out == "" {
		defer os.Remove(dir) // it fails for one that holds results
	}
	if flags.resume == "" {
		opt.Begin = func() { keepScenario(cmd.ErrOrStderr(), dir, "run", f, &opt) }
		// now that no other run writes to it
	} else if opt.Earlier, err = earlierPart(dir); err != nil {
		return 0, err
	}
	opt.TraceDir, opt.JournalDir = dir, dir
	if wants(f, "hlog") {
		opt.HistogramDir = dir
	}
	opt.Start = startNodes
	if flags.profile != "" {
		if err := writable(flags.profile, "--profile"); err != nil {
			return 0, err
		}
		(&profiler{dir: flags.profile, name: f.Spec.Name, stderr: cmd.ErrOrStderr()}).attach(&opt)
	}
	written, err := flags.fleet.keepIn(agents, dir)
	if err != nil {
		return 0, err
	}
	noTarget(cmd.ErrOrStderr(), f)
	leftOut(cmd.ErrOrStderr(), f)
	show := newProgress(cmd.ErrOrStderr(), f.Spec.Name, f.Spec.About, flags.quiet, stop)
	watching.begin(f.Spec.Name, show.board, show.update, &opt)
	run, runErr := scenario.Run(ctx, f, opt)
	show.close()
	if run == nil || len(run.Cells) == 0 {
		if runErr == nil {
			return 0, errUnmeasured
		}
		return 0, classify(runErr)
	}
	if err := errors.Join(removeLeftovers(dir, run.Started), write(cmd.OutOrStdout(), f, dir, run, flags.asJSON), written()); err != nil {
		return 0, &exitError{exitUsage, err}
	}
	watching.end(show.board, run, dir)
	if err := unread(base.compare(cmd, dir, run, flags.asJSON)); err != nil {
		return 0, &exitError{exitUsage, err}
	}
	if run.Interrupted && !flags.quiet {
		sayResume(cmd.ErrOrStderr(), f, dir)
	}
	if runErr != nil { // the measurements of the trials before it are written
		return 0, classify(runErr)
	}
	if !run.Interrupted {
		if err := result.RemoveJournal(dir); err != nil {
			return 0, &exitError{exitUsage, err}
		}
	}
	if ctx.Err() != nil {
		return exitInterrupted, nil
	}
	return exitOf(run.Verdict), nil
}

// sayResume says how to go on with a run that has not ended.
func sayResume(stderr io.Writer, f *file.File, dir string) {
	how := "continue with"
	if len(f.Cells()) == 1 {
		how = "begin its one trial anew with"
	}
	_, _ = fmt.Fprintf(stderr, "interrupted; %s: throng run --resume %s\n", how, dir)
}

// write leaves a run's results in dir and says so. A standard output that fails does not
// keep it from drawing the report.
func write(stdout io.Writer, f *file.File, dir string, run *result.Run, asJSON bool) error {
	// The numbers first: whatever happens to the drawing, they are kept.
	if err := run.Write(dir); err != nil {
		return errors.Join(rescue(dir, run, err), say(stdout, run, asJSON))
	}
	said := unread(say(stdout, run, asJSON))
	if what, ok := drawing(f); ok {
		if err := reports.Write(dir, run, what); err != nil {
			return errors.Join(said, fmt.Errorf("%w; the numbers are written: 'throng report %s' draws them again", err, dir))
		}
	}
	for _, format := range export.Formats() {
		if wants(f, format) {
			if err := export.Write(dir, format, run); err != nil {
				return errors.Join(said, err)
			}
		}
	}
	if !asJSON && said == nil {
		_, err := fmt.Fprintf(stdout, "\nreport: %s\n", reportOf(f, dir))
		said = unread(err)
	}
	return said
}

// reportOf is the page of a scenario's results in dir, or dir when it asks for none.
func reportOf(f *file.File, dir string) string {
	if wants(f, "html") {
		return filepath.Join(dir, reports.PageName)
	}
	return dir
}

// say prints what a run's result.json has, or its summary. The run was given to Write.
func say(stdout io.Writer, run *result.Run, asJSON bool) error {
	if !asJSON {
		return writeFolded(stdout, func(w io.Writer) error { return reports.Summary(w, run) })
	}
	text, err := run.JSON()
	if err != nil {
		return err
	}
	_, err = stdout.Write(text)
	return err
}

// rescue keeps a result that could not be written to its directory: in the journal that is there
// already, among the temporary files or, where there is no space for all of it, what is shortest of
// it. It says in one line what was kept and where.
func rescue(dir string, run *result.Run, cause error) error {
	if kept, err := result.Read(dir); err == nil && len(kept.Cells) == len(run.Cells) && !kept.Interrupted && !run.Interrupted {
		return fmt.Errorf("%w; the trials are all in its %s: 'throng report %s' draws them", cause, result.JournalName, dir)
	}
	other, err := os.MkdirTemp("", "throng-")
	if err == nil {
		if err = run.Write(other); err == nil {
			return fmt.Errorf("%w; the results were written to %s instead: 'throng report %s' draws them", cause, other, other)
		}
	}
	brief, berr := run.Brief()
	for _, to := range []string{dir, other} {
		if berr == nil && to != "" && brief.Write(to) == nil {
			return fmt.Errorf("%w; nor could all of it be written elsewhere (%w): the summaries, without histograms and timelines, are in %s", cause, err, filepath.Join(to, result.FileName))
		}
	}
	if other != "" {
		_ = os.Remove(other) // it is empty
	}
	return fmt.Errorf("%w; nor could anything be written elsewhere (%w): only what standard output has is left; with --json that is the whole result", cause, err)
}

func wants(f *file.File, format string) bool {
	return slices.Contains(f.Spec.Report.Formats, format)
}

// classify gives an error of the runner its exit code.
func classify(err error) error {
	if _, ok := errors.AsType[*scenario.TargetError](err); ok {
		return &exitError{exitUnreachable, err}
	}
	if _, ok := errors.AsType[*scenario.AgentError](err); ok {
		return &exitError{exitInvalid, err}
	}
	return &exitError{exitUsage, err}
}
