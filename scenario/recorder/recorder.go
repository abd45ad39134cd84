// Package recorder is a proxy for development that stands between clients and a Socket.IO server
// and lets an observer of package draft see what they say: over websocket, polling, and the upgrade
// from one to the other. Everything else passes through. It changes no message but the handshake,
// from which it takes WebTransport, since it passes no UDP on; it asks the server not to compress,
// takes the attributes Domain, Secure and SameSite from cookies, since clients speak HTTP to it,
// and gives the server its own address as the origin of pages that the proxy has served.
package recorder

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"maps"
	"net/http"
	"net/http/httputil"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/throng-io/throng/protocol/engineio"
	"github.com/throng-io/throng/scenario/draft"
)

// maxBody is the largest body or message that is looked at; larger ones are passed on only.
const maxBody = 16 << 20

// maxSessions bounds the sessions over polling that are recorded at once. Further ones are passed
// on only, and the draft says so.
const maxSessions = 10_000

// Options of a recorder.
type Options struct {
	Target *url.URL    // http or https, without a path
	Path   string      // Engine.IO path; "" = /socket.io/
	TLS    *tls.Config // of the target; nil: the system's
	Limit  int         // messages that are recorded; 0: 500 000
	// Unreachable is called when the target cannot be reached, with the reason. nil: nothing is.
	Unreachable func(err error)
}

// A Recorder is an HTTP handler. Goroutines may share it.
type Recorder struct {
	opt   Options
	proxy *httputil.ReverseProxy
	seen  *draft.Observer

	mu       sync.Mutex
	sessions map[string]*session // those that have begun over polling, for their next requests
	most     int                 // of them
}

// A session is one Engine.IO session.
type session struct {
	client *draft.Client
	last   time.Time // of a request
	ended  bool
}

// New returns a recorder. Nothing runs until requests come.
func New(opt Options) *Recorder {
	if opt.Path == "" {
		opt.Path = "/socket.io/"
	}
	r := &Recorder{opt: opt, seen: draft.New(opt.Limit), sessions: map[string]*session{}, most: maxSessions}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.TLSClientConfig, transport.Proxy = opt.TLS, nil
	transport.ForceAttemptHTTP2, transport.DisableCompression = false, true
	// websockets need HTTP/1.1
	transport.TLSNextProto = map[string]func(string, *tls.Conn) http.RoundTripper{}
	transport.MaxIdleConnsPerHost = 256
	r.proxy = &httputil.ReverseProxy{
		Rewrite: r.rewrite, ModifyResponse: r.answered, Transport: transport, FlushInterval: -1,
		ErrorLog:     log.New(io.Discard, "", 0),
		ErrorHandler: r.failed,
	}
	return r
}

// Observer returns what has been seen. Its Draft is made when no request is served any more.
func (r *Recorder) Observer() *draft.Observer {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.forgetGone()
	return r.seen
}

// forgetGone ends the sessions of polling clients that ask no more, and forgets those that have
// ended. mu is locked.
func (r *Recorder) forgetGone() {
	for id, s := range r.sessions {
		if !s.ended && time.Since(s.last) > goneAfter {
			s.ended = true
			s.client.Close(s.last)
		}
		if s.ended {
			delete(r.sessions, id)
		}
	}
}

// goneAfter is the time without a request after which a polling client has gone.
const goneAfter = time.Minute

// Try asks the target for its Engine.IO path, which begins no session. It calls Unreachable where
// it gets no connection, and returns what is wrong where nothing of Engine.IO is there.
func (r *Recorder) Try(ctx context.Context) error {
	u := *r.opt.Target
	u.Path = r.opt.Path
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return err
	}
	res, err := r.proxy.Transport.RoundTrip(req)
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("does not answer at %s", r.opt.Path)
	case err != nil:
		if ctx.Err() == nil && r.opt.Unreachable != nil {
			r.opt.Unreachable(err)
		}
		return nil
	}
	_ = res.Body.Close()
	if res.StatusCode == http.StatusNotFound {
		return fmt.Errorf("has nothing at %s (404)", r.opt.Path)
	}
	return nil
}

// Close closes the idle connections to the target.
func (r *Recorder) Close() { r.proxy.Transport.(*http.Transport).CloseIdleConnections() }

// exchange is what the recorder knows of a request; it travels in the request's context.
type exchange struct {
	at        time.Time
	transport string
	sid       string
	session   *session // nil: the request opens one
	v3        bool
	query     url.Values
	headers   []string // their names
	websocket bool
	silent    bool // JSONP, or not of Engine.IO: passed on only
}

type exchangeKey struct{}

