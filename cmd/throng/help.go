package main

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/throng-io/throng/cmd/throng/internal/manual"
	"github.com/throng-io/throng/scenario/file"
)

// helpWidth is how wide the help is, where a terminal is not narrower.
const helpWidth = 80

// commandGroups lists the commands by what they are for.
var commandGroups = []struct {
	title string
	names []string
}{
	{"Scenarios", []string{"list", "init", "check", "record", "import", "schema"}},
	{"Measuring", []string{"run", "capacity", "compare"}},
	{"Results", []string{"report", "view"}},
	{"Servers", []string{"serve", "emit"}},
	{"Several load generators", []string{"agent", "fleet"}},
	{"This machine and this program", []string{"doctor", "version", "help"}},
}

// explain is the help of every command: what it does and examples first, then the flags by group,
// and at the end the details.
func explain(cmd *cobra.Command, _ []string) {
	what, details := divided(cmd)
	width, _ := columnsOf(cmd.OutOrStdout())
	out := &errWriter{w: cmd.OutOrStdout()}
	out.printf("%s", manual.Plain(what, width))
	if cmd.Example != "" {
		out.printf("\nExamples:\n%s\n", cmd.Example)
	}
	out.printf("\n%s", usageText(cmd, width))
	if len(details) > 0 {
		out.printf("\n%s", manual.Plain(details, width))
	}
}

// divided returns the first paragraph of what a command says about itself, with the list that it
// introduces, and the rest.
func divided(cmd *cobra.Command) (what, details []manual.Block) {
	all := manual.Parse(cmp.Or(cmd.Long, cmd.Short+"."))
	n := 1
	if len(all) > 1 && all[1].Kind == manual.Literal {
		n = 2
	}
	return all[:n], all[n:]
}

// usageText is how a command is written, in lines of width characters: its arguments, commands
// below it, and flags.
func usageText(cmd *cobra.Command, width int) string {
	var b strings.Builder
	b.WriteString("Usage:\n")
	for i, line := range manual.Fill(useLine(cmd), width-6) {
		fmt.Fprintf(&b, "  %s%s\n", map[bool]string{false: "    "}[i == 0], line)
	}
	row := func(name, about string) {
		for i, line := range manual.Fill(about, width-16) {
			fmt.Fprintf(&b, "  %-12s  %s\n", map[bool]string{true: name}[i == 0], line)
		}
	}
	switch {
	case !cmd.HasParent():
		for _, g := range commandGroups {
			fmt.Fprintf(&b, "\n%s:\n", g.title)
			for _, name := range g.names {
				if c := commandNamed(cmd, name); c != nil {
					row(name, c.Short)
				}
			}
		}
		fmt.Fprint(&b, "\nThe manual, by 'throng help TOPIC':\n")
		for _, t := range topics() {
			row(t.name, t.title)
		}
	case cmd.HasAvailableSubCommands():
		fmt.Fprint(&b, "\nCommands:\n")
		for _, c := range cmd.Commands() {
			row(c.Name(), c.Short)
		}
	}
	for _, set := range flagSets(cmd) {
		fmt.Fprintf(&b, "\n%s:\n%s", set.Name(), set.FlagUsagesWrapped(width))
	}
	return b.String()
}

// useLine is how a command is written.
func useLine(cmd *cobra.Command) string {
	cmd.InitDefaultHelpFlag() // it counts among the flags
	if !cmd.HasParent() {
		return cmd.Name() + " COMMAND"
	}
	return cmd.UseLine()
}

// commandNamed returns the command below parent with the name, or nil.
func commandNamed(parent *cobra.Command, name string) *cobra.Command {
	at := slices.IndexFunc(parent.Commands(), func(c *cobra.Command) bool { return c.Name() == name })
	if at < 0 {
		return nil
	}
	return parent.Commands()[at]
}

// helpCommand is 'throng help COMMAND'. Unlike cobra's own it fails for a command that does not
// exist, and it knows topics.
func helpCommand() *cobra.Command {
	var man string
	cmd := &cobra.Command{
		Use:   "help [COMMAND|TOPIC]",
		Short: "Explain a command or a topic",
		Long: `Explain a command, as 'throng COMMAND --help' does, or a topic of the manual. Without an
argument it lists both.

--man DIR writes the same text as man pages: throng(1), one for each command such as
throng-run(1), and one for each topic such as throng-checks(7).`,
		Example: `  throng help run
  throng help checks
  throng help --man ~/.local/share/man`,
		Args: arguments(0, 2),
		ValidArgsFunction: func(cmd *cobra.Command, args []string, _ string) (names []cobra.Completion, _ cobra.ShellCompDirective) {
			if len(args) == 0 {
				names = explained(cmd.Root())
			}
			return names, cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			root := cmd.Root()
			if cmd.Flags().Changed("man") {
				return writeManPages(root, man, args)
			}
			if len(args) == 0 {
				return root.Help()
			}
			if at := slices.IndexFunc(topics(), func(t topic) bool { return t.name == args[0] }); at >= 0 && len(args) == 1 {
				width, _ := columnsOf(cmd.OutOrStdout())
				_, err := fmt.Fprint(cmd.OutOrStdout(), manual.Plain(topics()[at].blocks(), width))
				return err
			}
			found, rest, err := root.Find(args)
			if err != nil || found == root || len(rest) > 0 {
				return noHelp(root, strings.Join(args, " "))
			}
			return found.Help()
		},
	}
	cmd.Flags().StringVar(&man, "man", "", "write man pages to man1 and man7 in this `DIR`")
	return cmd
}

// explained are the names that 'throng help' takes.
func explained(root *cobra.Command) (names []string) {
	for _, c := range root.Commands() {
		if c.IsAvailableCommand() {
			names = append(names, c.Name())
		}
	}
	for _, t := range topics() {
		names = append(names, t.name)
	}
	return names
}

// noHelp is the error for a name that is neither a command nor a topic.
func noHelp(root *cobra.Command, name string) error {
	hint := "'throng help' lists them"
	if near := file.Suggest(name, explained(root)); near != "" {
		hint = fmt.Sprintf("did you mean 'throng help %s'?", near)
	}
	return fmt.Errorf("%q is neither a command nor a topic; %s", name, hint)
}

// writeManPages writes a page for each command and topic.
func writeManPages(root *cobra.Command, dir string, args []string) error {
	if dir == "" || len(args) > 0 {
		return errors.New("--man takes one directory and nothing else; write throng help --man DIR")
	}
	for name, text := range manPages(root) {
		path := filepath.Join(dir, "man"+name[len(name)-1:], name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return fmt.Errorf("write man pages: %w", err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			return fmt.Errorf("write man pages: %w", err)
		}
	}
	return nil
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
