package scenario

import (
	"fmt"
	"slices"
	"strings"

	"github.com/throng-io/throng/protocol/socketio"
	"github.com/throng-io/throng/scenario/file"
	"github.com/throng-io/throng/scenario/internal/jsonpath"
	"github.com/throng-io/throng/scenario/internal/stamp"
)

// A matcher compares the values of an event, an acknowledgement or an answer with those that a file
// expects.
type matcher struct {
	all    []file.Match
	values []*pattern
}

func (t *trial) matcher(all []file.Match, captured []string) matcher {
	m := matcher{all: all}
	for i := range all {
		m.values = append(m.values, t.compile(all[i].Value, captured))
	}
	return m
}

// check returns an error for the first value that a document does not have; nil: it has all. Where
// a path leads to several values, one of them is enough. what names the document in the error.
func (m *matcher) check(doc *jsonpath.Document, fill *filling, what string) error {
	for i := range m.all {
		if m.all[i].Value.Has(file.HolePayload) {
			if !slices.ContainsFunc(doc.Texts(&m.all[i].Path), fill.within) {
				return fmt.Errorf("%s of %s is %s, not the payload that was sent", m.all[i].Path.Text, what, shown(doc.Select(&m.all[i].Path)))
			}
			continue
		}
		text := m.values[i].append(nil, fill)
		want, err := jsonpath.Decode(text)
		if err != nil {
			return fmt.Errorf("%s cannot be compared: %w", text, err)
		}
		found := doc.Select(&m.all[i].Path)
		if !slices.ContainsFunc(found, func(v any) bool { return jsonpath.Equal(v, want) }) {
			return fmt.Errorf("%s of %s is %s, not %s", m.all[i].Path.Text, what, shown(found), clipped(text))
		}
	}
	return nil
}

// within reports whether a value has the payload of the message that the filling is for, unchanged.
func (f *filling) within(value []byte) bool {
	finder := stamp.Finder{Parser: socketio.JSON, Run: f.stamp.Run}
	scan := finder.Scan(value, nil)
	st, found := scan.Next()
	s := f.group.t.streams[f.stamp.Stream]
	return found == stamp.Found && st == *f.stamp && s.intact.check(scan.Before(), scan.After(), s.fillersOf(&st), false, nil)
}

// checkArgs is check of arguments.
func (m *matcher) checkArgs(args []byte, fill *filling, what string) error {
	if len(m.all) == 0 {
		return nil
	}
	doc, err := jsonpath.Args(args)
	if err != nil {
		return err
	}
	return m.check(&doc, fill, what)
}

// shown writes what was found, for an error.
func shown(found []any) string {
	if len(found) == 0 {
		return "missing"
	}
	var texts []string
	for _, v := range found[:min(len(found), 3)] {
		texts = append(texts, clipped(jsonpath.Append(nil, v)))
	}
	return strings.Join(texts, ", ")
}

// clipped is the beginning of a value.
func clipped(text []byte) string {
	const most = 60
	if len(text) <= most {
		return string(text)
	}
	return strings.ToValidUTF8(string(text[:most]), "") + "..."
}