// ServeHTTP passes a request on.
func (r *Recorder) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	x := r.exchange(req)
	if !x.silent && req.Method == http.MethodPost && x.session != nil {
		if !r.posted(req, x) {
			http.Error(w, "the request ended early", http.StatusBadRequest)
			return
		}
	}
	if x.silent && !strings.HasPrefix(req.URL.Path, r.opt.Path) && req.Method != http.MethodGet && req.Method != http.MethodHead && req.Method != http.MethodOptions {
		r.seen.Request(req.Method, req.URL.Path)
	}
	r.proxy.ServeHTTP(w, req.WithContext(context.WithValue(req.Context(), exchangeKey{}, x)))
}

// exchange reads what a request is.
func (r *Recorder) exchange(req *http.Request) *exchange {
	q := req.URL.Query()
	x := &exchange{at: time.Now(), transport: q.Get("transport"), sid: q.Get("sid"), v3: q.Get("EIO") == "3"}
	x.websocket = x.transport == "websocket" && strings.EqualFold(req.Header.Get("Upgrade"), "websocket")
	path := strings.TrimSuffix(req.URL.Path, "/") + "/"
	x.silent = path != strings.TrimSuffix(r.opt.Path, "/")+"/" || q.Has("j") || !x.websocket && x.transport != "polling"
	if x.silent {
		return x
	}
	if x.sid != "" {
		r.mu.Lock()
		x.session = r.sessions[x.sid]
		if x.session != nil {
			x.session.last = x.at
		}
		r.mu.Unlock()
		x.silent = x.session == nil
		return x
	}
	x.query, x.headers = q, slices.Collect(maps.Keys(req.Header))
	return x
}

// rewrite addresses a request to the target.
func (r *Recorder) rewrite(p *httputil.ProxyRequest) {
	own := p.In.Host
	p.SetURL(r.opt.Target)
	p.Out.Header.Del("Accept-Encoding")          // bodies are read on the way
	p.Out.Header.Del("Sec-Websocket-Extensions") // and frames
	for _, name := range []string{"Origin", "Referer"} {
		if v := p.Out.Header.Get(name); v != "" {
			if u, err := url.Parse(v); err == nil && u.Host == own {
				u.Scheme, u.Host = r.opt.Target.Scheme, r.opt.Target.Host
				p.Out.Header.Set(name, u.String())
			}
		}
	}
}

// failed answers a request whose target cannot be reached.
func (r *Recorder) failed(w http.ResponseWriter, req *http.Request, err error) {
	if req.Context().Err() == nil && r.opt.Unreachable != nil {
		r.opt.Unreachable(err)
	}
	http.Error(w, fmt.Sprintf("throng record: the target %s cannot be reached: %v", r.opt.Target.Redacted(), err), http.StatusBadGateway)
}

// posted reads the packets that a polling client sends; false when its body could not be read.
func (r *Recorder) posted(req *http.Request, x *exchange) bool {
	body, whole, err := peekBody(&req.Body)
	if err != nil {
		return false
	}
	if !whole {
		r.tooLarge()
		return true
	}
	r.payload(x, true, req.Header.Get("Content-Type"), bytes.Clone(body))
	return true
}

// peekBody reads a body up to the limit, and puts one in its place that is still to be read; whole
// says that there is no more.
func peekBody(of *io.ReadCloser) (body []byte, whole bool, err error) {
	rest := *of
	if body, whole, err = readBody(rest); err != nil {
		return nil, false, err
	}
	*of = struct {
		io.Reader
		io.Closer
	}{io.MultiReader(bytes.NewReader(body), rest), rest}
	return body, whole, nil
}

// readBody reads a body up to the limit; whole says that there is no more.
func readBody(in io.Reader) (body []byte, whole bool, err error) {
	if in == nil {
		return nil, true, nil
	}
	body, err = io.ReadAll(io.LimitReader(in, maxBody+1))
	return body, len(body) <= maxBody, err
}

// payload takes in the packets of a polling body, which it changes.
func (r *Recorder) payload(x *exchange, up bool, contentType string, body []byte) {
	if x.v3 {
		for p := engineio.NewPayloadV3(body, strings.Contains(contentType, "octet-stream")); p.Next(); {
			r.packet(x, up, p.Packet())
		}
		return
	}
	for p := engineio.NewPayload(body); p.Next(); {
		r.packet(x, up, p.Packet())
	}
}

