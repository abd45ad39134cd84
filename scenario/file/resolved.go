package file

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Resolved returns the scenario as a file of its own that runs the same again: with the overrides
// applied, the variables of the file in their places, aliases written out, and the main defaults
// filled in. The axes of a matrix, a variable that a search raises, and values known only to the
// runner stay as they are. It contains no secret: a secret variable token is replaced by
// ${env.token}, whose value must be set to run the file. target and its path replace the server, as
// --target does; "" leaves it.
func (f *File) Resolved(target, path string) ([]byte, error) {
	fresh, root, err := f.tree()
	if err != nil {
		return nil, err
	}
	r := resolver{vars: f.hiding(root.get("vars")), file: f}
	var plain *node
	// a search needs its variable
	if raise := root.get("search").get("raise"); raise != nil && r.vars.get(raise.text) != nil {
		plain = root.with("vars", (&node{kind: dict}).with(raise.text, r.vars.get(raise.text)))
		r.vars = r.vars.without(raise.text)
	} else {
		plain = root.without("vars")
	}
	plain = r.files(r.node(plain))
	switch {
	case target != "":
		to := &node{kind: dict}
		if old := plain.get("target"); old != nil && old.kind == dict {
			to = old
		}
		to = to.with("url", text(target))
		if path != "" {
			to = to.with("path", text(path))
		}
		plain = plain.without("server").without("targets").with("target", to)
	case plain.get("target") != nil: // --set has named it
		plain = plain.without("server").without("targets")
	}
	// Some keys with defaults exclude one another. Where the defaults do not fit this scenario, or
	// into a file, it goes without them.
	for _, n := range []*node{filled(plain, fresh), plain} {
		out := n.yaml()
		if len(out) > MaxText {
			err = fmt.Errorf("the scenario takes %d bytes with its aliases written out, and a file may have %d", len(out), MaxText)
			continue
		}
		if _, err = parse(f.Name, string(out), reading{unset: true}, nil); err == nil {
			return out, nil
		}
	}
	return nil, err
}

// tree parses the scenario anew: f may have been scaled down.
func (f *File) tree() (*File, *node, error) {
	fresh, err := parse(f.Name, f.text, f.how, nil)
	if err != nil {
		return nil, nil, err
	}
	errs := &errorList{file: f.Name}
	root := override(errs, load(errs, f.text, ""), &f.how)
	if f.how.foreign {
		root, _ = withoutBuiltIn(root)
	}
	return fresh, root, errs.join(1)
}

// hiding returns the variables with environment variables of the same names in the place of
// secrets.
func (f *File) hiding(vars *node) *node {
	for _, name := range f.how.secret {
		vars = vars.with(name, &node{text: "${" + envPrefix + name + "}", quoted: true})
	}
	return vars
}

func text(s string) *node { return &node{text: s} }

// resolver puts the variables of the file in their places.
type resolver struct {
	vars *node
	file *File
}

func (r *resolver) node(n *node) *node {
	c := *n
	switch n.kind {
	case scalar:
		c.text, c.quoted = r.text(n)
	case list:
		c.items = nil
		for _, item := range n.items {
			c.items = append(c.items, r.node(item))
		}
	case dict:
		c.keys = nil
		for _, e := range n.keys {
			c.keys = append(c.keys, entry{key: e.key, val: r.node(e.val)})
		}
	}
	return &c
}

// text replaces the variables in a scalar. Axes, holes and dollar signs stay as they are written; a
// whole value has quotes where its variable has.
func (r *resolver) text(n *node) (s string, quoted bool) {
	s, quoted = r.replaced(n, func(value string) string { return value })
	if computed, _ := r.replaced(n, parenthesised); computed != s && isArithmetic(computed) {
		if _, f := arithmetic(computed); f == nil {
			s = computed
		}
	}
	return s, quoted
}

// replaced is text, with each value as it is put in.
func (r *resolver) replaced(n *node, put func(string) string) (s string, quoted bool) {
	quoted = n.quoted
	s = reVariable.ReplaceAllStringFunc(n.text, func(written string) string {
		def := r.vars.get(strings.TrimSpace(strings.Trim(written, "${}")))
		if written == "$$" || def == nil {
			return written
		}
		value, q := r.text(def) // Parse has refused circles
		if written == n.text {
			quoted = quoted || q
			return value
		}
		return put(value)
	})
	return s, quoted
}

