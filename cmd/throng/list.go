package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/throng-io/throng/cmd/throng/internal/manual"
	"github.com/throng-io/throng/scenario/file"
	"github.com/throng-io/throng/scenario/regular"
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

// listScenarios writes names and purposes, these in lines that a terminal of 80 columns holds.
func listScenarios(out *errWriter, all []listed) error {
	longest := 0
	for _, s := range all {
		longest = max(longest, len(s.Name))
	}
	for _, s := range all {
		name := s.Name
		for _, line := range manual.Fill(s.About, helpWidth-longest-2) {
			out.printf("%-*s  %s\n", longest, name, line)
			name = ""
		}
	}
	return out.err
}

// load reads a scenario by the path of its file or the name of a ready one. A
// file of that name in the working directory comes first. "-" is standard input.
//
// secret names variables of the file whose values must not be written anywhere.
func load(stdin io.Reader, name string, set map[string]string, secret ...string) (*file.File, error) {
	if name == "-" {
		text, err := regular.ReadAll("standard input", stdin, file.MaxText)
		if errors.Is(err, context.Canceled) {
			return nil, &exitError{code: exitInterrupted}
		}
		if err != nil {
			return nil, fmt.Errorf("read the scenario: %w", err)
		}
		return file.Parse("stdin", text, set, secret...)
	}
	info, err := os.Stat(name)
	folder := err == nil && info.IsDir() // such as --out quickstart has left
	text, err := regular.ReadFile(name, file.MaxText)
	switch {
	case err == nil:
		return file.Parse(name, text, set, secret...)
	case !folder && !errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("%w; give the file of a scenario, or - for standard input", err)
	}
	text, err = scenarios.Read(name)
	switch {
	case err != nil && folder:
		return nil, fmt.Errorf("%s: a directory, and no ready scenario of that name; name a scenario file, or see 'throng list'", name)
	case err != nil:
		hint := "'throng list' lists them"
		files, _ := filepath.Glob(filepath.Join(filepath.Dir(name), "*.y*ml"))
		if near := file.Suggest(name, append(files, scenarios.Names()...)); near != "" {
			hint = fmt.Sprintf("did you mean %s?", near)
		}
		return nil, fmt.Errorf("%s: no such file, and no ready scenario of that name; %s", name, hint)
	}
	if set["target.url"] != "" {
		return file.Foreign(filepath.Base(name), text, set, secret...)
	}
	return file.Parse(filepath.Base(name), text, set, secret...)
}

// leftOut lists the parts of a ready scenario that are left out because its target is not the
// built-in server.
func leftOut(w io.Writer, f *file.File) {
	if len(f.LeftOut) > 0 {
		_, _ = fmt.Fprintf(w, "throng: %s leaves out parts that need the built-in server: %s\n", f.Spec.Name, strings.Join(f.LeftOut, "; "))
	}
}
