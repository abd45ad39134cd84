package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/throng-io/throng/scenario/capacity"
	"github.com/throng-io/throng/scenario/file"
	"github.com/throng-io/throng/scenario/link/network"
	"github.com/throng-io/throng/scenario/machine"
	"github.com/throng-io/throng/scenario/metric"
	"github.com/throng-io/throng/server"
)

func checkCommand() *cobra.Command {
	var set, secret []string
	var target, against, fleet string
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
			values, err := parseSet(set, secret)
			if err != nil {
				return err
			}
			if err := setTarget(cmd, target, values); err != nil {
				return err
			}
			f, err := load(stdinOf(cmd), args[0], values, secret...)
			if err != nil {
				return err
			}
			leftOut(cmd.ErrOrStderr(), f)
			if against != "" {
				return judgeAgainst(cmd.OutOrStdout(), f, against, asJSON)
			}
			return planOf(cmd.OutOrStdout(), f, fleet, asJSON)
		},
	}
	cmd.Flags().StringArrayVar(&set, "set", nil, "override a variable or a key of the scenario: `KEY=VALUE`")
	cmd.Flags().StringVar(&target, "target", "", "check it for a run against the server at this `URL`, or unix:PATH")
	secretFlag(cmd.Flags(), &secret)
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
	a.Unready = missing != nil
	if fleet != "" {
		if missing != nil {
			return &exitError{exitUsage, missing}
		}
		return printFleet(w, a, fleet, asJSON)
	}
	print := printPlan
	if asJSON {
		print = func(w io.Writer, a *machine.Assessment) error { return writeJSON(w, a) }
	}
	if err := print(w, a); err != nil {
		return err
	}
	if missing != nil {
		return &exitError{exitUsage, missing}
	}
	if len(a.Shortages) > 0 {
		return &exitError{exitUsage, refusal(a.Shortages)}
	}
	return nil
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
	within := ""
	if q.Budget > 0 {
		within = ", within its budget of " + q.Budget.String()
	}
	return fmt.Sprintf("this is a run at the scenario's own level; throng capacity raises %s from %s to %s until a check breaks, in %d to %d trials "+
		"of %s and more: %s to %s%s, more where trials disagree",
		q.Raise, q.Format(q.From), q.Format(q.To), e.Trials[0], e.Trials[1], metric.FormatDuration(q.Trial), e.Took[0].Round(time.Second), e.Took[1].Round(time.Second), within), nil
}

// A refusal is every shortage, one line each.
type refusal []*machine.Shortage

func (r refusal) Error() string { return r[0].Error() }

func (r refusal) Unwrap() []error {
	var all []error
	for _, s := range r {
		all = append(all, s)
	}
	return all
}

// jsonFlag is the flag of every command that can print its answer for programs.
func jsonFlag(f *pflag.FlagSet, asJSON *bool) {
	f.BoolVar(asJSON, "json", false, "print the answer as JSON ('throng help json')")
}

// writeJSON prints the answer of a command for programs.
func writeJSON(w io.Writer, v any) error {
	text, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(w, "%s\n", text)
	return err
}

// printPlan writes the plan for reading: the scenario, its phases, its combinations and its needs.
func printPlan(w io.Writer, a *machine.Assessment) error {
	out := &errWriter{w: w}
	out.printf("scenario  %s\n", a.Scenario)
	if a.About != "" {
		out.printf("about     %s\n", a.About)
	}
	if a.Trials == 1 {
		out.printf("duration  %s, plus the time to connect and to drain\n", a.Trial)
	} else {
		out.printf("trials    %d of %s, %s in all, plus the time to connect and to drain\n", a.Trials, a.Trial, a.Total)
	}
	heaviest := a.Combined[a.Heaviest]
	if len(a.Combined) > 1 {
		out.printf("\nthe phases of the heaviest combination, %s:\n", combinationName(heaviest.Params))
	} else {
		out.printf("\n")
	}
	rows := [][]string{{"phase", "for", "counts", "clients", "sent/s", "deliveries/s"}}
	for _, p := range a.Phases {
		counts := map[bool]string{true: "yes", false: "no"}[p.Record]
		rows = append(rows, []string{
			p.Name, p.For.String(), counts, span(grouped(p.Clients[0]), grouped(p.Clients[1])),
			span(rate(p.OfferedPerS[0]), rate(p.OfferedPerS[1])), span(rate(p.DeliveriesPerS[0]), rate(p.DeliveriesPerS[1])),
		})
	}
	out.table(rows)
	if len(a.Combined) > 1 {
		out.printf("\n")
		out.table(combinations(a.Combined))
	}
	if len(a.Rules) > 0 {
		out.printf("\n")
		out.table(rules(a.Rules))
	}
	for i := range a.Before {
		out.requests(&a.Before[i])
	}
	out.printf("\n")
	out.table(demands(a, heaviest))
	for _, line := range a.Notes {
		out.printf("\nnote: %s\n", line)
	}
	for _, line := range a.Warnings {
		out.printf("\nwarning: %s\n", line)
	}
	if len(a.Shortages) == 0 && !a.Unready {
		out.printf("\nThis machine can do it.\n")
	}
	return out.err
}