// packet takes in one packet of Engine.IO.
func (r *Recorder) packet(x *exchange, up bool, p engineio.Packet) {
	switch {
	case p.Type == engineio.Open && !up && x.session == nil:
		if h, err := engineio.ParseHandshake(p.Data); err == nil {
			r.opened(x, h.SID)
		}
	case x.session == nil:
	case p.Type == engineio.Message:
		x.session.client.Message(time.Now(), up, p.Binary, p.Data)
	case p.Type == engineio.Upgrade && up:
		x.session.client.Upgraded()
	case p.Type == engineio.Close:
		r.end(x.session)
	}
}

// opened notes a session. One that begins over a websocket has no other requests that name it.
func (r *Recorder) opened(x *exchange, sid string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !x.websocket {
		if len(r.sessions) >= r.most {
			r.forgetGone()
		}
		if len(r.sessions) >= r.most {
			r.seen.Note(fmt.Sprintf("sessions that began over polling while %d others were recorded, which is the limit", r.most))
			return
		}
	}
	s := &session{client: r.seen.Open(x.at, x.transport), last: x.at}
	s.client.Handshake(x.query, x.headers, x.v3)
	x.session = s
	if !x.websocket {
		r.sessions[sid] = s
	}
}

// end notes that a session has ended.
func (r *Recorder) end(s *session) {
	r.mu.Lock()
	s.ended = true
	r.mu.Unlock()
	s.client.Close(time.Now())
}

// answered reads what the target answers.
func (r *Recorder) answered(res *http.Response) error {
	r.localise(res)
	x, _ := res.Request.Context().Value(exchangeKey{}).(*exchange)
	switch {
	case x == nil || x.silent:
		return nil
	case res.StatusCode == http.StatusSwitchingProtocols && x.websocket:
		conn, ok := res.Body.(io.ReadWriteCloser)
		if ok {
			res.Body = r.tap(x, conn)
		}
		return nil
	case res.StatusCode != http.StatusOK || res.Request.Method != http.MethodGet:
		return nil
	}
	body, whole, err := peekBody(&res.Body)
	if err != nil {
		return err
	}
	if !whole {
		r.tooLarge()
		return nil
	}
	if x.session == nil && !x.v3 {
		body = r.withoutWebTransport(res, body)
	}
	r.payload(x, false, res.Header.Get("Content-Type"), bytes.Clone(body))
	return nil
}

// tooLarge notes that something was passed on and not looked at.
func (r *Recorder) tooLarge() {
	r.seen.Note(fmt.Sprintf("messages larger than %d MiB, which were passed on only", maxBody>>20))
}

// reUpgrades is the list of a handshake that names the transports to move to.
var reUpgrades = regexp.MustCompile(`"upgrades"\s*:\s*\[[^\[\]]*\]`)

// withoutWebTransport takes WebTransport from the transports that the first answer of a session
// offers: a client that tried it would find nobody at the port of the proxy.
func (r *Recorder) withoutWebTransport(res *http.Response, body []byte) []byte {
	p := engineio.NewPayload(bytes.Clone(body))
	if !p.Next() || p.Packet().Type != engineio.Open {
		return body
	}
	h, err := engineio.ParseHandshake(p.Packet().Data)
	if err != nil || !slices.Contains(h.Upgrades, "webtransport") {
		return body
	}
	r.seen.Note("WebTransport, which the server offers and the proxy does not: clients stayed with polling or websocket")
	at := reUpgrades.FindIndex(body)
	if at == nil {
		return body
	}
	rest := slices.DeleteFunc(h.Upgrades, func(name string) bool { return name == "webtransport" })
	list, err := json.Marshal(rest)
	if err != nil {
		return body
	}
	out := slices.Concat(body[:at[0]], []byte(`"upgrades":`), list, body[at[1]:])
	closer := res.Body
	res.Body = struct {
		io.Reader
		io.Closer
	}{bytes.NewReader(out), closer}
	res.ContentLength = int64(len(out))
	res.Header.Set("Content-Length", strconv.Itoa(len(out)))
	return out
}

// localise makes cookies and redirects of the target work for a client that speaks to the proxy.
func (r *Recorder) localise(res *http.Response) {
	if cookies := res.Header["Set-Cookie"]; len(cookies) > 0 {
		for i, c := range cookies {
			parts := strings.Split(c, ";")
			parts = slices.DeleteFunc(parts, func(p string) bool {
				name, _, _ := strings.Cut(strings.ToLower(strings.TrimSpace(p)), "=")
				return name == "domain" || name == "secure" || name == "samesite"
			})
			cookies[i] = strings.Join(parts, ";")
		}
	}
	if to, err := res.Location(); err == nil && to.Host == r.opt.Target.Host {
		to.Scheme, to.Host = "", ""
		res.Header.Set("Location", to.String())
	}
}
