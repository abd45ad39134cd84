package main

import (
	"cmp"
	"fmt"
	"io"
	"strings"

	"github.com/throng-io/throng/scenario/machine"
	"github.com/throng-io/throng/scenario/metric"
	"github.com/throng-io/throng/scenario/result"
)

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
			p.Name, p.For.String(), counts, span(metric.FormatCount(p.Clients[0]), metric.FormatCount(p.Clients[1])),
			span(rate(p.OfferedPerS[0]), rate(p.OfferedPerS[1])), span(rate(p.DeliveriesPerS[0]), rate(p.DeliveriesPerS[1])),
		})
	}
	out.table(rows)
	if len(a.Combined) > 1 {
		out.printf("\n")
		out.table(combinations(a.Combined))
	}
	out.printf("\n")
	out.table(rules(a.Rules))
	out.printf("and the rules that always hold: 'throng help checks'\n")
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
	if len(a.Shortages) == 0 && len(a.Errors) == 0 {
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
		rows = append(rows, []string{combinationName(c.Params), metric.FormatCount(c.Clients), metric.FormatCount(c.Sockets), rate(c.OfferedPerS), rate(c.DeliveriesPerS)})
	}
	return rows
}

// rules lists what is judged, of percentiles with their samples.
func rules(all []machine.Rule) [][]string {
	rows := [][]string{{"check", "decides", "samples planned", "samples needed"}}
	for _, r := range all {
		decides := "pass or fail"
		switch {
		case r.Optional:
			decides = "nothing"
		case r.Kind == result.KindValid:
			decides = "valid or not"
		}
		planned, needed := "-", "-"
		if r.Takes > 0 {
			planned, needed = "unknown before the run", metric.FormatCount(r.Takes)
		}
		if r.Samples != nil {
			planned = metric.FormatCount(*r.Samples)
		}
		rows = append(rows, []string{r.Check, decides, planned, needed})
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
	rows = append(rows, []string{"sockets", metric.FormatCount(heaviest.Sockets), ""})
	rows = append(rows, []string{"file descriptors", metric.FormatCount(files), allowed(max(l.FilesHard, l.FilesSoft), "ulimit -Hn")})
	for _, s := range a.Sources {
		from := "local ports"
		if s.Addr != "" {
			from += " of " + s.Addr
		}
		rows = append(rows, []string{from, metric.FormatCount(s.Sockets), allowed(s.Ports, "ip_local_port_range")})
	}
	channels := 0
	for _, c := range a.Combined {
		channels = max(channels, c.Channels)
	}
	if channels > 0 {
		rows = append(rows, []string{"ends of data channels", metric.FormatCount(channels), fmt.Sprintf("%s, and %.2g cores while idle", metric.FormatBytes(int64(channels)*machine.ChannelBytes), float64(channels)*machine.ChannelCores)})
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
	return fmt.Sprintf("%s (%s)", metric.FormatCount(n), by)
}

func combinationName(p map[string]string) string { return strings.Join(result.ParamList(p), " ") }

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
	return metric.FormatCount(int(v + 0.5))
}
