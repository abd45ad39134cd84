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
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/throng-io/throng/scenario/file"
	"github.com/throng-io/throng/scenario/regular"
	"github.com/throng-io/throng/scenarios"
)

func listCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List the ready scenarios",
		Long: `List the ready scenarios and their purposes. Run one by its name: 'throng run
broadcast'. 'throng check NAME' prints its plan, and --set changes its keys.`,
		Args: arguments(0, 0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			out := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
			for _, name := range scenarios.Names() {
				f, err := load(nil, name, nil)
				if err != nil {
					return err
				}
				_, _ = fmt.Fprintf(out, "%s\t%s\n", name, f.Spec.About)
			}
			return out.Flush()
		},
	}
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
