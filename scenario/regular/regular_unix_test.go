//go:build unix

package regular

import (
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func TestReadFile(t *testing.T) {
	dir := t.TempDir()
	path := func(name string) string { return filepath.Join(dir, name) }
	write := func(name, text string) {
		if err := os.WriteFile(path(name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("file", "12345678")
	write("long", "123456789")
	write("empty", "")
	if err := os.Symlink("file", path("link")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("/dev/zero", path("zero")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("nowhere", path("broken")); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo(path("pipe"), 0o600); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("unix", path("socket"))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()

	for name, want := range map[string]string{
		"file": "", "link": "", "empty": "",
		"long": "long has 9 bytes, and at most 8 are allowed", "pipe": "pipe is a pipe, and must be a regular file", "zero": "zero is a device, and must be a regular file",
		".": "is a directory, and must be a regular file", "socket": "socket is a socket, and must be a regular file", "none": "no such file", "broken": "no such file",
	} {
		text, err := ReadFile(path(name), 8)
		other, err2 := ReadFS(os.DirFS(dir), name, 8)
		if (err == nil) != (err2 == nil) || string(text) != string(other) {
			t.Errorf("%s: %v within a file system, else %v", name, err2, err)
		}
		switch {
		case want == "" && err != nil:
			t.Errorf("%s: %v", name, err)
		case want != "" && (err == nil || !strings.Contains(err.Error(), want)):
			t.Errorf("%s: %v, want %s", name, err, want)
		}
	}
	if _, err := ReadFile(path("none"), 8); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a file that is not there: %v", err)
	}
	if _, err := Open("/dev/null", 8); err == nil {
		t.Error("/dev/null is opened")
	}
}

// A file that grows after the size check is bounded as well.
func TestReadAll(t *testing.T) {
	if text, err := ReadAll("x", strings.NewReader("12345678"), 8); err != nil || len(text) != 8 {
		t.Errorf("%q, %v", text, err)
	}
	if _, err := ReadAll("x", strings.NewReader("123456789"), 8); err == nil || err.Error() != "x has more than 8 bytes, which is the most allowed" {
		t.Error(err)
	}
}
