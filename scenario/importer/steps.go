package importer

import (
	"slices"
	"strings"
	"time"

	"github.com/throng-io/throng/scenario/file"
	"github.com/throng-io/throng/scenario/internal/yamltext"
)

// answerWithin is added to what a flow takes for each step that waits for an answer.
const answerWithin = 500 * time.Millisecond

// fieldOf is a key of a step: Artillery takes it beside emit, and older scripts have it within.
func fieldOf(t *file.Tree, key string) *file.Tree {
	if v := t.Get(key); v != nil {
		return v
	}
	return t.Get("emit").Get(key)
}

// either is a key of an answer, which has two names.
func either(t *file.Tree, one, other string) *file.Tree {
	if v := t.Get(one); v != nil {
		return v
	}
	return t.Get(other)
}

// emit writes an emission with its acknowledgement or the event that follows.
func (c *converter) emit(p *page, indent string, t *file.Tree, g *group, sc *scope) {
	e := t.Get("emit")
	args := c.arguments(e, sc)
	if args == nil {
		c.notes.add(t.Line, "the emit names no channel, and is left out")
		return
	}
	step := yamltext.Map{{Key: "emit", Value: args}}
	if ns := fieldOf(t, "namespace"); ns != nil && ns.Text != "" {
		space := "/" + strings.Trim(ns.Text, "/")
		if i := slices.IndexFunc(g.spaces, func(s string) bool { return strings.HasSuffix(s, space) }); i != 0 {
			c.notes.add(ns.Line, "a flow emits in the first namespace of its group, %s", g.spaces[0])
		}
	}
	captures := yamltext.Map{}
	ack, response := fieldOf(t, "acknowledge"), fieldOf(t, "response")
	if ack != nil && ack.Text != "false" {
		step = append(step, yamltext.Entry{Key: "ack", Value: yamltext.Raw(c.timeout)})
		g.took += answerWithin
		if m := c.matches(ack, "$[0]", true, sc); len(m) > 0 {
			step = append(step, yamltext.Entry{Key: "match", Value: m})
		}
		captures = append(captures, c.captures(ack, "$[0]", true)...)
	}
	if channel := either(response, "channel", "on"); channel != nil && channel.Text != "" {
		g.took += answerWithin
		expect := yamltext.Map{{Key: "event", Value: c.plainText(channel, sc)}, {Key: "within", Value: yamltext.Raw(c.timeout)}}
		if m := c.matches(response, "$[0]", true, sc); len(m) > 0 {
			expect = append(expect, yamltext.Entry{Key: "match", Value: m})
		}
		if of := response.Get("capture"); of != nil && len(captures) > 0 {
			c.notes.add(response.Line, "a step captures from its acknowledgement or from the event that follows: the event's values are left out")
		} else {
			captures = append(captures, c.captures(response, "$[0]", true)...)
		}
		step = append(step, yamltext.Entry{Key: "expect", Value: expect})
	}
	if len(captures) > 0 {
		step = append(step, yamltext.Entry{Key: "capture", Value: captures})
	}
	p.line("%s- %s", indent, yamltext.Flow(step))
}

// arguments are the event and what it carries; nil where there is no event.
func (c *converter) arguments(e *file.Tree, sc *scope) []any {
	var args []any
	switch {
	case e.List:
		for i, item := range e.Items {
			if i == 0 {
				args = append(args, c.eventName(item, sc))
				continue
			}
			args = append(args, c.value(item, sc))
		}
	case e.Dict && e.Get("channel") != nil:
		args = append(args, c.eventName(e.Get("channel"), sc))
		if data := e.Get("data"); data != nil {
			args = append(args, c.value(data, sc))
		}
	case !e.Dict && e.Text != "":
		args = append(args, c.eventName(e, sc))
	}
	if len(args) == 0 || args[0] == nil {
		return nil
	}
	return args
}

// reservedEvents belong to Socket.IO.
var reservedEvents = []string{"connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener"}

// eventName is the name of an event; nil where the value cannot be one.
func (c *converter) eventName(t *file.Tree, sc *scope) any {
	if t.Dict || t.List || t.Text == "" || len(t.Text) > 100 || printable(t.Text) != t.Text {
		return nil
	}
	if slices.Contains(reservedEvents, t.Text) {
		c.notes.add(t.Line, "the event %s is reserved by Socket.IO", t.Text)
		return nil
	}
	return c.plainText(t, sc)
}

// plainText is a text, also where it is a single template.
func (c *converter) plainText(t *file.Tree, sc *scope) any {
	return yamltext.Template(c.inside(t.Text, t.Line, sc))
}

// send writes a frame of a plain websocket, or the wait for one.
func (c *converter) send(p *page, indent string, t *file.Tree, g *group, sc *scope) {
	params, sends := t.Get("send"), true
	if params == nil {
		if params = t.Get("sendBytes"); params != nil {
			c.notes.add(t.Line, "sendBytes: the frame is sent as a text")
		}
	}
	if params == nil {
		params, sends = t.Get("wait"), false
	}
	payload := params
	waits := params.Get("capture") != nil || params.Get("match") != nil
	if waits {
		payload = params.Get("payload")
	}
	if sends && payload != nil {
		if frame := c.frame(payload, sc); frame != nil {
			p.line("%s- %s", indent, yamltext.Flow(yamltext.Map{{Key: "emit", Value: frame}}))
		}
	}
	if !waits {
		return
	}
	g.took += answerWithin
	c.awaitFrame(p, indent, params, sc)
}

// frame is what is sent: an object as JSON, or a text; nil for nothing.
func (c *converter) frame(t *file.Tree, sc *scope) any {
	if t.Dict || t.List {
		return c.value(t, sc)
	}
	if t.Text == "" {
		return nil
	}
	return yamltext.Template(c.inside(t.Text, t.Line, sc))
}

// awaitFrame writes the wait for a frame. A scenario waits for an event by its name, so one of the
// matches must be what names it.
func (c *converter) awaitFrame(p *page, indent string, params *file.Tree, sc *scope) {
	matches := c.matches(params, "$", false, sc)
	at := slices.IndexFunc(matches, func(e yamltext.Entry) bool {
		v, isText := e.Value.(yamltext.Template)
		return isText && v != "" && !strings.Contains(string(v), "${") && len(v) <= 100 && (c.events == "" || c.events == e.Key) && e.Key != "$"
	})
	if at < 0 {
		c.notes.add(params.Line, "a scenario waits for an event by its name, and no match says which frame this is: the step is left out")
		return
	}
	c.events = matches[at].Key
	name := matches[at].Value
	matches = slices.Delete(matches, at, at+1)
	wait := yamltext.Map{{Key: "event", Value: name}, {Key: "within", Value: yamltext.Raw(c.timeout)}}
	for i := range matches {
		matches[i].Key = "$" + strings.TrimPrefix(matches[i].Key, "$")
	}
	if len(matches) > 0 {
		wait = append(wait, yamltext.Entry{Key: "match", Value: matches})
	}
	step := yamltext.Map{{Key: "wait", Value: wait}}
	if captures := c.captures(params, "$", false); len(captures) > 0 {
		step = append(step, yamltext.Entry{Key: "capture", Value: captures})
	}
	p.line("%s- %s", indent, yamltext.Flow(step))
}
