package file

import (
	"encoding/json"
	"net/url"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// filledWith fills every hole of a template with the same text, in the form of the hole.
func filledWith(t Template, value string) string {
	return string(t.Append(nil, func(dst []byte, h Hole) []byte {
		quoted := jsonString(value)
		switch h.Form {
		case FormString:
			return append(dst, quoted[1:len(quoted)-1]...)
		case FormValue:
			return append(dst, quoted...)
		case FormPath, FormQuery:
			return h.Form.AppendURL(dst, value)
		}
		return append(dst, value...)
	}))
}

// A text stays the same text whether it is written as it is, inside of a JSON string, or as a JSON
// value, whatever stands in it and in its holes.
func TestTemplatesInOtherForms(t *testing.T) {
	part := rapid.StringMatching(`[ -~äé\n\t"\\<]{0,6}`)
	rapid.Check(t, func(t *rapid.T) {
		text := Template{Parts: []string{part.Draw(t, "first")}}
		for range rapid.IntRange(0, 3).Draw(t, "holes") {
			text.Holes = append(text.Holes, Hole{HoleRoom, FormText})
			text.Parts = append(text.Parts, part.Draw(t, "part"))
		}
		value := part.Draw(t, "value")
		want := filledWith(text, value)
		for form, around := range map[Form]string{FormText: "", FormString: `"`, FormValue: ""} {
			got := around + filledWith(text.In(form), value) + around
			if form == FormText {
				got = jsonString(got)
			}
			var back string
			if err := json.Unmarshal([]byte(got), &back); err != nil || back != want {
				t.Fatalf("%q in form %v is %s, which is %q (%v)", want, form, got, back, err)
			}
		}
	})
}

func TestURLForms(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.StringMatching(`[ -~äé]{0,12}`).Draw(t, "text")
		if back, err := url.PathUnescape(string(FormPath.AppendURL(nil, s))); err != nil || back != s {
			t.Fatalf("in a path %q comes back as %q: %v", s, back, err)
		}
		if back, err := url.QueryUnescape(string(FormQuery.AppendURL(nil, s))); err != nil || back != s {
			t.Fatalf("in a query %q comes back as %q: %v", s, back, err)
		}
		if strings.ContainsAny(string(FormQuery.AppendURL(nil, s)), "&=#") || strings.ContainsAny(string(FormPath.AppendURL(nil, s)), "/?#") {
			t.Fatalf("%q leaves its place", s)
		}
		if got := string(FormText.AppendURL([]byte("x"), s)); got != "x"+s {
			t.Fatalf("as a text %q is %q", s, got)
		}
	})
}

// A template is shown as it is written, with one dollar sign where the file needs two.
func TestTemplateSource(t *testing.T) {
	for _, text := range []string{"", "a", "${room}", "a ${room} b ${stamp}", "$$5", "${payload}x"} {
		errs := &errorList{}
		d := newDecoder(errs, nil, nil, &reading{})
		v, ok := d.expand(&node{text: text, quoted: true}, operationScope)
		if !ok {
			t.Fatal(errs.join(1))
		}
		if got := textTemplate(v).Source(); got != strings.ReplaceAll(text, "$$", "$") {
			t.Errorf("%q has the source %q", text, got)
		}
	}
}
