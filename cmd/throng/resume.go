package main

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/throng-io/throng/scenario/file"
	"github.com/throng-io/throng/scenario/regular"
	"github.com/throng-io/throng/scenario/result"
)

// toResume loads the scenario of the run in a directory, to go on with it. A scenario that is named
// must be the same.
func toResume(cmd *cobra.Command, names []string, set map[string]string, flags *runFlags) (*file.File, error) {
	dir := flags.resume
	earlier, err := earlierPart(dir)
	if err != nil {
		return nil, err
	}
	path := filepath.Join(dir, resolvedName)
	was, err := regular.ReadFile(path, 2*file.MaxText) // some lines stand above the scenario
	if err != nil {
		return nil, fmt.Errorf("--resume %s: the scenario that ran there cannot be read: %w", dir, err)
	}
	quick := cmd.Flags().Changed("quick")
	var f *file.File
	switch {
	case len(names) == 0 && (len(set) > 0 || quick):
		return nil, errors.New("--resume continues the scenario with its own settings; leave out --set, --target and --quick, or name the scenario file as well")
	case len(names) == 0:
		f, err = load(stdinOf(cmd), path, set, flags.secret...)
	default:
		if f, err = load(stdinOf(cmd), names[0], set, flags.secret...); err == nil {
			err = sameScenario(f, names[0], dir, string(was))
		}
	}
	if err == nil && quick && flags.quick != earlier.Quick {
		err = fmt.Errorf("--resume %s: the run there was scaled down to %g, not to %g; leave --quick out", dir, max(earlier.Quick, 1), flags.quick)
	}
	if err != nil {
		return nil, err
	}
	if earlier.Quick > 0 {
		f.Quicken(earlier.Quick)
	}
	return f, nil
}

// earlierPart returns the finished part of a run to resume, from its journal or its result.
func earlierPart(dir string) (*result.Run, error) {
	run, _, err := result.ReadJournal(dir)
	switch {
	case errors.Is(err, result.ErrOfSearch):
		return nil, fmt.Errorf("--resume %s: the directory holds a search; continue it with throng capacity FILE --resume %s", dir, dir)
	case err == nil || !errors.Is(err, fs.ErrNotExist):
		return run, err
	}
	run, err = result.Read(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("--resume %s: no run there; name a directory that 'throng run' wrote to", dir)
	case err != nil:
		return nil, err
	case run.Capacity != nil:
		return nil, fmt.Errorf("--resume %s: the directory holds the result of a search, not of a run", dir)
	case !run.Interrupted && run.Verdict != result.Invalid:
		return nil, fmt.Errorf("--resume %s: the run there has ended without an invalid trial: no trial is left to run", dir)
	}
	return run, nil
}

// sameScenario refuses a scenario that is not the one that ran in dir, which was says as
// keepScenario has left it.
func sameScenario(f *file.File, name, dir, was string) error {
	text, err := f.Resolved("", "")
	if err != nil {
		return err
	}
	before, now := linesOf(was), linesOf(string(text))
	for i := range max(len(before), len(now)) {
		if b, n := lineAt(before, i), lineAt(now, i); b != n {
			return fmt.Errorf("--resume %s: %s is not the scenario of the run there: it has %s instead of %s; leave the file out to continue the run, or start another with --out",
				dir, name, quoted(n), quoted(b))
		}
	}
	return nil
}

// linesOf leaves the comments at the head of a file out.
func linesOf(text string) []string {
	lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
	for len(lines) > 0 && strings.HasPrefix(lines[0], "#") {
		lines = lines[1:]
	}
	return lines
}

func lineAt(lines []string, i int) string {
	if i < len(lines) {
		return strings.TrimSpace(lines[i])
	}
	return ""
}

func quoted(line string) string {
	if line == "" {
		return "nothing"
	}
	return "`" + result.Short(line, 100) + "`"
}
