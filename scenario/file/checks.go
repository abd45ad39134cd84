package file

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/throng-io/throng/scenario/metric"
)

// checkForm is the long form of a check.
type checkForm struct {
	check    *node
	name     string
	optional bool
	abort    time.Duration
}

var checkTable = object[checkForm]{
	what: "check",
	def:  "named_check", about: "A check with a name, or an optional check.",
	done: func(d *decoder, n *node, c *checkForm) {
		if c.abort > 0 && c.optional {
			d.errs.add(at(n, "abort"), "an optional check has no effect on the verdict, so it cannot end a run", "remove optional or abort")
		}
	},
	fields: []field[checkForm]{
		{key: "check", about: "the condition", is: ref("condition"), required: "write check: p99(delivery) < 100ms", set: func(_ *decoder, n *node, c *checkForm) { c.check = n }},
		{key: "name", about: "for the report", is: aText, set: func(d *decoder, n *node, c *checkForm) {
			c.name = d.string(n, "name", aLabel("name", "write a text"))
		}},
		{key: "optional", about: "reported, without an effect on the verdict", is: aBool, def: false, set: func(d *decoder, n *node, c *checkForm) { c.optional = d.bool(n, "optional") }},
		{key: "abort", about: "the run ends early when the check has been broken for this long", is: aDuration, set: func(d *decoder, n *node, c *checkForm) { c.abort = d.duration(n, "abort", time.Second, maxPhase) }},
	},
}

// checks decodes a list of checks, one for each item also when it is wrong.
func (d *decoder) checks(n *node, kind string) []Check {
	if !d.isList(n, kind) {
		return nil
	}
	var out []Check
	for _, item := range n.items {
		form := checkForm{check: item}
		if item.kind == dict {
			form.check = nil
			checkTable.decode(d, item, &form)
		}
		c := Check{}
		if form.check != nil {
			c = d.check(form.check)
		}
		c.Kind, c.Name, c.Optional, c.Abort = kind, form.name, form.optional, form.abort
		out = append(out, c)
	}
	return out
}

func (d *decoder) check(n *node) Check {
	v, ok := d.scalar(n, "a check")
	if !ok {
		return Check{}
	}
	c, f, offset := parseCheck(v.text())
	if f == nil && c.Phase != "" && !slices.Contains(d.phases, c.Phase) {
		offset = strings.LastIndex(v.text(), c.Phase)
		f = &flaw{fmt.Sprintf("there is no phase `%s`", clip(c.Phase)), orOneOf(c.Phase, d.phases)}
	}
	for _, label := range []string{"group", "from"} {
		if g := c.Labels[label]; f == nil && g != "" && !slices.Contains(d.groups, g) {
			offset = strings.Index(v.text(), g)
			f = &flaw{fmt.Sprintf("there is no group `%s`", clip(g)), orOneOf(g, d.groups)}
		}
	}
	if f == nil {
		return c
	}
	if len(v.from) == 0 && v.node.at.set == "" {
		d.errs.add(n.offset(offset), f.msg, f.hint)
	} else {
		d.bad(v, f)
	}
	return c
}

// checkLabels refuses a check that no stream of the scenario can ever feed.
func (d *decoder) checkLabels(s *Spec, item *node, c Check) {
	if item.kind == dict {
		item = item.get("check")
	}
	if why, hint := s.measuredByNobody(&c); why != "" {
		d.errs.add(item.at, fmt.Sprintf("`%s` would never be measured: %s", c.Metric, why), hint)
		return
	}
	if why, hint := s.crossesNothing(&c); why != "" {
		d.errs.add(item.at, fmt.Sprintf("`%s` would never be measured: %s", c.Metric, why), hint)
		return
	}
	what, feeds := feeders(c.measured())
	if feeds == nil {
		return
	}
	hint := "add one, or remove the check"
	for _, g := range s.Groups {
		for _, st := range g.Send {
			if !feeds(st) {
				continue
			}
			if s.feeds(&g, &st, &c) {
				return
			}
			hint = "correct the labels"
			if st.Volatile && c.leavesOutVolatile() {
				hint = fmt.Sprintf("volatile messages count here only where they are named: write %s(%s{%s})", c.Stat, c.Metric, st.named())
			}
		}
	}
	msg := "no stream " + what
	if hint != "add one, or remove the check" {
		msg = "no stream with these labels " + what
	}
	d.errs.add(item.at, fmt.Sprintf("`%s` would never be measured: %s", c.Metric, msg), hint)
}

// measured is the metric that has to be measured for the check: of a class of errors the one named
// like its kind.
func (c *Check) measured() string {
	if c.Stat == metric.StatErrors {
		return string(metric.ParseErrorClass(c.Metric).Kind)
	}
	return c.Metric
}

