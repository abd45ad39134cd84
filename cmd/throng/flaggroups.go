package main

import (
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// flagGroup is a group of flags under one heading in the help of a command.
type flagGroup struct {
	title  string
	define func(*pflag.FlagSet)
}

// groupOf is the annotation of a flag with the title of its group.
const groupOf = "throng_group"

// group defines flags of a command, whose help lists them in groups: there are too
// many for one list. What else the command has comes last.
func group(cmd *cobra.Command, groups ...flagGroup) {
	for _, g := range groups {
		set := pflag.NewFlagSet(g.title, pflag.ContinueOnError)
		set.SortFlags = false // related flags stand together
		g.define(set)
		set.VisitAll(func(f *pflag.Flag) {
			if f.Annotations == nil {
				f.Annotations = map[string][]string{}
			}
			f.Annotations[groupOf] = []string{g.title}
		})
		cmd.Flags().AddFlagSet(set)
	}
}

// flagSets returns the flags of a command by group, each set named by its title. Flags without a
// group are the last set.
func flagSets(cmd *cobra.Command) []*pflag.FlagSet {
	var sets []*pflag.FlagSet
	byTitle := map[string]*pflag.FlagSet{}
	rest := pflag.NewFlagSet("Flags", pflag.ContinueOnError)
	rest.SortFlags = false
	cmd.InitDefaultHelpFlag()
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		titles := f.Annotations[groupOf]
		switch {
		case f.Hidden:
		case len(titles) == 0:
			rest.AddFlag(f)
		default:
			set := byTitle[titles[0]]
			if set == nil {
				set = pflag.NewFlagSet(titles[0], pflag.ContinueOnError)
				set.SortFlags = false
				sets, byTitle[titles[0]] = append(sets, set), set
			}
			set.AddFlag(f)
		}
	})
	if rest.HasFlags() {
		if len(sets) > 0 {
			rest.Init("Other flags", pflag.ContinueOnError)
		}
		sets = append(sets, rest)
	}
	return sets
}
