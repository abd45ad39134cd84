package program

import (
	"errors"
	"flag"
	"fmt"
	"slices"
	"strings"
)

// Parse reads a command line that has nothing but flags.
func Parse(f *flag.FlagSet, args []string) error {
	if err := f.Parse(args); err != nil {
		return err
	}
	if f.NArg() > 0 {
		return fmt.Errorf("argument %q is unknown; see --help", f.Arg(0))
	}
	return nil
}

// Choice is a flag for some of the known names, separated by commas. They take the place of what
// into holds, which is the default, each once and in the order in which they are given.
func Choice(into *[]string, known ...string) flag.Value { return &choice{into, known} }

type choice struct {
	into  *[]string
	known []string
}

// String implements flag.Value, which asks the zero value, too.
func (c *choice) String() string {
	if c.into == nil {
		return ""
	}
	return strings.Join(*c.into, ",")
}

// Set implements flag.Value.
func (c *choice) Set(list string) error {
	var names []string
	for name := range strings.FieldsFuncSeq(list, func(r rune) bool { return r == ',' || r == ' ' }) {
		if !slices.Contains(c.known, name) {
			return fmt.Errorf("there is no %q; there are %s", name, strings.Join(c.known, ", "))
		}
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		return errors.New("it is empty; name some of " + strings.Join(c.known, ", "))
	}
	*c.into = names
	return nil
}
