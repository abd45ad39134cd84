package file

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// The protocols of a target.
const (
	SocketIO  = "socketio"
	WebSocket = "websocket" // frames of the server's own form over a plain websocket
	SSE       = "sse"       // server-sent events; messages are sent by HTTP
)

var protocols = []string{SocketIO, WebSocket, SSE}

// Frames says how a server without Socket.IO marks its frames, or the data of its events.
type Frames struct {
	Event *Path // where a frame names its event; nil: the name of a server-sent event
	ID    *Path // where an answer repeats ${call.id}; nil: an answer is of the oldest call
	// the events that are answers; empty: all with a value at ID that no operation delivers
	Answer  []string
	Welcome string // the event that a client waits for before it is connected; "": none
}

var framesTable = object[Frames]{
	what: "frames",
	def:  "frames", about: "How a server of protocol: websocket or sse marks what it sends.",
	advice: map[string]string{"type": "did you mean `event`?", "ack": "did you mean `answer`?", "hello": "write the first frame as auth: of the group"},
	fields: []field[Frames]{
		{key: "event", about: "where a frame names its event; default: $.type; a frame that is not JSON is named by its first word, a server-sent event by its name", is: aPath, set: func(d *decoder, n *node, f *Frames) { f.Event = d.path(n, "event") }},
		{key: "id", about: "where an answer repeats the ${call.id} of the frame that it answers; default: it answers the oldest frame that has no answer yet", is: aPath, set: func(d *decoder, n *node, f *Frames) { f.ID = d.path(n, "id") }},
		{key: "answer", about: "the event, or the events, that are answers; default: all with an id that no operation delivers", is: anyOf(aText, setOf(aText)), set: func(d *decoder, n *node, f *Frames) { f.Answer = d.strings(n, "answer", checkFrameEvent) }},
		{key: "welcome", about: "the event that a client waits for before it is connected", is: aText, set: func(d *decoder, n *node, f *Frames) { f.Welcome = d.string(n, "welcome", checkFrameEvent) }},
	},
}

func (d *decoder) path(n *node, what string) *Path {
	p := read(d, n, what, parsePath, nil)
	return &p
}

// checkFrameEvent is checkEvent for protocols that reserve no names.
func checkFrameEvent(s string) *flaw {
	if s == "" || len(s) > 128 || strings.ContainsFunc(s, breaksLine) {
		return wrong(s, "event name", "use 1 to 128 printable characters")
	}
	return nil
}

// protocolOf reads the target's protocol before everything else: it decides how the contract and
// the groups are read. Mistakes are reported with the target.
func (d *decoder) protocolOf(root *node) string {
	n := root.get("target").get("protocol")
	if n == nil {
		n = root.get("targets").get("protocol")
	}
	if n == nil || n.kind != scalar || n.null {
		return SocketIO
	}
	v, ok := d.vars.expand(&errorList{}, n, nil)
	if !ok || !slices.Contains(protocols, v.text()) {
		return SocketIO
	}
	return v.text()
}

// framed reports whether the clients speak something other than Socket.IO.
func (d *decoder) framed() bool { return d.protocol != "" && d.protocol != SocketIO }

// frame reads what is sent as one frame: a JSON value, or a text.
func (d *decoder) frame(n *node, sc *scope) Template {
	if d.protocol == SSE {
		d.errs.add(n.at, "clients of protocol: sse send by HTTP, not frames", "write http: {post: /path, body: {...}}")
		return Template{}
	}
	if n.kind != scalar {
		return jsonTemplate(d, n, sc)
	}
	v, ok := d.expand(n, sc)
	if !ok {
		return Template{}
	}
	return textTemplate(v)
}

// httpCall reads a request of an operation, or of a join, as the text that clients hand to their
// connection: METHOD PATH, header fields, an empty line, the body.
func (d *decoder) httpCall(n *node, sc *scope) Template {
	was := d.scope
	d.scope = sc
	h := *decoded(d, n, &httpTable)
	d.scope = was
	if len(h.URL.Parts) == 0 {
		return Template{}
	}
	if d.protocol != SSE {
		d.errs.add(n.at, "only clients of protocol: sse send by HTTP", "write emit:, or a flow with http:")
		return Template{}
	}
	if !strings.HasPrefix(h.URL.Parts[0], "/") {
		d.errs.add(n.at, "messages are sent to the target itself", "write a path such as /rooms/${room}/messages")
	}
	for _, key := range []string{"redirect", "status", "within"} {
		if v := n.get(key); v != nil {
			d.errs.add(v.at, fmt.Sprintf("`%s` is of the steps of a flow", key), "remove it: a status other than 2xx is an error, and ack: of the stream says how long an answer may take")
		}
	}
	t := Template{Parts: []string{h.Method + " "}}
	t.join(h.URL)
	t.text("\r\n")
	typed := false
	for _, f := range h.Headers {
		typed = typed || strings.EqualFold(f.Name, "Content-Type")
		t.text(f.Name + ": ")
		t.join(f.Value)
		t.text("\r\n")
	}
	if h.Content != "" && !typed {
		t.text("Content-Type: " + h.Content + "\r\n")
	}
	t.text("\r\n")
	t.join(h.Body)
	return t
}

// text appends a text to the template.
func (t *Template) text(s string) { t.Parts[len(t.Parts)-1] += s }

// join appends another template.
func (t *Template) join(o Template) {
	if o.IsZero() {
		return
	}
	t.text(o.Parts[0])
	t.Parts, t.Holes = append(t.Parts, o.Parts[1:]...), append(t.Holes, o.Holes...)
}

