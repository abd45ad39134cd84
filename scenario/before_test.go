package scenario

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/throng-io/throng/protocol/socketio"
	"github.com/throng-io/throng/scenario/client"
	"github.com/throng-io/throng/scenario/file"
	"github.com/throng-io/throng/scenario/result"
)

// A gate is a web server with logins, and a Socket.IO server that takes the tokens of these. Its
// clock is the one of its caller.
type gate struct {
	fakeServer
	valid time.Duration // how long a token is; 0: for ever
	once  bool          // a token is for one connection

	mu       sync.Mutex
	issued   map[string]time.Time
	requests []string
	dialed   []string          // tokens
	tickets  []*client.Tickets // of the same connections
}

func newGate() *gate { return &gate{issued: map[string]time.Time{}} }

// token issues one.
func (g *gate) token() string {
	g.mu.Lock()
	defer g.mu.Unlock()
	token := fmt.Sprintf("t-%d", len(g.issued))
	g.issued[token] = time.Now()
	return token
}

// enter takes a connection with a valid token.
func (g *gate) enter(token string) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.dialed = append(g.dialed, token)
	at, known := g.issued[token]
	if !known || g.valid > 0 && time.Since(at) > g.valid {
		return &client.DialError{Stage: "namespace", Class: "connect_error", Err: &client.ConnectError{Message: "token " + token + " is expired"}}
	}
	if g.once {
		delete(g.issued, token)
	}
	return nil
}

// options put the gate in front of the server; h is its web server.
func (g *gate) options(h http.HandlerFunc) func(*Options) {
	return func(o *Options) {
		o.Target, o.link = "http://web", linkTo(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			g.mu.Lock()
			g.requests = append(g.requests, r.Method+" "+r.URL.RequestURI())
			g.mu.Unlock()
			h(w, r)
		}))
		dial := o.dial
		o.dial = func(ctx context.Context, cfg *client.Config) (dialed, error) {
			g.mu.Lock()
			g.tickets = append(g.tickets, cfg.Tickets)
			g.mu.Unlock()
			if err := g.enter(strings.Trim(strings.TrimPrefix(string(cfg.Auth), `{"token":`), `"}`)); err != nil {
				return dialed{}, err
			}
			return dial(ctx, cfg)
		}
	}
}

// count is how many requests begin like that.
func (g *gate) count(prefix string) (n int) {
	for _, r := range g.requests {
		if strings.HasPrefix(r, prefix) {
			n++
		}
	}
	return n
}

const gated = `
version: 1
name: t
groups:
  people:
    count: 4
    connect: {rate: 1k/s}
    before: BEFORE
    auth: {token: "${token}"}
    MORE
phases: [{name: up, for: 1s, load: 0%, record: false}, {name: hold, for: 3s}]
`

func gatedBy(before, more string) string {
	return strings.NewReplacer("BEFORE", before, "MORE", more).Replace(gated)
}

const login = `[{http: {post: /login, body: {n: "${client.index}"}}, capture: {token: $.token}}]`

// Each client logs in once, also the one that probes the target first. The time that it takes is in
// the metric before, and not in connect.
func TestBeforeTakesItsOwnTime(t *testing.T) {
	t.Parallel()
	g := newGate()
	cell := play(t, &g.fakeServer, gatedBy(login, `send: [{op: echo, rate: 1/s, data: {with: "${token}", x: "${payload}"}}]`), g.options(func(w http.ResponseWriter, r *http.Request) {
		time.Sleep(300 * time.Millisecond)
		fmt.Fprintf(w, `{"token": %q}`, g.token())
	}))
	if cell.Verdict != result.Pass || len(cell.Errors) > 0 || cell.Clients.Held != 4 {
		t.Fatalf("verdict %s %s, errors %v, clients %+v", cell.Verdict, cell.Reason, cell.Errors, cell.Clients)
	}
	if n := g.count("POST /login"); n != 4 || len(g.dialed) != 5 {
		t.Errorf("%d logins and %d connections, want one for each of 4 clients, and the probe's connection: %v", n, len(g.dialed), g.dialed)
	}
	if slices.Contains(g.tickets[1:], g.tickets[0]) {
		t.Error("the first client comes with the session of TLS of the connection that probed the target")
	}
	for name, want := range map[string][2]time.Duration{
		"before":  {300 * time.Millisecond, 310 * time.Millisecond},
		"connect": {0, 10 * time.Millisecond}, "connect.attempt": {0, 10 * time.Millisecond},
	} {
		l := cell.Latency[name]
		if l == nil || l.N != 4 || l.Minus < want[0].Microseconds()*99/100 || l.Maxus > want[1].Microseconds() {
			t.Errorf("%s: %+v, want 4 from %v to %v", name, l, want[0], want[1])
		}
	}
}

