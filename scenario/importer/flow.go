package importer

import (
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/throng-io/throng/scenario/file"
	"github.com/throng-io/throng/scenario/internal/yamltext"
)

// A group is a scenario of the script.
type group struct {
	t       *file.Tree
	name    string
	share   float64 // of the arrivals
	spaces  []string
	took    time.Duration // what its flow takes at most, about
	forever bool
}

// scenarios writes a group for each scenario.
func (c *converter) scenarios(p *page, list *file.Tree, pl *plan) {
	c.aboveKey(p, "", c.root, "scenarios")
	p.line("groups:")
	sum := 0.0
	names := map[string]bool{}
	for _, t := range items(list) {
		g := &group{t: t, share: 1}
		if w, ok := number(t.Get("weight")); ok {
			g.share = w
		} else if t.Get("weight") != nil {
			c.notes.add(t.Get("weight").Line, "the weight cannot be read: 1 is written")
		}
		sum += g.share // the arrivals of a scenario that is left out stay away
		engine := "http"
		if e := t.Get("engine"); e != nil {
			engine = e.Text
		}
		switch {
		case strings.HasPrefix(engine, "socketio"):
		case engine == "ws", engine == "websocket":
			c.plain = true
		default:
			c.notes.add(t.Line, "the scenario is of the engine %s: only socketio and ws are taken over", engine)
			continue
		}
		name := "clients"
		if n := t.Get("name"); n != nil {
			name = n.Text
		}
		g.name = unique(strings.ToLower(nameOf(name, "_", "clients", 40)), names)
		c.groups = append(c.groups, g)
	}
	c.groups = slices.DeleteFunc(c.groups, func(g *group) bool {
		if mixed := c.plain && strings.HasPrefix(engineOf(g.t), "socketio"); mixed {
			c.notes.add(g.t.Line, "the script mixes Socket.IO and plain websockets: a scenario has one of them, and this one is left out")
			return true
		}
		return false
	})
	if len(c.groups) == 0 {
		c.notes.add(lineOf(list, c.root), "no scenario could be taken over: a group that only connects is written")
		c.groups = []*group{{t: &file.Tree{Dict: true}, name: "clients", share: 1}}
		sum = 1
	}
	for _, g := range c.groups {
		if sum > 0 {
			g.share /= sum
		} else {
			g.share = 1 / float64(len(c.groups))
		}
		c.group(p, g, pl)
	}
}

func engineOf(t *file.Tree) string {
	if e := t.Get("engine"); e != nil {
		return e.Text
	}
	return ""
}

// group writes one scenario.
func (c *converter) group(p *page, g *group, pl *plan) {
	before := c.root.Get("before").Get("flow")
	sc := &scope{captured: c.capturedBy(beforeAll, before)}
	flow := g.t.Get("flow")
	_, path := c.target()
	if !c.plain {
		c.findSpaces(g, flow, path)
	}
	early := &page{}
	if before != nil {
		c.current = beforeAll
		c.before(early, before, &scope{captured: maps.Clone(sc.captured)})
	}
	c.current = g.name
	maps.Copy(sc.captured, c.capturedBy(g.name, flow))
	for _, e := range g.t.Entries() {
		if slices.Contains([]string{"beforeScenario", "afterScenario", "beforeRequest", "afterResponse"}, e.Key) {
			c.notes.add(e.Line, "%s: functions in JavaScript cannot be taken over", e.Key)
		}
	}
	body := &page{}
	for _, t := range items(flow) {
		c.step(body, "      ", t, g, sc)
	}
	c.within(body, "      ", g.t.Line+1, lastLine(g.t))
	c.above(p, "  ", g.t.Line)
	p.line("  %s:", g.name)
	p.line("    arrive: %s", pl.arrive(g.share))
	life := g.took + 5*time.Second
	if g.forever {
		life = pl.total
	}
	life = min(max(life, time.Second), 24*time.Hour)
	pl.linger = max(pl.linger, life)
	p.line("    life: %s # at most: a client goes when its flow has ended", duration(life))
	c.connection(p, g)
	p.WriteString(early.String())
	p.line("    flow:")
	p.WriteString(body.String())
	p.line("      - {disconnect: clean}")
}

