//go:build unix

package bus

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// A file that the environment names is a regular one that is no larger than certificates are.
// Nobody writes to the pipe, and so whoever opens it waits for ever.
func TestFilesOfTheEnvironment(t *testing.T) {
	pipe, large := filepath.Join(t.TempDir(), "pipe"), filepath.Join(t.TempDir(), "large")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(os.WriteFile(large, nil, 0o600), os.Truncate(large, maxPEM+1)); err != nil {
		t.Fatal(err)
	}
	a, err := Parse("rediss://a:1")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{pipe, large, t.TempDir(), "/dev/zero"} {
		for _, names := range [][]string{{"REDIS_CA"}, {"REDIS_CERT", "REDIS_KEY"}} {
			t.Setenv("REDIS_CA", "")
			t.Setenv("REDIS_CERT", "")
			t.Setenv("REDIS_KEY", "")
			for _, name := range names {
				t.Setenv(name, path)
			}
			if _, err := a.redisOptions(); err == nil || !strings.Contains(err.Error(), names[0]) || !strings.Contains(err.Error(), path+" is no regular file of at most 16 MiB") {
				t.Errorf("%s=%s: got %v", names[0], path, err)
			}
		}
	}
}
