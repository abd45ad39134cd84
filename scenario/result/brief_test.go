package result

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// What is left of a result that is shortened can be read, has every summary, and says what is
// missing.
func TestBrief(t *testing.T) {
	r := sample()
	r.Cells[0].Evidence = &Evidence{Ending: "ran_out"}
	whole, short := t.TempDir(), t.TempDir()
	if err := r.Write(whole); err != nil {
		t.Fatal(err)
	}
	b, err := r.Brief()
	if err == nil {
		err = b.Write(short)
	}
	if err != nil {
		t.Fatal(err)
	}
	got, err := Read(short)
	if err != nil {
		t.Fatal(err)
	}
	was, is := r.Cells[0].Latency["delivery"], got.Cells[0].Latency["delivery"]
	if was.HDR == "" || is.HDR != "" || got.Cells[0].Generator.Lag.HDR != "" || is.N != was.N || is.P99us != was.P99us {
		t.Errorf("the latency is %+v, was %+v", is, was)
	}
	if c := got.Cells[0]; c.Evidence != nil || c.Timeline != nil || c.Ledger != r.Cells[0].Ledger || len(c.Checks) != 1 || len(got.Warnings) != 2 || !strings.Contains(got.Warnings[0], "are missing") {
		t.Errorf("%+v, %q", c, got.Warnings)
	}
	if _, err := is.Samples(); !errors.Is(err, ErrNoHistogram) {
		t.Errorf("its samples: %v", err)
	}
	size := func(dir string) int64 {
		info, err := os.Stat(filepath.Join(dir, FileName))
		if err != nil {
			t.Fatal(err)
		}
		return info.Size()
	}
	if size(short) >= size(whole) {
		t.Errorf("%d bytes are left of %d", size(short), size(whole))
	}
}

// Logs whose directory is removed while they are written are lost, and that is said in one line.
func TestLogsThatAreRemoved(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "out")
	for name, hurt := range map[string]func() error{
		"nothing happens":          func() error { return nil },
		"the directory is removed": func() error { return os.RemoveAll(dir) },
		"and made again":           func() error { return errors.Join(os.RemoveAll(dir), os.Mkdir(dir, 0o755)) },
		"the files are written new": func() error {
			return errors.Join(os.Remove(filepath.Join(dir, "ack.hlog")), os.WriteFile(filepath.Join(dir, "ack.hlog"), nil, 0o644))
		},
	} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		w := NewLogWriter(dir, "", time.Now())
		for _, metric := range []string{"ack", "delivery"} {
			if err := w.Interval(metric, "", 0, time.Second, NewHistogram()); err != nil {
				t.Fatal(err)
			}
		}
		if err := errors.Join(w.Flush(), hurt()); err != nil {
			t.Fatal(err)
		}
		err := w.Close()
		if name == "nothing happens" {
			if err != nil {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		if err == nil || !strings.Contains(err.Error(), "were removed or replaced") || !strings.Contains(err.Error(), "ack.hlog") || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
