package server_test

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/valyala/fasthttp"

	"github.com/throng-io/throng/server"
)

// check is one recorded request with the answer of the official server.
type check struct {
	Name    string
	Server  string // how it is set up
	Before  []string
	Request struct {
		Method, Query, Body string
		Headers             map[string]string
	}
	Expect struct {
		Status  int
		Headers map[string]string
		Body    *string
		Pending bool
	}
}

func TestRecordedHTTPRequests(t *testing.T) {
	raw, err := os.ReadFile("testdata/http-checks.json")
	if err != nil {
		t.Fatal(err)
	}
	var recorded struct{ Checks []check }
	if err := json.Unmarshal(raw, &recorded); err != nil {
		t.Fatal(err)
	}
	opts := server.Options{
		Path: "/engine.io/", Limits: server.Limits{MaxPayload: 100}, Cookie: &server.Cookie{},
		CORS: &server.CORS{Origins: []string{"http://a.example"}, Credentials: true}, AllowJSONP: true,
		AllowRequest: func(ctx *fasthttp.RequestCtx) error {
			if ctx.QueryArgs().Has("deny") {
				return errors.New("Forbidden")
			}
			return nil
		},
		Engine: func(s *server.EngineSession, data []byte, binary bool) { s.Send(data, binary) },
	}
	bases := map[string]string{"v4 only": start(t, opts)}
	opts.AllowEIO3 = true
	bases["v3 allowed"] = start(t, opts)
	for _, c := range recorded.Checks {
		t.Run(c.Name, func(t *testing.T) { c.run(t, bases[c.Server]+"/engine.io/?") })
	}
}

var post = regexp.MustCompile(`^POST \?(\S+) body (".*")$`)

// sidIn finds the session id of a handshake, in whatever it is wrapped.
var sidIn = regexp.MustCompile(`sid\\?":\\?"([\w-]+)`)

// open opens the session that a check is about, and returns its id.
func (c *check) open(t *testing.T, base string) string {
	t.Helper()
	query := "EIO=4&transport=polling"
	if c.Server == "v3 allowed" { // as text: what the checks have recorded
		query = "EIO=3&transport=polling&b64=1"
	}
	_, body := exchange(t, "GET", base+query, "", nil)
	found := sidIn.FindStringSubmatch(body)
	if found == nil {
		t.Fatalf("no session id in %q", body)
	}
	return found[1]
}

func (c *check) run(t *testing.T, base string) {
	sid := ""
	for _, step := range c.Before {
		if step == "open a polling session, {sid}" {
			sid = c.open(t, base)
			continue
		}
		m := post.FindStringSubmatch(step)
		if m == nil {
			t.Fatalf("unknown step %q", step)
		}
		var body string
		if err := json.Unmarshal([]byte(m[2]), &body); err != nil {
			t.Fatal(err)
		}
		headers := map[string]string{}
		if strings.Contains(c.Name, "octet-stream") {
			headers["Content-Type"] = "application/octet-stream"
		}
		exchange(t, "POST", base+strings.ReplaceAll(m[1], "{sid}", sid), body, headers)
	}
	url := base + strings.ReplaceAll(c.Request.Query, "{sid}", sid)
	if c.Expect.Pending {
		client := http.Client{Timeout: 150 * time.Millisecond}
		resp, err := client.Get(url)
		if err == nil {
			_ = resp.Body.Close()
			t.Fatalf("answered with %s at once; it should be held", resp.Status)
		}
		return
	}
	resp, body := exchange(t, c.Request.Method, url, c.Request.Body, c.Request.Headers)
	if resp.StatusCode != c.Expect.Status {
		t.Errorf("status %d, want %d", resp.StatusCode, c.Expect.Status)
	}
	if found := sidIn.FindStringSubmatch(body); sid == "" && found != nil {
		sid = found[1]
	}
	for name, want := range c.Expect.Headers {
		got := strings.Join(resp.Header.Values(name), ", ")
		if want = strings.ReplaceAll(want, "{sid}", sid); got != want {
			t.Errorf("header %s: %q, want %q", name, got, want)
		}
	}
	if c.Expect.Body != nil && resp.StatusCode != http.StatusSwitchingProtocols {
		if want := strings.ReplaceAll(*c.Expect.Body, "{sid}", sid); body != want {
			t.Errorf("body %q, want %q", body, want)
		}
	}
}