// measuredByNobody says why nothing brings what some metrics need; "" when something does.
func (s *Spec) measuredByNobody(c *Check) (why, hint string) {
	var does func(g *Group) bool
	m, _ := metric.Of(c.measured())
	switch m.Needs {
	case metric.NeedsSample:
		if s.Target != nil && s.Target.Sample == nil {
			return "the target does not say where its process can be read", "add sample: {pid: PID} to target, or sample: {prometheus: URL}, or remove the check"
		}
		return "", ""
	case metric.NeedsReconnect:
		does = func(g *Group) bool { return g.Reconnect != nil }
		why, hint = "no such group connects again", "add reconnect: {} to the group, or remove the check"
	case metric.NeedsRecovery:
		does = func(g *Group) bool { return g.Reconnect != nil && g.Reconnect.Recover }
		why, hint = "no such group comes back as it was", "add recover: true to its reconnect, or remove the check"
	case metric.NeedsBefore:
		does = func(g *Group) bool { return g.Before != nil }
		why, hint = "no such group makes requests before its clients connect", "add before: to the group, or remove the check"
	case metric.NeedsPeers:
		does = func(g *Group) bool { return g.Peers != nil }
		why, hint = "the clients of no such group open data channels", "add peers: {} to the group, or remove the check"
	case metric.NeedsEvents:
		does = func(*Group) bool { return s.Target != nil && s.Target.Protocol == SSE }
		why, hint = "the target sends no server-sent events", "write target: {protocol: sse}, or remove the check"
	case metric.NeedsSteps:
		does = func(g *Group) bool { return len(g.Flow) > 0 || g.Before != nil }
		why, hint = "no such group has a flow", "add flow: to the group, or remove the check"
	case metric.NeedsFlow:
		does = func(g *Group) bool { return len(g.Flow) > 0 }
		why, hint = "no such group has a flow", "add flow: to the group, or remove the check"
	default:
		return "", ""
	}
	name := c.Labels["group"]
	for i := range s.Groups {
		if g := &s.Groups[i]; does(g) && (name == "" || name == g.Name) {
			return "", ""
		}
	}
	return why, hint
}

// NamesMessages reports whether labels name certain messages: by their event, or by an operation of
// the contract. The operations of the built-in bench application are not that certain.
func NamesMessages(labels map[string]string) bool {
	switch labels[metric.LabelOp] {
	case "", OpEcho, OpRoom, OpAll, OpPeers, OpEmit:
		return labels[metric.LabelEvent] != ""
	}
	return true
}

// named is the label that names the messages of a stream: see NamesMessages.
func (s *Stream) named() string {
	if NamesMessages(map[string]string{metric.LabelOp: s.Op}) {
		return metric.LabelOp + "=" + s.Op
	}
	return metric.LabelEvent + "=" + s.Event
}

// leavesOutVolatile reports whether the check does not count volatile messages, which may be lost
// and need not reach everybody.
func (c *Check) leavesOutVolatile() bool {
	m, _ := metric.Of(c.Metric)
	return (metric.OfLedger(c.Stat) || m.Needs == metric.NeedsBroadcast) && !NamesMessages(c.Labels)
}

// feeds reports whether the labels of a check choose anything that a stream of a group brings.
func (s *Spec) feeds(from *Group, st *Stream, c *Check) bool {
	label := func(name, value string) bool { return c.Labels[name] == "" || c.Labels[name] == value }
	if !label("op", st.Op) || !label("event", st.Event) || !label("from", from.Name) {
		return false
	}
	if st.Volatile && c.leavesOutVolatile() {
		return false
	}
	return slices.ContainsFunc(s.Groups, func(g Group) bool {
		return label("group", g.Name) && reaches(from, st, &g, c.measured()) && g.brings(st, c)
	})
}

// reaches reports whether what a stream brings of a metric is measured by clients of a group.
func reaches(from *Group, st *Stream, to *Group, name string) bool {
	// Metrics with the sender's label are measured by the receiver.
	if m, _ := metric.Of(name); !m.Has(metric.LabelFrom) {
		return to.Name == from.Name
	}
	return st.Reaches(from, to)
}

// brings reports whether the group has clients, and rooms, of the kind that a check names.
func (g *Group) brings(st *Stream, c *Check) bool {
	if slow := c.Labels["read"]; slow == "slow" && g.Read == nil || slow == "normal" && g.Read != nil && g.Read.Share == 1 {
		return false
	}
	if c.Labels["room_decile"] != "" && (st.To.Kind != ToRoom || g.Rooms == nil || g.Rooms.Even()) {
		return false
	}
	if c.Labels["replayed"] == "true" && (st.Volatile || g.Reconnect == nil || !g.Reconnect.Recover) {
		return false
	}
	t := c.Labels["transport"]
	return t == "" || slices.ContainsFunc(g.Transport, func(s Share) bool { return s.Name == t })
}

// feeders returns the streams that produce a metric; nil when it depends on none in particular.
func feeders(name string) (what string, feeds func(Stream) bool) {
	m, _ := metric.Of(name)
	switch m.Needs {
	case metric.NeedsAck:
		return "asks for an acknowledgement (ack: 5s)", func(s Stream) bool { return s.Ack > 0 }
	case metric.NeedsPeriodic:
		return "is delivered with constant arrival", func(s Stream) bool { return s.Expect != "none" && s.Arrival == "constant" }
	case metric.NeedsDelivery:
		return "is delivered to anybody", func(s Stream) bool { return s.Expect != "none" }
	case metric.NeedsBroadcast:
		return "is broadcast", func(s Stream) bool { return s.Expect != "none" && s.To.Kind != ToSelf }
	}
	return "", nil
}
