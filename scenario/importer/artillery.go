package importer

import (
	"cmp"
	"fmt"
	"net/url"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/throng-io/throng/scenario/file"
	"github.com/throng-io/throng/scenario/internal/yamltext"
)

// Artillery reads a test script of Artillery, in YAML or JSON, whose scenarios use the engines
// socketio, ws or websocket. name stands in errors and gives the scenario its name; open reads a
// data file of the script by the path that the script names, nil where there is none, and says by
// which path the scenario finds it. The error
// joins one *file.Error for each mistake that kept the script from being read.
func Artillery(name string, text []byte, open opener) (*Result, error) {
	root, err := file.ReadTree(name, text)
	if err != nil {
		return nil, err
	}
	if !root.Dict || root.Get("scenarios") == nil && root.Get("config") == nil {
		return nil, &file.Error{File: name, Line: 1, Col: 1, Msg: "the file is no script of Artillery: it has neither config: nor scenarios:", Hint: "name a script in YAML or JSON"}
	}
	// What steps capture is known when they have been written, since some are left out: the second
	// time it is, and templates that name what nobody captures become variables.
	first := newConverter(name, text, root, open)
	first.convert()
	c := newConverter(name, text, root, open)
	c.known = first.written
	return c.convert().valid(name)
}

// An opener reads a file that the script names, and returns by which path the scenario finds it.
type opener = func(path string) (text []byte, found string, err error)

func newConverter(name string, text []byte, root *file.Tree, open opener) *converter {
	c := &converter{
		written: map[string]map[string]bool{},
		root:    root, config: root.Get("config"), open: open, vars: map[string]*variable{}, used: map[string]bool{}, unknown: map[string]bool{}, done: map[int]bool{}, base: strings.TrimSuffix(strings.TrimSuffix(filepath.Base(name), filepath.Ext(name)), ".artillery"),
	}
	if !isJSON(text) {
		c.comments = file.Comments(text)
	}
	return c
}

func isJSON(text []byte) bool { return strings.HasPrefix(strings.TrimSpace(string(text)), "{") }

// A converter turns one script into one scenario.
type converter struct {
	root, config *file.Tree
	base         string // the name of the script without its extension
	open         opener
	comments     []file.Comment
	done         map[int]bool // comments that are written, by their line

	notes    notes
	vars     map[string]*variable // of config.variables and payload, by name
	order    []string             // of vars
	unknown  map[string]bool      // names that only a function of the script could give a value
	used     map[string]bool      // variables that are written as such
	payloads []payload
	files    []File
	plain    bool   // websockets without Socket.IO
	events   string // plain: where a frame names its event; "": nowhere
	timeout  string
	jitter   string
	groups   []*group
	written  map[string]map[string]bool // by group, the names that its steps capture
	known    map[string]map[string]bool // of an earlier conversion; nil: this is the first
	current  string                     // the group that is being written
}

// beforeAll stands for the steps before all clients.
const beforeAll = "before:"

// capturedBy are the names that the steps of a group capture.
func (c *converter) capturedBy(group string, flow *file.Tree) map[string]bool {
	names := map[string]bool{}
	if c.known == nil {
		collect(flow, names)
		return names
	}
	for name := range c.known[group] {
		names[name] = true
	}
	return names
}

// captureName notes that a step captures a value, and returns the name that it has in the scenario.
func (c *converter) captureName(name string) string {
	if c.written[c.current] == nil {
		c.written[c.current] = map[string]bool{}
	}
	c.written[c.current][name] = true
	return c.renamed(name)
}

// renamed is the name of a captured value: one of the script's variables keeps its own.
func (c *converter) renamed(name string) string {
	if v := c.vars[name]; v != nil {
		return safe(name) + "_captured"
	}
	return safe(name)
}

// isCaptured reports whether any step captures a value that has that name in the scenario.
func (c *converter) isCaptured(name string) bool {
	for _, names := range c.known {
		for n := range names {
			if c.renamed(n) == name {
				return true
			}
		}
	}
	return false
}

