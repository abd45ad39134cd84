package scenario

import (
	"slices"

	"github.com/throng-io/throng/scenario/file"
)

// A redactedError has in its text nothing that a client's auth, query and headers, or a request of
// its flow, take of data files and of earlier answers: these are credentials, and a server that
// refuses them may say them back.
type redactedError struct {
	error
	fill *filling // of the client
	step *step    // nil: it does not come from a flow
}

func (e redactedError) Error() string {
	g := e.fill.group
	values := e.fill.credentials(nil, slices.Concat(g.query, g.headers), g.auth, g.own)
	if s := e.step; s != nil && s.request != nil {
		values = e.fill.credentials(values, s.request.headers, s.request.url, s.request.body)
	}
	return file.Mask(e.error.Error(), values...)
}

func (e redactedError) Unwrap() error { return e.error }

// credentials appends the values that patterns insert from data files and earlier answers. Patterns
// may be nil.
func (f *filling) credentials(values []string, fields []namedPattern, more ...*pattern) []string {
	for _, field := range fields {
		more = append(more, field.pattern)
	}
	for _, p := range more {
		if p == nil {
			continue
		}
		for _, x := range p.patches {
			if x.kind == patchData || x.kind == patchCaptured {
				x.form = file.FormText
				values = append(values, string(x.append(nil, f)))
			}
		}
	}
	return values
}
