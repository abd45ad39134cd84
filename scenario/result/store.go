package result

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"

	"github.com/throng-io/throng/scenario/regular"
)

// Write puts r into dir as result.json, making dir when it is missing. The file appears whole or
// not at all: it is written beside its place and renamed. Write sets r.Format, and turns numbers
// that JSON cannot hold (NaN, infinities) into 0 with a warning in r.Warnings that says which, so
// that one bad division does not cost the whole run. Its texts are cleaned.
func (r *Run) Write(dir string) error {
	text, err := r.JSON()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("write result: %w", err)
	}
	if err := replaceFile(filepath.Join(dir, FileName), text); err != nil {
		return fmt.Errorf("write result: %w", err)
	}
	return nil
}

// JSON returns the text of the result.json that Write writes, and prepares r as Write does. The
// caller owns it.
func (r *Run) JSON() ([]byte, error) {
	r.Format = Format
	r.Warnings = append(r.Warnings, makeFinite(reflect.ValueOf(r), "")...)
	r.Clean()
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("write result: %w", err)
	}
	return append(text, '\n'), nil
}

// replaceFile writes text beside path and renames it into place.
func replaceFile(path string, text []byte) (err error) {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = os.Remove(f.Name()) // the error before it is the one to report
		}
	}()
	_, err = f.Write(text)
	if err == nil {
		err = f.Chmod(0o644)
	}
	if err == nil {
		err = f.Sync()
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}

// Read reads a saved result. path is the directory that a run wrote, or the result.json inside it.
// For a directory without result.json, whose run was killed or is in progress, it returns the
// trials of the journal as an interrupted run, with a warning that names the missing trials.
// Unknown fields are ignored; a newer Format is an error, because known fields may then have
// another meaning. The file may come from an untrusted source, so texts are cleaned, and a file
// larger than any run writes is an error.
func Read(path string) (*Run, error) {
	if st, err := os.Stat(path); err == nil && st.IsDir() {
		dir := path
		path = filepath.Join(dir, FileName)
		if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
			if run, err := readUnfinished(os.DirFS(dir), ".", dir); err == nil || !errors.Is(err, fs.ErrNotExist) {
				return run, err
			}
		}
	}
	text, err := regular.ReadFile(path, maxFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s: no result there (%w); give the directory that 'throng run' wrote, or its %s", path, fs.ErrNotExist, FileName)
	}
	if err != nil {
		return nil, fmt.Errorf("read result: %w; give the %s of a run", err, FileName)
	}
	return Parse(path, text)
}

// Parse takes the text of a result.json; path is how errors name it. See Read.
func Parse(path string, text []byte) (*Run, error) {
	var head struct {
		Format *int            `json:"format"`
		Cells  json.RawMessage `json:"cells"`
	}
	if err := json.Unmarshal(text, &head); err != nil {
		if bad, ok := errors.AsType[*json.SyntaxError](err); ok && bad.Offset == int64(len(text)) && len(text) > 0 {
			return nil, fmt.Errorf("%s: cut off after %d bytes: %w; restore the file, or run the scenario again", path, len(text), err)
		}
		return nil, fmt.Errorf("%s: not a throng result: %w; give the %s of a run", path, plainly(err), FileName)
	}
	switch {
	case head.Format == nil || *head.Format < 1 || head.Cells == nil:
		return nil, fmt.Errorf("%s: not a throng result: \"format\" or \"cells\" is missing; give the %s of a run", path, FileName)
	case *head.Format > Format:
		return nil, fmt.Errorf("%s: result format %d is newer than this throng, which reads up to %d; use the version that wrote it, or a later one",
			path, *head.Format, Format)
	}
	r := new(Run)
	if err := json.Unmarshal(text, r); err != nil {
		return nil, fmt.Errorf("%s: damaged result: %w; run the scenario again, or restore the file", path, plainly(err))
	}
	if err := r.unfitting(); err != nil {
		return nil, fmt.Errorf("%s: no result of throng: %w", path, err)
	}
	if err := r.disjointed(); err != nil {
		return nil, fmt.Errorf("%s: no result of throng: %w", path, err)
	}
	r.Clean()
	for i := range r.Cells {
		for name, l := range r.Cells[i].Latency {
			if l == nil { // "ack": null
				delete(r.Cells[i].Latency, name)
			}
		}
	}
	return r, nil
}

// plainly says of a value of the wrong type where it stands, without the types of this program.
func plainly(err error) error {
	bad, ok := errors.AsType[*json.UnmarshalTypeError](err)
	switch {
	case !ok:
		return err
	case bad.Field == "":
		return fmt.Errorf("it is JSON of another kind: %s", bad.Value)
	}
	return fmt.Errorf("%s cannot be %s (at byte %d)", bad.Field, bad.Value, bad.Offset)
}

// makeFinite sets every NaN and infinity below v to zero and returns a warning for each. v is
// reached through a pointer.
func makeFinite(v reflect.Value, path string) (warnings []string) {
	switch v.Kind() {
	case reflect.Float64:
		if f := v.Float(); math.IsNaN(f) || math.IsInf(f, 0) {
			v.SetFloat(0)
			return []string{fmt.Sprintf("%s was %v, which JSON cannot hold; it is written as 0", strings.TrimPrefix(path, "."), f)}
		}
	case reflect.Pointer:
		if !v.IsNil() {
			return makeFinite(v.Elem(), path)
		}
	case reflect.Slice:
		for i := range v.Len() {
			warnings = append(warnings, makeFinite(v.Index(i), fmt.Sprintf("%s[%d]", path, i))...)
		}
	case reflect.Map:
		// Among the maps in a Run, only maps of pointers can hold a float.
		if v.Type().Elem().Kind() == reflect.Pointer {
			keys := v.MapKeys()
			slices.SortFunc(keys, func(a, b reflect.Value) int { return strings.Compare(a.String(), b.String()) })
			for _, k := range keys {
				warnings = append(warnings, makeFinite(v.MapIndex(k), path+"."+k.String())...)
			}
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if f := v.Type().Field(i); f.IsExported() {
				name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
				warnings = append(warnings, makeFinite(v.Field(i), path+"."+name)...)
			}
		}
	}
	return warnings
}
