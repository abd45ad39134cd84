package main

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/throng-io/throng/scenario"
	"github.com/throng-io/throng/scenario/capacity"
	"github.com/throng-io/throng/scenario/file"
	"github.com/throng-io/throng/scenario/link/network"
	"github.com/throng-io/throng/scenario/machine"
	"github.com/throng-io/throng/scenario/metric"
	"github.com/throng-io/throng/scenario/result"
	"github.com/throng-io/throng/server"
)

func checkCommand() *cobra.Command {
	var scenario scenarioFlags
	var against, fleet string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "check FILE|NAME",
		Short: "Validate a scenario and print its plan",
		Long: `Validate a scenario and print the plan, without any load: clients, messages and
deliveries over time, the samples that each percentile of slo: will have, and the
sockets, ports, file descriptors and memory beside the limits of this machine.

With --fleet 50x it prints instead what fifty times the clients would take: how many
agents like this machine ('throng agent'), what each carries, and the traffic between
them, going by what a run of 40 000 clients took.

With --against it prints instead how the scenario's rules (slo: and valid:) would
have judged the results in a directory, without running anything.

Exit codes: 0 the scenario is valid and this machine can do it, 2 it is not, or
it cannot; the message says what to do. With --against the exit codes of a run: 0 pass,
1 a check failed, 3 invalid, also when the result lacks data for a rule.`,
		Example: `  throng check broadcast --set viewers=5k
  throng check my.yaml --json
  throng check broadcast --fleet 50x
  throng check stricter.yaml --against out/before`,
		Args:              arguments(1, 1),
		ValidArgsFunction: completeScenarios,
		RunE: func(cmd *cobra.Command, args []string) error {
			set, err := scenario.values(cmd)
			if err != nil {
				return err
			}
			f, err := load(stdinOf(cmd), args[0], set, scenario.secret...)
			if err != nil {
				return refuse(cmd.OutOrStdout(), err, asJSON)
			}
			noTarget(cmd.ErrOrStderr(), f)
			leftOut(cmd.ErrOrStderr(), f)
			if against != "" {
				return judgeAgainst(cmd.OutOrStdout(), f, against, asJSON)
			}
			return planOf(cmd.OutOrStdout(), f, fleet, asJSON)
		},
	}
	setFlag(cmd.Flags(), &scenario.set)
	cmd.Flags().StringVar(&scenario.target, "target", "", "check it for a run against the server at this `URL`, or unix:PATH")
	secretFlag(cmd.Flags(), &scenario.secret)
	cmd.Flags().StringVar(&against, "against", "", "judge the results in this `DIR` by the scenario's rules")
	cmd.Flags().StringVar(&fleet, "fleet", "", "plan a fleet for so many times the clients: `FACTOR`, such as 50x")
	jsonFlag(cmd.Flags(), &asJSON)
	cmd.MarkFlagsMutuallyExclusive("fleet", "against")
	return cmd
}

// planOf prints the plan of a scenario, or of a fleet for so many times its clients; "": the
// former.
func planOf(w io.Writer, f *file.File, fleet string, asJSON bool) error {
	builtIn, err := server.Options{}.WithDefaults()
	if err != nil {
		return err
	}
	logs, missing := f.Logs() // they have the rates of replays
	if _, err := f.Data(); missing == nil {
		missing = err
	}
	if missing == nil {
		missing = scenario.CheckCertificates(f)
	}
	a := machine.Assess(f, machine.ReadLimits(), builtIn.Times.WriteTimeout)
	if f.Spec.Search != nil {
		note, err := searchNote(f)
		if err != nil {
			return err
		}
		a.Notes = append(a.Notes, note)
	}
	a.Notes = append(a.Notes, f.Spec.Beyond(logs)...)
	a.Notes = append(a.Notes, commandNotes(f)...)
	a.Notes = append(a.Notes, networkNotes(f)...)
	a.Errors = mistakes(missing)
	result.CleanText(a) // values of the matrix and commands may hold anything
	if fleet != "" {
		if missing != nil {
			return refuse(w, &exitError{exitUsage, missing}, asJSON)
		}
		return printFleet(w, a, fleet, asJSON)
	}
	if asJSON {
		err = writeJSON(w, a)
	} else {
		err = writeFolded(w, func(w io.Writer) error { return printPlan(w, a) })
	}
	if err != nil {
		return err
	}
	if missing != nil {
		return &exitError{exitUsage, missing}
	}
	if len(a.Shortages) > 0 {
		var all []error
		for _, s := range a.Shortages {
			all = append(all, s)
		}
		return &exitError{exitUsage, errors.Join(all...)}
	}
	return nil
}

