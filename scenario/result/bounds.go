package result

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"reflect"
	"slices"
	"strings"

	"github.com/throng-io/throng/scenario/regular"
)

// Bounds of a result that is read: it may be from somebody else. What Write leaves is well within
// them.
const (
	maxFile = 1 << 30 // bytes of result.json
	// bytes of a packed histogram; 24 h of latencies at three digits take some 30 kB
	maxHDR     = 1 << 20
	maxKey     = 512  // bytes of a metric's name, an axis or another key
	maxEntries = 4096 // of a map
	maxCells   = 20_000
	maxItems   = 1 << 20 // of any other list; a timeline of a week has 604 800
)

// Clean makes every text of r fit to be shown: one line, of visible characters, at most MaxText
// bytes. Names, reasons and warnings may quote what a server sent. It is done by Write, by Read,
// and before a run is returned.
func (r *Run) Clean() { cleaned(reflect.ValueOf(r)) }

// Clean is Run.Clean for one cell.
func (c *Cell) Clean() { cleaned(reflect.ValueOf(c)) }

// cleaned cleans all text below v, which is a pointer.
func cleaned(v reflect.Value) {
	w := walk{text: func(_ func() string, s string, limit int) (string, error) { return Short(s, limit), nil }}
	_ = w.value(v.Elem(), nil, MaxText) // it has no errors of its own
}

// CleanText makes every text below p, a pointer to plain data, fit to be shown, as Line does.
func CleanText(p any) {
	w := walk{text: func(_ func() string, s string, _ int) (string, error) { return Line(s), nil }}
	_ = w.value(reflect.ValueOf(p).Elem(), nil, 0) // it has no errors of its own
}

// MapText replaces every text of the cell, keys of maps included, by what f returns for it. It is
// how a runner keeps values out of a result that must not be in it, wherever they have come in.
func (c *Cell) MapText(f func(string) string) {
	w := walk{text: func(_ func() string, s string, _ int) (string, error) { return f(s), nil }}
	_ = w.value(reflect.ValueOf(c).Elem(), nil, MaxText) // it has no errors of its own
}

// unfitting returns an error when a text or a list of r is beyond the bounds, or a field that has
// one of a few words has another: what it stands for is unknown, and must not be taken for one of
// them.
func (r *Run) unfitting() error {
	w := walk{
		text: func(path func() string, s string, limit int) (string, error) {
			if len(s) > limit+len("…") { // which Clean adds
				return s, fmt.Errorf("%s has %d bytes, and at most %d are taken", path(), len(s), limit)
			}
			return s, nil
		},
		list: func(path func() string, n, limit int) error {
			if n > limit {
				return fmt.Errorf("%s has %d entries, and at most %d are taken", path(), n, limit)
			}
			return nil
		},
		word: func(path func() string, s string, known []string) error {
			if s != "" && !slices.Contains(known, s) {
				return fmt.Errorf("%s is %q, and can be %s; use the version that wrote it, or a later one", path(), Short(s, 60), strings.Join(known, ", "))
			}
			return nil
		},
	}
	return w.value(reflect.ValueOf(r).Elem(), nil, MaxText)
}

// disjointed returns an error when a part of r names another that is not there.
func (r *Run) disjointed() error {
	if r.Capacity == nil {
		return nil
	}
	for i, p := range r.Capacity.Probes {
		if p.Cell < 0 || p.Cell > len(r.Cells) {
			return fmt.Errorf("capacity.probes[%d].cell is %d, and there are %d cells", i, p.Cell, len(r.Cells))
		}
	}
	return nil
}

// A walk visits all text of a value, and all lists and maps.
type walk struct {
	// returns what to put in its place
	text func(path func() string, s string, limit int) (string, error)
	list func(path func() string, n, limit int) error // nil: no matter
	// is called for a field that has one of some words, which its tag "words" lists; nil: no matter
	word func(path func() string, s string, known []string) error
}

// A location is where a value stands in result.json. It is made into text only for an error.
type location struct {
	before *location
	name   string
	index  int // of a list, when name is ""
}