// lastLine is the last line on which a value of the tree stands.
func lastLine(t *file.Tree) int {
	last := t.Line
	for _, item := range t.Items {
		last = max(last, lastLine(item))
	}
	for _, e := range t.Keys {
		last = max(last, e.Line, lastLine(e.Val))
	}
	return last
}

// collect finds the names that steps capture, however deep.
func collect(t *file.Tree, names map[string]bool) {
	if t == nil {
		return
	}
	for _, item := range t.Items {
		collect(item, names)
	}
	for _, e := range t.Keys {
		if e.Key == "capture" {
			for _, one := range items(e.Val) {
				if as := one.Get("as"); as != nil && as.Text != "" {
					names[as.Text] = true
				}
			}
		}
		collect(e.Val, names)
	}
}

// findSpaces lists the namespaces of a scenario, the first one first.
func (c *converter) findSpaces(g *group, flow *file.Tree, path string) {
	add := func(s string) {
		if !strings.HasPrefix(s, "/") {
			s = "/" + s
		}
		if len(s) < 128 && !strings.ContainsAny(s, ", ?\t{}$") && printable(s) == s && !slices.Contains(g.spaces, s) {
			g.spaces = append(g.spaces, s)
		}
	}
	main := false // something is sent to the target's own namespace
	var look func(t *file.Tree)
	look = func(t *file.Tree) {
		if t == nil {
			return
		}
		for _, item := range t.Items {
			look(item)
		}
		for _, e := range t.Keys {
			if e.Key == "namespace" && !e.Val.Dict && !e.Val.List && e.Val.Text != "" {
				add(path + "/" + strings.Trim(e.Val.Text, "/"))
			}
			if e.Key == "loop" || e.Key == "emit" {
				look(e.Val)
			}
			main = main || e.Key == "emit" && fieldOf(t, "namespace") == nil
		}
	}
	look(flow)
	if main || len(g.spaces) == 0 {
		was := g.spaces
		g.spaces = nil
		add(path)
		for _, s := range was {
			add(s)
		}
	}
}

// connection writes how clients connect.
func (c *converter) connection(p *page, g *group) {
	early := &scope{captured: c.capturedBy(beforeAll, c.root.Get("before").Get("flow"))}
	settings := func(key string) *file.Tree {
		if v := g.t.Get("socketio").Get(key); v != nil {
			return v
		}
		if v := c.config.Get("socketio").Get(key); v != nil {
			return v
		}
		for _, e := range c.config.Get("engines").Entries() {
			if strings.HasPrefix(e.Key, "socketio") && e.Val.Get(key) != nil {
				return e.Val.Get(key)
			}
		}
		return nil
	}
	if c.plain {
		c.named(p, "headers", c.config.Get("ws").Get("headers"), early)
		return
	}
	transport := "upgrade"
	if t := settings("transports"); t != nil {
		var names []string
		for _, item := range items(t) {
			names = append(names, item.Text)
		}
		switch strings.Join(names, " ") {
		case "websocket":
			transport = "websocket"
		case "polling":
			transport = "polling"
		}
	}
	p.line("    transport: %s", transport)
	if len(g.spaces) > 1 || g.spaces != nil && g.spaces[0] != "/" {
		var list []any
		for _, s := range g.spaces {
			list = append(list, s)
		}
		p.line("    namespace: %s", yamltext.Flow(list))
	}
	if auth := settings("auth"); auth != nil && auth.Dict {
		p.line("    auth: %s", yamltext.Flow(c.value(auth, early)))
	}
	c.named(p, "query", settings("query"), early)
	c.named(p, "headers", settings("extraHeaders"), early)
}

// ownKeys are names that belong to the connection.
var ownKeys = []string{"eio", "transport", "sid", "t", "b64", "j", "connection", "content-length", "host", "transfer-encoding", "upgrade"}