type handshake struct {
	SID      string   `json:"sid"`
	Upgrades []string `json:"upgrades"`
}

func handshakeOf(t *testing.T, body string) handshake {
	t.Helper()
	var h handshake
	if err := json.Unmarshal([]byte(strings.TrimPrefix(body, "0")), &h); err != nil {
		t.Fatalf("%q is no handshake: %v", body, err)
	}
	return h
}

// start serves a server on a free port until the test ends, and returns its base URL.
func start(t *testing.T, opts server.Options) string {
	t.Helper()
	srv, err := server.New(opts)
	if err != nil {
		t.Fatal(err)
	}
	return serve(t, srv)
}

func serve(t *testing.T, srv *server.Server) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	serveOn(t, srv, ln)
	return "http://" + ln.Addr().String()
}

// serveOn serves a listener until the test ends.
func serveOn(t *testing.T, srv *server.Server, ln net.Listener) {
	t.Helper()
	done := make(chan error, 1)
	go func() { done <- srv.Serve(ln) }()
	t.Cleanup(func() {
		http.DefaultClient.CloseIdleConnections()
		if err := srv.Shutdown(t.Context()); err != nil && t.Context().Err() == nil {
			t.Errorf("shutdown: %v", err)
		}
		if err := <-done; err != nil {
			t.Errorf("serve: %v", err)
		}
	})
}

// exchange sends one request on a connection of its own and returns the answer. net/http would not
// send all that the checks ask for.
func exchange(t *testing.T, method, url, body string, headers map[string]string) (*http.Response, string) {
	t.Helper()
	host, path, _ := strings.Cut(strings.TrimPrefix(url, "http://"), "/")
	conn, err := net.Dial("tcp", host)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	_ = conn.SetDeadline(time.Now().Add(patience))
	var b strings.Builder
	fmt.Fprintf(&b, "%s /%s HTTP/1.1\r\nHost: %s\r\n", method, path, host)
	for k, v := range headers {
		fmt.Fprintf(&b, "%s: %s\r\n", k, v)
	}
	if body != "" || method == "POST" {
		fmt.Fprintf(&b, "Content-Length: %d\r\n", len(body))
	}
	b.WriteString("\r\n" + body)
	// A server that refuses a body need not read it: then there is an answer all the same.
	_, unwritten := conn.Write([]byte(b.String()))
	resp, err := http.ReadResponse(bufio.NewReader(conn), &http.Request{Method: method})
	if err != nil {
		t.Fatal(errors.Join(unwritten, err))
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode == http.StatusSwitchingProtocols {
		return resp, ""
	}
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(answer)
}

// What is not under the server's path is the application's.
func TestOtherPaths(t *testing.T) {
	base := start(t, server.Options{Other: func(ctx *fasthttp.RequestCtx) { ctx.SetBodyString("page " + string(ctx.Path())) }})
	for path, want := range map[string]string{"/": "page /", "/socket.io": "page /socket.io", "/a/b?c": "page /a/b"} {
		if resp, body := fetch(t, "GET", base+path, nil); resp.StatusCode != 200 || body != want {
			t.Errorf("%s: %s %q", path, resp.Status, body)
		}
	}
	if resp, body := fetch(t, "GET", base+"/socket.io/?EIO=4&transport=polling", nil); resp.StatusCode != 200 || !strings.HasPrefix(body, "0{") {
		t.Errorf("handshake: %s %q", resp.Status, body)
	}
	plain.CloseIdleConnections()
}

// A target may have the scheme and the host in it, which then count instead of the header (RFC
// 9112, section 3.2.2).
func TestAbsoluteTargets(t *testing.T) {
	x := attack(t, server.Options{Hosts: []string{"good.example"}})
	const query = "/socket.io/?EIO=4&transport=polling"
	for target, want := range map[string]int{
		"http://good.example" + query:            200,
		"http://good.example:8080" + query:       200,
		"http://127.0.0.1" + query:               200,
		"http://evil.example" + query:            421,
		"http://good.example/other":              404,
		"http://good.example":                    404,
		"http://good.example?x=" + query:         404,
		query:                                    421, // the header says test
		"/elsewhere?http://good.example" + query: 421,
	} {
		if status, _, body := x.raw(get(target)); status != want {
			t.Errorf("%s: %d %q, want %d", target, status, body, want)
		}
	}
}
