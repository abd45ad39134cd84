package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// What is compared.
const (
	planted = "planted"
	equal   = "equal"
)

// What the condition was found to be.
const (
	failed    = "failed"
	held      = "held"
	undecided = "not decided"
)

// An outcome is what one comparison said.
type outcome struct {
	Kind       string            `json:"kind"`
	Started    time.Time         `json:"started"`
	Plant      float64           `json:"plant,omitempty"`
	BudgetS    float64           `json:"budget_s"`
	Seconds    float64           `json:"seconds"` // all of it, from start to end
	Pairs      int               `json:"pairs"`   // valid ones
	Invalid    int               `json:"invalid_trials,omitempty"`
	BaseUS     float64           `json:"base_cpu_us_per_delivery"`
	Change     float64           `json:"change"` // of the CPU time per delivery
	Low        *float64          `json:"low,omitempty"`
	High       *float64          `json:"high,omitempty"`
	Detectable *float64          `json:"detectable,omitempty"`
	Gate       string            `json:"gate"`
	Text       string            `json:"text"`
	Code       int               `json:"exit_code"`
	Metrics    int               `json:"metrics"`
	Flagged    []string          `json:"flagged,omitempty"` // metrics that are called better or worse
	Load       string            `json:"load_average"`      // of the machine before it
	Env        map[string]string `json:"env"`
}

func (o *outcome) line() string {
	return fmt.Sprintf("%s: %s: %s; %d pairs in %.0f s, flagged %v, load %s", o.Kind, o.Gate, o.Text, o.Pairs, o.Seconds, o.Flagged, o.Load)
}

// The names of the files of results.
const (
	lines   = "pairs.jsonl"
	summary = "pairs.txt"
)

// keep appends an outcome to the lines in dir; "" is nowhere.
func keep(dir string, o *outcome) error {
	if dir == "" {
		return nil
	}
	text, err := json.Marshal(o)
	if err != nil {
		return err
	}
	f, err := os.OpenFile(filepath.Join(dir, lines), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	if _, err := f.Write(append(text, '\n')); err != nil {
		_ = f.Close() // the error before it is the one to report
		return err
	}
	return f.Close()
}

// rewrite sums up all lines in dir.
func rewrite(stdout io.Writer, dir string) error {
	f, err := os.Open(filepath.Join(dir, lines))
	if err != nil {
		return err
	}
	defer f.Close()
	var all []outcome
	s := bufio.NewScanner(f)
	s.Buffer(nil, 1<<20)
	for n := 1; s.Scan(); n++ {
		var o outcome
		if err := json.Unmarshal(s.Bytes(), &o); err != nil {
			return fmt.Errorf("%s:%d: %w", f.Name(), n, err)
		}
		all = append(all, o)
	}
	if err := s.Err(); err != nil {
		return err
	}
	var b strings.Builder
	if err := sumUp(&b, all); err != nil {
		return err
	}
	if _, err := io.WriteString(stdout, b.String()); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, summary), []byte(b.String()), 0o644)
}

// sumUp counts what was found, by budget and planted change.
func sumUp(w io.Writer, all []outcome) error {
	groups := map[string][]outcome{}
	for _, o := range all {
		key := fmt.Sprintf("equal builds, %v each", time.Duration(o.BudgetS*1e9))
		if o.Kind == planted {
			key = fmt.Sprintf("%.0f %% more CPU per delivery, %v each", 100*o.Plant, time.Duration(o.BudgetS*1e9))
		}
		groups[key] = append(groups[key], o)
	}
	var b strings.Builder
	if len(all) > 0 {
		env := all[len(all)-1].Env
		fmt.Fprintf(&b, "machine %s x %s, kernel %s, %s\n", env["cores"], env["cpu"], env["kernel"], env["go"])
	}
	for _, key := range slices.Sorted(maps.Keys(groups)) {
		n := map[string]int{}
		flagged := 0
		pairs, seconds := []int{}, 0.0
		var loads []string
		for _, o := range groups[key] {
			n[o.Gate]++
			if len(o.Flagged) > 0 {
				flagged++
			}
			pairs, seconds = append(pairs, o.Pairs), max(seconds, o.Seconds)
			loads = append(loads, o.Load)
		}
		slices.Sort(pairs)
		slices.Sort(loads)
		fmt.Fprintf(&b, "%s: %d comparisons, with %s\n", key, len(groups[key]), condition)
		fmt.Fprintf(&b, "  failed %d, held %d, not decided %d; any metric flagged in %d\n", n[failed], n[held], n[undecided], flagged)
		fmt.Fprintf(&b, "  %d to %d pairs, at most %.0f s each; load averages %s to %s\n", pairs[0], pairs[len(pairs)-1], seconds, loads[0], loads[len(loads)-1])
		for _, o := range groups[key] {
			fmt.Fprintf(&b, "    %s  %-11s  %s; %d pairs in %.0f s, load %s%s\n", o.Started.Format("2006-01-02 15:04"), o.Gate, o.Text, o.Pairs, o.Seconds, o.Load, named(o.Flagged))
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func named(flagged []string) string {
	if len(flagged) == 0 {
		return ""
	}
	return ", flagged: " + strings.Join(flagged, ", ")
}