// files names the files of a scenario by their whole paths: a scenario that lies elsewhere would
// not find them. What clients send may have the same keys, and stays as it is.
func (r *resolver) files(root *node) *node {
	target := root.get("target")
	if ca := target.get("tls").get("ca"); ca != nil {
		root = root.with("target", target.with("tls", target.get("tls").with("ca", r.whole(ca))))
	}
	if data := root.get("data"); data != nil {
		root = root.with("data", r.feeders(data))
	}
	for _, group := range root.get("groups").entries() {
		send := group.val.get("send")
		if send == nil {
			continue
		}
		streams := *send
		streams.items = slices.Clone(send.items)
		for i, stream := range streams.items {
			if log := stream.get("replay"); log != nil {
				streams.items[i] = stream.with("replay", r.whole(log))
			}
		}
		root = root.with("groups", root.get("groups").with(group.key, group.val.with("send", &streams)))
	}
	return root
}

// feeders names the data files by their whole paths.
func (r *resolver) feeders(data *node) *node {
	for _, e := range data.keys {
		for _, format := range []string{"csv", "jsonl"} {
			if p := e.val.get(format); p != nil {
				data = data.with(e.key, data.get(e.key).with(format, r.whole(p)))
			}
		}
	}
	return data
}

// whole is the name of a file with its whole path.
func (r *resolver) whole(p *node) *node {
	if of, varies := anyPath(p.text); varies { // an axis says which
		return &node{text: r.file.whereAny(of) + p.text, quoted: true}
	}
	path := r.file.whereData(strings.ReplaceAll(p.text, "$$", "$"))
	return &node{text: strings.ReplaceAll(path, "$", "$$"), quoted: true}
}

