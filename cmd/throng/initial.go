package main

import (
	_ "embed" // the starters
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/throng-io/throng/protocol/address"
	"github.com/throng-io/throng/scenario/file"
)

// The scenarios to start from: for the built-in server, and for a target.
var (
	//go:embed starter.yaml
	starter string
	//go:embed starter-target.yaml
	targetStarter string
)

// starterName is the default name of the starter.
const starterName = "scenario"

func initCommand() *cobra.Command {
	var target string
	cmd := &cobra.Command{
		Use:   "init [NAME]",
		Short: "Write a commented scenario to start from",
		Long: `Write NAME.yaml (` + starterName + `.yaml without a name), a small commented scenario that
runs against the built-in server without changes. With --target it is one for a server of
your own, whose events you write into it. An existing file is never overwritten.`,
		Example: `  throng init my
  throng check my.yaml && throng run my.yaml
  throng init own --target http://localhost:3000`,
		Args: arguments(0, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			path := starterName
			if len(args) == 1 {
				path = args[0]
			}
			if strings.Contains(path, "://") {
				return fmt.Errorf("%s: an address, and no name; write throng init NAME --target %[1]s", address.Hide(path))
			}
			if ext := filepath.Ext(path); ext != ".yaml" && ext != ".yml" {
				path += ".yaml"
			}
			text, next := starter, "'throng check FILE' shows what it does, 'throng run FILE' runs it"
			at := ""
			if cmd.Flags().Changed("target") {
				var err error
				if at, err = targetValue(target); err != nil {
					return err
				}
				text, next = targetStarter, "write the events of your server into its contract:, then 'throng run FILE --quick' tries it"
			}
			if err := writeStarter(path, text, at); err != nil {
				return err
			}
			_, err := fmt.Fprintf(cmd.OutOrStdout(), "%s is written; %s\n", path, strings.ReplaceAll(next, "FILE", path))
			return err
		},
	}
	cmd.Flags().StringVar(&target, "target", "", "write a scenario for the server at this `URL`, or unix:PATH")
	return cmd
}

// targetValue is what a scenario says of the server at an address.
func targetValue(address string) (string, error) {
	set := map[string]string{}
	if err := putTarget("--target", address, set); err != nil {
		return "", err
	}
	var parts []string
	for _, key := range []string{"url", "path"} {
		if v := set["target."+key]; v != "" {
			quoted, err := json.Marshal(v) // YAML reads JSON
			if err != nil {
				return "", err
			}
			parts = append(parts, key+": "+string(quoted))
		}
	}
	return "{" + strings.Join(parts, ", ") + "}", nil
}

// writeStarter writes a starter for a file of that path, with what it says of its target. A name
// that a scenario cannot have is refused, and nothing written.
func writeStarter(path, text, target string) error {
	name := strings.TrimSuffix(filepath.Base(path), filepath.Ext(path))
	if _, err := file.Parse(path, []byte(strings.ReplaceAll(starter, "NAME", name)), nil); err != nil {
		return fmt.Errorf("a scenario cannot be named %q; use a-z, 0-9 and -, at most 63, starting with a letter or digit", name)
	}
	text = strings.Replace(strings.ReplaceAll(text, "NAME", name), "TARGET", target, 1)
	if _, err := file.Parse(path, []byte(text), nil); err != nil {
		return err
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
