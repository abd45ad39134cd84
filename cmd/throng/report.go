package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/throng-io/throng/reports"
	"github.com/throng-io/throng/scenario/result"
)

func reportCommand() *cobra.Command {
	var formats []string
	cmd := &cobra.Command{
		Use:   "report DIR",
		Short: "Draw the report of a saved result again",
		Long: `Draw report.html and the figures again from the result.json in DIR, or from the
file itself. --format adds files for other programs: csv (timeline.csv), md
(summary.md), junit (junit.xml), openmetrics (metrics.txt).`,
		Args: arguments(1, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			run, err := result.Read(args[0])
			if err != nil {
				return err
			}
			dir := args[0]
			if info, err := os.Stat(dir); err == nil && !info.IsDir() {
				dir = filepath.Dir(dir)
			}
			if err := reports.Write(dir, run); err != nil {
				return err
			}
			for _, format := range formats {
				if err := reports.WriteFormat(dir, format, run); err != nil {
					return err
				}
			}
			_, err = fmt.Fprintln(cmd.OutOrStdout(), filepath.Join(dir, "report.html"))
			return err
		},
	}
	cmd.Flags().StringSliceVar(&formats, "format", nil, "write these `FORMATS` too: csv, md, junit, openmetrics")
	complete(cmd, "format", []string{"csv", "md", "junit", "openmetrics"})
	return cmd
}