// anyPath is a path as a pattern of package path, in which each variable stands for any text;
// varies is false where there is no variable.
func anyPath(text string) (pattern string, varies bool) {
	literal := strings.NewReplacer(`\`, `\\`, "*", `\*`, "?", `\?`, "[", `\[`)
	end := 0
	for _, m := range reVariable.FindAllStringIndex(text, -1) {
		pattern += literal.Replace(text[end:m[0]])
		if end = m[1]; text[m[0]:m[1]] == "$$" {
			pattern += "$"
			continue
		}
		pattern, varies = pattern+"*", true
	}
	return pattern + literal.Replace(text[end:]), varies
}

// whereAny is what the files of a pattern need before their paths, to be found from elsewhere.
func (f *File) whereAny(pattern string) string {
	if filepath.IsAbs(pattern) {
		return ""
	}
	for _, dir := range []string{filepath.Dir(f.Name), "."} {
		// the directory's own name is no pattern, and a file system has no ..
		at, rest := dir, path.Clean(pattern)
		for strings.HasPrefix(rest, "../") {
			at, rest = filepath.Join(at, ".."), rest[len("../"):]
		}
		if found, err := fs.Glob(os.DirFS(at), rest); err != nil || len(found) == 0 {
			continue
		}
		if whole, err := filepath.Abs(dir); err == nil {
			return strings.ReplaceAll(whole, "$", "$$") + string(filepath.Separator)
		}
	}
	return ""
}

// whereData is the whole path of a file, beside the scenario or else in the working directory;
// the path as it is when the file is in neither place.
func (f *File) whereData(path string) string {
	for _, at := range []string{filepath.Join(filepath.Dir(f.Name), path), path} {
		if _, err := os.Stat(at); err == nil && !filepath.IsAbs(path) {
			if whole, err := filepath.Abs(at); err == nil {
				return whole
			}
		}
	}
	return path
}

// filled returns the tree with the defaults that a reader looks for first.
func filled(root *node, f *File) *node {
	s := f.Spec
	root = root.fill("seed", strconv.FormatUint(s.Seed, 10))
	if s.Server != nil && root.get("target") == nil {
		root = root.with("server", root.dict("server").fill("fanout", s.Server.Fanout))
	}
	groups := root.get("groups")
	for _, g := range s.Groups {
		if n := groups.get(g.Name); n != nil && n.kind == dict {
			groups = groups.with(g.Name, filledGroup(n, &g, s.Target != nil && s.Target.Protocol != SocketIO))
		}
	}
	root = root.with("groups", groups)
	// the ramp depends on the groups
	if root.get("phases") == nil && len(f.Axes) == 0 && s.Search == nil {
		root = root.with("phases", phaseNodes(s.Phases))
	}
	if root.get("valid") == nil && len(f.Axes) == 0 {
		valid := &node{kind: list}
		for _, c := range s.Valid {
			valid.items = append(valid.items, text(c.Text))
		}
		root = root.with("valid", valid)
	}
	return root
}

func filledGroup(n *node, g *Group, framed bool) *node {
	if len(g.Transport) == 1 && !framed {
		n = n.fill("transport", g.Transport[0].Name)
	}
	baseline := framed || slices.ContainsFunc(g.Transport, func(t Share) bool { return slices.Contains(baselines, t.Name) })
	if !baseline && n.get("transport").kind == scalar { // baselines have neither
		n = n.fill("namespace", g.Namespace)
		if g.Namespace != NoNamespace {
			n = n.fill("parser", g.Parser)
		}
	}
	connect := n.dict("connect")
	if connect.kind != dict {
		return n
	}
	if g.Connect.Shape != "burst" && g.Arrive == 0 {
		connect = connect.fill("rate", trimmed(g.Connect.Rate)+"/s")
	}
	return n.with("connect", connect.fill("shape", g.Connect.Shape).fill("timeout", formatDuration(g.Connect.Timeout)))
}

// fill returns the mapping with a value for a key that it lacks.
func (n *node) fill(key, value string) *node {
	if n.get(key) == nil && value != "" {
		return n.with(key, text(value))
	}
	return n
}

// dict returns the value of a key, an empty mapping where there is none.
func (n *node) dict(key string) *node {
	if v := n.get(key); v != nil {
		return v
	}
	return &node{kind: dict}
}

func phaseNodes(phases []Phase) *node {
	all := &node{kind: list}
	ramp := func(r Ramp) *node {
		show := func(v float64) string { return trimmed(v*100) + "%" }
		if r.From == r.To {
			return text(show(r.To))
		}
		return text(show(r.From) + ".." + show(r.To))
	}
	for _, p := range phases {
		n := (&node{kind: dict}).with("name", text(p.Name)).with("for", text(formatDuration(p.For))).with("record", text(strconv.FormatBool(p.Record)))
		all.items = append(all.items, n.with("clients", ramp(p.Clients)).with("load", ramp(p.Load)))
	}
	return all
}

// yaml writes the tree as block style.
func (n *node) yaml() []byte {
	var b strings.Builder
	n.write(&b, "")
	return []byte(b.String())
}

// write writes n at an indentation, the cursor being there already.
func (n *node) write(b *strings.Builder, indent string) {
	child := func(v *node) {
		switch {
		case v.kind == scalar || len(v.items)+len(v.keys) == 0:
			b.WriteString(" " + v.scalarText() + "\n")
		default:
			b.WriteString("\n" + indent + "  ")
			v.write(b, indent+"  ")
		}
	}
	for i, e := range n.keys {
		if i > 0 {
			b.WriteString(indent)
		}
		b.WriteString((&node{text: e.key}).scalarText() + ":")
		child(e.val)
	}
	for i, item := range n.items {
		if i > 0 {
			b.WriteString(indent)
		}
		b.WriteString("-")
		if item.kind == dict && len(item.keys) > 0 {
			b.WriteString(" ")
			item.write(b, indent+"  ")
			continue
		}
		child(item)
	}
}

// rePlain is text that YAML takes as it is, wherever it stands.
var rePlain = regexp.MustCompile(`^[A-Za-z0-9_./$(][A-Za-z0-9_./$%+*(){}<>=,~^-]*( [A-Za-z0-9_./$%+*(){}<>=,~^-]+)*$`)

func (n *node) scalarText() string {
	switch {
	case n.kind == list:
		return "[]"
	case n.kind == dict:
		return "{}"
	case n.null:
		return "null"
	case !n.quoted && rePlain.MatchString(n.text):
		return n.text
	}
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(n.text) // a Builder takes everything, and text is valid UTF-8
	return strings.TrimSuffix(b.String(), "\n")
}