// refusal is the answer of `throng check --json` for a scenario that cannot be read.
type refusal struct {
	Errors []machine.Mistake `json:"errors"`
}

// refuse returns err, for programs after it is printed.
func refuse(w io.Writer, err error, asJSON bool) error {
	if all := mistakes(err); asJSON && len(all) > 0 {
		return errors.Join(writeJSON(w, refusal{all}), err)
	}
	return err
}

// mistakes are the parts of an error, each with its place in the file if it has one.
func mistakes(err error) (all []machine.Mistake) {
	if exit, ok := errors.AsType[*exitError](err); ok {
		err = exit.err
	}
	if err == nil {
		return nil
	}
	parts := joined(err)
	if parts == nil {
		m := machine.Mistake{Message: err.Error()}
		if e, ok := errors.AsType[*file.Error](err); ok {
			m = machine.Mistake{File: e.File, Line: e.Line, Column: e.Col, Message: e.Msg, Fix: e.Hint}
		}
		m.Message = result.Short(m.Message, 4*result.MaxText)
		return []machine.Mistake{m}
	}
	for _, part := range parts {
		all = append(all, mistakes(part)...)
	}
	return all
}

// commandNotes lists the commands of the scenario's faults.
func commandNotes(f *file.File) (notes []string) {
	for _, c := range f.Cells() {
		for _, line := range c.Spec.Commands() {
			if note := line + "; throng run does that only with --allow-run"; !slices.Contains(notes, note) {
				notes = append(notes, note)
			}
		}
	}
	return notes
}

// networkNotes says what a network that carries packets needs, and whether it is here.
func networkNotes(f *file.File) []string {
	if !slices.ContainsFunc(f.Cells(), func(c file.Cell) bool { return c.Spec.Packets() }) {
		return nil
	}
	here := "this process may"
	if err := network.Check(); err != nil {
		here = "not here: " + err.Error()
	}
	return []string{"its network carries packets, for which throng run makes networks of its own (Linux, root or a user namespace, /dev/net/tun): " + here}
}

// searchNote says what throng capacity would do with the file, and how long that takes.
func searchNote(f *file.File) (string, error) {
	q := f.Spec.Search
	e, err := capacity.Expect(f)
	if err != nil {
		return "", err
	}
	seconds := func(d time.Duration) string { return d.Round(time.Second).String() }
	budget := ""
	switch {
	case q.Budget == 0:
	case q.Budget < e.Took[0]:
		budget = fmt.Sprintf("; its budget of %v is too short for an answer", q.Budget)
	case q.Budget < e.Took[1]:
		budget = fmt.Sprintf("; where that is more than its budget of %v, it ends with what is confirmed until then", q.Budget)
	default:
		budget = fmt.Sprintf(", within its budget of %v", q.Budget)
	}
	return fmt.Sprintf("this is a run at the scenario's own level; throng capacity raises %s from %s to %s until a check breaks, in %s trials "+
		"of %s and more: %s, more where trials disagree%s",
		q.Raise, q.Format(q.From), q.Format(q.To), span(strconv.Itoa(e.Trials[0]), strconv.Itoa(e.Trials[1])),
		metric.FormatDuration(q.Trial), span(seconds(e.Took[0]), seconds(e.Took[1])), budget), nil
}
