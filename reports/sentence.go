package reports

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/throng-io/throng/scenario/result"
)

// Sentence says what came out, in one to three short sentences: what was measured at which load, whether the checks held, and
// whether the run counts. It is the first thing on the page and on the terminal.
func Sentence(run *result.Run) string { return strings.ReplaceAll(sentence(run), nbsp, " ") }

func sentence(run *result.Run) string {
	if len(run.Cells) == 0 {
		return "Nothing was measured: the run ended before its first cell."
	}
	var s string
	switch {
	case run.Capacity != nil:
		s = CapacityOf(run).line()
	case len(run.Cells) == 1:
		s = cellSentence(&run.Cells[0])
	default:
		s = matrixSentence(run)
	}
	if run.Interrupted {
		s = "Interrupted: this is what was measured until then. " + s
	}
	return s
}

func cellSentence(c *result.Cell) string {
	switch c.Verdict {
	case result.Pass:
		return joined(headline(c), metSentence(c), "Run valid"+fitness(c)+".")
	case result.Fail:
		return joined(broken(c), headline(c), "Run valid"+fitness(c)+".")
	default:
		return joined(upperFirst(whyInvalid(c))+".", "No number of this run says anything about the server.")
	}
}

func joined(parts ...string) string {
	var kept []string
	for _, p := range parts {
		if p != "" {
			kept = append(kept, p)
		}
	}
	return strings.Join(kept, " ")
}

// headline is "p99 delivery 38 ms at 100 000 deliveries/s (10 000 websocket clients, batched fan-out)."
func headline(c *result.Cell) string {
	run := &result.Run{Cells: []result.Cell{*c}}
	metric := primary(run)
	if metric == "" {
		return "Nothing was delivered or acknowledged (" + population(c) + ")."
	}
	name, us := best(c.Latency[metric])
	rate := c.Rates.AchievedPerS
	noun := "messages/s"
	if metric == "delivery" {
		rate, noun = c.Rates.DeliveriesPerS, "deliveries/s"
	}
	at := ""
	if rate > 0 {
		at = " at " + significant(rate) + nbsp + noun
	}
	return fmt.Sprintf("%s %s %s%s (%s).", name, metric, micros(float64(us)), at, population(c))
}

// population is "10 000 websocket clients, batched fan-out".
func population(c *result.Cell) string {
	held := max(c.Clients.Held, 0)
	noun := "clients"
	if held == 1 {
		noun = "client"
	}
	s := count(held)
	if t := setting(c, "transport"); t != "" {
		s += nbsp + t
	}
	s += " " + noun
	if f := setting(c, "fanout"); f != "" {
		s += ", " + f + " fan-out"
	}
	if c.Server.SameMachine {
		s += ", one machine"
	}
	return s
}

func metSentence(c *result.Cell) string {
	for _, k := range c.Checks {
		if k.Kind != result.KindValid {
			return "Checks met."
		}
	}
	return "No checks to meet."
}

// fitness is ": generator lag p99 0.2 ms, CPU 41 %", or nothing when the generator did not say.
func fitness(c *result.Cell) string {
	var parts []string
	if c.Generator.LagP99us > 0 {
		parts = append(parts, "lag p99 "+micros(float64(c.Generator.LagP99us)))
	}
	if c.Generator.CPUMax > 0 {
		parts = append(parts, "CPU "+share(c.Generator.CPUMax))
	}
	if len(parts) == 0 {
		return ""
	}
	return ": generator " + strings.Join(parts, ", ")
}

// broken names the service-level checks that did not hold. What no check says, such as that the server ended, is
// all there is to know.
func broken(c *result.Cell) string {
	if c.Reason != "" && !slices.ContainsFunc(c.Checks, func(k result.Check) bool { return strings.HasPrefix(c.Reason, k.Text) }) {
		return upperFirst(strings.TrimSuffix(c.Reason, ".")) + "."
	}
	var parts []string
	for i := range c.Checks {
		if k := &c.Checks[i]; !k.Pass && k.Kind != result.KindValid {
			parts = append(parts, found(k))
		}
	}
	if len(parts) == 0 {
		return "A check was broken."
	}
	noun := "Check"
	if len(parts) > 1 {
		noun = "Checks"
	}
	return noun + " broken: " + strings.Join(parts, "; ") + "."
}

// found is "p99(delivery) < 100ms, it was 143 ms".
func found(k *result.Check) string {
	s := k.Text + ", "
	switch {
	case k.NoData:
		s += "but there was nothing to judge"
	default:
		s += "it was " + checkValue(k, k.Value)
	}
	if k.Note != "" {
		s += " (" + k.Note + ")"
	}
	return s
}

func whyInvalid(c *result.Cell) string {
	var parts []string
	for i := range c.Checks {
		if k := &c.Checks[i]; !k.Pass && k.Kind == result.KindValid {
			parts = append(parts, found(k))
		}
	}
	if len(parts) == 0 {
		return strings.TrimSuffix(cmp.Or(c.Reason, "the run came to no verdict"), ".")
	}
	return "the generator was not fit to judge: " + strings.Join(parts, "; ")
}

// matrixSentence counts the verdicts and names the two ends of the range.
func matrixSentence(run *result.Run) string {
	gs := groups(run)
	n := map[result.Verdict]int{}
	for i := range run.Cells {
		n[result.Worst(run.Cells[i].Verdict, run.Cells[i].Verdict)]++
	}
	total := len(run.Cells)
	noun := "cells"
	if len(gs) == 1 {
		noun = "trials"
	}
	s := fmt.Sprintf("%d of %d %s pass", n[result.Pass], total, noun)
	if n[result.Fail] > 0 {
		s += fmt.Sprintf(", %d %s", n[result.Fail], verb(n[result.Fail], "fails a check", "fail a check"))
	}
	if n[result.Invalid] > 0 {
		s += fmt.Sprintf(", %d %s", n[result.Invalid],
			verb(n[result.Invalid], "is invalid and says nothing about the server", "are invalid and say nothing about the server"))
	}
	if ws := works(run, gs); len(ws) > 0 {
		return joined(s+".", choiceSentence(ws))
	}
	return joined(s+".", ends(run, gs))
}

func verb(n int, one, many string) string {
	if n == 1 {
		return one
	}
	return many
}

// ends is "p99 delivery: 3 ms with websocket, 12 ms with polling (medians of 5 trials)."
func ends(run *result.Run, gs []group) string {
	metric := primary(run)
	type end struct {
		label string
		s     spread
	}
	var lowest, highest *end
	for _, g := range gs {
		s := over(g.valid(), latencyOf(metric, p99))
		if s.n == 0 {
			continue
		}
		if lowest == nil || s.mid < lowest.s.mid {
			lowest = &end{g.Label, s}
		}
		if highest == nil || s.mid > highest.s.mid {
			highest = &end{g.Label, s}
		}
	}
	switch {
	case lowest == nil:
		return ""
	case lowest.label == highest.label:
		return fmt.Sprintf("p99 %s: %s.", metric, lowest.s.show(micros))
	}
	note := ""
	if lowest.s.n > 1 {
		note = " (medians of their trials)"
	}
	return fmt.Sprintf("p99 %s: from %s with %s to %s with %s%s.", metric, micros(lowest.s.mid), lowest.label, micros(highest.s.mid), highest.label, note)
}