// named writes named texts: a mapping, or a text such as a=1&b=2.
func (c *converter) named(p *page, key string, t *file.Tree, sc *scope) {
	m := yamltext.Map{}
	add := func(name, text string, line int) {
		if name == "" || printable(name) != name || len(name) > 100 || key == "headers" && !reToken(name) || slices.Contains(ownKeys, strings.ToLower(name)) || strings.HasPrefix(strings.ToLower(name), "sec-websocket-") {
			c.notes.add(line, "%s: %s belongs to the connection, or is no name", key, name)
			return
		}
		v := c.text(oneLine(text), line, sc)
		if raw, is := v.(yamltext.Raw); is {
			v = yamltext.Template("${" + strings.TrimPrefix(string(raw), "$") + "}")
		}
		m = append(m, yamltext.Entry{Key: name, Value: v})
	}
	switch {
	case t == nil || t.Null:
		return
	case t.Dict:
		for _, e := range t.Keys {
			if e.Val.Dict || e.Val.List {
				c.notes.add(e.Line, "%s: %s is no single value", key, e.Key)
				continue
			}
			add(e.Key, e.Val.Text, e.Line)
		}
	case !t.List:
		for pair := range strings.SplitSeq(t.Text, "&") {
			name, value, _ := strings.Cut(pair, "=")
			add(name, value, t.Line)
		}
	}
	if len(m) > 0 {
		p.line("    %s: %s", key, yamltext.Flow(m))
	}
}

func reToken(s string) bool {
	isToken := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("!#$%&'*+.^_`|~-", r)
	}
	return !strings.ContainsFunc(s, func(r rune) bool { return !isToken(r) })
}

// maxUnrolled bounds the steps that a loop over values becomes.
const maxUnrolled = 200

// step writes a step of a flow.
func (c *converter) step(p *page, indent string, t *file.Tree, g *group, sc *scope) {
	if !t.Dict {
		c.notes.add(t.Line, "the step is no mapping, and is left out")
		return
	}
	c.above(p, indent, t.Line)
	switch {
	case t.Get("loop") != nil:
		c.loop(p, indent, t, g, sc)
	case t.Get("think") != nil:
		c.think(p, indent, t, g)
	case t.Get("emit") != nil && !c.plain:
		c.emit(p, indent, t, g, sc)
	case c.plain && (t.Get("send") != nil || t.Get("sendBytes") != nil || t.Get("wait") != nil):
		c.send(p, indent, t, g, sc)
	case t.Get("connect") != nil && c.plain:
		c.notes.add(t.Line, "connect: clients connect to the target before the first step, with the headers of config.ws")
	case t.Get("function") != nil:
		c.notes.add(t.Line, "the function %s in JavaScript cannot be taken over", t.Get("function").Text)
	case t.Get("log") != nil:
		c.notes.add(t.Line, "log: nothing is printed during a run; throng run shows its progress, and trace: 3 writes the packets of three clients")
	case methodOf(t) != "":
		c.http(p, indent, t, g, sc)
	default:
		c.notes.add(t.Line, "the step %s has no counterpart", firstKey(t))
	}
}

func firstKey(t *file.Tree) string {
	if len(t.Keys) == 0 {
		return "without a key"
	}
	return t.Keys[0].Key
}

// think writes a pause.
func (c *converter) think(p *page, indent string, t *file.Tree, g *group) {
	th := t.Get("think")
	d, ok := seconds(th)
	if !ok {
		c.notes.add(th.Line, "the pause %s is no fixed time: one second is written", th.Text)
		d = time.Second
	}
	text := duration(d)
	if j := t.Get("jitter"); j != nil || c.jitter != "" {
		jitter := c.jitter
		if j != nil {
			jitter = j.Text
		}
		text = c.jittered(d, jitter, th.Line)
	}
	g.took += d + d/4
	p.line("%s- {think: %s}", indent, text)
}

