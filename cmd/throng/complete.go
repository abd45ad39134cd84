package main

import (
	"strings"

	"github.com/spf13/cobra"

	"github.com/throng-io/throng/scenarios"
)

// completeScenarios offers the ready scenarios whose names begin with the typed text. Without a
// match the shell completes files.
func completeScenarios(_ *cobra.Command, _ []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
	var names []cobra.Completion
	for _, name := range scenarios.Names() {
		if strings.HasPrefix(name, typed) {
			names = append(names, name)
		}
	}
	return names, cobra.ShellCompDirectiveDefault
}

// complete offers the values of a flag.
func complete(cmd *cobra.Command, flag string, values []string) {
	// It fails for a flag that is not there or is completed already, which the tests would show.
	_ = cmd.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp))
}
