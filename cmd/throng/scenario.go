package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/throng-io/throng/protocol/address"
	"github.com/throng-io/throng/scenario/client"
	"github.com/throng-io/throng/scenario/file"
	"github.com/throng-io/throng/scenario/regular"
	"github.com/throng-io/throng/scenarios"
)

// scenarioFlags are the flags that change a scenario.
type scenarioFlags struct {
	target      string
	set, secret []string
	allow       bool // commands of the scenario
}

// add defines the flags of commands that run the scenario.
func (s *scenarioFlags) add(f *pflag.FlagSet) {
	f.StringVar(&s.target, "target", "", "test the server at this `URL`, or unix:PATH, instead of the scenario's")
	setFlag(f, &s.set)
	secretFlag(f, &s.secret)
	allowRunFlag(f, &s.allow)
}

// values are what --set and --target set.
func (s *scenarioFlags) values(cmd *cobra.Command) (map[string]string, error) {
	set, err := parseSet(s.set, s.secret)
	if err != nil {
		return nil, err
	}
	return set, setTarget(cmd, s.target, set)
}

// setFlag defines --set.
func setFlag(f *pflag.FlagSet, set *[]string) {
	f.StringArrayVar(set, "set", nil, "override a variable or a key of the scenario: `KEY=VALUE`")
}

// allowRunFlag defines the flag without which no command of a scenario is executed.
func allowRunFlag(f *pflag.FlagSet, allow *bool) {
	f.BoolVar(allow, "allow-run", false, "execute the commands of the scenario's faults on this machine; 'throng check' prints them")
}

// parseSet reads the values of --set. secret holds the names of --secret.
func parseSet(pairs, secret []string) (map[string]string, error) {
	if err := checkSecretNames(secret); err != nil {
		return nil, err
	}
	set := map[string]string{}
	for _, pair := range pairs {
		key, value, ok := strings.Cut(pair, "=")
		if !ok || key == "" {
			return nil, fmt.Errorf("--set %q is not an assignment; write --set key=value", pair)
		}
		set[key] = value
	}
	return set, nil
}

// setTarget puts the address that --target gives among the keys that are set: what a scenario says
// of a server is then judged with the target known. A path in the address is the server's path.
func setTarget(cmd *cobra.Command, address string, set map[string]string) error {
	if !cmd.Flags().Changed("target") {
		return nil
	}
	return putTarget("--target", address, set)
}

// putTarget puts an address, which messages call name, among the keys that are set.
func putTarget(name, address string, set map[string]string) error {
	if path, unix := client.SocketPath(address); unix && path != "" {
		set["target.url"] = address
		return nil
	}
	u, err := file.ServerURL(address, "write http://HOST:PORT, https://HOST:PORT or unix:PATH", "put queries and credentials in the groups' query, headers or auth")
	if err != nil {
		return fmt.Errorf("%s %w", name, err)
	}
	if u.Path != "" && u.Path != "/" {
		set["target.path"] = strings.TrimSuffix(u.Path, "/") + "/"
	}
	u.Path = ""
	set["target.url"] = u.String()
	return nil
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
		if other := file.Other(name, ""); other != nil { // too long for a scenario
			return nil, other
		}
		if filepath.Base(name) == "result.json" {
			return nil, fmt.Errorf("%s: a result, and no scenario; 'throng report %s' draws it, and scenario.yaml beside it is what ran", name, filepath.Dir(name))
		}
		return nil, fmt.Errorf("%w; give the file of a scenario, or - for standard input", err)
	}
	text, err = scenarios.Read(name)
	switch {
	case err != nil && folder:
		hint := "name a scenario file, or see 'throng list'"
		if files := scenarioFiles(name); len(files) > 0 {
			hint = fmt.Sprintf("did you mean %s?", files[0])
		}
		return nil, fmt.Errorf("%s: a directory, and no ready scenario of that name; %s", name, hint)
	case err != nil && strings.Contains(name, "://"):
		return nil, fmt.Errorf("%s: an address, and no scenario; name a scenario and the server behind it: quickstart --target %[1]s", address.Hide(name))
	case err != nil:
		hint := "'throng list' lists them"
		files := scenarioFiles(filepath.Dir(name))
		near := file.Suggest(name, append(files, scenarios.Names()...))
		if i := slices.IndexFunc(files, func(f string) bool { return strings.TrimSuffix(f, filepath.Ext(f)) == filepath.Clean(name) }); i >= 0 {
			near = files[i]
		}
		if near != "" {
			hint = fmt.Sprintf("did you mean %s?", near)
		}
		return nil, fmt.Errorf("%s: no such file, and no ready scenario of that name; %s", name, hint)
	}
	if set["target.url"] != "" {
		return file.Foreign(filepath.Base(name), text, set, secret...)
	}
	return file.Parse(filepath.Base(name), text, set, secret...)
}

// scenarioFiles are the files of a directory that may be scenarios, with its path.
func scenarioFiles(dir string) []string {
	files, _ := fs.Glob(os.DirFS(dir), "*.y*ml") // the pattern is a good one
	for i := range files {
		files[i] = filepath.Join(dir, files[i])
	}
	return files
}

// noTarget says of a scenario for another server than the built-in one that it names none.
func noTarget(w io.Writer, f *file.File) {
	if f.Spec.Contract != nil && f.Spec.Server != nil {
		_, _ = fmt.Fprintf(w, "throng: %s has a contract: and no target:, so that it is for the built-in server, whose events are join, leave, echo, room and all; name another with --target URL\n", f.Spec.Name)
	}
}

// leftOut lists the parts of a ready scenario that are left out because its target is not the
// built-in server.
func leftOut(w io.Writer, f *file.File) {
	if len(f.LeftOut) > 0 {
		_, _ = fmt.Fprintf(w, "throng: %s leaves out parts that need the built-in server: %s\n", f.Spec.Name, strings.Join(f.LeftOut, "; "))
	}
}
