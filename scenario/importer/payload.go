package importer

import (
	"bytes"
	"encoding/csv"
	"errors"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"github.com/throng-io/throng/scenario/file"
	"github.com/throng-io/throng/scenario/internal/yamltext"
)

// A payload is a CSV file of which each client has a row.
type payload struct {
	line   int
	name   string // in data:
	path   string
	format string // csv or jsonl
	random bool
	used   bool
}

// payload reads config.payload. A file without a line of column names is written anew, with them.
func (c *converter) payload() {
	taken := map[string]bool{}
	for name := range c.vars {
		taken[safe(name)] = true
	}
	for _, t := range items(c.config.Get("payload")) {
		path := t.Get("path")
		if path == nil || path.Text == "" || path.List || path.Dict {
			c.notes.add(t.Line, "the payload has no path that can be read")
			continue
		}
		if t.Get("loadAll") != nil || t.Get("name") != nil {
			c.notes.add(t.Line, "the payload %s is dealt to the clients row by row: a client has no list of all rows", path.Text)
		}
		name := strings.ToLower(nameOf(strings.TrimSuffix(filepath.Base(path.Text), filepath.Ext(path.Text)), "_", "rows", 30))
		p := payload{line: t.Line, name: unique(safe(name), taken), path: path.Text, format: "csv"}
		order := t.Get("order")
		p.random = order == nil || order.Text != "sequence"
		var fields []string
		for _, f := range items(t.Get("fields")) {
			fields = append(fields, f.Text)
		}
		if text, ok := c.rows(t, path, fields, &p); ok {
			fields = text
		}
		for _, f := range fields {
			if strings.ContainsAny(f, "{}$") {
				c.notes.add(t.Line, "the column %s has a name that no template can have", f)
				continue
			}
			if _, is := c.vars[f]; !is && f != "" {
				c.vars[f] = &variable{line: t.Line, column: p.name + "." + f}
				c.order = append(c.order, f)
			}
		}
		c.payloads = append(c.payloads, p)
	}
}

// rows looks into the file of a payload. It returns the names of the columns.
func (c *converter) rows(t, path *file.Tree, fields []string, p *payload) ([]string, bool) {
	var text []byte
	var found string
	err := errors.New("")
	if c.open != nil {
		text, found, err = c.open(path.Text)
	}
	if err != nil {
		c.notes.add(path.Line, "the payload %s could not be read: put it beside the scenario, with %s in its first line", path.Text, strings.Join(fields, ","))
		return nil, false
	}
	r := csv.NewReader(bytes.NewReader(bytes.TrimPrefix(text, []byte("\ufeff"))))
	r.FieldsPerRecord = -1
	r.LazyQuotes = true
	delimiter := t.Get("delimiter")
	if delimiter != nil && len([]rune(delimiter.Text)) == 1 && !strings.ContainsAny(delimiter.Text, "\"\r\n\ufffd") {
		r.Comma = []rune(delimiter.Text)[0]
	}
	all, err := r.ReadAll()
	if err != nil && !errors.Is(err, io.EOF) || len(all) == 0 {
		c.notes.add(path.Line, "the payload %s is no CSV that can be read", path.Text)
		return nil, false
	}
	skip := t.Get("skipHeader")
	head := skip != nil && skip.Text == "true"
	if len(fields) == 0 {
		fields, head = all[0], true
	}
	if head && r.Comma == ',' && slices.Equal(all[0], fields) {
		p.path = found // as it is
		return fields, true
	}
	if head {
		all = all[1:]
	}
	var out bytes.Buffer
	w := csv.NewWriter(&out)
	_ = w.Write(fields)
	for _, row := range all {
		row = append(row, make([]string, max(0, len(fields)-len(row)))...)
		_ = w.Write(row[:len(fields)])
	}
	w.Flush()
	p.path = nameOf(c.base, "-", "script", 40) + "-" + nameOf(strings.TrimSuffix(filepath.Base(path.Text), filepath.Ext(path.Text)), "-", "rows", 40) + ".csv"
	c.files = append(c.files, File{p.path, out.Bytes()})
	c.notes.add(path.Line, "%s is written as %s, with the names of the columns in its first line", path.Text, p.path)
	return fields, true
}

// dataOf writes the data files that templates name.
func (c *converter) dataOf(p *page) {
	var lines []payload
	for _, one := range c.payloads {
		if one.used {
			lines = append(lines, one)
			continue
		}
		c.notes.add(one.line, "nothing uses the payload %s, and it is left out", one.path)
	}
	if len(lines) == 0 {
		return
	}
	p.line("data:")
	for _, one := range lines {
		c.above(p, "  ", one.line)
		pick := "sequential"
		if one.random {
			pick = "random"
		}
		p.line("  %s: {%s: %s, pick: %s}", one.name, one.format, yamltext.Text(one.path), pick)
	}
}

// drawn is the reference to a variable with several values, of which each client has one at random:
// a data file of its own.
func (c *converter) drawn(name string, v *variable) (ref string, typed bool) {
	var out bytes.Buffer
	for _, t := range v.values {
		out.WriteString(`{"value": ` + jsonOf(t) + "}\n")
	}
	p := payload{line: v.line, name: unique(safe(name), c.feeders()), path: nameOf(c.base, "-", "script", 40) + "-" + nameOf(name, "-", "values", 40) + ".jsonl", format: "jsonl", random: true, used: true}
	c.payloads = append(c.payloads, p)
	c.files = append(c.files, File{p.path, out.Bytes()})
	v.column = p.name + ".value"
	return v.column, true
}

// feeders are the names that data files and variables have.
func (c *converter) feeders() map[string]bool {
	taken := map[string]bool{}
	for _, p := range c.payloads {
		taken[p.name] = true
	}
	for name := range c.unknown {
		taken[name] = true
	}
	for name, v := range c.vars {
		if v.column == "" && len(v.values) == 0 {
			taken[safe(name)] = true
		}
	}
	return taken
}

// jsonOf is a single value as JSON.
func jsonOf(t *file.Tree) string {
	switch {
	case t.Null:
		return "null"
	case !t.Quoted && isTyped(t.Text):
		return t.Text
	}
	return yamltext.Quote(t.Text)
}
