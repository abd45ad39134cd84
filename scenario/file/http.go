package file

import (
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"
)

// HTTP is a request to the target, or to another server by its whole URL.
type HTTP struct {
	Method  string
	URL     Template // a path of the target, or a URL
	Headers []Field
	Body    Template      // zero: none
	Content string        // Content-Type of the body, unless Headers have one
	Stay    bool          // an answer that redirects is the answer: it is not followed
	Status  int           // the expected status; 0: any below 400
	Within  time.Duration // default 10s
}

// The content types of bodies.
const (
	contentJSON = "application/json"
	contentForm = "application/x-www-form-urlencoded"
	contentText = "text/plain; charset=utf-8"
)

// bodies are the keys that give a request its body.
var bodies = []string{"body", "form", "text"}

var httpTable = object[HTTP]{
	what: "the request",
	def:  "http", about: "One HTTP request. Cookies are kept for the client, as a browser keeps them.",
	shape:  with(requireOne("oneOf", "get", "post", "put", "patch", "delete"), "not", requireTwo("body", "form", "text")),
	advice: map[string]string{"url": "did you mean `get` (or `post`)?", "timeout": "did you mean `within`?", "json": "did you mean `body`?", "path": "did you mean `get` (or `post`)?", "method": "write get: /path, or post, put, patch, delete", "auth": "write headers: {Authorization: ...}", "query": "write it behind the path: get: \"/path?name=value\"", "cookies": "cookies of earlier answers are sent by themselves; write others as headers: {Cookie: ...}"},
	lone:   "get",
	fresh:  func() HTTP { return HTTP{Within: defaultWithin} },
	fields: []field[HTTP]{
		{key: "get", about: "a path of the target, or a URL", is: aURL, set: func(d *decoder, n *node, h *HTTP) { d.request(n, h, "GET") }},
		{key: "post", about: "a path of the target, or a URL", is: aURL, set: func(d *decoder, n *node, h *HTTP) { d.request(n, h, "POST") }},
		{key: "put", about: "a path of the target, or a URL", is: aURL, set: func(d *decoder, n *node, h *HTTP) { d.request(n, h, "PUT") }},
		{key: "patch", about: "a path of the target, or a URL", is: aURL, set: func(d *decoder, n *node, h *HTTP) { d.request(n, h, "PATCH") }},
		{key: "delete", about: "a path of the target, or a URL", is: aURL, set: func(d *decoder, n *node, h *HTTP) { d.request(n, h, "DELETE") }},
		{key: "headers", about: "more header fields", is: mapOf(form{"pattern": reToken.String()}, aText), set: func(d *decoder, n *node, h *HTTP) { h.Headers = d.fieldsIn(n, "headers", checkHeader, d.scope) }},
		{key: "body", about: "JSON", is: anything, set: func(d *decoder, n *node, h *HTTP) {
			h.Body, h.Content = jsonTemplate(d, n, d.scope), contentJSON
		}},
		{key: "form", about: "fields of a form, instead of JSON", is: mapOf(nil, aText), set: func(d *decoder, n *node, h *HTTP) {
			h.Body, h.Content = formTemplate(d.fieldsIn(n, "form", anyName, d.scope)), contentForm
		}},
		{key: "text", about: "a text, instead of JSON", is: aText, set: func(d *decoder, n *node, h *HTTP) { h.Body, h.Content = d.bodyText(n), contentText }},
		{key: "redirect", about: "follow: go where the answer points to; no: the answer is the answer, to capture from its headers", is: oneOf(redirects...), def: "follow", set: func(d *decoder, n *node, h *HTTP) {
			h.Stay = d.redirect(n) == "no"
		}},
		{key: "status", about: "the expected status; default: any below 400", is: aCount, set: func(d *decoder, n *node, h *HTTP) { h.Status = d.count(n, "status", 100, 599) }},
		{key: "within", about: "how long to wait", is: aDuration, def: "10s", set: func(d *decoder, n *node, h *HTTP) { h.Within = d.duration(n, "within", time.Millisecond, maxWait) }},
	},
	done: func(d *decoder, n *node, h *HTTP) {
		if h.Method == "" && !slices.ContainsFunc(n.keys, func(e entry) bool { return e.key == "url" }) {
			d.errs.add(n.at, "the request has no method", "write get: /path, or post, put, patch, delete")
		}
		var has []entry
		for _, e := range n.keys {
			if slices.Contains(bodies, e.key) {
				has = append(has, e)
			}
		}
		if len(has) > 1 {
			d.errs.add(has[1].at, fmt.Sprintf("a request has one body: `%s` or `%s`", has[0].key, has[1].key), "remove one")
		}
		if h.Stay && h.Status == 0 {
			return
		}
		if s := h.Status; !h.Stay && (s == 301 || s == 302 || s == 303 || s == 307 || s == 308) {
			d.errs.add(at(n, "status"), fmt.Sprintf("the status %d redirects, and the request would follow it to another answer", s), "add redirect: no")
		}
	},
}

// redirects are the words of redirect.
var redirects = []string{"follow", "no"}

