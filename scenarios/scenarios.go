// Package scenarios holds the ready scenario files, embedded in the binary,
// so that they run anywhere by their name.
package scenarios

import (
	"embed"
	"fmt"
	"slices"
	"strings"
)

//go:embed *.yaml
var files embed.FS

//go:embed README.md
var manual string

// Manual is the manual of scenario files, in Markdown.
func Manual() string { return manual }

// Names lists the scenarios by name, in alphabetical order; quickstart, the
// one to begin with, comes first.
func Names() []string {
	entries, err := files.ReadDir(".")
	if err != nil {
		return nil // cannot happen: the folder is part of the binary
	}
	names := []string{"quickstart"}
	for _, e := range entries {
		if name := strings.TrimSuffix(e.Name(), ".yaml"); name != "quickstart" {
			names = append(names, name)
		}
	}
	slices.Sort(names[1:]) // the files' order is that of their names with .yaml
	return names
}

// Read returns the text of a scenario, named with or without .yaml. The
// caller owns the slice.
func Read(name string) ([]byte, error) {
	name = strings.TrimSuffix(name, ".yaml")
	if !slices.Contains(Names(), name) {
		return nil, fmt.Errorf("no ready scenario is named %q; there are %s", name, strings.Join(Names(), ", "))
	}
	text, err := files.ReadFile(name + ".yaml")
	if err != nil {
		return nil, fmt.Errorf("reading the ready scenario %s: %w", name, err)
	}
	return text, nil
}
