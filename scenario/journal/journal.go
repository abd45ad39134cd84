// Package journal keeps the finished parts of a long job, so that the end of the process loses only
// the part in progress. A journal is an append-only file of JSON documents, one per line. Each line
// is on the disk when Append returns. An interrupted write leaves half a line at the end, which
// readers leave out.
package journal

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/throng-io/throng/scenario/regular"
)

// MaxSize is the length in bytes of the longest journal that is read.
const MaxSize = 1 << 30

// A File is a journal open for appending. It is for one goroutine.
type File struct{ f *os.File }

// Open opens a journal to go on with, and begins an empty one where there is none. lines are its
// documents, which the caller owns; half a line at the end is removed.
func Open(path string) (j *File, documents [][]byte, err error) {
	text, err := regular.ReadFile(path, MaxSize)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, nil, err
	}
	documents, whole, err := Parse(path, text)
	if err != nil {
		return nil, nil, err
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE, 0o644)
	if err != nil {
		return nil, nil, err
	}
	if err = f.Truncate(whole); err == nil {
		_, err = f.Seek(whole, 0)
	}
	if err != nil {
		_ = f.Close() // the error before it is the one to report
		return nil, nil, err
	}
	return &File{f}, documents, nil
}

// Begin makes a new journal of some documents in the place of an old one. There is the old one or
// the whole new one at any moment.
func Begin(path string, documents ...any) (*File, error) {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return nil, err
	}
	j := &File{f}
	err = f.Chmod(0o644)
	for _, v := range documents {
		if err == nil {
			err = j.write(v)
		}
	}
	if err == nil {
		err = f.Sync()
	}
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		_ = f.Close() // the error before it is the one to report
		_ = os.Remove(f.Name())
		return nil, err
	}
	return j, nil
}

// Append adds a document, and returns when it is on the disk.
func (j *File) Append(v any) error {
	if err := j.write(v); err != nil {
		return err
	}
	return j.f.Sync()
}

// write writes a document and its newline at once, so that only the last line of a journal can be
// incomplete.
func (j *File) write(v any) error {
	line, err := json.Marshal(v)
	if err == nil {
		_, err = j.f.Write(append(line, '\n'))
	}
	return err
}

// Close closes the file. All of it is on the disk already.
func (j *File) Close() error { return j.f.Close() }

// Parse returns the documents in the text of a journal, which another process may be appending to,
// and their length in bytes; an incomplete last line is left out. name is the journal's name in
// errors. The documents are slices of the text.
func Parse(name string, text []byte) (documents [][]byte, whole int64, err error) {
	for {
		line, rest, ended := bytes.Cut(text, []byte("\n"))
		if !ended {
			return documents, whole, nil
		}
		if !json.Valid(line) {
			return nil, 0, fmt.Errorf("%s:%d: it is not JSON: the file is damaged, or is not a journal", name, len(documents)+1)
		}
		documents, whole, text = append(documents, line), whole+int64(len(line))+1, rest
	}
}