func (p *location) String() string {
	switch {
	case p == nil:
		return ""
	case p.name == "":
		return fmt.Sprintf("%s[%d]", p.before, p.index)
	}
	return strings.TrimPrefix(p.before.String()+"."+Short(p.name, 60), ".")
}

func (w *walk) value(v reflect.Value, at *location, limit int) error {
	switch v.Kind() {
	case reflect.String:
		s, err := w.text(at.String, v.String(), limit)
		if err == nil && s != v.String() {
			v.SetString(s)
		}
		return err
	case reflect.Pointer:
		if v.IsNil() {
			return nil
		}
		return w.value(v.Elem(), at, limit)
	case reflect.Slice:
		return w.slice(v, at)
	case reflect.Map:
		return w.dict(v, at)
	case reflect.Struct:
		for i := range v.NumField() {
			if err := w.field(v.Type().Field(i), v.Field(i), at); err != nil {
				return err
			}
		}
	}
	return nil
}

// field visits a field of a struct.
func (w *walk) field(f reflect.StructField, v reflect.Value, at *location) error {
	if !f.IsExported() {
		return nil
	}
	name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
	limit := MaxText
	if name == "hdr" || name == "never_hdr" {
		limit = maxHDR
	}
	here := &location{before: at, name: name}
	if known := wordsOf(f); known != nil && w.word != nil {
		if err := w.word(here.String, v.String(), known); err != nil {
			return err
		}
	}
	return w.value(v, here, limit)
}

// wordsOf are the words that a field may have; nil: any text.
func wordsOf(f reflect.StructField) []string {
	if words := f.Tag.Get("words"); words != "" {
		return strings.Split(words, "|")
	}
	return nil
}

func (w *walk) slice(v reflect.Value, at *location) error {
	if w.list != nil {
		limit := maxItems
		if v.Type().Elem() == reflect.TypeFor[Cell]() {
			limit = maxCells
		}
		if err := w.list(at.String, v.Len(), limit); err != nil {
			return err
		}
	}
	if k := v.Type().Elem().Kind(); k != reflect.String && k != reflect.Struct {
		return nil // numbers
	}
	for i := range v.Len() {
		if err := w.value(v.Index(i), &location{before: at, index: i}, MaxText); err != nil {
			return err
		}
	}
	return nil
}

// dict visits the keys and values of a map. When one changes, v gets a copy of the map: the old one
// may be shared. Of two keys that become the same one value is kept.
func (w *walk) dict(v reflect.Value, at *location) error {
	if w.list != nil {
		if err := w.list(at.String, v.Len(), maxEntries); err != nil {
			return err
		}
	}
	own := false
	for _, k := range v.MapKeys() {
		here := &location{before: at, name: k.String()}
		key, err := w.text(here.String, k.String(), maxKey)
		if err != nil {
			return err
		}
		old := v.MapIndex(k)
		value := reflect.New(old.Type()).Elem()
		value.Set(old)
		if err := w.value(value, here, MaxText); err != nil {
			return err
		}
		if key == k.String() && value.Equal(old) {
			continue
		}
		if !own {
			own = true
			copied := reflect.MakeMapWithSize(v.Type(), v.Len())
			for _, k := range v.MapKeys() {
				copied.SetMapIndex(k, v.MapIndex(k))
			}
			v.Set(copied)
		}
		v.SetMapIndex(k, reflect.Value{})
		v.SetMapIndex(reflect.ValueOf(key), value)
	}
	return nil
}

// ReadFS is Read for a directory of a file system.
func ReadFS(fsys fs.FS, dir string) (*Run, error) {
	name := path.Join(dir, FileName)
	text, err := regular.ReadFS(fsys, name, maxFile)
	if errors.Is(err, fs.ErrNotExist) {
		if run, err := readUnfinished(fsys, dir, dir); !errors.Is(err, fs.ErrNotExist) {
			return run, err
		}
	}
	if err != nil {
		return nil, err
	}
	return Parse(name, text)
}
