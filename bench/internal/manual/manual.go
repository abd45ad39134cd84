// Package manual puts what a program has measured into a manual, between two lines of it.
package manual

import (
	"fmt"
	"os"
	"strings"
)

// Ends is the line after a table.
const Ends = "<!-- end -->\n"

// Begins is the line before the table that a command writes.
func Begins(command string) string { return "<!-- Written by " + command + " -->\n" }

// Rewrite puts the table of a command, such as "go run ./bench/cluster --update", into a file
// that has both lines.
func Rewrite(file, command, table string) error {
	b, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	before, rest, begins := strings.Cut(string(b), Begins(command))
	_, after, ends := strings.Cut(rest, Ends)
	if !begins || !ends {
		return fmt.Errorf("%s has no lines %q and %q", file, Begins(command), Ends)
	}
	return os.WriteFile(file, []byte(before+Begins(command)+table+Ends+after), 0o600)
}
