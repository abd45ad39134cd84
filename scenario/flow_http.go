package scenario

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/throng-io/throng/protocol/socketio"
	"github.com/throng-io/throng/scenario/client"
	"github.com/throng-io/throng/scenario/file"
	"github.com/throng-io/throng/scenario/internal/jsonpath"
	"github.com/throng-io/throng/scenario/metric"
)

// An httpClient makes the HTTP requests of all clients. They share its connections: the steps
// measure the service, not a browser.
type httpClient struct {
	base      *url.URL
	transport *http.Transport
}

// Limits of a request.
const (
	maxAnswer   = 16 << 20 // bytes of a body
	maxIdleHTTP = 256      // connections that wait for the next request
)

func newHTTPClient(t *trial) *httpClient {
	through := t.opt.link
	if through == nil {
		// It has a time limit of its own, since http.Transport goes on to connect after its request
		// has given up.
		d := &net.Dialer{Timeout: connectedWithin}
		through = func(ctx context.Context, network, address string) (net.Conn, error) {
			return t.names.Dial(ctx, d, network, address)
		}
	}
	tr := &http.Transport{DialContext: t.links.dial(through), TLSClientConfig: t.server.tls, MaxIdleConnsPerHost: maxIdleHTTP, IdleConnTimeout: 30 * time.Second}
	base := httpBase(t.server.ep.URL)
	if path, unix := client.SocketPath(t.server.ep.URL); unix {
		base = "http://localhost"
		tr.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
			if addr == "localhost:80" {
				network, addr = "unix", path
			}
			return new(net.Dialer).DialContext(ctx, network, addr)
		}
	}
	at, err := url.Parse(base)
	if err != nil {
		at = &url.URL{} // clients that connect there say so
	}
	return &httpClient{base: at, transport: tr}
}

// close ends the connections that wait.
func (c *httpClient) close() { c.transport.CloseIdleConnections() }

// A request is a file's, made ready.
type request struct {
	spec      *file.HTTP
	url, body *pattern
	headers   []namedPattern
}

func (t *trial) request(g *group, spec *file.HTTP) *request {
	r := &request{spec: spec, url: t.compile(spec.URL, g.spec.Captured)}
	if !spec.Body.IsZero() {
		r.body = t.compile(spec.Body, g.spec.Captured)
	}
	for _, h := range spec.Headers {
		r.headers = append(r.headers, namedPattern{h.Name, t.compile(h.Value, g.spec.Captured)})
	}
	return r
}

// expressions are the regular expressions of captures, which the file's reader has checked.
func expressions(captures []file.Capture) []*regexp.Regexp {
	out := make([]*regexp.Regexp, len(captures))
	for i, c := range captures {
		if c.From != nil && c.From.Match != "" {
			out[i] = regexp.MustCompile(c.From.Match)
		}
	}
	return out
}

// ask makes a step's request.
func (f *flow) ask(s *step) (int64, error) {
	r, t := s.request, f.group.t
	ctx, cancel := t.within(f.ctx, r.spec.Within)
	defer cancel()
	f.stops(cancel)
	defer f.stops(nil)
	req, err := r.build(ctx, t.siteOf(f.place()), f.filling())
	if err != nil {
		return 0, failed(metric.HowHTTP, "%w", err)
	}
	asker := http.Client{Transport: t.http.transport, Jar: f.jar}
	if r.spec.Stay {
		asker.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	}
	res, err := asker.Do(req)
	if err == nil {
		defer res.Body.Close()
		var text []byte
		if text, err = io.ReadAll(io.LimitReader(res.Body, maxAnswer)); err == nil {
			return t.now(), f.answer(s, res, text)
		}
	}
	if ctx.Err() != nil && !f.isOver() {
		return 0, failed(metric.HowTimeout, "no answer within %s", metric.FormatDuration(r.spec.Within))
	}
	return 0, failed(howHTTP(err), "%w", err)
}

// howHTTP is why a request got no answer.
func howHTTP(err error) string { return cmp.Or(client.LimitOf(err), metric.HowHTTP) }

