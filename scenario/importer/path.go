package importer

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/throng-io/throng/scenario/file"
	"github.com/throng-io/throng/scenario/internal/yamltext"
)

// matches are the conditions on an answer: match, a list of them, or data that it must equal.
func (c *converter) matches(t *file.Tree, root string, numbered bool, sc *scope) yamltext.Map {
	m := yamltext.Map{}
	add := func(path string, v any) {
		if !slices.ContainsFunc(m, func(e yamltext.Entry) bool { return e.Key == path }) {
			m = append(m, yamltext.Entry{Key: path, Value: v})
		}
	}
	if data := either(t, "data", "args"); data != nil {
		if root == "$[0]" && data.List { // all arguments, in order
			for i, item := range data.Items {
				add(fmt.Sprintf("$[%d]", i), c.value(item, sc))
			}
		} else {
			add(root, c.value(data, sc))
		}
	}
	for _, one := range items(t.Get("match")) {
		value := one.Get("value")
		path, ok := c.path(one, root, numbered)
		if !ok || value == nil {
			c.notes.add(one.Line, "the match has no path and value that can be read, and is left out")
			continue
		}
		add(path, c.value(value, sc))
	}
	return m
}

var reSimplePath = regexp.MustCompile(`^\$?\.?[A-Za-z_][\w-]*((\.[\w-]+)|(\[(\d+|\*|'[^'\]]*'|"[^"\]]*")\]))*$|^\$((\.[\w-]+)|(\[(\d+|'[^'\]]*'|"[^"\]]*")\]))*$`)

// path is the place of a value in an answer, within root. Arguments of an acknowledgement are
// numbered: $.0 is the first. So are those of an event that is waited for.
func (c *converter) path(t *file.Tree, root string, numbered bool) (string, bool) {
	j := t.Get("json")
	switch {
	case j == nil && numbered && t.Get("regexp") == nil && t.Get("xpath") == nil:
		return root, true
	case j == nil:
		return "", false
	}
	text := strings.TrimSpace(j.Text)
	if len(text) > 200 || !reSimplePath.MatchString(text) || strings.Contains(text, "[*]") {
		return "", false
	}
	text = strings.TrimPrefix(strings.TrimPrefix(text, "$"), ".")
	if text != "" && text[0] != '[' {
		text = "." + text
	}
	text = segments(text)
	if numbered && strings.HasPrefix(text, "[") && text[1] != '\'' {
		return "$" + text, true
	}
	return root + text, true
}

var reSegment = regexp.MustCompile(`\.([\w-]+)|\[(\d+)\]|\['([^'\]]*)'\]|\["([^"\]]*)"\]`)

// segments writes a path as JSONPath has it: numbers as places, other keys in quotes where they are
// no words.
func segments(path string) string {
	var b strings.Builder
	for _, m := range reSegment.FindAllStringSubmatch(path, -1) {
		key := m[1] + m[3] + m[4]
		switch {
		case m[2] != "" && len(m[2]) < 10 && (m[2] == "0" || m[2][0] != '0'):
			b.WriteString("[" + m[2] + "]")
		case key != "" && strings.Trim(key, "0123456789") == "" && len(key) < 10 && (key == "0" || key[0] != '0'):
			b.WriteString("[" + key + "]")
		case reIdentifier.MatchString(key):
			b.WriteString("." + key)
		default:
			b.WriteString("['" + strings.ReplaceAll(key+m[2], "\\", "") + "']")
		}
	}
	return b.String()
}

// captures are the values that an answer gives names to.
func (c *converter) captures(t *file.Tree, root string, numbered bool) yamltext.Map {
	m := yamltext.Map{}
	for _, one := range items(t.Get("capture")) {
		as := one.Get("as")
		if as == nil || as.Text == "" {
			continue
		}
		path, ok := c.path(one, root, numbered)
		if !ok {
			c.notes.add(lineOf(one), "the capture of %s is no path into JSON, and takes the whole answer", as.Text)
			path = root
		}
		name := c.captureName(as.Text)
		if !slices.ContainsFunc(m, func(e yamltext.Entry) bool { return e.Key == name }) {
			m = append(m, yamltext.Entry{Key: name, Value: yamltext.Template(path)})
		}
	}
	return m
}