// redirect reads follow or no, which YAML 1.1 reads as false.
func (d *decoder) redirect(n *node) string { return d.oneOf(n, "value of redirect", redirects) }

func anyName(name string) *flaw {
	if name == "" {
		return &flaw{"a field of the form has no name", "write name: value"}
	}
	return nil
}

func (d *decoder) request(n *node, h *HTTP, method string) {
	if h.Method != "" {
		d.errs.add(n.at, "a request has one method", "write two steps")
		return
	}
	h.Method = method
	v, ok := d.expand(n, d.scope)
	if !ok {
		return
	}
	h.URL = urlTemplate(v)
	if slices.ContainsFunc(v.parts, func(part string) bool { return strings.ContainsFunc(part, breaksLine) }) {
		d.errs.add(n.at, "the URL holds a control character", "write it as %0A, with its hexadecimal code")
	}
	if first := v.parts[0]; !strings.HasPrefix(first, "/") && !strings.HasPrefix(first, "http://") && !strings.HasPrefix(first, "https://") && (first != "" || len(v.holes) == 0) {
		d.errs.add(n.at, fmt.Sprintf("%q is neither a path nor a URL", clip(first)), "write it like /login or http://host/login")
	}
}

// bodyText reads a text that a request sends as it is.
func (d *decoder) bodyText(n *node) Template {
	if n.kind != scalar || n.null {
		d.errs.add(n.at, "text must be a single value, not "+n.describe(), "write text: hello, or body: for JSON")
		return Template{}
	}
	v, ok := d.expand(n, d.scope)
	if !ok {
		return Template{}
	}
	return textTemplate(v)
}

// urlTemplate is a URL whose holes are percent-encoded where they stand in its path or in its
// query. A hole at the beginning, or in the host, is inserted as it is.
func urlTemplate(v value) Template {
	t := Template{Parts: v.parts}
	for i, name := range v.holes {
		sofar := strings.Join(v.parts[:i+1], "")
		_, rest, whole := strings.Cut(sofar, "://")
		form := FormText
		switch {
		case strings.Contains(sofar, "?"):
			form = FormQuery
		case whole && strings.Contains(rest, "/"), !whole && sofar != "":
			form = FormPath
		}
		t.Holes = append(t.Holes, Hole{name, form})
	}
	return t
}

// formTemplate is the body of a form.
func formTemplate(fields []Field) Template {
	t := Template{Parts: []string{""}}
	add := func(s string) { t.Parts[len(t.Parts)-1] += s }
	for i, f := range fields {
		if i > 0 {
			add("&")
		}
		add(url.QueryEscape(f.Name) + "=")
		for j, part := range f.Value.Parts {
			if j > 0 {
				t.Holes = append(t.Holes, Hole{f.Value.Holes[j-1].Name, FormQuery})
				t.Parts = append(t.Parts, "")
			}
			add(url.QueryEscape(part))
		}
	}
	return t
}

// An Extract says where in an answer to a request a captured value stands, other than in its JSON.
type Extract struct {
	Header string // a header field of that name
	Cookie string // a cookie of that name, that the client has after the answer
	Match  string // a regular expression: its first group, or all of it, in the header, in the cookie, or else in the body; "": the whole
}

var extractTable = object[Extract]{
	what: "the capture",
	def:  "extract", about: "A value of an answer that is not in its JSON: in a header, in a cookie, or in the text.",
	shape:  with(requireOne("anyOf", "header", "cookie", "match"), "not", requireTwo("header", "cookie")),
	advice: map[string]string{"regexp": "did you mean `match`?", "regex": "did you mean `match`?", "text": "did you mean `match`?", "json": "write the path alone: token: $.token", "path": "write the path alone: token: $.token"},
	fields: []field[Extract]{
		{key: "header", about: "the name of a header of the answer", is: like(reToken), set: func(d *decoder, n *node, s *Extract) {
			s.Header = d.string(n, "header", matches(reToken, "the name of a header", "use letters, digits and -"))
		}},
		{key: "cookie", about: "the name of a cookie that the client has after the answer", is: like(reToken), set: func(d *decoder, n *node, s *Extract) {
			s.Cookie = d.string(n, "cookie", matches(reToken, "the name of a cookie", "use letters, digits, - and _"))
		}},
		{key: "match", about: "a regular expression (RE2): its first group, or all of it, in the header, the cookie, or else the body", is: aText, set: func(d *decoder, n *node, s *Extract) {
			s.Match = d.string(n, "match", checkExpression)
		}},
	},
	done: func(d *decoder, n *node, s *Extract) {
		switch {
		case s.Header != "" && s.Cookie != "":
			d.errs.add(at(n, "cookie"), "a value stands in a header or in a cookie, not in both", "remove one")
		case len(n.keys) == 0:
			d.errs.add(n.at, "the capture names nothing", "write header: X-Token, cookie: sid or match: 'token=(\\w+)'")
		}
	},
}

func checkExpression(text string) *flaw {
	if _, err := regexp.Compile(text); err != nil || text == "" {
		return wrong(text, "regular expression", "write one of RE2, such as 'token=(\\w+)', in single quotes")
	}
	return nil
}