// requests lists what clients do before they connect.
func (e *errWriter) requests(r *machine.Requests) {
	title := fmt.Sprintf("before each client of %s connects", r.Group)
	if r.Once {
		title = fmt.Sprintf("before the first phase, once for all clients of %s", r.Group)
	}
	if r.Again {
		title += ", and again when one is refused"
	}
	e.printf("\n%s:\n", title)
	rows := [][]string{{"step", "sends", "expects", "captures"}}
	for _, s := range r.Steps {
		rows = append(rows, []string{s.Does, cmp.Or(s.Sends, "-"), cmp.Or(s.Expects, "-"), cmp.Or(strings.Join(s.Captures, ", "), "-")})
	}
	e.table(rows)
}

// maxCombinations is how many combinations are listed for reading; JSON has all.
const maxCombinations = 20

func combinations(all []machine.Combination) [][]string {
	rows := [][]string{{"combination", "clients", "sockets", "sent/s", "deliveries/s"}}
	for i, c := range all {
		if i == maxCombinations {
			rows = append(rows, []string{fmt.Sprintf("and %d more", len(all)-i)})
			break
		}
		rows = append(rows, []string{combinationName(c.Params), grouped(c.Clients), grouped(c.Sockets), rate(c.OfferedPerS), rate(c.DeliveriesPerS)})
	}
	return rows
}

// rules lists the percentiles that are judged, with their samples.
func rules(all []machine.Rule) [][]string {
	rows := [][]string{{"percentile", "samples planned", "samples needed"}}
	for _, r := range all {
		planned := "unknown before the run"
		if r.Samples != nil {
			planned = grouped(int(*r.Samples))
		}
		rows = append(rows, []string{r.Check, planned, grouped(int(r.Takes))})
	}
	return rows
}

// demands lists the needs of the trials beside the limits of the machine.
func demands(a *machine.Assessment, heaviest machine.Combination) [][]string {
	l := a.Limits
	files, memory := 0, int64(0)
	for _, c := range a.Combined {
		files, memory = max(files, c.Files), max(memory, c.GeneratorBytes+c.ServerBytes)
	}
	rows := [][]string{{"takes", "at most", "allowed"}}
	rows = append(rows, []string{"sockets", grouped(heaviest.Sockets), ""})
	rows = append(rows, []string{"file descriptors", grouped(files), allowed(max(l.FilesHard, l.FilesSoft), "ulimit -Hn")})
	for _, s := range a.Sources {
		from := "local ports"
		if s.Addr != "" {
			from += " of " + s.Addr
		}
		rows = append(rows, []string{from, grouped(s.Sockets), allowed(s.Ports, "ip_local_port_range")})
	}
	channels := 0
	for _, c := range a.Combined {
		channels = max(channels, c.Channels)
	}
	if channels > 0 {
		rows = append(rows, []string{"ends of data channels", grouped(channels), fmt.Sprintf("%s, and %.2g cores while idle", metric.FormatBytes(int64(channels)*machine.ChannelBytes), float64(channels)*machine.ChannelCores)})
	}
	has := "unknown on this system"
	if l.Memory > 0 {
		has = fmt.Sprintf("%s, %s of it free", metric.FormatBytes(l.Memory), metric.FormatBytes(l.Available))
	}
	return append(rows, []string{"memory", "about " + metric.FormatBytes(memory), has})
}

func allowed(n int, by string) string {
	if n == 0 {
		return "unknown on this system"
	}
	return fmt.Sprintf("%s (%s)", grouped(n), by)
}

func combinationName(p map[string]string) string {
	var words []string
	for _, k := range slices.Sorted(maps.Keys(p)) {
		words = append(words, k+"="+p[k])
	}
	return strings.Join(words, " ")
}

// span formats a range of values.
func span(from, to string) string {
	if from == to {
		return to
	}
	return from + " to " + to
}

func rate(v float64) string {
	if v != 0 && v < 100 {
		return fmt.Sprintf("%.3g", v)
	}
	return grouped(int(v + 0.5))
}

// An errWriter writes until the first error.
type errWriter struct {
	w   io.Writer
	err error
}

func (e *errWriter) printf(format string, args ...any) {
	if e.err == nil {
		_, e.err = fmt.Fprintf(e.w, format, args...)
	}
}

// table aligns columns.
func (e *errWriter) table(rows [][]string) {
	if e.err != nil {
		return
	}
	out := tabwriter.NewWriter(e.w, 0, 0, 2, ' ', 0)
	for _, row := range rows {
		_, _ = fmt.Fprintln(out, strings.TrimRight(strings.Join(row, "\t"), "\t"))
	}
	e.err = out.Flush()
}