// A variable is a name that templates of the script may use.
type variable struct {
	line   int
	column string       // FEEDER.COLUMN of a payload; "": it is of variables
	values []*file.Tree // of which each client has one
	text   string       // a single value
	typed  bool         // that is written without quotes
}

// page is the scenario that is being written.
type page struct{ strings.Builder }

func (p *page) line(format string, args ...any) { fmt.Fprintf(p, format+"\n", args...) }

// above writes the comments that stand before a line of the script, or beside it.
func (c *converter) above(p *page, indent string, line int) {
	for _, m := range c.comments {
		if m.Before == line && !c.done[m.Line] {
			c.done[m.Line] = true
			p.line("%s# %s", indent, oneLine(m.Text))
		}
	}
}

// aboveKey writes the comments that stand before a key of a mapping.
func (c *converter) aboveKey(p *page, indent string, t *file.Tree, key string) {
	for _, e := range t.Entries() {
		if e.Key == key {
			c.above(p, indent, e.Line)
		}
	}
}

// within writes the comments between two lines that are not written yet.
func (c *converter) within(p *page, indent string, from, to int) {
	for _, m := range c.comments {
		if m.Before >= from && m.Before <= to && !c.done[m.Line] {
			c.done[m.Line] = true
			p.line("%s# %s", indent, oneLine(m.Text))
		}
	}
}

func (c *converter) convert() *Result {
	c.settings()
	list := c.root.Get("scenarios")
	groups := &page{}
	phases, slo := &page{}, &page{}
	plan := c.phases(phases)
	c.scenarios(groups, list, plan)
	c.checks(slo)
	c.rest()

	p := &page{}
	c.head(p)
	p.WriteString(groups.String())
	c.finish(phases, plan)
	p.WriteString(phases.String())
	p.WriteString(slo.String())
	for _, m := range c.comments {
		if !c.done[m.Line] && oneLine(m.Text) != "" {
			p.line("# line %d of the script: %s", m.Line, oneLine(m.Text))
		}
	}
	return &Result{Scenario: []byte(p.String()), Files: c.files, Notes: c.notes.sorted()}
}

// configKeys are the keys of config that are read.
var configKeys = []string{"target", "phases", "payload", "variables", "socketio", "ws", "tls", "timeout", "http", "ensure", "plugins", "defaults", "name", "engines"}

// settings reads what concerns the whole script.
func (c *converter) settings() {
	c.timeout = "10s"
	http := c.config.Get("http")
	for _, t := range []*file.Tree{c.config.Get("timeout"), http.Get("timeout")} {
		if d, ok := seconds(t); ok && d > 0 {
			c.timeout = duration(d)
		}
	}
	for _, defaults := range []*file.Tree{c.config.Get("defaults"), http.Get("defaults"), c.config.Get("socketio").Get("defaults")} {
		if j := defaults.Get("think").Get("jitter"); j != nil {
			c.jitter = j.Text
		}
	}
	c.variables()
	c.payload()
	for _, e := range c.config.Entries() {
		switch {
		case e.Key == "processor":
			c.notes.add(e.Line, "processor: functions in JavaScript cannot be taken over; what they set stands in vars:, and hooks are left out")
		case e.Key == "environments":
			c.notes.add(e.Line, "environments: run throng with --target and --set instead")
		case !slices.Contains(configKeys, e.Key):
			c.notes.add(e.Line, "%s: has no counterpart", e.Key)
		}
	}
	for _, e := range c.config.Get("plugins").Entries() {
		if e.Key != "ensure" && e.Key != "expect" {
			c.notes.add(e.Line, "the plugin %s has no counterpart", e.Key)
		}
	}
	for _, e := range c.config.Get("engines").Entries() {
		if !strings.HasPrefix(e.Key, "socketio") {
			c.notes.add(e.Line, "the engine %s has no counterpart", e.Key)
		}
	}
}

