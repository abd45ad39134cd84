package importer

import (
	"regexp"
	"slices"
	"strconv"
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
		switch i := slices.IndexFunc(g.spaces, func(s string) bool { return strings.HasSuffix(s, space) }); {
		case i > 0 && can("namespace: /b"):
			step = append(step, yamltext.Entry{Key: "namespace", Value: g.spaces[i]})
		case i != 0:
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
	var late yamltext.Map
	if channel := response.Get("channel"); channel != nil && channel.Text != "" {
		g.took += answerWithin
		expect := yamltext.Map{{Key: "event", Value: c.plainText(channel, sc)}, {Key: "within", Value: yamltext.Raw(c.timeout)}}
		if m := c.matches(response, "$[0]", false, sc); len(m) > 0 {
			expect = append(expect, yamltext.Entry{Key: "match", Value: m})
		}
		of := c.captures(response, "$[0]", false)
		if ack != nil && len(of) > 0 && len(captures) > 0 {
			c.notes.add(response.Line, "a step captures from its acknowledgement or from the event that follows: the event's values are left out")
			of = nil
		}
		late = expect
		captures = append(captures, of...)
		step = append(step, yamltext.Entry{Key: "expect", Value: late})
	}
	if len(captures) > 0 {
		step = append(step, yamltext.Entry{Key: "capture", Value: captures})
	}
	p.line("%s- %s", indent, yamltext.Flow(step))
}

// can reports whether a step of a flow may have these keys.
func can(keys string) bool {
	_, err := file.Parse("step", []byte("{version: 1, name: x, groups: {a: {count: 1, namespace: [/, /b], flow: [{emit: [e], "+keys+"}]}}}"), nil)
	return err == nil
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

// matches are the conditions on an answer: match, a list of them, or data that it must equal.
func (c *converter) matches(t *file.Tree, root string, numbered bool, sc *scope) yamltext.Map {
	m := yamltext.Map{}
	add := func(path string, v any) {
		if !slices.ContainsFunc(m, func(e yamltext.Entry) bool { return e.Key == path }) {
			m = append(m, yamltext.Entry{Key: path, Value: v})
		}
	}
	if data := t.Get("data"); data != nil {
		add(root, c.value(data, sc))
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
// numbered: $.0 is the first.
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

// methods are the requests that a step can make.
var methods = []string{"get", "post", "put", "patch", "delete"}

func methodOf(t *file.Tree) string {
	for _, m := range methods {
		if t.Get(m) != nil {
			return m
		}
	}
	return ""
}

// before writes the requests that Artillery makes once before the first client arrives.
func (c *converter) before(p *page, flow *file.Tree, sc *scope) {
	body := &page{}
	ignored := &group{}
	for _, t := range items(flow) {
		switch {
		case methodOf(t) != "", t.Get("think") != nil:
			c.step(body, "        ", t, ignored, sc)
		default:
			c.notes.add(t.Line, "before: only requests and pauses come before the first client: %s is left out", firstKey(t))
		}
	}
	if body.Len() == 0 {
		return
	}
	p.line("    before:")
	p.line("      once: true")
	p.line("      steps:")
	p.WriteString(body.String())
	if len(c.groups) > 1 {
		c.notes.add(lineOf(flow), "before: its requests are made once for each group")
	}
}

// http writes a request.
func (c *converter) http(p *page, indent string, t *file.Tree, g *group, sc *scope) {
	method := methodOf(t)
	r := t.Get(method)
	address := r.Get("url")
	if address == nil {
		address = r.Get("uri")
	}
	if address == nil || address.Text == "" || address.Dict || address.List {
		c.notes.add(t.Line, "the request has no url, and is left out")
		return
	}
	url := c.inside(strings.TrimSpace(address.Text), address.Line, sc)
	if !strings.HasPrefix(url, "/") && !strings.HasPrefix(url, "http://") && !strings.HasPrefix(url, "https://") && !strings.HasPrefix(url, "${") {
		url = "/" + url
	}
	g.took += answerWithin
	request := yamltext.Map{{Key: method, Value: yamltext.Template(printable(url) + c.queryOf(r.Get("qs"), url, sc))}}
	request = append(request, c.bodyOf(r, method, sc)...)
	if h := c.headersOf(r, sc); len(h) > 0 {
		request = append(request, yamltext.Entry{Key: "headers", Value: h})
	}
	if f := r.Get("followRedirect"); f != nil && f.Text == "false" {
		request = append(request, yamltext.Entry{Key: "redirect", Value: yamltext.Raw("no")})
	}
	for _, e := range items(r.Get("expect")) {
		if s, ok := number(e.Get("statusCode")); ok && s >= 100 && s <= 599 {
			request = append(request, yamltext.Entry{Key: "status", Value: int(s)})
			break
		} else if len(e.Keys) > 0 {
			c.notes.add(e.Line, "expect: only statusCode is taken over")
		}
	}
	for _, key := range []string{"ifTrue", "beforeRequest", "afterResponse", "auth", "cookie", "match"} {
		if v := r.Get(key); v != nil {
			c.notes.add(v.Line, "%s: of a request, it has no counterpart", key)
		}
	}
	step := yamltext.Map{{Key: "http", Value: request}}
	if m := c.httpCaptures(r); len(m) > 0 {
		step = append(step, yamltext.Entry{Key: "capture", Value: m})
	}
	p.line("%s- %s", indent, yamltext.Flow(step))
}

// queryOf writes the query of a request.
func (c *converter) queryOf(qs *file.Tree, url string, sc *scope) string {
	var parts []string
	for _, e := range qs.Entries() {
		if !e.Val.Dict && !e.Val.List {
			parts = append(parts, yamltext.Literal(printable(e.Key))+"="+c.inside(printable(e.Val.Text), e.Line, sc))
		}
	}
	switch {
	case len(parts) == 0:
		return ""
	case strings.Contains(url, "?"):
		return "&" + strings.Join(parts, "&")
	}
	return "?" + strings.Join(parts, "&")
}

// bodyOf writes what a request carries.
func (c *converter) bodyOf(r *file.Tree, method string, sc *scope) yamltext.Map {
	if method == "get" {
		return nil
	}
	switch {
	case r.Get("json") != nil:
		return yamltext.Map{{Key: "body", Value: c.value(r.Get("json"), sc)}}
	case r.Get("form").Entries() != nil:
		form := yamltext.Map{}
		for _, e := range r.Get("form").Entries() {
			if e.Val.Dict || e.Val.List {
				c.notes.add(e.Line, "form: %s is no single value", e.Key)
				continue
			}
			form = append(form, yamltext.Entry{Key: e.Key, Value: c.plainText(e.Val, sc)})
		}
		if len(form) > 0 {
			return yamltext.Map{{Key: "form", Value: form}}
		}
	case r.Get("body") != nil && !r.Get("body").Dict && !r.Get("body").List:
		return yamltext.Map{{Key: "text", Value: c.plainText(r.Get("body"), sc)}}
	case r.Get("formData") != nil:
		c.notes.add(r.Get("formData").Line, "formData: files cannot be sent")
	}
	return nil
}

func (c *converter) headersOf(r *file.Tree, sc *scope) yamltext.Map {
	m := yamltext.Map{}
	for _, e := range r.Get("headers").Entries() {
		if e.Val.Dict || e.Val.List || !reToken(e.Key) || e.Key == "" || slices.Contains(ownKeys, strings.ToLower(e.Key)) || strings.HasPrefix(strings.ToLower(e.Key), "sec-websocket-") {
			c.notes.add(e.Line, "headers: %s belongs to the connection, or is no single value", e.Key)
			continue
		}
		m = append(m, yamltext.Entry{Key: e.Key, Value: yamltext.Template(c.inside(printable(e.Val.Text), e.Line, sc))})
	}
	return m
}

// httpCaptures are the values of an HTTP answer: of its JSON, a header, or a regular expression.
func (c *converter) httpCaptures(r *file.Tree) yamltext.Map {
	m := yamltext.Map{}
	for _, one := range items(r.Get("capture")) {
		as := one.Get("as")
		if as == nil || as.Text == "" {
			continue
		}
		var from any
		path, ok := c.path(one, "$", false)
		switch header, re := one.Get("header"), one.Get("regexp"); {
		case ok:
			from = yamltext.Template(path)
		case header != nil && reToken(header.Text) && header.Text != "":
			from = yamltext.Map{{Key: "header", Value: header.Text}}
		case re != nil && len(re.Text) < 500 && compiles(re.Text):
			from = yamltext.Map{{Key: "match", Value: re.Text}}
		default:
			c.notes.add(one.Line, "the capture of %s is neither a path into JSON, a header nor a regular expression that Go knows", as.Text)
			from = yamltext.Template("$")
		}
		name := c.captureName(as.Text)
		if !slices.ContainsFunc(m, func(e yamltext.Entry) bool { return e.Key == name }) {
			m = append(m, yamltext.Entry{Key: name, Value: from})
		}
	}
	return m
}

func compiles(text string) bool {
	_, err := regexp.Compile(text)
	return err == nil && printable(text) == text
}

// checks writes the thresholds and conditions of ensure.
func (c *converter) checks(p *page) {
	var lines []string
	add := func(check string) {
		if check != "" && !slices.Contains(lines, check) {
			lines = append(lines, check)
		}
	}
	for _, ensure := range []*file.Tree{c.config.Get("ensure"), c.config.Get("plugins").Get("ensure")} {
		for _, e := range ensure.Entries() {
			c.ensured(e, add)
		}
	}
	if len(lines) == 0 {
		lines = []string{"errors(step) == 0"}
	}
	p.line("")
	p.line("slo:")
	for _, l := range lines {
		p.line("  - %s", l)
	}
}

// ensured writes the checks of a key of ensure.
func (c *converter) ensured(e file.TreeKey, add func(check string)) {
	switch e.Key {
	case "thresholds":
		for _, one := range items(e.Val) {
			for _, th := range one.Entries() {
				add(c.check(th.Key, "<", th.Val.Text, th.Line))
			}
		}
	case "conditions":
		for _, one := range items(e.Val) {
			c.condition(one, add)
		}
	case "maxErrorRate":
		if v, ok := number(e.Val); ok && v <= 100 {
			add("errors(step) <= " + decimal(v) + "%")
		}
	default:
		add(c.check("step."+e.Key, "<", e.Val.Text, e.Line))
	}
}

var (
	reComparison = regexp.MustCompile(`^\s*([A-Za-z_][\w.-]*)\s*(<=|>=|==|<|>)\s*([\d.]+)\s*$`)
	reAnd        = regexp.MustCompile(`(?i)\s+and\s+|\s*&&\s*`)
	rePercentile = regexp.MustCompile(`^p(\d{2,3})$`)
)

// condition writes the comparisons of an expression.
func (c *converter) condition(t *file.Tree, add func(check string)) {
	e := t.Get("expression")
	if e == nil {
		return
	}
	for _, part := range reAnd.Split(e.Text, 100) {
		m := reComparison.FindStringSubmatch(part)
		if m == nil {
			c.notes.add(e.Line, "the condition %q is no comparison of a metric with a number", part)
			continue
		}
		add(c.check(m[1], m[2], m[3], e.Line))
	}
}

// check writes a comparison of a metric; "" where there is no such metric.
func (c *converter) check(name, op, value string, line int) string {
	v, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
	dot := strings.LastIndexByte(name, '.')
	if err != nil || v < 0 || v > 1e9 || dot < 0 {
		c.notes.add(line, "the check of %s has no number that can be read", name)
		return ""
	}
	base, stat := name[:dot], name[dot+1:]
	if m := rePercentile.FindStringSubmatch(stat); m != nil && len(m[1]) == 3 {
		stat = "p" + m[1][:2] + "." + m[1][2:]
	}
	if stat == "median" {
		stat = "p50"
	}
	latency := slices.Contains([]string{"min", "max", "mean", "p50", "p75", "p90", "p95", "p99", "p99.9"}, stat) && op != "=="
	switch {
	case latency && (strings.HasSuffix(base, "http.response_time") && c.requests()):
		return stat + "(step{op=http}) " + op + " " + decimal(v) + "ms"
	case latency && (base == "step" || strings.HasSuffix(base, "response_time")):
		return stat + "(step) " + op + " " + decimal(v) + "ms"
	case latency && strings.HasSuffix(base, "vusers.session_length"):
		return stat + "(flow) " + op + " " + decimal(v) + "ms"
	case v == float64(int64(v)) && (strings.HasSuffix(name, "vusers.failed") || strings.HasSuffix(base, "vusers.failed")):
		return "errors(step) " + op + " " + decimal(v)
	}
	c.notes.add(line, "the metric %s has no counterpart", name)
	return ""
}

// requests reports whether a flow makes requests.
func (c *converter) requests() bool {
	found := false
	var look func(t *file.Tree)
	look = func(t *file.Tree) {
		if t == nil {
			return
		}
		for _, item := range t.Items {
			found = found || methodOf(item) != ""
			look(item.Get("loop"))
		}
	}
	for _, g := range c.groups {
		look(g.t.Get("flow"))
	}
	return found
}
