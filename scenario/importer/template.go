package importer

import (
	"regexp"
	"slices"
	"strings"

	"github.com/throng-io/throng/scenario/file"
	"github.com/throng-io/throng/scenario/internal/yamltext"
)

// reTemplate is a template of Artillery: two or three braces.
var reTemplate = regexp.MustCompile(`\{\{\{?\s*([^{}]*?)\s*\}?\}\}`)

var (
	reIdentifier = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)
	reRandom     = regexp.MustCompile(`^\$randomNumber\(\s*(\d{1,12})\s*,\s*(\d{1,12})\s*\)$`)
	reEnvName    = regexp.MustCompile(`^\$(?:processEnvironment|env)\.([A-Za-z_][A-Za-z0-9_]*)$`)
)

// reserved are names that a scenario gives a meaning of its own.
var reserved = []string{"matrix", "client", "room", "seq", "payload", "stamp", "group", "event", "env", "uuid", "random", "pick", "now", "loop", "counter", "call", "target", "peer"}

// safe is a name of the script as a scenario can have it.
func safe(name string) string {
	if !reIdentifier.MatchString(name) {
		name = nameOf(name, "_", "value", 60)
	}
	if slices.Contains(reserved, name) {
		return name + "_value"
	}
	return name
}

// A scope is where templates are read: which names steps have captured, and what an element of an
// unrolled loop is.
type scope struct {
	captured map[string]bool
	element  any    // of a loop over values; nil: none
	rename   string // the name of the element
	inLoop   bool
}

// value reads a value with templates for a list or a mapping of a scenario.
func (c *converter) value(t *file.Tree, sc *scope) any {
	switch {
	case t == nil || t.Null:
		return nil
	case t.List:
		list := []any{}
		for _, item := range t.Items {
			list = append(list, c.value(item, sc))
		}
		return list
	case t.Dict:
		m := yamltext.Map{}
		for _, e := range t.Keys {
			m = append(m, yamltext.Entry{Key: e.Key, Value: c.value(e.Val, sc)})
		}
		return m
	case !t.Quoted && isTyped(t.Text):
		return yamltext.Raw(t.Text)
	}
	return c.text(t.Text, t.Line, sc)
}

var reTyped = regexp.MustCompile(`^(true|false|-?(0|[1-9]\d{0,17})(\.\d{1,17})?)$`)

// isTyped reports whether an unquoted text is a number, true or false.
func isTyped(s string) bool { return reTyped.MatchString(s) }

// text reads a text with templates. One that is the whole text keeps its type.
func (c *converter) text(s string, line int, sc *scope) any {
	if m := reTemplate.FindStringSubmatch(s); m != nil && m[0] == strings.TrimSpace(s) {
		if sc.isElement(m[1]) {
			return sc.element
		}
		ref, typed := c.reference(m[1], line, sc)
		if typed && reDollar.MatchString(ref) {
			return yamltext.Raw("$" + ref)
		}
		return yamltext.Template("${" + ref + "}")
	}
	return yamltext.Template(c.inside(s, line, sc))
}

// reDollar is what may be written without braces.
var reDollar = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*$`)

func (sc *scope) isElement(name string) bool {
	return sc.element != nil && (name == "$loopElement" || name == sc.rename || name == "$loopValue")
}

// inside is a text with its templates in the words of a scenario.
func (c *converter) inside(s string, line int, sc *scope) string {
	var b strings.Builder
	end := 0
	for _, m := range reTemplate.FindAllStringSubmatchIndex(s, -1) {
		b.WriteString(yamltext.Literal(s[end:m[0]]))
		end = m[1]
		name := s[m[2]:m[3]]
		if sc.isElement(name) {
			switch v := sc.element.(type) {
			case yamltext.Raw:
				b.WriteString(string(v))
			case yamltext.Template:
				b.WriteString(string(v))
			case string:
				b.WriteString(yamltext.Literal(v))
			}
			continue
		}
		ref, _ := c.reference(name, line, sc)
		b.WriteString("${" + ref + "}")
	}
	b.WriteString(yamltext.Literal(s[end:]))
	return b.String()
}

// reference is the name of a scenario for what a template names. typed says that its type is kept.
func (c *converter) reference(name string, line int, sc *scope) (ref string, typed bool) {
	name = strings.TrimSpace(name)
	switch m := reRandom.FindStringSubmatch(name); {
	case m != nil:
		return "random(" + m[1] + "," + m[2] + ")", true
	case name == "$uuid", name == "$randomUUID()", name == "$guid":
		return "uuid", true
	case name == "$timestamp":
		return "now", true
	case name == "$loopCount" || name == "$loopIndex":
		if sc.inLoop {
			return "loop.index", true
		}
	case strings.HasPrefix(name, "$randomString"), strings.HasPrefix(name, "$testId"), name == "$uid":
		c.notes.add(line, "%s is written as a random UUID", name)
		return "uuid", false
	}
	if m := reEnvName.FindStringSubmatch(name); m != nil {
		c.unknown[safe(m[1])] = true
		c.notes.add(line, "%s comes from the environment: run throng with --set '%s=${env.%s}' --secret %[2]s", name, safe(m[1]), m[1])
		return safe(m[1]), false
	}
	if sc.captured[name] {
		return c.renamed(name), true
	}
	if v := c.vars[name]; v != nil {
		return c.variable(name, v)
	}
	base, rest, dotted := strings.Cut(strings.ReplaceAll(name, "[", "."), ".")
	switch {
	case dotted && sc.captured[base]:
		c.notes.add(line, "{{ %s }}: a template has whole captured values; capture %s by a path of its own", name, rest)
		return c.renamed(base), true
	case dotted && c.vars[base] != nil:
		c.notes.add(line, "{{ %s }}: variables are single values", name)
		return c.variable(base, c.vars[base])
	}
	key := safe(name)
	for c.vars[key] != nil || c.isCaptured(key) {
		key += "_value"
	}
	c.unknown[key] = true
	c.notes.add(line, "{{ %s }} has no value in the script: it stands in vars:, to be set", name)
	return key, false
}

// variable is the reference to a variable of the script.
func (c *converter) variable(name string, v *variable) (ref string, typed bool) {
	switch {
	case v.column != "":
		feeder, column, _ := strings.Cut(v.column, ".")
		for i := range c.payloads {
			if c.payloads[i].name == feeder {
				c.payloads[i].used = true
			}
		}
		return feeder + "." + column, false
	case len(v.values) == 0:
		c.used[name] = true
		return safe(name), v.typed
	}
	return c.drawn(name, v)
}
