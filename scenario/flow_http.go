package scenario

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/throng-io/throng/scenario/client"
	"github.com/throng-io/throng/scenario/file"
	"github.com/throng-io/throng/scenario/internal/jsonpath"
	"github.com/throng-io/throng/scenario/metric"
)

// An httpClient makes the requests of a group's flows. Connections are shared by all its clients:
// the steps measure the service, not a browser.
type httpClient struct {
	base string
	http *http.Client
}

// Limits of a request.
const (
	maxAnswer   = 16 << 20 // bytes of a body
	maxIdleHTTP = 256      // connections that wait for the next request
)

func newHTTPClient(t *trial) *httpClient {
	tr := &http.Transport{DialContext: t.opt.link, TLSClientConfig: t.server.tls, MaxIdleConnsPerHost: maxIdleHTTP, IdleConnTimeout: 30 * time.Second}
	base := strings.NewReplacer("ws://", "http://", "wss://", "https://").Replace(t.server.ep.URL)
	if path, unix := client.SocketPath(t.server.ep.URL); unix {
		base = "http://localhost"
		tr.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
			if addr == "localhost:80" {
				network, addr = "unix", path
			}
			return new(net.Dialer).DialContext(ctx, network, addr)
		}
	}
	return &httpClient{base: strings.TrimSuffix(base, "/"), http: &http.Client{Transport: tr}}
}

// close ends the connections that wait.
func (c *httpClient) close() { c.http.CloseIdleConnections() }

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

// ask makes a step's request.
func (f *flow) ask(s *step) (int64, error) {
	r, c := s.request, f.plan.client
	fill := f.filling()
	url := string(r.url.append(nil, fill))
	if strings.HasPrefix(url, "/") {
		url = c.base + url
	}
	ctx, cancel := context.WithTimeout(f.ctx, r.spec.Within)
	defer cancel()
	var body io.Reader
	if r.body != nil {
		body = bytes.NewReader(r.body.append(nil, fill))
	}
	req, err := http.NewRequestWithContext(ctx, r.spec.Method, url, body)
	if err != nil {
		return 0, failed(metric.HowHTTP, "%w", err)
	}
	if r.body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	for _, h := range r.headers {
		req.Header.Set(h.name, string(h.append(nil, fill)))
	}
	res, err := c.http.Do(req)
	if err == nil {
		defer res.Body.Close()
		var text []byte
		if text, err = io.ReadAll(io.LimitReader(res.Body, maxAnswer)); err == nil {
			until := int64(client.Now() - f.group.t.life.epoch)
			if r.spec.Status != 0 && res.StatusCode != r.spec.Status || r.spec.Status == 0 && res.StatusCode >= http.StatusBadRequest {
				return 0, failed(metric.HowStatus, "HTTP status %d", res.StatusCode)
			}
			if len(s.spec.Capture) == 0 {
				return until, nil
			}
			doc, err := jsonpath.Body(text)
			if err != nil {
				return 0, failed(metric.HowCapture, "the answer is not JSON: %w", err)
			}
			return until, f.capture(s, doc)
		}
	}
	if ctx.Err() != nil && f.ctx.Err() == nil {
		return 0, failed(metric.HowTimeout, "no answer within %s", metric.FormatDuration(r.spec.Within))
	}
	return 0, failed(metric.HowHTTP, "%w", err)
}
