package main

import (
	"github.com/spf13/cobra"

	"github.com/throng-io/throng/cmd/throng/internal/manual"
	"github.com/throng-io/throng/scenarios"
)

// listed is a ready scenario in the answer of `throng list --json`. The field names are a contract.
type listed struct {
	Name  string `json:"name"`
	About string `json:"about"`
}

func listCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the ready scenarios",
		Long: `List the ready scenarios and their purposes. Run one by its name: 'throng run
broadcast'. 'throng check NAME' prints its plan, and --set changes its keys.`,
		Example: `  throng list
  throng list --json | jq -r '.[].name'`,
		Args: arguments(0, 0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			var all []listed
			for _, name := range scenarios.Names() {
				f, err := load(nil, name, nil)
				if err != nil {
					return err
				}
				all = append(all, listed{name, f.Spec.About})
			}
			if asJSON {
				return writeJSON(cmd.OutOrStdout(), all)
			}
			return listScenarios(&errWriter{w: cmd.OutOrStdout()}, all)
		},
	}
	jsonFlag(cmd.Flags(), &asJSON)
	return cmd
}

// listScenarios writes names and purposes, these in lines that a terminal holds.
func listScenarios(out *errWriter, all []listed) error {
	width, _ := columnsOf(out.w)
	longest := 0
	for _, s := range all {
		longest = max(longest, len(s.Name))
	}
	for _, s := range all {
		name := s.Name
		for _, line := range manual.Fill(s.About, width-longest-2) {
			out.printf("%-*s  %s\n", longest, name, line)
			name = ""
		}
	}
	return out.err
}
