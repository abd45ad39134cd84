// Package regular reads the files that users name: scenarios, data, certificates, results. Each
// must be a regular file, or a link to one, and is bounded. A named pipe without a writer would
// block a program for ever, and a device such as /dev/zero would fill its memory. Of files that are
// being written it tells whether they are still there.
package regular

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
)

// An Error says why a file is not read.
type Error struct {
	Path string
	Why  string // one clause, with the file as its subject
}

func (e *Error) Error() string { return e.Path + " " + e.Why }

// Open opens a regular file of at most so many bytes for reading. A file that grows later may have
// more: see ReadAll. The error is an *Error, or the system's.
func Open(path string, most int64) (*os.File, error) {
	// Before it is opened, since opening a named pipe waits for its writer.
	info, err := os.Stat(path)
	if err == nil {
		err = check(path, info, most)
	}
	if err != nil {
		return nil, err
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	if info, err = f.Stat(); err == nil {
		err = check(path, info, most)
	}
	if err != nil {
		_ = f.Close()
		return nil, err
	}
	return f, nil
}

// ReadFile reads a regular file of at most so many bytes. The caller owns the slice.
func ReadFile(path string, most int64) ([]byte, error) {
	f, err := Open(path, most)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return ReadAll(path, f, most)
}

// ReadFS is ReadFile within a file system.
func ReadFS(root fs.FS, path string, most int64) ([]byte, error) {
	info, err := fs.Stat(root, path)
	if err == nil {
		err = check(path, info, most)
	}
	if err != nil {
		return nil, err
	}
	f, err := root.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return ReadAll(path, f, most)
}

// ReadAll reads to the end, and refuses more than so many bytes. path is the name used in errors.
func ReadAll(path string, from io.Reader, most int64) ([]byte, error) {
	text, err := io.ReadAll(io.LimitReader(from, most+1))
	if err == nil && int64(len(text)) > most {
		err = &Error{path, fmt.Sprintf("has more than %d bytes, which is the most allowed", most)}
	}
	if err != nil {
		return nil, err
	}
	return text, nil
}

// InPlace reports whether an open file is still what its name stands for. When it, or its
// directory, was removed or replaced, the system takes what is written to it, and nobody can read
// it.
func InPlace(f *os.File) bool {
	there, err := os.Stat(f.Name())
	if err != nil {
		return !errors.Is(err, fs.ErrNotExist)
	}
	own, err := f.Stat()
	return err != nil || os.SameFile(there, own)
}

func check(path string, info fs.FileInfo, most int64) error {
	kind := ""
	switch mode := info.Mode(); {
	case mode.IsRegular() && info.Size() > most:
		return &Error{path, fmt.Sprintf("has %d bytes, and at most %d are allowed", info.Size(), most)}
	case mode.IsRegular():
		return nil
	case mode.IsDir():
		kind = "a directory"
	case mode&fs.ModeNamedPipe != 0:
		kind = "a pipe"
	case mode&fs.ModeDevice != 0:
		kind = "a device"
	case mode&fs.ModeSocket != 0:
		kind = "a socket"
	default:
		kind = "no file with contents"
	}
	return &Error{path, "is " + kind + ", and must be a regular file"}
}
