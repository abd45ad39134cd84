package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/throng-io/throng/bench/internal/manual"
	"github.com/throng-io/throng/bench/internal/program"
)

func main() {
	program.Main("chaos", command)
}

// options is the command line.
type options struct {
	loads, faults []string
	quick, update bool
	budget        time.Duration
	out, program  string
}

func names[T interface{ key() string }](list []T) (all []string) {
	for _, one := range list {
		all = append(all, one.key())
	}
	return all
}

func parse(args []string, stderr io.Writer) (o options, err error) {
	o.loads, o.faults = names(workloads), names(faults)
	f := flag.NewFlagSet("chaos", flag.ContinueOnError)
	f.SetOutput(stderr)
	f.Var(program.Choice(&o.loads, o.loads...), "workloads", "workloads that meet faults")
	f.Var(program.Choice(&o.faults, o.faults...), "faults", "faults that they meet")
	f.BoolVar(&o.quick, "quick", false, "each fault once, within two minutes")
	f.BoolVar(&o.update, "update", false, "write the table into "+book)
	f.DurationVar(&o.budget, "budget", 20*time.Minute, "begin no trial that would end later than this")
	f.StringVar(&o.out, "out", "", "directory for cells.jsonl, to which the outcome of each cell is appended; without it they are only shown")
	f.StringVar(&o.program, "program", "", "the throng program to test (default: built from this checkout)")
	if err := program.Parse(f, args); err != nil {
		return o, err
	}
	switch {
	case o.budget <= 0:
		return o, fmt.Errorf("--budget %s must be positive", o.budget)
	case o.update && (o.quick || len(o.loads) < len(workloads) || len(o.faults) < len(faults)):
		return o, errors.New("--update writes the whole table: leave --quick, --workloads and --faults out")
	}
	if o.quick {
		o.budget = min(o.budget, 150*time.Second)
	}
	return o, nil
}

func command(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	o, err := parse(args, stderr)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "throng-chaos-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	if o.program == "" {
		if o.program, err = program.Build(ctx, dir, "cmd/throng"); err != nil {
			return err
		}
	}
	mark := rand.Text()
	if err := os.Setenv(markVariable, mark); err != nil { // for brokers, too
		return err
	}
	h := &chaos{options: o, dir: dir, mark: mark, stderr: stderr, lines: io.Discard, long: whole}
	if o.quick {
		h.long = quick
	}
	if o.out != "" {
		file, err := h.open()
		if err != nil {
			return err
		}
		defer func() { _ = file.Close() }()
		h.lines = file
	}
	cells := plan(o.loads, o.faults, o.quick)
	if err := h.all(ctx, cells); err != nil {
		return err
	}
	text := table(h.done)
	_, _ = io.WriteString(stdout, text)
	if err := h.verdict(cells); err != nil || !o.update {
		return err
	}
	return manual.Rewrite(book, updates, text)
}

// chaos is a run of cells.
type chaos struct {
	options
	dir, mark string
	long      lengths
	stderr    io.Writer
	lines     io.Writer // of cells.jsonl
	done      []*outcome
}

func (h *chaos) open() (*os.File, error) {
	if err := os.MkdirAll(h.out, 0o755); err != nil {
		return nil, err
	}
	return os.OpenFile(filepath.Join(h.out, "cells.jsonl"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
}

// all runs cells, those of a workload on one stage.
func (h *chaos) all(ctx context.Context, cells []*cell) error {
	end := time.Now().Add(h.budget)
	for len(cells) > 0 && time.Now().Before(end) {
		n := 1
		for n < len(cells) && cells[n].load == cells[0].load {
			n++
		}
		s, err := newStage(cells[0].load, h.program, h.dir, h.mark)
		if err != nil {
			return fmt.Errorf("%s: %w", cells[0].load.name, err)
		}
		for _, c := range cells[:n] {
			if err = h.cell(ctx, s, c, end); err != nil {
				err = fmt.Errorf("%s: %w", c.name(), err)
				break
			}
		}
		if err := errors.Join(err, s.close()); err != nil {
			return err
		}
		cells = cells[n:]
	}
	return nil
}

// trials is how often a cell is tried that is not decided.
const trials = 3

// cell runs a cell until it is decided, and keeps the outcome.
func (h *chaos) cell(ctx context.Context, s *stage, c *cell, end time.Time) error {
	took := time.Second + h.long.before + c.fault.lasts + h.long.after + 2*time.Second
	for n := 1; n <= trials && time.Now().Add(took).Before(end); n++ {
		o, err := c.run(ctx, s, h.long)
		if err != nil {
			return err
		}
		o.Trials = n
		h.tell(c, o)
		if o.end() == undecided && n < trials && time.Now().Add(took).Before(end) {
			continue
		}
		h.done = append(h.done, o)
		return json.NewEncoder(h.lines).Encode(o)
	}
	return nil
}

func (h *chaos) tell(c *cell, o *outcome) {
	_, _ = fmt.Fprintf(h.stderr, "%-26s %-11s %s; %d of %d connections ended, %d of %d deliveries lost, the slowest in %.2f s, recovered %s, %.0f s\n",
		c.name(), o.end(), o.Verdict, o.Ended, o.Asked, o.Ledger.Lost, o.Ledger.Expected, o.SlowestS, recovered(o), o.Took)
	for _, text := range append(o.Wrong, o.Late...) {
		_, _ = fmt.Fprintf(h.stderr, "    %s\n", text)
	}
	if o.end() == undecided {
		_, _ = fmt.Fprintf(h.stderr, "    the generator was starved: %s\n", o.Starved)
	}
}

// verdict says what is wrong, and what was not decided.
func (h *chaos) verdict(cells []*cell) error {
	count := map[string]int{}
	for _, o := range h.done {
		count[o.end()]++
	}
	missing := len(cells) - len(h.done)
	_, _ = fmt.Fprintf(h.stderr, "%d cells: %d as expected, %d wrong, %d not decided, %d not run in the time\n",
		len(cells), count[held], count[wrong], count[undecided], missing)
	if count[wrong]+count[undecided]+missing > 0 {
		return fmt.Errorf("%d cells are wrong, %d are not decided", count[wrong], count[undecided]+missing)
	}
	return nil
}
