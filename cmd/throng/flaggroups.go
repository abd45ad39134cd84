package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// flagGroup is a group of flags under one heading in the help of a command.
type flagGroup struct {
	title  string
	define func(*pflag.FlagSet)
}

// group defines flags of a command, whose help lists them in groups: there are too
// many for one list. What else the command has comes last.
func group(cmd *cobra.Command, groups ...flagGroup) {
	sets := make([]*pflag.FlagSet, len(groups))
	for i, g := range groups {
		sets[i] = pflag.NewFlagSet(g.title, pflag.ContinueOnError)
		sets[i].SortFlags = false // related flags stand together
		g.define(sets[i])
		cmd.Flags().AddFlagSet(sets[i])
	}
	cmd.SetUsageFunc(func(cmd *cobra.Command) error {
		var b strings.Builder
		fmt.Fprintf(&b, "Usage:\n  %s\n", cmd.UseLine())
		rest := pflag.NewFlagSet("Other flags", pflag.ContinueOnError)
		cmd.Flags().VisitAll(func(f *pflag.Flag) {
			if !slices.ContainsFunc(sets, func(set *pflag.FlagSet) bool { return set.Lookup(f.Name) != nil }) {
				rest.AddFlag(f)
			}
		})
		for _, set := range append(slices.Clone(sets), rest) {
			fmt.Fprintf(&b, "\n%s:\n%s", set.Name(), set.FlagUsages())
		}
		_, err := fmt.Fprint(cmd.OutOrStdout(), b.String())
		return err
	})
}
