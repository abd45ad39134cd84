package main

import (
	"fmt"
	"text/tabwriter"

	"github.com/spf13/cobra"
)

func checkCommand() *cobra.Command {
	var set []string
	cmd := &cobra.Command{
		Use:   "check FILE|NAME",
		Short: "Validate a scenario and print what it will do",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			values, err := parseSet(set)
			if err != nil {
				return err
			}
			f, err := load(args[0], values)
			if err != nil {
				return err
			}
			out := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
			cells := f.Cells()
			plan := f.Spec.Plan()
			for _, r := range [][2]string{
				{"scenario", f.Spec.Name},
				{"about", f.Spec.About},
				{"trials", fmt.Sprint(len(cells))},
				{"clients", fmt.Sprint(plan.Clients)},
				{"sockets", fmt.Sprint(plan.Sockets)},
				{"file descriptors", fmt.Sprint(plan.Files)},
				{"duration of a trial", plan.Duration.String()},
				{"messages sent", fmt.Sprintf("%.1f/s", plan.Offered)},
				{"deliveries expected", fmt.Sprintf("%.0f/s", plan.Deliveries)},
			} {
				if r[1] != "" {
					_, _ = fmt.Fprintf(out, "%s\t%s\n", r[0], r[1])
				}
			}
			return out.Flush()
		},
	}
	cmd.Flags().StringArrayVar(&set, "set", nil, "override a variable or a key of the scenario: key=value")
	return cmd
}