// Every kind of body, of capture and of place for a captured value; cookies by their rules.
func TestBeforeSpeaksHTTP(t *testing.T) {
	t.Parallel()
	s := newTalker(t, func(c *fakeConn, _ *socketio.Packet, event string, _ []byte) {
		if event == "me" {
			c.deliver(fakePacket{text: []byte(`2["hi"]`)})
		}
	})
	var mu sync.Mutex
	var heard []string
	var cookies []string
	cell := play(t, &s.fakeServer, `
version: 1
name: t
target: {url: "http://web"}
groups:
  people:
    count: 2
    before:
      - {http: {get: /form}, capture: {csrf: {match: 'name="csrf" value="([^"]*)"'}, trace: {header: X-Trace}, xsrf: {cookie: XSRF}}}
      - {think: 1ms}
      - {http: {post: "/login?next=${csrf}", form: {user: "u ${client.index}&", csrf: "${csrf}"}, headers: {X-XSRF: "${xsrf}"}, redirect: no, status: 302}, capture: {code: {header: Location, match: "code=(.*)"}, next: {header: Location}}}
      - {http: {get: "${next}"}, capture: {id: $.user.id, name: $.user.name}}
      - {http: {put: "/users/${name}/state", text: "hello ${name}"}}
      - {http: {get: /moved}, capture: {at: $.at}}
    auth: {name: "${name}", id: $id, at: $at}
    query: {c: "${code}"}
    headers: {X-Trace: "${trace}"}
    flow: [{emit: [me, $id]}]
    react: {hi: {emit: [hello, "${name}"]}}
phases: [{name: hold, for: 1s}]
`, func(o *Options) {
		o.Target, o.link = "", linkTo(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_ = r.ParseForm()
			var names []string
			for _, c := range r.Cookies() {
				names = append(names, c.Name)
			}
			slices.Sort(names)
			mu.Lock()
			heard = append(heard, fmt.Sprintf("%s %s %s user=%q xsrf=%q cookies=%v", r.Method, r.URL.RequestURI(), r.Header.Get("Content-Type"), r.PostForm.Get("user"), r.Header.Get("X-XSRF"), names))
			mu.Unlock()
			switch r.URL.Path {
			case "/form":
				w.Header().Add("Set-Cookie", "XSRF=x-1; Path=/login")
				w.Header().Set("X-Trace", "tr")
				fmt.Fprint(w, `<input name="csrf" value="a/b c">`)
			case "/login":
				w.Header().Add("Set-Cookie", "sid=s-1; Path=/; HttpOnly")
				w.Header().Add("Set-Cookie", "safe=1; Path=/; Secure")
				w.Header().Add("Set-Cookie", "other=1; Domain=elsewhere.test")
				w.Header().Set("Location", "me?code=c/1")
				w.WriteHeader(http.StatusFound)
			case "/me":
				fmt.Fprint(w, `{"user": {"id": 7, "name": "é/1"}}`)
			case "/moved":
				w.Header().Add("Set-Cookie", "way=1; Path=/")
				http.Redirect(w, r, "/there", http.StatusFound)
			case "/there":
				fmt.Fprint(w, `{"at": [1]}`)
			}
		}))
		dial := o.dial
		o.dial = func(ctx context.Context, cfg *client.Config) (dialed, error) {
			if got := fmt.Sprintf("%s %s %s", cfg.Auth, cfg.Query.Encode(), cfg.Header["X-Trace"]); got != `{"name":"é/1","id":7,"at":[1]} c=c%2F1 [tr]` {
				t.Errorf("handshake %s", got)
			}
			mu.Lock()
			defer mu.Unlock()
			for _, c := range cfg.Jar.Cookies(&url.URL{Scheme: "http", Host: "web", Path: "/socket.io/"}) {
				cookies = append(cookies, c.Name)
			}
			return dial(ctx, cfg)
		}
	})
	if cell.Verdict != result.Pass || len(cell.Errors) > 0 {
		t.Fatalf("verdict %s %s, errors %v, warnings %v", cell.Verdict, cell.Reason, cell.Errors, cell.Warnings)
	}
	for _, want := range []string{"me 7", `hello "é/1"`} {
		if n := len(s.heardOf(want)); n != 2 {
			t.Errorf("%s: %d times, want 2; heard %q", want, n, s.heard)
		}
	}
	for _, want := range []string{
		`GET /form  user="" xsrf="" cookies=[]`,
		`POST /login?next=a%2Fb+c application/x-www-form-urlencoded user="u 0&" xsrf="x-1" cookies=[XSRF]`,
		`GET /me?code=c/1  user="" xsrf="" cookies=[sid]`,
		`PUT /users/%C3%A9%2F1/state text/plain; charset=utf-8 user="" xsrf="" cookies=[sid]`,
		`GET /there  user="" xsrf="" cookies=[sid way]`,
	} {
		if !slices.Contains(heard, want) {
			t.Errorf("not heard: %s\n%s", want, strings.Join(heard, "\n"))
		}
	}
	if got := strings.Join(cookies, " "); got != "sid way sid way sid way" {
		t.Errorf("the handshakes have the cookies %s", got)
	}
}

