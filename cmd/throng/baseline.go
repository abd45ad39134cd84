package main

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/throng-io/throng/reports"
	"github.com/throng-io/throng/reports/compare"
	"github.com/throng-io/throng/scenario/result"
)

// baselineDir is where, in a run's directory, its comparison with its baseline is.
const baselineDir = "compare"

// A baseline is the result with which a scenario's runs are compared; the zero value is none.
type baseline struct {
	name  string
	input *compare.Input // nil: not there yet
}

// readBaseline reads the result before the run, which may well overwrite it. A missing baseline is
// normal on a first run.
func readBaseline(name string) (baseline, error) {
	b := baseline{name: name}
	if name == "" {
		return b, nil
	}
	in, err := compare.Open(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return b, nil
	case err != nil:
		return b, fmt.Errorf("the report's baseline: %w", err)
	}
	b.input = &in
	return b, nil
}

// compare writes the comparison beside the results of a run and prints its conclusion. It does not
// change the exit code: throng compare --fail-if does.
func (b baseline) compare(cmd *cobra.Command, dir string, run *result.Run, quiet bool) error {
	out := cmd.OutOrStdout()
	if quiet { // standard output belongs to the result
		out = cmd.ErrOrStderr()
	}
	say := func(format string, args ...any) error {
		_, err := fmt.Fprintf(out, format, args...)
		return err
	}
	switch {
	case b.name == "":
		return nil
	case b.input == nil:
		return say("no comparison: there is no %s yet; save this run there to compare later runs with it\n", b.name)
	}
	c, err := compare.Inputs([]compare.Input{*b.input, {Name: dir, Run: run}}, compare.Options{})
	if err != nil { // the two have nothing in common, and the error says what to do
		return say("no comparison with the baseline: %v\n", err)
	}
	to := filepath.Join(dir, baselineDir)
	if err := c.Write(to, reports.Drawing{}); err != nil {
		return err
	}
	return say("\nagainst %s: %s\ncomparison: %s\n", b.name, c.Sentence(), filepath.Join(to, compare.PageName))
}
