package main

import (
	"cmp"
	"runtime"

	"github.com/spf13/cobra"

	"github.com/throng-io/throng/scenario/result"
)

// build is what `throng version --json` prints. The field names are a contract.
type build struct {
	Version  string `json:"version"`            // of the module: a release, a pseudo-version, or "devel"
	Revision string `json:"revision,omitempty"` // of the version control system
	Modified bool   `json:"modified"`           // files had been changed since Revision
	Time     string `json:"time,omitempty"`     // of Revision, RFC 3339
	Go       string `json:"go"`
	Platform string `json:"platform"` // OS/ARCH
}

func versionCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "version",
		Short: "Print the version of this program",
		Long: `Print the version, the revision that it was built from ("+changes" when files had been
changed since), the version of Go, and the platform.

A build of a tagged commit has the tag as its version, such as v1.2.0; any other has the next
version with the time and the revision, such as v1.2.1-0.20261129203000-0a1b2c3d4e5f (v0.0.0-...
before the first tag). "devel" was built outside of version control.`,
		Example: `  throng version
  throng version --json | jq -r .revision`,
		Args: arguments(0, 0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			r := result.BuildRevision()
			b := build{result.Version(), r.ID, r.Modified, r.Time, runtime.Version(), runtime.GOOS + "/" + runtime.GOARCH}
			out := &errWriter{w: cmd.OutOrStdout()}
			if asJSON {
				return writeJSON(out.w, b)
			}
			out.printf("throng    %s\nrevision  %s\ngo        %s\nplatform  %s\n", b.Version, cmp.Or(r.String(), "unknown"), b.Go, b.Platform)
			return out.err
		},
	}
	jsonFlag(cmd.Flags(), &asJSON)
	return cmd
}