// Tokens are valid for a second; every client loses its connection after two. Each client is
// refused with the old token, fetches another, and comes back: no error, and nothing of it in
// connect.
func TestBeforeAgain(t *testing.T) {
	t.Parallel()
	for name, once := range map[string]bool{"each": false, "once for all": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := newGate()
			g.valid = time.Second
			before := "{steps: " + strings.Replace(login, "${client.index}", "x", 1) + fmt.Sprintf(", once: %t, again: refused}", once)
			text := strings.Replace(gatedBy(before, "reconnect: {min: 100ms, max: 100ms, jitter: 0%}"), "{name: hold, for: 3s}", "{name: hold, for: 1s}, {name: cut, for: 2s, fault: {drop: 100%}}", 1)
			cell := play(t, &g.fakeServer, text, g.options(func(w http.ResponseWriter, r *http.Request) {
				time.Sleep(50 * time.Millisecond)
				fmt.Fprintf(w, `{"token": %q}`, g.token())
			}))
			if cell.Verdict != result.Pass || cell.Errors["again.connect_error"] != 4 || len(cell.Errors) != 1 || cell.Clients.Held != 4 {
				t.Errorf("verdict %s %s, errors %v, clients %+v", cell.Verdict, cell.Reason, cell.Errors, cell.Clients)
			}
			logins := 4 + 4
			if once {
				logins = 1 + 1
			}
			if n := g.count("POST /login"); n != logins {
				t.Errorf("%d logins, want %d", n, logins)
			}
			if l := cell.Latency["connect"]; l == nil || l.N != 4 || l.Maxus > 10_000 {
				t.Errorf("connect %+v", l)
			}
		})
	}
}

// A client whose request is refused gives up at once, also when it connects again after losses; one
// whose request gets no proper answer tries again.
func TestBeforeFails(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		status, logins int
		reconnect      string
		errors         string
	}{
		{http.StatusUnauthorized, 4, "", "before.status 3"},
		{http.StatusUnauthorized, 4, "reconnect: {}", "before.status 3"},
		{http.StatusServiceUnavailable, 4, "", "before.status 3"},
		{http.StatusServiceUnavailable, 7, "reconnect: {min: 100ms}", "before.status 3"}, // and the second attempt succeeds
	} {
		t.Run(fmt.Sprintf("%d %s", c.status, c.reconnect), func(t *testing.T) {
			t.Parallel()
			g := newGate()
			cell := play(t, &g.fakeServer, gatedBy(login, c.reconnect), g.options(func(w http.ResponseWriter, r *http.Request) {
				if n := g.logins(); n > 1 && n <= 4 { // the first is the probe's
					http.Error(w, "no entry", c.status)
					return
				}
				fmt.Fprintf(w, `{"token": %q}`, g.token())
			}))
			var errors []string
			for class, n := range cell.Errors {
				errors = append(errors, fmt.Sprintf("%s %d", class, n))
			}
			if strings.Join(errors, ", ") != c.errors || g.logins() != c.logins || cell.Clients.Failed != 0 {
				t.Errorf("errors %v, %d logins, clients %+v; want %s and %d", errors, g.logins(), cell.Clients, c.errors, c.logins)
			}
			if cell.Verdict != result.Fail || !strings.Contains(cell.Reason, "before.status") {
				t.Errorf("verdict %s %s", cell.Verdict, cell.Reason)
			}
			if !strings.Contains(strings.Join(cell.Warnings, "\n"), `http POST /login: HTTP status `+fmt.Sprint(c.status)+`: "no entry"`) {
				t.Errorf("warnings %q", cell.Warnings)
			}
			if l := cell.Latency["before"]; c.logins == 4 && (l == nil || l.N != 1 || l.Never != 3) {
				t.Errorf("before %+v, want one sample and 3 that did not end", l)
			}
		})
	}
}

