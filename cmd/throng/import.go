package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/throng-io/throng/scenario/file"
	"github.com/throng-io/throng/scenario/importer"
	"github.com/throng-io/throng/scenario/regular"
)

// Limits of imported files.
const (
	maxScript    = file.MaxText
	maxRecording = 512 << 20
	maxImported  = 64 << 20 // of a data file that a script names
)

const importHelp = `Turn a file of another program into a scenario.

What the scenario cannot say is listed with the line of the file and the reason, here and
at the top of the scenario. It always passes 'throng check'; read it before you run it.`

func importCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "import artillery|har FILE",
		Short: "Turn a script of Artillery or a browser's recording into a scenario",
		Long:  importHelp,
		Example: `  throng import artillery chat.yml
  throng import har chat.har --out chat/scenario.yaml`,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return cmd.Help()
			}
			hint := "import artillery or har, or draft a scenario from what clients do: throng record --target URL"
			switch strings.ToLower(filepath.Ext(args[0])) {
			case ".yml", ".yaml", ".json":
				hint = "write throng import artillery " + args[0]
			case ".har":
				hint = "write throng import har " + args[0]
			}
			return fmt.Errorf("%q is no kind of file that can be imported; %s", args[0], hint)
		},
	}
	cmd.AddCommand(importArtillery(), importHAR())
	return cmd
}

func importArtillery() *cobra.Command {
	var out string
	cmd := &cobra.Command{
		Use:   "artillery FILE",
		Short: "Turn a script of Artillery for Socket.IO or websockets into a scenario",
		Long: `Turn a test script of Artillery, with the engine socketio or ws, into a scenario: each of
its scenarios becomes a group of arriving clients with a flow, the phases keep their
arrivals, thresholds become checks, payloads data files, and comments stay. What it cannot
say, such as functions in JavaScript, is listed by line.`,
		Example: `  throng import artillery chat.yml
  throng import artillery chat.yml --out chat.yaml && throng check chat.yaml`,
		Args: arguments(1, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			text, err := regular.ReadFile(args[0], maxScript)
			if err != nil {
				return fmt.Errorf("%w; name a script of Artillery of at most %d KiB", err, maxScript>>10)
			}
			open := func(path string) ([]byte, string, error) {
				if !filepath.IsAbs(path) {
					path = filepath.Join(filepath.Dir(args[0]), path)
				}
				text, err := regular.ReadFile(path, maxImported)
				return text, seenFrom(importedTo(args[0], out), path), err
			}
			r, err := importer.Artillery(args[0], text, open)
			if err != nil {
				return err
			}
			return writeImport(cmd.OutOrStdout(), args[0], out, r)
		},
	}
	cmd.Flags().StringVar(&out, "out", "", "`FILE` of the scenario, whose folder is made (default NAME.yaml in the working directory)")
	return cmd
}

// seenFrom is the path by which a scenario finds a file: from its folder.
func seenFrom(scenario, path string) string {
	there, err := filepath.Abs(path)
	if err == nil {
		var from string
		if from, err = filepath.Abs(filepath.Dir(scenario)); err == nil {
			there, err = filepath.Rel(from, there)
		}
	}
	if err != nil {
		return path
	}
	return filepath.ToSlash(there)
}

// importedTo is the file of the scenario that is made of another.
func importedTo(from, out string) string {
	if out != "" {
		return out
	}
	base := strings.TrimSuffix(filepath.Base(from), filepath.Ext(from))
	return strings.TrimSuffix(base, ".artillery") + ".yaml"
}

// writeImport writes a scenario and its files, none of which may exist, and lists its notes.
func writeImport(stdout io.Writer, from, out string, r *importer.Result) error {
	out = importedTo(from, out)
	if _, err := file.Parse(out, r.Scenario, nil); err != nil {
		return fmt.Errorf("the scenario that was made of %s is not valid, which is a mistake of throng: %w", from, err)
	}
	names := []string{out}
	texts := [][]byte{r.Scenario}
	for _, f := range r.Files {
		names, texts = append(names, filepath.Join(filepath.Dir(out), f.Name)), append(texts, f.Text)
	}
	for _, name := range names {
		if _, err := os.Lstat(name); err == nil {
			return fmt.Errorf("%s exists and is not overwritten; choose another name with --out", name)
		}
	}
	if err := os.MkdirAll(filepath.Dir(out), 0o755); err != nil {
		return fmt.Errorf("write the scenario: %w", err)
	}
	for i, name := range names {
		f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
		if err != nil {
			return fmt.Errorf("write the scenario: %w", err)
		}
		_, err = f.Write(texts[i])
		if err := errors.Join(err, f.Close()); err != nil {
			return fmt.Errorf("write the scenario: %w", err)
		}
	}
	for _, n := range r.Notes {
		where := from
		if n.Line > 0 {
			where = fmt.Sprintf("%s:%d", from, n.Line)
		}
		_, _ = fmt.Fprintf(stdout, "%s: %s\n", where, n.Text)
	}
	beside := ""
	for i, f := range r.Files {
		beside += map[bool]string{true: ", and ", false: ", "}[i == 0] + f.Name
	}
	if beside != "" {
		beside += " beside it"
	}
	_, err := fmt.Fprintf(stdout, "%s is written%s; 'throng check %[1]s' shows what it does, 'throng run %[1]s' runs it\n", out, beside)
	return err
}

func importHAR() *cobra.Command {
	var out, path string
	cmd := &cobra.Command{
		Use:   "har FILE",
		Short: "Draft a scenario from the recording of a browser",
		Long: `Draft a scenario from an HTTP archive, as the network panel of a browser exports it: the
frames of websockets and the bodies of polls are in it. It writes what 'throng record'
writes: a scenario with contract, groups, rates and sizes, and with --out DIR/NAME.yaml
beside it trace.csv and replay.yaml, which plays it.

Secrets are left out: no cookie, no value of auth, query or headers, no text of a message
that differed from others. Open the network panel before the page connects.`,
		Example: `  throng import har chat.har --out chat/scenario.yaml
  throng run chat/replay.yaml --target http://localhost:3000`,
		Args: arguments(1, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			text, err := regular.ReadFile(args[0], maxRecording)
			if err != nil {
				return fmt.Errorf("%w; name a recording of a browser of at most %d MiB", err, maxRecording>>20)
			}
			r, err := importer.HAR(args[0], text, path)
			if err != nil {
				return err
			}
			return writeImport(cmd.OutOrStdout(), args[0], out, r)
		},
	}
	cmd.Flags().StringVar(&out, "out", "", "`FILE` of the scenario, whose folder is made (default NAME.yaml in the working directory)")
	cmd.Flags().StringVar(&path, "path", "", "Engine.IO path of the sockets (default: of the first one)")
	return cmd
}
