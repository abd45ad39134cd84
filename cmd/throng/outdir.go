package main

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/throng-io/throng/reports"
	"github.com/throng-io/throng/reports/export"
	"github.com/throng-io/throng/scenario/file"
	"github.com/throng-io/throng/scenario/result"
)

// outputDir is the directory of a run's results: one that the user names, or a new one below out.
func outputDir(f *file.File, out string, several bool) string {
	if dir := namedDir(f, out, several); dir != "" {
		return dir
	}
	return fresh(filepath.Join("out", f.Spec.Name+"-"+time.Now().Format("20060102-150405")))
}

// namedDir is the directory that --out or the scenario names; "" if neither does.
func namedDir(f *file.File, out string, several bool) string {
	if out != "" && several {
		return filepath.Join(out, f.Spec.Name)
	}
	return cmp.Or(out, f.Spec.Report.Dir)
}

// fresh makes a directory of that path, or with a number behind it where there is one already: two
// runs may begin in the same second. writable reports other errors.
func fresh(path string) string {
	_ = os.MkdirAll(filepath.Dir(path), 0o755)
	dir := path
	for n := 2; errors.Is(os.Mkdir(dir, 0o755), fs.ErrExist); n++ {
		dir = fmt.Sprintf("%s-%d", path, n)
	}
	return dir
}

// leftovers are the names of files that a run may write beside its result.json.
var leftovers = append([]string{"*.hlog", "trace*.txt", "figures/*", reports.PageName, capacityName}, export.Files()...)

// removeLeftovers removes what an earlier run, from before began, has left in dir: figures and
// histograms of metrics or cells that the new run does not have would stay beside its own.
func removeLeftovers(dir string, began time.Time) (err error) {
	for _, pattern := range leftovers {
		names, gerr := fs.Glob(os.DirFS(dir), pattern) // the directory's own name is no pattern
		err = errors.Join(err, gerr)
		for _, name := range names {
			name = filepath.Join(dir, name)
			info, serr := os.Lstat(name)
			err = errors.Join(err, serr)
			// file systems round
			if serr == nil && info.Mode().IsRegular() && info.ModTime().Before(began.Add(-time.Second)) {
				err = errors.Join(err, os.Remove(name))
			}
		}
	}
	return err
}

// claim makes dir and keeps it for one run until release is called. It refuses a directory that
// another run is writing to at this moment or that cannot be written to, and without force one that
// holds a result.
func claim(dir string, force bool) (release func(), err error) {
	if err := writable(dir, "--out"); err != nil {
		return nil, err
	}
	release, free := lockDir(dir)
	if !free {
		return nil, fmt.Errorf("another run is writing to %s; wait for it, or choose another directory with --out", dir)
	}
	if err := vacant(dir); err != nil && !force {
		release()
		return nil, err
	}
	return release, nil
}

// vacant refuses a directory that holds a result.
func vacant(dir string) error {
	kept := holds(dir)
	if kept == "" {
		return nil
	}
	resume := ""
	if exists(filepath.Join(dir, result.JournalName)) {
		resume = ", or continue it with --resume " + dir
	}
	return fmt.Errorf("%s holds a result already (%s); choose another directory with --out, or overwrite it with --force%s", dir, kept, resume)
}

// holds names the file by which dir is known to hold the result of a run or a search; "" if it
// holds none.
func holds(dir string) string {
	for _, name := range []string{result.FileName, result.JournalName} {
		if exists(filepath.Join(dir, name)) {
			return name
		}
	}
	return ""
}

func exists(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}

// writable makes dir and makes sure that files can be made in it, before a long
// run ends with nowhere to go.
func writable(dir, flag string) error {
	err := os.MkdirAll(dir, 0o755)
	if err == nil {
		var probe *os.File
		if probe, err = os.CreateTemp(dir, ".throng-*"); err == nil {
			_ = probe.Close()
			err = os.Remove(probe.Name())
		}
	}
	if err != nil {
		return fmt.Errorf("results cannot be written to %s: %w; choose another directory with %s", dir, err, flag)
	}
	return nil
}