// checkFrames checks what scenarios without Socket.IO may say.
func (d *decoder) checkFrames(root *node, s *Spec) {
	if s.Target == nil || !d.framed() {
		if c := s.Contract; c != nil && c.Frames != nil {
			d.errs.add(at(root.get("contract"), "frames"), "`frames` is for servers without Socket.IO", "remove it, or write target: {protocol: websocket} or sse")
		}
		return
	}
	for i := range s.Groups {
		d.checkFramedGroup(s, &s.Groups[i])
	}
	c := s.Contract
	if c == nil {
		return
	}
	if c.Frames != nil && d.protocol == SSE {
		for _, key := range []string{"id", "answer", "welcome"} {
			if v := root.get("contract").get("frames").get(key); v != nil {
				d.errs.add(v.at, fmt.Sprintf("`%s` is of websockets: a request is answered by its HTTP answer", key), "remove it")
			}
		}
	}
	if d.protocol == SSE {
		return
	}
	calls := map[string]Template{}
	if c.Join.WantsAck() {
		calls["join"] = c.Join.Emit
	}
	if c.Leave.WantsAck() {
		calls["leave"] = c.Leave.Emit
	}
	for i := range c.Operations {
		if o := &c.Operations[i]; o.Ack != nil && *o.Ack {
			calls[o.Name] = o.Emit
		}
	}
	for _, name := range slices.Sorted(maps.Keys(calls)) {
		n := root.get("contract").get(name)
		if n == nil {
			n = root.get("contract").get("operations").get(name)
		}
		d.checkAnswer(at(n, "ack"), name, c, calls[name])
	}
}

// checkAnswer checks that an answer to a frame can be recognized.
func (d *decoder) checkAnswer(where place, name string, c *Contract, emit Template) {
	switch f := c.Frames; {
	case f == nil || f.ID == nil && len(f.Answer) == 0:
		d.errs.add(where, fmt.Sprintf("nothing says which frames answer `%s`", name), "write frames: {answer: EVENT} in contract, or frames: {id: $.id} and ${call.id} in emit")
	case f.ID != nil && !emit.Has(HoleCall):
		d.errs.add(where, fmt.Sprintf("the emit of `%s` has no ${call.id}, which its answer should repeat at %s", name, f.ID.Text), "put ${call.id} where the id goes")
	}
}

// notFramed are the keys of groups that only Socket.IO has, with the advice.
var notFramed = []struct{ key, hint string }{
	{"namespace", "remove it: target: {path: ...} says where clients connect"},
	{"transport", "remove it"},
	{"parser", "remove it"},
	{"engine", "remove it"},
}

// checkFramedGroup checks the keys of one group.
func (d *decoder) checkFramedGroup(s *Spec, g *Group) {
	n := d.places["group "+g.Name]
	for _, k := range notFramed {
		if v := n.get(k.key); v != nil {
			d.errs.add(v.at, fmt.Sprintf("`%s` belongs to Socket.IO, and the target speaks %s", k.key, d.protocol), k.hint)
		}
	}
	if v := n.get("auth"); v != nil && d.protocol == SSE {
		d.errs.add(v.at, "a stream of events begins without a first frame", "put credentials into headers: or query:")
	}
	if g.Reconnect != nil && g.Reconnect.Recover && d.protocol == WebSocket {
		d.errs.add(at(n.get("reconnect"), "recover"), "a plain websocket has no connection state recovery", "remove recover")
	}
	for i, st := range g.Send {
		item := n.get("send").items[i]
		switch {
		case st.Operation == nil && st.Op != OpEmit:
			d.errs.add(at(item, "op"), fmt.Sprintf("a target of protocol: %s does `%s` only as the contract says", d.protocol, st.Op), "describe it in contract: {operations: {...}}")
		case st.Op == OpEmit && d.protocol == SSE:
			d.errs.add(at(item, "op"), "clients of protocol: sse send by HTTP", "describe an operation with http: in contract, with to: none where nobody receives it")
		case st.Op == OpEmit && st.Data.IsZero():
			d.errs.add(at(item, "op"), "nothing says what frame to send", "write data: with the frame")
		case st.Binary && d.protocol == SSE:
			d.errs.add(at(item, "binary"), "messages by HTTP carry no stamp as bytes", "remove binary")
		case st.Binary && (len(st.Operation.Emit.Holes) != 1 || st.Operation.Emit.Parts[0]+st.Operation.Emit.Parts[1] != ""):
			d.errs.add(at(item, "binary"), "a binary frame carries the payload alone", "write emit: \"${payload}\" in the operation, or remove binary")
		case st.Ack > 0 && st.Op == OpEmit:
			d.errs.add(at(item, "ack"), "a frame of op: emit has no answer", "describe it as an operation in contract")
		case st.Ack > 0 && d.protocol == WebSocket && (st.Operation.Ack == nil || !*st.Operation.Ack):
			d.checkAnswer(at(item, "ack"), st.Op, s.Contract, st.Operation.Emit)
		}
	}
	for i := range g.React {
		if r := &g.React[i]; r.Ack != nil || !r.Emit.IsZero() && d.protocol == SSE {
			d.errs.add(n.get("react").get(r.Event).at, fmt.Sprintf("a target of protocol: %s asks for no answer", d.protocol), "write emit: with a frame of a websocket, or a flow with http:")
		}
	}
}

// defaultPing is how often a client of a plain websocket pings.
const defaultPing = 25 * time.Second
