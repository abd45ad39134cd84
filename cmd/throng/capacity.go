package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/throng-io/throng/cmd/throng/internal/board"
	capacityreport "github.com/throng-io/throng/reports/capacity"
	"github.com/throng-io/throng/scenario/capacity"
	"github.com/throng-io/throng/scenario/file"
	"github.com/throng-io/throng/scenario/result"
	"github.com/throng-io/throng/scenario/search"
)

// capacityName is the answer of a search, in the directory of its result.
const capacityName = "capacity.json"

// errNoBudget refuses a time in which nothing can be done.
func errNoBudget(d time.Duration) error {
	return fmt.Errorf("--budget %v is no time; write one such as 10m", d)
}

// capacityFlags are what `throng capacity` can be told beside the scenario.
type capacityFlags struct {
	scenarioFlags
	out, resume          string
	budget               time.Duration
	planFor              string
	spare                int
	quiet, asJSON, force bool
	watch                watchFlags
	fleet                fleetFlags
}

func capacityCommand() *cobra.Command {
	var flags capacityFlags
	cmd := &cobra.Command{
		Use:   "capacity FILE|NAME",
		Short: "Find the highest load at which all checks hold",
		Long: `Find the highest load at which every check of the scenario holds. The block search:
names the number that is raised. It doubles until a check breaks, then the gap is
bisected. Longer trials confirm both ends (more of them where trials disagree), and
levels around the answer are measured for the curves.
Each trial is a separate run; throng check prints how long a search takes.

A trial in which this machine could not keep up says nothing about the server: it
is repeated once, and then the search stops; it stops at once where a trial is too
short for a check. --resume DIR continues an interrupted search.

Exit codes: 0 found, 2 bad usage or file, 3 the load generator could not
keep up, or has lost an agent, 4 the target cannot be reached, 5 nothing was found (the
first level breaks, no level was confirmed within the budget, or trials disagree too
much), 130 interrupted; finished trials are kept.`,
		Example: `  throng capacity capacity-clients
  throng capacity my.yaml --target http://10.0.0.5:3000 --budget 30m
  throng capacity capacity-clients --clients 50k --spare 1`,
		Args:              arguments(1, 1),
		ValidArgsFunction: completeScenarios,
		RunE:              func(cmd *cobra.Command, args []string) error { return findCapacity(cmd, args[0], flags) },
	}
	group(
		cmd,
		flagGroup{"The search", func(f *pflag.FlagSet) {
			flags.add(f)
			f.DurationVar(&flags.budget, "budget", 0, "end within this time, such as 10m (default the scenario's); counts again from zero after --resume")
		}},
		flagGroup{"The answer", func(f *pflag.FlagSet) {
			f.StringVar(&flags.planFor, "clients", "", "print how many nodes this `LOAD` needs: a number in the unit of from: in the scenario, such as 50k")
			f.IntVar(&flags.spare, "spare", 1, "with --clients: nodes that may fail at once")
			f.StringVar(&flags.out, "out", "", "write the results to this `DIR` (default out/NAME-TIME)")
			f.BoolVar(&flags.force, "force", false, "overwrite a result or a search that is in the directory already")
			f.StringVar(&flags.resume, "resume", "", "continue the interrupted search in this `DIR`")
			jsonFlag(f, &flags.asJSON)
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

func findCapacity(cmd *cobra.Command, name string, flags capacityFlags) (err error) {
	set, err := flags.values(cmd)
	if err != nil {
		return err
	}
	f, err := load(stdinOf(cmd), name, set, flags.secret...)
	if err != nil {
		return err
	}
	if f.Spec.Search == nil {
		return fmt.Errorf("%s has no search: block; add one, such as search: {raise: groups.NAME.count, from: 100, to: 10k}", name)
	}
	opt, err := flags.options(cmd, f)
	if err != nil {
		return err
	}
	place, err := placeOf(f, flags)
	if err != nil {
		return err
	}
	defer func() { err = also(err, place.leave()) }()
	opt.Dir = place.dir
	agents, letGo, err := flags.fleet.open(cmd)
	if err != nil {
		return err
	}
	defer letGo()
	if agents != nil {
		opt.Run.Fleet, opt.Run.Here = agents, flags.fleet.nats == ""
	}
	noTarget(cmd.ErrOrStderr(), f)
	leftOut(cmd.ErrOrStderr(), f)
	show := &searchProgress{w: cmd.ErrOrStderr(), search: f.Spec.Search}
	if !flags.quiet {
		show.begin(f, opt)
		opt.Step = show.step
	}
	watching, err := watch(cmd.Context(), flags.watch, cmd.ErrOrStderr())
	if err != nil {
		return err
	}
	defer watching.close()
	at := board.New(f.Spec.Name, f.Spec.About)
	watching.search(f.Spec.Name, at, &opt)
	if err := place.take(&opt); err != nil {
		return err
	}
	found, runErr := capacity.Run(cmd.Context(), f, opt)
	switch {
	case found == nil || runErr != nil && len(found.Capacity.Probes) == 0:
		return classify(runErr)
	case found.Interrupted && len(found.Capacity.Probes) == 0:
		return errUnmeasured
	}
	place.kept = true
	defer func() { watching.end(at, found, opt.Dir) }()
	keepScenario(cmd.ErrOrStderr(), opt.Dir, "capacity", f, &opt.Run)
	if err := writeCapacity(cmd.OutOrStdout(), f, opt.Dir, found, flags.asJSON); err != nil {
		return &exitError{exitUsage, err}
	}
	if found.Interrupted && !flags.quiet {
		_, _ = fmt.Fprintln(cmd.ErrOrStderr(), continuing(cmd, name, opt.Dir))
	}
	if runErr != nil {
		return classify(runErr)
	}
	if code := searchCode(found); code != exitPass {
		return &exitError{code: code}
	}
	return nil
}

// options are the flags about the search and its answer.
func (flags *capacityFlags) options(cmd *cobra.Command, f *file.File) (opt capacity.Options, err error) {
	opt = capacity.Options{Budget: flags.budget, Histograms: wants(f, "hlog")}
	opt.Run.Version, opt.Run.AllowRun = result.Version(), flags.allow
	opt.Run.Command = commandLine("capacity", ownArguments(), flags.secret, f)
	opt.Run.Start = startNodes
	switch {
	case cmd.Flags().Changed("budget") && flags.budget <= 0:
		return opt, errNoBudget(flags.budget)
	case flags.spare < 0:
		return opt, fmt.Errorf("--spare %d cannot be negative; write how many nodes may fail at once", flags.spare)
	case cmd.Flags().Changed("spare") && flags.planFor == "":
		return opt, errors.New("--spare is for the nodes of --clients; add --clients LOAD, or leave it out")
	case flags.planFor != "":
		if opt.PlanFor, err = f.Spec.Search.Parse(flags.planFor); err != nil {
			return opt, fmt.Errorf("--clients %w", err)
		}
		opt.Spare = flags.spare
	}
	return opt, nil
}

// continuing says how a search goes on that was interrupted. What is raised, and on which target,
// has to be as it was.
func continuing(cmd *cobra.Command, name, dir string) string {
	same := ""
	cmd.Flags().Visit(func(f *pflag.Flag) {
		if !slices.Contains([]string{"out", "force", "resume"}, f.Name) {
			same += " --" + f.Name
		}
	})
	if same != "" {
		same = ", with the same" + same
	}
	return fmt.Sprintf("interrupted; continue with: throng capacity %s --resume %s%s", name, dir, same)
}

// A searchPlace is the directory of a search. Until the search has measured something, an earlier
// one that it is to overwrite is only set aside.
type searchPlace struct {
	dir    string
	resume bool // it goes on with the search that is there
	own    bool // no user has named it
	unlock func()
	taken  bool // what was there is set aside
	kept   bool // the search has measured something, or has an answer
}

// asideName is where the trials and the journal of an earlier search are meanwhile.
const asideName = ".before"

// placeOf claims the directory of the search.
func placeOf(f *file.File, flags capacityFlags) (*searchPlace, error) {
	p := &searchPlace{dir: flags.resume, resume: flags.resume != "", own: namedDir(f, flags.out, false) == ""}
	if p.resume {
		if _, err := os.Stat(filepath.Join(p.dir, capacity.JournalName)); errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("--resume %s: no search there; name the directory of an interrupted search", p.dir)
		}
	} else {
		p.dir = outputDir(f, flags.out, false)
	}
	var err error
	p.unlock, err = claim(p.dir, p.resume || flags.force)
	return p, err
}

// take makes room for the search, unless it goes on with the one that is there.
func (p *searchPlace) take(opt *capacity.Options) error {
	step := opt.Step
	opt.Step = func(s capacity.Step) {
		if s.Cell != nil && !p.kept {
			p.kept = true
			_ = p.discard() // leave says why it could not
		}
		if step != nil {
			step(s)
		}
	}
	if p.resume {
		return nil
	}
	aside := filepath.Join(p.dir, asideName)
	err := p.putBack() // a search that had measured nothing was killed
	if err == nil {
		err = os.Mkdir(aside, 0o755)
	}
	if err == nil {
		if err = moveSearch(p.dir, aside); err != nil {
			err = errors.Join(err, p.putBack())
		}
	}
	if err != nil {
		return fmt.Errorf("overwrite the search in %s: %w", p.dir, err)
	}
	p.taken = true
	return nil
}

// leave gives the directory up. A search that has measured nothing leaves nothing.
func (p *searchPlace) leave() (err error) {
	defer p.unlock()
	switch {
	case p.kept:
		return p.discard()
	case p.taken:
		for _, name := range searchNames {
			err = errors.Join(err, os.RemoveAll(filepath.Join(p.dir, name)))
		}
		if err = errors.Join(err, p.putBack()); err != nil {
			err = fmt.Errorf("take the search before back from %s: %w", filepath.Join(p.dir, asideName), err)
		}
	}
	if p.own && !p.resume {
		_ = os.Remove(p.dir) // it fails for one that holds results
	}
	return err
}

// discard removes what take has set aside, under another name: nobody must take back a part of it.
func (p *searchPlace) discard() error {
	aside := filepath.Join(p.dir, asideName)
	gone := aside + ".removed"
	err := os.RemoveAll(gone)
	if err == nil {
		err = os.Rename(aside, gone)
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return errors.Join(err, os.RemoveAll(gone))
}

// putBack takes back what take has set aside. It goes on with what another one has begun, and
// leaves alone what has not been set aside: a process may be killed at any moment.
func (p *searchPlace) putBack() error {
	aside := filepath.Join(p.dir, asideName)
	err := moveSearch(aside, p.dir)
	if removed := os.Remove(aside); !errors.Is(removed, fs.ErrNotExist) {
		err = errors.Join(err, removed)
	}
	return err
}

// searchNames are what a search leaves beside its result.
var searchNames = []string{capacity.TrialsName, capacity.JournalName}

// moveSearch moves the trials of a search and its journal, as far as they are there, to the place
// of others.
func moveSearch(from, to string) (err error) {
	for _, name := range searchNames {
		if _, none := os.Lstat(filepath.Join(from, name)); none == nil {
			err = errors.Join(err, os.RemoveAll(filepath.Join(to, name)), os.Rename(filepath.Join(from, name), filepath.Join(to, name)))
		}
	}
	return err
}

// searchCode returns the exit code for a search's result.
func searchCode(run *result.Run) int {
	switch {
	case run.Interrupted:
		return exitInterrupted
	case run.Verdict == result.Invalid:
		return exitInvalid
	case run.Verdict == result.Pass:
		return exitPass
	}
	return exitNothing
}

// writeCapacity leaves the result of a search in dir and says so.
func writeCapacity(stdout io.Writer, f *file.File, dir string, run *result.Run, asJSON bool) error {
	found := capacityreport.Of(run)
	if err := write(io.Discard, f, dir, run, false); err != nil {
		return errors.Join(err, found.Text(stdout)) // which is all that is left of a long search
	}
	text, err := json.MarshalIndent(found, "", "  ")
	if err != nil {
		return err
	}
	text = append(text, '\n')
	if err := os.WriteFile(filepath.Join(dir, capacityName), text, 0o644); err != nil {
		return fmt.Errorf("write the capacity: %w", err)
	}
	if asJSON {
		_, err = stdout.Write(text)
		return unread(err)
	}
	if err = writeFolded(stdout, found.Text); err == nil {
		_, err = fmt.Fprintf(stdout, "\nreport: %s\n", reportOf(f, dir))
	}
	return unread(err)
}

// searchProgress says on standard error how a search goes: a line when a trial begins, and when it
// has ended one for each check.
type searchProgress struct {
	w      io.Writer
	search *file.Search
}

func (p *searchProgress) begin(f *file.File, opt capacity.Options) {
	s := p.search
	budget := s.Budget
	if opt.Budget > 0 {
		budget = opt.Budget
	}
	within := ""
	if budget > 0 {
		within = ", within " + budget.String()
	}
	_, _ = fmt.Fprintf(p.w, "search: raise %s from %s to %s until a check of %s breaks, to %.3g %%%s\nresults: %s\n",
		s.Raise, s.Format(s.From), s.Format(s.To), f.Spec.Name, s.Precision*100, within, opt.Dir)
}

func (p *searchProgress) step(s capacity.Step) {
	if s.Cell == nil && !s.Again {
		_, _ = fmt.Fprintf(p.w, "#%-3d%-8s%s ...  %s\n", s.N, s.Kind, s.Text, p.bracket(s))
		return
	}
	word := map[search.Verdict]string{search.Held: "PASS", search.Broke: "FAIL", search.Invalid: "INVALID"}[s.Verdict]
	from := ""
	if s.Again {
		from = "  (from the journal)"
	}
	_, _ = fmt.Fprintf(p.w, "#%-3d%-8s%s %s%s  %s\n", s.N, s.Kind, s.Text, word, from, p.bracket(s))
	if s.Cell != nil && !s.Again {
		_, _ = fmt.Fprintf(p.w, "     %s\n", strings.Join(capacityreport.Criteria(s.Cell), "  "))
	}
}

// bracket formats the bracket so far and the time spent.
func (p *searchProgress) bracket(s capacity.Step) string {
	low, high := "-", "-"
	if s.SoFar.Low > 0 {
		low = p.search.Format(s.SoFar.Low)
	}
	if s.SoFar.High > 0 {
		high = p.search.Format(s.SoFar.High)
	}
	above := "breaks "
	if s.SoFar.End == search.Generator {
		above = "not decided at "
	}
	text := fmt.Sprintf("[holds %s, %s%s]  %s", low, above, high, minutes(s.Spent))
	if s.Budget > 0 {
		text += " of " + minutes(s.Budget)
	}
	return text
}

func minutes(d time.Duration) string {
	return fmt.Sprintf("%d:%02d", int(d.Minutes()), int(d.Seconds())%60)
}
