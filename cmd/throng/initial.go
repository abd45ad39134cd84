package main

import (
	_ "embed" // the starter
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/throng-io/throng/scenario/file"
)

//go:embed starter.yaml
var starter string

// starterName is the default name of the starter.
const starterName = "scenario"

func initCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "init [NAME]",
		Short: "Write a commented scenario to start from",
		Long: `Write NAME.yaml (` + starterName + `.yaml without a name), a small commented scenario that
runs against the built-in server without changes. An existing file is never overwritten.`,
		Example: `  throng init my
  throng check my.yaml && throng run my.yaml`,
		Args: arguments(0, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			path := starterName
			if len(args) == 1 {
				path = args[0]
			}
			if ext := filepath.Ext(path); ext != ".yaml" && ext != ".yml" {
				path += ".yaml"
			}
			if err := writeStarter(path); err != nil {
				return err
			}
			_, err := fmt.Fprintf(cmd.OutOrStdout(), "%s is written; 'throng check %[1]s' shows what it does, 'throng run %[1]s' runs it\n", path)
			return err
		},
	}
}

// writeStarter writes the starter for a file of that path. It is parsed
// before: a name that a scenario cannot have is refused, and nothing written.
func writeStarter(path string) error {
	name := strings.TrimSuffix(filepath.Base(path), filepath.Ext(path))
	text := strings.ReplaceAll(starter, "NAME", name)
	if _, err := file.Parse(path, []byte(text), nil); err != nil {
		return fmt.Errorf("a scenario cannot be named %q; use a-z, 0-9 and -, at most 63, starting with a letter or digit", name)
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	switch {
	case errors.Is(err, fs.ErrExist):
		return fmt.Errorf("%s exists and is not overwritten; choose another name", path)
	case err != nil:
		return fmt.Errorf("write the starter: %w", err)
	}
	if _, err = f.WriteString(text); err == nil {
		err = f.Close()
	} else {
		_ = f.Close()
	}
	if err != nil {
		_ = os.Remove(path) // an incomplete scenario is useless
		return fmt.Errorf("write the starter: %w", err)
	}
	return nil
}