// stops notes what ends the request that is under way; nil: none is.
func (f *flow) stops(cancel context.CancelFunc) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.stop = cancel; cancel != nil && f.gone.Load() {
		cancel()
	}
}

// place is the target to which the client's requests go: the one that it is, or was, connected to.
func (f *flow) place() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.actor != nil {
		f.node = f.actor.node
	}
	return f.node
}

// siteOf is the address of a target for requests over HTTP.
func (t *trial) siteOf(node int) *url.URL {
	if node > 0 {
		// the file's reader has checked it
		if at, err := url.Parse(httpBase(t.server.urls[node])); err == nil {
			return at
		}
	}
	return t.http.base
}

// build puts a request together. A path, also one of an earlier answer, is of the target.
func (r *request) build(ctx context.Context, base *url.URL, fill *filling) (*http.Request, error) {
	to, err := base.Parse(string(r.url.append(nil, fill)))
	if err != nil {
		return nil, err
	}
	var body io.Reader
	if r.body != nil {
		body = bytes.NewReader(r.body.append(nil, fill))
	}
	req, err := http.NewRequestWithContext(ctx, r.spec.Method, to.String(), body)
	if err != nil {
		return nil, err
	}
	if r.body != nil {
		req.Header.Set("Content-Type", r.spec.Content)
	}
	for _, h := range r.headers {
		req.Header.Set(h.name, string(h.append(nil, fill)))
	}
	return req, nil
}

// answer checks an answer and captures from it.
func (f *flow) answer(s *step, res *http.Response, text []byte) error {
	want := s.request.spec.Status
	if want != 0 && res.StatusCode != want || want == 0 && res.StatusCode >= http.StatusBadRequest {
		err := fmt.Errorf("HTTP status %d", res.StatusCode)
		if why := client.BodyText(text); why != "" {
			err = fmt.Errorf("%w: %q", err, why)
		}
		return &stepError{class: metric.HowStatus, status: res.StatusCode, err: err}
	}
	if len(s.match.all) > 0 || slices.ContainsFunc(s.spec.Capture, func(c file.Capture) bool { return c.From == nil }) {
		doc, err := jsonpath.Body(text)
		if err != nil {
			return failed(metric.HowCapture, "the answer is not JSON but %q", client.BodyText(text))
		}
		if err := s.match.check(&doc, f.filling(), "the answer"); err != nil {
			return failed(metric.HowMismatch, "%w", err)
		}
		if err := f.capture(s, &doc); err != nil {
			return err
		}
	}
	return f.extract(s, res, text)
}

// extract keeps the values that the step takes from headers, cookies and the text of an answer.
func (f *flow) extract(s *step, res *http.Response, text []byte) error {
	for i := range s.spec.Capture {
		c := &s.spec.Capture[i]
		from := c.From
		if from == nil {
			continue // see capture
		}
		value, found, where := string(text), true, "the answer"
		switch {
		case from.Header != "":
			value, where = res.Header.Get(from.Header), "the header "+from.Header
			found = len(res.Header.Values(from.Header)) > 0
		case from.Cookie != "":
			where = "the cookie " + from.Cookie
			value, found = cookieOf(f.jar, res, from.Cookie)
		}
		if !found {
			return failed(metric.HowCapture, "there is no %s", strings.TrimPrefix(where, "the "))
		}
		if expr := s.exprs[i]; expr != nil {
			m := expr.FindStringSubmatch(value)
			if m == nil {
				return failed(metric.HowCapture, "%s does not match %s", where, from.Match)
			}
			value = m[min(1, len(m)-1)]
		}
		f.keep(c.Name, socketio.AppendString(nil, value))
	}
	return nil
}

// cookieOf returns the value of a cookie that an answer sets, or that the client has for its URL.
func cookieOf(jar http.CookieJar, res *http.Response, name string) (value string, found bool) {
	for _, c := range slices.Concat(res.Cookies(), jar.Cookies(res.Request.URL)) {
		if c.Name == name {
			return c.Value, true
		}
	}
	return "", false
}
