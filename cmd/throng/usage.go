package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/throng-io/throng/scenario/file"
)

// arguments refuses fewer or more arguments than a command takes.
func arguments(least, most int) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		_, takes, _ := strings.Cut(cmd.Use, " ")
		usage := strings.TrimSpace(cmd.CommandPath() + " " + takes)
		switch {
		case len(args) < least:
			return fmt.Errorf("%s is missing; write %s (%s)", takes, usage, helpOf(cmd))
		case len(args) > most:
			return fmt.Errorf("%q is one argument too many; write %s (%s)", args[most], usage, helpOf(cmd))
		}
		return nil
	}
}

// refuseEmpty makes a command and those below it refuse empty flags and arguments: a script whose
// variable is not set would get the default, and not know. It also says which flags exclude each
// other.
func refuseEmpty(cmd *cobra.Command) {
	if takes := cmd.Args; takes != nil {
		cmd.Args = func(cmd *cobra.Command, args []string) error {
			if err := noneEmpty(cmd.Flags()); err != nil {
				return err
			}
			if err := cmd.ValidateFlagGroups(); err != nil {
				return together(err)
			}
			if i := slices.Index(args, ""); i >= 0 {
				return fmt.Errorf("argument %d is empty; give it a value (%s)", i+1, helpOf(cmd))
			}
			return takes(cmd, args)
		}
	}
	for _, c := range cmd.Commands() {
		refuseEmpty(c)
	}
}

// emptyIsNone are the flags of which an empty value says something.
var emptyIsNone = []string{"health-path"}

// noneEmpty refuses flags that are given without a value, once at least where they may be repeated.
func noneEmpty(flags *pflag.FlagSet) (err error) {
	flags.Visit(func(f *pflag.Flag) {
		empty := f.Value.Type() == "string" && f.Value.String() == ""
		if list, is := f.Value.(pflag.SliceValue); is {
			all := list.GetSlice()
			empty = len(all) == 0 || f.Value.Type() == "stringArray" && slices.Contains(all, "")
		}
		if empty && !slices.Contains(emptyIsNone, f.Name) {
			err = fmt.Errorf("--%s is empty; give it a value, or leave it out", f.Name)
		}
	})
	return err
}

// together names the flags that exclude each other, in the place of cobra's error.
func together(err error) error {
	_, flags, _ := strings.Cut(err.Error(), "; [")
	flags, _, found := strings.Cut(flags, "]")
	if !found {
		return err
	}
	return fmt.Errorf("--%s cannot be given together; leave out all but one", strings.Join(strings.Fields(flags), " and --"))
}

// unlimited is how many arguments a command takes that takes as many as there are.
const unlimited = 1 << 30

func helpOf(cmd *cobra.Command) string {
	return fmt.Sprintf("'%s --help' explains it", cmd.CommandPath())
}

// noSuchCommand is what throng says to a first argument that is none of its commands.
func noSuchCommand(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return cmd.Help()
	}
	var names []string
	for _, c := range cmd.Commands() {
		names = append(names, c.Name())
	}
	hint := "'throng --help' lists them"
	if near := file.Suggest(args[0], names); near != "" {
		hint = fmt.Sprintf("did you mean '%s %s'?", cmd.Name(), near)
	}
	return fmt.Errorf("unknown command %q; %s", args[0], hint)
}

// valueHints say what to write for a flag, by its type, where the parser of its value is Go's.
var valueHints = map[string]string{
	"int": "write a whole number", "float64": "write a number such as 0.2", "duration": "write a duration such as 30s or 10m",
	"bool": "write true or false, or the flag alone",
}

// flagElsewhere says what to write for a flag that other load testers have, and by which flag of
// ours; "" for any other.
func flagElsewhere(name string) (flag, hint string) {
	switch name {
	case "vus", "users", "connections":
		return "set", "write --set groups.NAME.count=100"
	case "duration", "run-time":
		return "set", "write --set phases.NAME.for=1m, such as phases.hold.for=1m"
	case "rate":
		return "set", "write --set groups.NAME.send.0.rate=10/s"
	case "spawn-rate":
		return "set", "write --set groups.NAME.connect.rate=100/s"
	case "env", "environment", "variables", "overrides":
		return "set", "write --set NAME=VALUE for each variable or key, and --target URL"
	case "host", "url":
		return "target", "write --target URL"
	case "port":
		return "listen", "write --listen :PORT"
	case "output": // a directory, or the file of an import
		return "out", "write --out"
	case "tag":
		return "out", "write --out DIR: 'throng view' shows the results by their directories"
	}
	return "", ""
}

// badFlag describes in one line the mistake in a flag and the remedy.
func badFlag(cmd *cobra.Command, err error) error {
	if e, ok := errors.AsType[*pflag.NotExistError](err); ok {
		if flag, hint := flagElsewhere(e.GetSpecifiedName()); cmd.Flags().Lookup(flag) != nil {
			return fmt.Errorf("%w; %s", err, hint)
		}
		var names []string
		cmd.Flags().VisitAll(func(f *pflag.Flag) { names = append(names, f.Name) })
		if near := file.Suggest(e.GetSpecifiedName(), names); near != "" && e.GetSpecifiedShortnames() == "" {
			return fmt.Errorf("%w; did you mean --%s?", err, near)
		}
		return fmt.Errorf("%w (%s)", err, helpOf(cmd))
	}
	if e, ok := errors.AsType[*pflag.ValueRequiredError](err); ok {
		return fmt.Errorf("--%s needs a value (%s)", e.GetFlag().Name, helpOf(cmd))
	}
	if e, ok := errors.AsType[*pflag.InvalidValueError](err); ok {
		cause := e.Unwrap().Error()
		if hint := valueHints[e.GetFlag().Value.Type()]; hint != "" && !strings.HasPrefix(cause, "write ") {
			return fmt.Errorf("invalid argument %q for --%s; %s", e.GetValue(), e.GetFlag().Name, hint)
		}
	}
	return err
}
