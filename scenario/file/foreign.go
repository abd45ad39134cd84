package file

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Foreign is Parse for a ready scenario that runs against a server other than the built-in one,
// which set names as target.url. What only the built-in server can do, or only of it can be known,
// is left out: its settings, axes that change nothing else, baselines without Socket.IO, restarts
// with the checks on them, WebTransport unless target.webtransport says where it is, and checks on
// the server's own resources unless target.sample.pid says where to read them. File.LeftOut says
// so, one item for each kind.
func Foreign(name string, text []byte, set map[string]string, secret ...string) (*File, error) {
	return parse(name, string(text), reading{set: maps.Clone(set), secret: slices.Clone(secret), foreign: true}, nil)
}

// foreigner takes out of a tree what Foreign says.
type foreigner struct {
	root *node
	left []string // what was taken out, in words
}

func withoutBuiltIn(root *node) (*node, []string) {
	f := &foreigner{root: root}
	f.settings()
	f.axes()
	gone := f.restarts()
	for _, key := range []string{"slo", "valid"} {
		f.checks(key, gone)
	}
	return f.root, f.left
}

// replaced reports whether an override names another server than the built-in one of the file.
func replaced(root *node) bool {
	target, server := root.get("target"), root.get("server")
	return target != nil && server != nil && target.at.set != "" && server.at.set == ""
}

// withoutSettings takes the settings of the built-in server out of a tree.
func withoutSettings(root *node) (*node, []string) {
	f := &foreigner{root: root}
	f.settings()
	return f.root, f.left
}

func (f *foreigner) say(format string, args ...any) {
	f.left = append(f.left, fmt.Sprintf(format, args...))
}

// settings removes server:.
func (f *foreigner) settings() {
	server := f.root.get("server")
	if server == nil {
		return
	}
	var names []string
	for _, e := range server.keys {
		if e.key != "fanout" { // each ready scenario names the default
			names = append(names, e.key)
		}
	}
	if len(names) > 0 {
		f.say("the built-in server's settings (%s)", strings.Join(names, ", "))
	}
	f.root = f.root.without("server")
}

// axes removes the axes that the rest of the tree does not use, and the values that are baselines.
func (f *foreigner) axes() {
	matrix := f.root.get("matrix")
	axes := matrix.get("axes")
	gone := map[string]bool{}
	rest := f.root.without("matrix")
	for _, e := range axes.entries() {
		if !rest.mentions("${" + axisPrefix + e.key + "}") {
			gone[e.key] = true
			axes = axes.without(e.key)
			f.say("the axis %s (of the built-in server)", e.key)
			continue
		}
		kept, left := e.val.except(baselines)
		if len(left) > 0 {
			f.say("the cells of %s (baselines without Socket.IO)", strings.Join(left, ", "))
		}
		if f.root.get("target").get("webtransport") == nil {
			if kept, left = kept.except([]string{WebTransport, UpgradeWebTransport}); len(left) > 0 {
				f.say("the cells of %s (few servers have it; with --set target.webtransport=HOST:PORT they stay)", strings.Join(left, ", "))
			}
		}
		axes = axes.with(e.key, kept)
	}
	if axes == nil {
		return
	}
	matrix = matrix.with("axes", axes)
	if exclude := matrix.get("exclude"); exclude != nil && len(gone) > 0 {
		kept := *exclude
		kept.items = slices.DeleteFunc(slices.Clone(exclude.items), func(item *node) bool {
			return slices.ContainsFunc(item.keys, func(e entry) bool { return gone[e.key] })
		})
		matrix = matrix.with("exclude", &kept)
	}
	if len(axes.keys) == 0 {
		matrix = matrix.without("axes")
	}
	if matrix.get("axes") == nil && matrix.get("repeat") == nil {
		f.root = f.root.without("matrix") // its order and cooldown are of nothing
		return
	}
	f.root = f.root.with("matrix", matrix)
}

// except is a list without some values, and those that it had.
func (n *node) except(values []string) (kept *node, left []string) {
	rest := *n
	rest.items = slices.DeleteFunc(slices.Clone(n.items), func(v *node) bool {
		out := slices.Contains(values, v.text)
		if out {
			left = append(left, v.text)
		}
		return out
	})
	return &rest, left
}

// restarts removes the phases in which the server is restarted, and returns their names.
func (f *foreigner) restarts() (gone []string) {
	phases := f.root.get("phases")
	if phases == nil {
		return nil
	}
	kept := *phases
	kept.items = slices.DeleteFunc(slices.Clone(phases.items), func(p *node) bool {
		restart := p.get("fault").get("restart")
		if restart == nil || restart.text == "false" {
			return false
		}
		if name := p.get("name"); name != nil {
			gone = append(gone, name.text)
		}
		return true
	})
	if len(gone) > 0 {
		f.root = f.root.with("phases", &kept)
		f.say("the phase %s (it restarts the built-in server)", strings.Join(gone, ", "))
	}
	return gone
}

// checks removes the rules of a key that cannot be judged.
func (f *foreigner) checks(key string, phases []string) {
	rules := f.root.get(key)
	if rules == nil {
		return
	}
	sampled := f.root.get("target").get("sample").get("pid") != nil
	var unknown, unplayed []string
	kept := *rules
	kept.items = slices.DeleteFunc(slices.Clone(rules.items), func(rule *node) bool {
		text := rule.text
		if long := rule.get("check"); long != nil {
			text = long.text
		}
		switch {
		case !sampled && strings.Contains(text, "(server."):
			name, _, _ := strings.Cut(text, " ")
			unknown = append(unknown, name)
		case slices.ContainsFunc(phases, func(name string) bool { return strings.HasSuffix(text, " in "+name) }):
			unplayed = append(unplayed, text)
		default:
			return false
		}
		return true
	})
	for i, rule := range kept.items {
		if strings.HasPrefix(rule.text, "ratio(recovered)") {
			kept.items[i] = (&node{kind: dict, at: rule.at}).with("check", rule).with("optional", &node{at: rule.at, text: "true"})
			f.say("ratio(recovered) as a condition (it is reported: the target may have no connection state recovery)")
		}
	}
	f.root = f.root.with(key, &kept)
	if len(unknown) > 0 {
		f.say("the checks %s (of the server's process; for one on this machine add --set target.sample.pid=PID)", strings.Join(unknown, ", "))
	}
	if len(unplayed) > 0 {
		f.say("the checks %s (of a phase that is left out)", strings.Join(unplayed, ", "))
	}
	if len(kept.items) == 0 {
		f.root = f.root.without(key)
	}
}

// without returns a copy of the mapping that lacks a key.
func (n *node) without(key string) *node {
	c := *n
	c.keys = slices.DeleteFunc(slices.Clone(n.keys), func(e entry) bool { return e.key == key })
	return &c
}

// mentions reports whether a scalar of the tree has that text in it.
func (n *node) mentions(text string) bool {
	return n.kind == scalar && strings.Contains(n.text, text) ||
		slices.ContainsFunc(n.items, func(item *node) bool { return item.mentions(text) }) ||
		slices.ContainsFunc(n.keys, func(e entry) bool { return e.val.mentions(text) })
}