// variables reads config.variables: a list is drawn from, for each client.
func (c *converter) variables() {
	for _, e := range c.config.Get("variables").Entries() {
		v := &variable{line: e.Line}
		switch {
		case e.Val.List:
			for _, item := range e.Val.Items {
				if item.List || item.Dict {
					c.notes.add(e.Line, "the variable %s has values that are not single ones", e.Key)
					continue
				}
				v.values = append(v.values, item)
			}
		case e.Val.Dict:
			c.notes.add(e.Line, "the variable %s is a mapping, and variables are single values", e.Key)
			continue
		default:
			v.text, v.typed = e.Val.Text, !e.Val.Quoted && !e.Val.Null
		}
		c.vars[e.Key] = v
		c.order = append(c.order, e.Key)
	}
}

// target returns the address without its path, and the namespace that the path is.
func (c *converter) target() (address, space string) {
	t := c.config.Get("target")
	if t == nil || t.Text == "" {
		c.notes.add(lineOf(t, c.config), "the script names no target: run throng with --target URL")
		return "http://127.0.0.1:3000", ""
	}
	text := c.environment(t)
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || !slices.Contains([]string{"http", "https", "ws", "wss"}, u.Scheme) {
		c.notes.add(t.Line, "the target is no URL of a server: run throng with --target URL")
		return "http://127.0.0.1:3000", ""
	}
	if u.RawQuery != "" {
		c.notes.add(t.Line, "the query of the target is left out: write query: in the groups")
	}
	if u.User != nil {
		c.notes.add(t.Line, "the credentials in the target are left out: write headers: in the groups")
	}
	return u.Scheme + "://" + u.Host, strings.TrimSuffix(u.Path, "/")
}

var reEnv = regexp.MustCompile(`\{\{\s*\$(?:processEnvironment|env)\.([A-Za-z_][A-Za-z0-9_]*)\s*\}\}`)

// environment is a text whose variables of the environment cannot be templates.
func (c *converter) environment(t *file.Tree) string {
	if reEnv.MatchString(t.Text) {
		c.notes.add(t.Line, "the target comes from the environment: run throng with --target \"$NAME\"")
		return ""
	}
	return t.Text
}

func lineOf(list ...*file.Tree) int {
	for _, t := range list {
		if t != nil {
			return t.Line
		}
	}
	return 0
}

// head writes everything before the groups.
func (c *converter) head(p *page) {
	p.line("# Imported from the script %s of Artillery. Read the notes, and run throng check.", printable(c.base))
	if len(c.notes) > 0 {
		p.line("# Not taken over, by line of the script:")
		for _, n := range c.notes.sorted() {
			p.line("#   %s", n)
		}
	}
	c.within(p, "", 0, lineOf(c.config))
	p.line("version: 1")
	p.line("name: %s", strings.ToLower(nameOf(c.base, "-", "imported", 60)))
	address, path := c.target()
	c.above(p, "", lineOf(c.config.Get("target")))
	m := yamltext.Map{{Key: "url", Value: address}}
	enginePath := c.config.Get("socketio").Get("path")
	switch {
	case c.plain:
		if path != "" {
			m = append(m, yamltext.Entry{Key: "path", Value: path})
		}
		m = append(m, yamltext.Entry{Key: "protocol", Value: yamltext.Raw("websocket")})
		c.subprotocols(&m)
	case enginePath != nil && strings.HasPrefix(enginePath.Text, "/"):
		m = append(m, yamltext.Entry{Key: "path", Value: strings.TrimSuffix(enginePath.Text, "/") + "/"})
	}
	if r := c.config.Get("tls").Get("rejectUnauthorized"); r != nil && r.Text == "false" {
		m = append(m, yamltext.Entry{Key: "tls", Value: yamltext.Map{{Key: "insecure", Value: true}}})
	}
	p.line("target: %s", yamltext.Flow(m))
	c.varsOf(p)
	c.dataOf(p)
	if c.plain && c.events != "" {
		p.line("contract: {frames: {event: %s}}", yamltext.Quote(c.events))
	}
	p.line("")
}

func (c *converter) subprotocols(m *yamltext.Map) {
	var list []any
	sub := c.config.Get("ws").Get("subprotocols")
	if sub == nil {
		return
	}
	for _, item := range sub.Items {
		if item.Text != "" && !item.Dict && !item.List {
			list = append(list, item.Text)
		}
	}
	if len(list) > 0 {
		*m = append(*m, yamltext.Entry{Key: "subprotocol", Value: list})
	}
}