// logins is how many there were.
func (g *gate) logins() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.count("POST /login")
}

// A token for one connection is used up by the probe's, and the first client fetches another.
func TestBeforeWithTokensForOneConnection(t *testing.T) {
	t.Parallel()
	g := newGate()
	g.once = true
	cell := play(t, &g.fakeServer, gatedBy(login, ""), g.options(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, `{"token": %q}`, g.token())
	}))
	if cell.Verdict != result.Pass || cell.Clients.Held != 4 || g.logins() != 5 || cell.Errors["again.connect_error"] != 1 {
		t.Errorf("verdict %s %s, errors %v, %d logins, clients %+v", cell.Verdict, cell.Reason, cell.Errors, g.logins(), cell.Clients)
	}
}

// What fails before the first client's connection is said, and no other client comes. Secrets and
// values of answers are not in it.
func TestBeforeFailsAtOnce(t *testing.T) {
	t.Setenv("OF_TEST", "pass-word-1")
	for name, c := range map[string]struct {
		steps, want string
		answer      func(w http.ResponseWriter)
	}{
		"status":  {`[{http: {post: /login, text: "${env.OF_TEST}"}}]`, `HTTP status 401: "wrong pass: ***"`, func(w http.ResponseWriter) { http.Error(w, "wrong pass: pass-word-1", http.StatusUnauthorized) }},
		"no JSON": {`[{http: {post: /login}, capture: {token: $.token}}]`, `the answer is not JSON but "hello"`, func(w http.ResponseWriter) { fmt.Fprint(w, "hello") }},
		"no path": {`[{http: {post: /login}, capture: {token: $.token}}]`, `there is nothing at $.token`, func(w http.ResponseWriter) { fmt.Fprint(w, "{}") }},
		"cookie":  {`[{http: {post: /login}, capture: {token: {cookie: sid}}}]`, `there is no cookie sid`, func(http.ResponseWriter) {}},
		"header":  {`[{http: {post: /login}, capture: {token: {header: X-T}}}]`, `there is no header X-T`, func(http.ResponseWriter) {}},
		"match":   {`[{http: {post: /login}, capture: {token: {match: "a+"}}}]`, `the answer does not match a+`, func(w http.ResponseWriter) { fmt.Fprint(w, "bbb") }},
		"silent":  {`[{http: {post: /login, within: 1s}}]`, `no answer within 1 s`, func(http.ResponseWriter) { time.Sleep(2 * time.Second) }},
	} {
		t.Run(name, func(t *testing.T) {
			g := newGate()
			ownClock(t, func(t *testing.T) {
				f, err := file.Parse("test.yaml", []byte(strings.Replace(gatedBy(c.steps, ""), `    auth: {token: "${token}"}`+"\n", "", 1)), nil)
				if err != nil {
					t.Fatal(err)
				}
				opt := Options{dial: g.dial, sleep: time.Sleep}
				g.options(func(w http.ResponseWriter, _ *http.Request) { c.answer(w) })(&opt)
				_, err = Run(t.Context(), f, opt)
				time.Sleep(time.Minute) // for the web server's goroutine
				te, ok := errors.AsType[*TargetError](err)
				if !ok || !strings.Contains(err.Error(), "the first client could not connect to the target http://web: before its connection, http POST /login: "+c.want+"; check the steps of before:") || te.URL != "http://web" {
					t.Errorf("%v\nwant %s", err, c.want)
				}
			})
			if g.logins() != 1 || len(g.dialed) != 0 {
				t.Errorf("%d logins, %d connections", g.logins(), len(g.dialed))
			}
		})
	}
}

