package main

import (
	"bytes"
	"path/filepath"
	"strings"
	"testing"

	"github.com/throng-io/throng/scenario"
	"github.com/throng-io/throng/scenario/file"
)

// The scenario beside a result can be read again, also one as long as a file may be.
func TestKeptScenarioCanBeRead(t *testing.T) {
	text := "version: 1\nname: x\ngroups: {a: {count: 1, auth: {t: \"\"}}}\n"
	text = strings.Replace(text, `""`, `"`+strings.Repeat("x", file.MaxText-len(text)-20)+`"`, 1)
	f, err := file.Parse("x.yaml", []byte(text), nil)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	var stderr bytes.Buffer
	keepScenario(&stderr, dir, "run", f, &scenario.Options{})
	if _, err := load(nil, filepath.Join(dir, resolvedName), nil); err != nil || stderr.Len() > 0 {
		t.Errorf("%v, %s", err, stderr.String())
	}
}
