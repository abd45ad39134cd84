package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/throng-io/throng/scenario"
	"github.com/throng-io/throng/scenario/file"
	"github.com/throng-io/throng/scenario/result"
)

// resolvedName is the scenario as it ran, in the directory of its results.
const resolvedName = "scenario.yaml"

// keepScenario leaves the scenario as it ran beside its results, for another run
// years later. Results are worth more than it: when it cannot be written they are.
func keepScenario(stderr io.Writer, dir, command string, f *file.File, opt *scenario.Options) {
	text, err := f.Resolved(opt.Target, opt.Path)
	if err == nil {
		quick := ""
		if q := f.Spec.Quick; q > 0 {
			quick = fmt.Sprintf(" --quick=%g", q)
		}
		head := fmt.Sprintf("# The scenario as it ran, with --set, variables and defaults in their places.\n# Again: throng %s %s%s\n", command, resolvedName, quick)
		if len(head)+len(text) > file.MaxText { // --resume must be able to read it
			head = ""
		}
		err = os.WriteFile(filepath.Join(dir, resolvedName), append([]byte(head), text...), 0o644)
	}
	if err != nil {
		_, _ = fmt.Fprintf(stderr, "throng: %s is not written: %s\n", resolvedName, result.Line(err.Error()))
	}
}