// varsOf writes the variables that templates name.
func (c *converter) varsOf(p *page) {
	var lines []string
	q := &page{}
	for _, name := range c.order {
		v := c.vars[name]
		if v.column != "" || !c.used[name] {
			continue
		}
		c.above(q, "  ", v.line)
		if v.typed {
			q.line("  %s: %s", safe(name), yamltext.Literal(v.text))
		} else {
			q.line("  %s: %s", safe(name), yamltext.Text(v.text))
		}
		lines = append(lines, name)
	}
	for _, name := range sortedKeys(c.unknown) {
		q.line("  %s: set-me", safe(name))
		lines = append(lines, name)
	}
	if len(lines) > 0 {
		p.line("vars:")
		p.WriteString(q.String())
	}
}

func sortedKeys(m map[string]bool) []string {
	list := make([]string, 0, len(m))
	for k := range m {
		list = append(list, k)
	}
	slices.Sort(list)
	return list
}

// rest notes what stands at the top of the script and has no counterpart.
func (c *converter) rest() {
	for _, e := range c.root.Entries() {
		switch e.Key {
		case "config", "scenarios", "before":
		case "after":
			c.notes.add(e.Line, "after: nothing is sent when a run has ended; a shell command after `throng run` can")
		default:
			c.notes.add(e.Line, "%s: has no counterpart", e.Key)
		}
	}
}

// seconds reads a duration of Artillery: a number of seconds, or a text such as 500ms or 2m.
func seconds(t *file.Tree) (time.Duration, bool) {
	if t == nil || t.List || t.Dict || t.Null {
		return 0, false
	}
	return parseSeconds(t.Text)
}

var reMS = regexp.MustCompile(`(?i)^\s*(-?\d*\.?\d+)\s*(milliseconds?|msecs?|ms|seconds?|secs?|s|minutes?|mins?|m|hours?|hrs?|h|days?|d)?\s*$`)

// maxDuration is the longest duration that is read: a week.
const maxDuration = 7 * 24 * time.Hour

func parseSeconds(text string) (time.Duration, bool) {
	m := reMS.FindStringSubmatch(text)
	if m == nil {
		return 0, false
	}
	v, err := strconv.ParseFloat(m[1], 64)
	if err != nil || v < 0 {
		return 0, false
	}
	unit := time.Second
	switch u := strings.ToLower(m[2]); {
	case strings.HasPrefix(u, "ms"), strings.HasPrefix(u, "milli"):
		unit = time.Millisecond
	case strings.HasPrefix(u, "m"):
		unit = time.Minute
	case strings.HasPrefix(u, "h"):
		unit = time.Hour
	case strings.HasPrefix(u, "d"):
		unit = 24 * time.Hour
	}
	return time.Duration(min(v*float64(unit), float64(maxDuration))), true
}

// duration writes a duration of a scenario.
func duration(d time.Duration) string {
	d = max(d.Round(time.Millisecond), time.Millisecond)
	switch {
	case d%time.Hour == 0:
		return strconv.FormatInt(int64(d/time.Hour), 10) + "h"
	case d%time.Minute == 0:
		return strconv.FormatInt(int64(d/time.Minute), 10) + "m"
	case d%time.Second == 0:
		return strconv.FormatInt(int64(d/time.Second), 10) + "s"
	}
	return strconv.FormatInt(int64(d/time.Millisecond), 10) + "ms"
}

// number reads a number.
func number(t *file.Tree) (float64, bool) {
	if t == nil || t.List || t.Dict {
		return 0, false
	}
	v, err := strconv.ParseFloat(strings.TrimSpace(t.Text), 64)
	return v, err == nil && v >= 0 && v < 1e9
}

// decimal writes a number as short as it is.
func decimal(v float64) string {
	s := strconv.FormatFloat(v, 'f', 6, 64)
	if strings.Contains(s, ".") {
		s = strings.TrimRight(strings.TrimRight(s, "0"), ".")
	}
	return cmp.Or(s, "0")
}