// jittered is a pause with a random part: a percentage, or a time in milliseconds.
func (c *converter) jittered(d time.Duration, jitter string, line int) string {
	part := time.Duration(0)
	if share, is := strings.CutSuffix(strings.TrimSpace(jitter), "%"); is {
		if v, ok := number(&file.Tree{Text: share}); ok {
			part = time.Duration(float64(d) * math.Min(v, 100) / 100)
		}
	} else if v, ok := number(&file.Tree{Text: strings.TrimSuffix(strings.TrimSpace(jitter), "ms")}); ok {
		part = time.Duration(v * 1e6)
	} else {
		c.notes.add(line, "the jitter %s cannot be read", jitter)
	}
	if part < time.Millisecond {
		return duration(d)
	}
	return "uniform(" + duration(max(d-part, time.Millisecond)) + " " + duration(d+part) + ")"
}

// loop writes a repetition, or the steps for each of some values.
func (c *converter) loop(p *page, indent string, t *file.Tree, g *group, sc *scope) {
	steps := items(t.Get("loop"))
	if over := t.Get("over"); over != nil {
		c.unroll(p, indent, t, over, steps, g, sc)
		return
	}
	inner := *sc
	inner.inLoop = true
	body := &page{}
	was := g.took
	for _, s := range steps {
		c.step(body, indent+"      ", s, g, &inner)
	}
	once := g.took - was
	head := ""
	if w := t.Get("whileTrue"); w != nil {
		c.notes.add(w.Line, "whileTrue: a function in JavaScript cannot be taken over; the loop runs as often as count says, or ten times")
	}
	switch count := t.Get("count"); {
	case count == nil && t.Get("whileTrue") == nil, count != nil && strings.HasPrefix(count.Text, "-"):
		head = "every: 10ms"
		g.forever = true
		if t.Get("whileTrue") == nil && !strings.Contains(body.String(), "think:") && !strings.Contains(body.String(), "ack:") {
			c.notes.add(t.Line, "the loop has no end and no pause: a round begins every 10 ms at most")
		}
	default:
		n := c.times(count)
		head = "times: " + decimal(float64(n))
		g.took += once * time.Duration(min(n, 100_000)-1)
		g.took = min(max(g.took, 0), 24*time.Hour)
	}
	if body.Len() == 0 {
		return
	}
	p.line("%s- repeat:", indent)
	p.line("%s    %s", indent, head)
	p.line("%s    steps:", indent)
	p.WriteString(body.String())
}

// unroll writes the steps of a loop once for each of its values.
func (c *converter) unroll(p *page, indent string, t, over *file.Tree, steps []*file.Tree, g *group, sc *scope) {
	values := over.Items
	if !over.List {
		if v := c.vars[over.Text]; v != nil && v.column == "" {
			values = v.values
		}
	}
	if n := len(values) * max(len(steps), 1); n == 0 || n > maxUnrolled {
		c.notes.add(over.Line, "over: the values of the loop are not in the script, or too many: the steps are written once")
		values = []*file.Tree{{Text: "value", Quoted: true}}
	}
	rename := t.Get("loopElement")
	for _, v := range values {
		inner := *sc
		inner.element = c.value(v, sc)
		if inner.element == nil {
			inner.element = ""
		}
		if rename != nil {
			inner.rename = rename.Text
		}
		for _, s := range steps {
			c.step(p, indent, s, g, &inner)
		}
	}
}

// times is how often a loop runs.
func (c *converter) times(count *file.Tree) int {
	if count == nil {
		return 10
	}
	text := count.Text
	from, to, isRange := strings.Cut(text, "-")
	low, okLow := number(&file.Tree{Text: from})
	high, okHigh := number(&file.Tree{Text: to})
	switch v, ok := number(count); {
	case ok && v >= 1:
		return int(v)
	case isRange && okLow && okHigh && high > low:
		return int(high - low)
	}
	c.notes.add(count.Line, "the count %s is not in the script: ten rounds are written", text)
	return 10
}
