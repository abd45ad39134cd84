package file

import (
	"encoding/json"
	"fmt"
	"html"
	"io"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// envPrefix begins the name of an environment variable in a template.
const envPrefix = "env."

// minSecret is the least length of a secret in bytes. A shorter one could not be told from other
// text, and so could not be kept out of it.
const minSecret = 4

// Masked stands where a secret was.
const Masked = "***"

// Secrets holds the values of a scenario that must not be written anywhere: environment variables
// named by templates, and variables marked as secret. A Spec holds only the names, as holes of its
// templates; the code that fills a template looks the value up here. Printing a Secrets by any
// means shows no value. A nil Secrets is empty. Safe for concurrent use.
type Secrets struct {
	values map[string]Datum
	masks  *masks // of the whole file
}

// masks are the forms in which the secrets of a file may come out again, the longest first.
type masks struct{ forms []string }

// Lookup returns the value of a hole; ok is false when the name does not name a secret. The datum
// is shared: do not change it.
func (s *Secrets) Lookup(name string) (d *Datum, ok bool) {
	if s == nil {
		return nil, false
	}
	v, ok := s.values[name]
	return &v, ok
}

// Mask returns the text with each secret of the file in it replaced by Masked: as it is, and
// escaped as in JSON, a URL, HTML or Go, also twice. A secret that the text cuts short is found by
// its first eight bytes.
func (s *Secrets) Mask(text string) string {
	if s == nil {
		return text
	}
	return s.masks.mask(text)
}

// Mask is Secrets.Mask for values that are no secrets of a file. Those below four bytes stay.
func Mask(text string, values ...string) string {
	m := &masks{}
	for _, v := range values {
		if len(v) >= minSecret {
			m.add(v)
		}
	}
	return m.mask(text)
}

// mask replaces whole secrets before it looks for the beginnings of cut ones: two may begin alike.
func (m *masks) mask(text string) string {
	for _, form := range m.forms {
		text = strings.ReplaceAll(text, form, Masked)
	}
	for _, form := range m.forms {
		if len(form) > enough {
			text = maskCut(text, form)
		}
	}
	return text
}

// enough is how many bytes of a secret distinguish it from other text.
const enough = 8

// maskCut replaces text that begins like the form.
func maskCut(text, form string) string {
	head := form[:enough]
	if !strings.Contains(text, head) {
		return text
	}
	var out strings.Builder
	for {
		i := strings.Index(text, head)
		if i < 0 {
			out.WriteString(text)
			return out.String()
		}
		out.WriteString(text[:i])
		out.WriteString(Masked)
		text = text[i:]
		n := len(head)
		for n < len(form) && n < len(text) && text[n] == form[n] {
			n++
		}
		text = text[n:]
	}
}

// Format writes no value.
func (s *Secrets) Format(w fmt.State, _ rune) { _, _ = io.WriteString(w, "secrets") }

// MarshalJSON writes no value.
func (s *Secrets) MarshalJSON() ([]byte, error) { return []byte("null"), nil }

// Equal reports whether two hold the same.
func (s *Secrets) Equal(o *Secrets) bool {
	if s == nil || o == nil {
		return s == o
	}
	return maps.Equal(s.values, o.values)
}

// add notes a value under its name.
func (s *Secrets) add(name string, d Datum) {
	s.values[name] = d
	s.masks.add(d.Text)
}

func (m *masks) add(text string) {
	// a server may put an answer into another
	for _, form := range escaped(text, escaped(text)...) {
		if !slices.Contains(m.forms, form) {
			m.forms = append(m.forms, form)
		}
	}
	slices.SortStableFunc(m.forms, func(a, b string) int { return len(b) - len(a) })
}

// escaped returns a text, and others if given, in the forms that programs write texts in.
func escaped(text string, more ...string) (out []string) {
	inside := func(quoted string) string { return quoted[1 : len(quoted)-1] }
	for _, t := range append(more, text) {
		forHTML, _ := json.Marshal(t) // of a string: it cannot fail
		component := strings.NewReplacer("+", "%20", "%21", "!", "%27", "'", "%28", "(", "%29", ")", "%2A", "*").Replace(url.QueryEscape(t))
		out = append(out, t, inside(jsonString(t)), inside(string(forHTML)), inside(strconv.Quote(t)), url.QueryEscape(t), component, url.PathEscape(t), html.EscapeString(t))
	}
	return out
}

// env reads an environment variable that a template names.
func (vs *variables) env(errs *errorList, at place, name string) bool {
	if _, known := vs.secrets.values[name]; known {
		return true
	}
	key := strings.TrimPrefix(name, envPrefix)
	text, set := vs.how.lookupEnv(key)
	if vs.how.unset && !set {
		text, set = "not set", true
	}
	switch {
	case !reName.MatchString(key):
		errs.add(at, fmt.Sprintf("%q is not a name for an environment variable", clip(key)), "write ${env.NAME}")
	case !set:
		errs.add(at, fmt.Sprintf("the environment variable %s is not set", clip(key)), "export it, or use a variable of vars:")
	case text == "":
		errs.add(at, fmt.Sprintf("the environment variable %s is empty", clip(key)), "give it a value")
	case !vs.fits(errs, at, "the environment variable "+clip(key), text):
	default:
		vs.secrets.add(name, textDatum(text))
		return true
	}
	return false
}

// fits checks that a secret can be masked in output, and is valid in the places that use it.
func (vs *variables) fits(errs *errorList, at place, what, text string) bool {
	switch {
	case len(text) < minSecret:
		errs.add(at, fmt.Sprintf("%s is too short for a secret, which must not be written anywhere", what), fmt.Sprintf("a secret has at least %d characters", minSecret))
	case len(text) > maxExpanded:
		errs.add(at, fmt.Sprintf("%s has %d bytes", what, len(text)), fmt.Sprintf("a secret has at most %d", maxExpanded))
	case strings.ToValidUTF8(text, "") != text || strings.ContainsFunc(text, unicode.IsControl):
		errs.add(at, what+" holds a line break or another control character", "remove it")
	default:
		return true
	}
	return false
}

// keep makes a secret of a variable that is marked as one.
func (vs *variables) keep(errs *errorList, at place, name string, got *value) bool {
	if _, known := vs.secrets.values[name]; known {
		return true
	}
	full := []string{got.parts[0]}
	for i, hole := range got.holes {
		d, _ := vs.secrets.Lookup(hole)
		full = append(full, d.Text, got.parts[i+1])
	}
	text := strings.Join(full, "")
	if !vs.fits(errs, at, fmt.Sprintf("the variable `%s`", name), text) {
		return false
	}
	d := textDatum(text)
	if got.plain && len(got.holes) == 0 && isTyped(text) {
		d.Value = text // a number keeps its type
	}
	vs.secrets.add(name, d)
	return true
}

// checkSecrets refuses a secret mark on a name that is not a variable.
func checkSecrets(errs *errorList, secret []string, defs map[string]*node) {
	for _, name := range secret {
		if defs[name] != nil {
			continue
		}
		errs.add(place{set: "--secret " + clip(printable(name))}, fmt.Sprintf("the file has no variable `%s`", clip(name)), orOneOf(name, slices.Sorted(maps.Keys(defs))))
	}
}
