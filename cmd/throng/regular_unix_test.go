//go:build unix

package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// A file that is not regular is refused at once, for every option that names a file: a pipe without
// a writer would block, and a device would fill the memory.
func TestFilesAreRegular(t *testing.T) {
	dir := t.TempDir()
	path := func(name string) string { return filepath.Join(dir, name) }
	if err := syscall.Mkfifo(path("pipe"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("/dev/zero", path("zero")); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(path("result"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("../pipe", path("result/result.json")); err != nil {
		t.Fatal(err)
	}
	scenario := func(name, more string) string {
		text := "version: 1\nname: s\ngroups: {a: {count: 1, auth: {t: \"${users.token}\"}}}\n" + more
		if err := os.WriteFile(path(name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path(name)
	}
	csv := func(file string) string { return "data: {users: {csv: \"" + path(file) + "\"}}\n" }
	plain := "version: 1\nname: s\ngroups: {a: {count: 1}}\n"
	if err := os.WriteFile(path("plain.yaml"), []byte(plain), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(path("long"), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"long/result.json", "long/chat.har", "long/chat.yaml"} {
		if err := os.WriteFile(path(name), bytes.Repeat([]byte("#"), 1<<17), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct{ args, want string }{
		{"check " + path("long/result.json"), "a result, and no scenario; 'throng report " + path("long") + "' draws it"},
		{"check " + path("long/chat.har"), "this is a recording of a browser, not a scenario; 'throng import har "},
		{"check " + path("long/chat.yaml"), "chat.yaml has 131072 bytes, and at most 65536 are allowed; give the file of a scenario"},
		{"check " + path("pipe"), "pipe is a pipe, and must be a regular file; give the file of a scenario, or - for standard input"},
		{"check " + path("zero"), "zero is a device, and must be a regular file"},
		{"check /dev/zero", "/dev/zero is a device"},
		{"check " + scenario("a.yaml", csv("pipe")), "a.yaml:4:8: the data file " + path("pipe") + " cannot be used: it is a pipe"},
		{"check " + scenario("b.yaml", csv("zero")), "cannot be used: it is a device"},
		{"check " + scenario("c.yaml", csv(".")), "cannot be used: it is a directory"},
		{"run " + path("plain.yaml") + " --quiet --out " + path("out") + " --target https://127.0.0.1:1 --set target.tls.ca=" + path("pipe"), "pipe is a pipe"},
		{"run " + path("plain.yaml") + " --quiet --out " + path("out2") + " --target https://127.0.0.1:1 --set target.tls.ca=" + path("zero"), "zero is a device"},
		{"run " + path("plain.yaml") + " --quiet --out " + path("out3") + " --target http://127.0.0.1:1 --nats nats://127.0.0.1:1 --identity " + path("pipe"), "pipe is a pipe"},
		{"report " + path("result"), "result.json is a pipe"},
		{"report " + path("zero"), "zero is a device"},
		{"compare " + path("result") + " " + path("result"), "result.json is a pipe"},
		{"serve --listen 127.0.0.1:0 --tls-cert " + path("pipe") + " --tls-key " + path("zero"), "pipe is a pipe"},
	} {
		var out, errs bytes.Buffer
		code := run(t.Context(), strings.Fields(c.args), strings.NewReader(""), &out, &errs)
		if code == exitPass || !strings.Contains(errs.String(), c.want) {
			t.Errorf("throng %s: exit %d\n%swant %s", c.args, code, errs.String(), c.want)
		}
	}
	var errs bytes.Buffer
	if code := run(t.Context(), []string{"check", "-"}, endless{}, &errs, &errs); code != exitUsage || !strings.Contains(errs.String(), "standard input has more than 65536 bytes") {
		t.Errorf("exit %d, %s", code, errs.String())
	}
}

type endless struct{}

func (endless) Read(b []byte) (int, error) {
	for i := range b {
		b[i] = '#'
	}
	return len(b), nil
}
