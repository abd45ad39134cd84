package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/throng-io/throng/scenario"
	"github.com/throng-io/throng/scenario/file"
	"github.com/throng-io/throng/scenario/fleet"
	"github.com/throng-io/throng/scenario/result"
)

// partsName is where, in the directory of a run, its agents of this machine keep what they measure
// while a trial is under way.
const partsName = "parts"

// keptDir is where an agent keeps what it measures unless its user says otherwise.
func keptDir() string {
	if dir, err := os.UserCacheDir(); err == nil {
		return filepath.Join(dir, "throng", "kept")
	}
	return filepath.Join(os.TempDir(), "throng-kept")
}

// collectKept makes a result of what the agents of a run have kept whose process was killed. It
// reports whether there was anything to collect.
func collectKept(cmd *cobra.Command, f *file.File, flags *runFlags) (collected bool, err error) {
	dir := flags.resume
	note, err := scenario.ReadNote(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	release, err := claim(dir, true)
	if err != nil {
		return false, err
	}
	defer release()
	opt := scenario.Options{JournalDir: dir}
	if opt.Earlier, err = earlierPart(dir); err != nil {
		return false, err
	}
	parts := filepath.Join(dir, partsName)
	stderr := cmd.ErrOrStderr()
	kept, err := fleet.Collect(cmd.Context(), fleet.Options{URL: flags.fleet.nats, Identity: flags.fleet.identity, Log: stderr}, note.Ticket, parts, note.Agents)
	if errors.Is(err, fleet.ErrAway) {
		return false, fmt.Errorf("--resume %s: %w, or remove %s to go on without it", dir, err, filepath.Join(dir, scenario.NoteName))
	}
	if err != nil {
		return false, fmt.Errorf("--resume %s: collect what the agents have measured: %w; or remove %s to go on without it", dir, err, filepath.Join(dir, scenario.NoteName))
	}
	done := false
	defer func() { kept.Close(done) }()
	for i := range kept.Kept {
		collected = collected || len(kept.Kept[i].Reports) > 0
		if why := kept.Kept[i].Why; why != nil {
			_, _ = fmt.Fprintln(stderr, result.Short(fmt.Sprintf("the agent %s: %v", note.Agents[i].Name, why), result.MaxText))
		}
	}
	if collected {
		run, err := scenario.Collect(f, note, kept.Kept, opt)
		if err != nil {
			return false, fmt.Errorf("--resume %s: %w; remove %s to go on without what the agents measured", dir, err, filepath.Join(dir, scenario.NoteName))
		}
		if err := errors.Join(removeLeftovers(dir, run.Started), write(cmd.OutOrStdout(), f, dir, run, flags.asJSON)); err != nil {
			return false, err
		}
		if !flags.quiet {
			_, _ = fmt.Fprintf(stderr, "collected what the agents had measured when the run was killed; go on with it: throng run --resume %s\n", dir)
		}
	}
	done = true
	return collected, errors.Join(scenario.RemoveNote(dir), os.RemoveAll(parts))
}