// After a middleware has refused it, a client gives up as the official one does, unless the file
// says otherwise.
func TestRefusedClientsGiveUp(t *testing.T) {
	t.Parallel()
	for reconnect, want := range map[string]int{"{min: 500ms, max: 500ms, jitter: 0%}": 1 + 4, "{min: 500ms, max: 500ms, jitter: 0%, refused: true}": 1 + 4*8} {
		t.Run(reconnect, func(t *testing.T) {
			t.Parallel()
			g := newGate()
			g.refuse = func(i int) error {
				if i == 0 { // the probe
					return nil
				}
				return &client.DialError{Stage: "namespace", Class: "connect_error", Err: &client.ConnectError{Message: "no"}}
			}
			cell := play(t, &g.fakeServer, `
version: 1
name: t
target: {url: "http://web"}
groups: {people: {count: 4, connect: {shape: burst}, reconnect: `+reconnect+`}}
phases: [{name: hold, for: 3900ms}]
`)
			if g.dials != want || cell.Verdict != result.Fail {
				t.Errorf("%d attempts, want %d; verdict %s, errors %v", g.dials, want, cell.Verdict, cell.Errors)
			}
		})
	}
}

// Each client is in the namespace that its login names: its packets of every kind go there, and what
// comes from there is its own.
func TestOwnNamespaces(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	went := map[string]int{} // packets by namespace and event
	s := &fakeServer{}
	s.send = func(c *fakeConn, packet []byte) (bool, error) {
		var p socketio.Packet
		if err := p.Parse(slices.Clone(packet)); err != nil {
			t.Errorf("%q: %v", packet, err)
			return true, nil
		}
		name, args, _ := socketio.SplitEvent(p.Data)
		if p.Type == socketio.Ack {
			name = []byte("answer")
		}
		mu.Lock()
		went[string(p.Namespace)+" "+string(name)]++
		mu.Unlock()
		if string(p.Namespace) != c.cfg.Namespace {
			t.Errorf("%q goes to %s, and the client is in %s", packet, p.Namespace, c.cfg.Namespace)
		}
		switch {
		case p.HasID && p.Type == socketio.Event:
			c.deliver(fakePacket{text: fmt.Appendf(nil, "3%s,%d[]", p.Namespace, p.ID)})
		case string(name) == "echo":
			c.deliver(fakePacket{text: fmt.Appendf(nil, "2%s,[\"echo\",%s]", p.Namespace, args)})
		case string(name) == "ask":
			c.deliver(fakePacket{text: fmt.Appendf(nil, "2%s,4[\"poke\"]", p.Namespace)})
		}
		return true, nil
	}
	cell := play(t, s, `
version: 1
name: t
groups:
  people:
    count: 2
    connect: {rate: 10k/s}
    before: [{http: {get: "/org?of=${client.index}"}, capture: {org: $.org}}]
    namespace: "/${group}/${org}"
    rooms: {of: 1}
    send: [{op: echo, rate: 10/s}]
    flow: [{emit: [ask]}, {emit: [call], ack: 1s}]
    react: {poke: {ack: [1], emit: [poked]}}
phases: [{name: up, for: 200ms, load: 0%, record: false}, {name: hold, for: 1s}]
`, func(o *Options) {
		o.Target, o.link = "http://web", linkTo(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			fmt.Fprintf(w, `{"org": "org-%s"}`, r.URL.Query().Get("of"))
		}))
	})
	if cell.Verdict != result.Pass || len(cell.Errors) > 0 || cell.Ledger.Received != 20 {
		t.Errorf("verdict %s %s, errors %v, ledger %+v", cell.Verdict, cell.Reason, cell.Errors, cell.Ledger)
	}
	for _, i := range []string{"0", "1"} {
		for event, n := range map[string]int{"join": 1, "echo": 10, "ask": 1, "call": 1, "answer": 1, "poked": 1} {
			if got := went["/people/org-"+i+" "+event]; got != n {
				t.Errorf("client %s: %d of %s, want %d; all: %v", i, got, event, n, went)
			}
		}
	}
}

// Steps are not to blame where no server runs.
func TestBeforeWithoutServer(t *testing.T) {
	f, err := file.Parse("test.yaml", []byte(strings.Replace(gatedBy(`[{http: {post: "http://127.0.0.1:1/login"}}]`, ""), `    auth: {token: "${token}"}`+"\n", "", 1)), nil)
	if err != nil {
		t.Fatal(err)
	}
	_, err = Run(t.Context(), f, Options{Target: "http://127.0.0.1:1", dial: newGate().dial})
	if err == nil || !strings.HasSuffix(err.Error(), "connection refused; check that a server runs there") {
		t.Errorf("%v", err)
	}
}
