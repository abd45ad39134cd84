package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/throng-io/throng/reports"
	"github.com/throng-io/throng/reports/export"
	"github.com/throng-io/throng/scenario/result"
)

func reportCommand() *cobra.Command {
	var draw drawFlags
	cmd := &cobra.Command{
		Use:   "report DIR",
		Short: "Draw the report of a saved result again",
		Long: `Draw report.html and the figures again from the result.json in DIR, or from the
file itself. For a run that was killed or still runs, it draws the finished trials and
lists the missing ones.

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
			dir := args[0]
			if info, err := os.Stat(dir); err == nil && !info.IsDir() {
				dir = filepath.Dir(dir)
			}
			if run.Interrupted {
				for _, w := range run.Warnings {
					_, _ = fmt.Fprintf(cmd.ErrOrStderr(), "throng: %s\n", w)
				}
			}
			if err := reports.Write(dir, run, what); err != nil {
				return fmt.Errorf("%s: %w", args[0], err)
			}
			for _, format := range formats {
				if err := export.Write(dir, format, run); err != nil {
					return fmt.Errorf("%s: %w", args[0], err)
				}
			}
			_, err = fmt.Fprintln(cmd.OutOrStdout(), filepath.Join(dir, "report.html"))
			return err
		},
	}
	programs := []string{"csv", "md", "junit", "openmetrics"}
	draw.add(cmd.Flags(), programs...)
	complete(cmd, "format", drawFormats(programs...))
	return cmd
}
