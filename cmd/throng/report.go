package main

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/throng-io/throng/reports"
	"github.com/throng-io/throng/reports/export"
	"github.com/throng-io/throng/scenario/result"
)

func reportCommand() *cobra.Command {
	var draw drawFlags
	var out string
	cmd := &cobra.Command{
		Use:   "report DIR",
		Short: "Draw the report of a saved result again",
		Long: `Draw report.html and the figures again from the result.json in DIR, or from the
file itself, into the same directory or --out. For a run that was killed or still runs,
it draws the finished trials and lists the missing ones.

--format adds the figures as PDF (pdf), and files for other programs: csv
(timeline.csv), md (summary.md), junit (junit.xml), openmetrics (metrics.txt).
--figure-width makes the figures' files as wide as a column of a paper, with text
that can be read at that width.`,
		Example: `  throng report out/quickstart-20261129-101500
  throng report out/quickstart-20261129-101500 --format pdf --figure-width 84mm`,
		Args: arguments(1, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			what, formats, err := draw.split()
			if err != nil {
				return err
			}
			run, err := result.Read(args[0])
			if err != nil {
				return err
			}
			if run.Interrupted {
				for _, w := range run.Warnings {
					_, _ = fmt.Fprintf(cmd.ErrOrStderr(), "throng: %s\n", w)
				}
			}
			dir := cmp.Or(out, directoryOf(args[0]))
			if err := writable(dir, "--out"); err != nil {
				return err
			}
			err = reports.Write(dir, run, what)
			for _, format := range formats {
				if err == nil {
					err = export.Write(dir, format, run)
				}
			}
			if _, is := errors.AsType[*fs.PathError](err); is {
				err = fmt.Errorf("%w; choose another directory with --out", err)
			}
			if err != nil {
				return fmt.Errorf("%s: %w", args[0], err)
			}
			_, err = fmt.Fprintln(cmd.OutOrStdout(), filepath.Join(dir, reports.PageName))
			return err
		},
	}
	cmd.Flags().StringVar(&out, "out", "", "write the report to `DIR` (default: beside the result)")
	draw.add(cmd.Flags(), export.Formats()...)
	complete(cmd, "format", draw.offered)
	return cmd
}

// directoryOf is the directory of a result that is named by it, or by its file.
func directoryOf(path string) string {
	if info, err := os.Stat(path); err == nil && !info.IsDir() {
		return filepath.Dir(path)
	}
	return path
}
