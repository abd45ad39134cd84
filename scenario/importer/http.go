package importer

import (
	"regexp"
	"slices"
	"strings"

	"github.com/throng-io/throng/scenario/file"
	"github.com/throng-io/throng/scenario/internal/yamltext"
)

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
	request := yamltext.Map{{Key: method, Value: yamltext.Template(oneLine(url) + c.queryOf(r.Get("qs"), url, sc))}}
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
			parts = append(parts, yamltext.Literal(oneLine(e.Key))+"="+c.inside(oneLine(e.Val.Text), e.Line, sc))
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
		m = append(m, yamltext.Entry{Key: e.Key, Value: yamltext.Template(c.inside(oneLine(e.Val.Text), e.Line, sc))})
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
	return err == nil && oneLine(text) == text
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
