package main

import (
	"fmt"

	"github.com/spf13/cobra"
)

// helpCommand is 'throng help COMMAND'. Unlike cobra's own it fails for a command that does not
// exist.
func helpCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "help [COMMAND]",
		Short: "Explain a command",
		Args:  arguments(0, 1),
		ValidArgsFunction: func(cmd *cobra.Command, args []string, _ string) (names []cobra.Completion, _ cobra.ShellCompDirective) {
			for _, c := range cmd.Root().Commands() {
				if len(args) == 0 && c.IsAvailableCommand() {
					names = append(names, c.Name())
				}
			}
			return names, cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			root := cmd.Root()
			if len(args) == 0 {
				return root.Help()
			}
			found, _, err := root.Find(args)
			if err != nil || found == root {
				return noSuchCommand(root, args)
			}
			return found.Help()
		},
	}
}

// refuseShells makes 'throng completion SHELL' fail for a shell that it does not know. It is called
// when root has its output: cobra's command keeps the one that it finds.
func refuseShells(root *cobra.Command) {
	root.InitDefaultCompletionCmd()
	completion, _, err := root.Find([]string{"completion"})
	if err != nil || completion == root {
		return // the command has gone from the library
	}
	completion.Args = cobra.ArbitraryArgs
	completion.RunE = func(cmd *cobra.Command, args []string) error {
		if len(args) == 0 {
			return cmd.Help()
		}
		return fmt.Errorf("no completion for %q; write bash, zsh, fish or powershell", args[0])
	}
}
