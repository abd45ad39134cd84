package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/x509"
	"encoding/csv"
	"encoding/json"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/throng-io/throng/scenario/result"
	"github.com/throng-io/throng/server"
)

// smallChat is a server with events of its own: rooms, messages to them, typing notices without a
// text, and an event for everybody.
func smallChat(t *testing.T) (target string) {
	t.Helper()
	srv, err := server.New(server.Options{})
	if err != nil {
		t.Fatal(err)
	}
	type say struct {
		Room string `json:"room"`
		Text string `json:"text"`
		Kind string `json:"kind"`
	}
	srv.On("chat:join", func(s *server.Socket, e *server.Event) error {
		var room string
		if err := e.Bind(&room); err != nil {
			return err
		}
		s.Join(room)
		return e.Ack(true)
	})
	srv.On("chat:say", func(s *server.Socket, e *server.Event) error {
		var m say
		if err := e.Bind(&m); err != nil {
			return err
		}
		_ = s.Namespace().To(m.Room).Emit("chat:said", map[string]string{"from": s.ID(), "text": m.Text})
		return nil
	})
	srv.On("shout", func(s *server.Socket, e *server.Event) error {
		var text string
		if err := e.Bind(&text); err != nil {
			return err
		}
		if err := s.Broadcast().Emit("shouted", text); err != nil {
			return err
		}
		return e.Ack()
	})
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = srv.Serve(ln)
	}()
	t.Cleanup(func() {
		_ = srv.Shutdown(context.Background())
		<-done
	})
	return "http://" + ln.Addr().String()
}

// recordHere runs throng record until stop is called, which returns what it printed.
func recordHere(t *testing.T, args ...string) (address string, stop func() (string, int)) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	out, said := io.Pipe()
	ended := make(chan int, 1)
	go func() {
		ended <- run(ctx, append([]string{"record", "--listen", "127.0.0.1:0"}, args...), strings.NewReader(""), said, said)
		_ = said.Close()
	}()
	lines := bufio.NewScanner(out)
	for address == "" { // on a busy machine a line may say before that the target was slow
		if !lines.Scan() {
			cancel()
			t.Fatalf("record ended with %d", <-ended)
		}
		address = strings.TrimPrefix(regexp.MustCompile(`^recording on http://[^,]+`).FindString(lines.Text()), "recording on ")
	}
	return address, func() (string, int) {
		cancel()
		rest, _ := io.ReadAll(out)
		for lines.Scan() {
			rest = append(append([]byte(lines.Text()), '\n'), rest...)
		}
		return string(rest), <-ended
	}
}

// A port without host is one of the loopback interface, and the address that is printed can be
// opened.
func TestRecordPortAlone(t *testing.T) {
	t.Parallel()
	address, stop := recordHere(t, "--target", smallChat(t), "--listen", ":0", "--out", filepath.Join(t.TempDir(), "rec"))
	defer stop()
	if !regexp.MustCompile(`^http://127\.0\.0\.1:[1-9][0-9]*$`).MatchString(address) {
		t.Errorf("it listens on %s", address)
	}
}

// chatSession is what the simulated clients do at the chat.
const chatSession = `
version: 1
name: session
target: {url: "http://127.0.0.1:1"}
contract:
  join: {emit: [chat:join, "${room}"], ack: true}
  operations:
    say: {emit: [chat:say, {room: "${room}", text: "${payload}", kind: plain}], to: room, deliver: chat:said}
    shout: {emit: [shout, "${payload}"], to: others, deliver: shouted}
groups:
  people:
    count: 6
    transport: {websocket: 34%, polling: 33%, upgrade: 33%}
    auth: {token: "auth-value-4711"}
    query: {key: "query-value-4711"}
    headers: {X-Key: "header-value-4711", Cookie: "sid=cookie-value-4711"}
    rooms: {of: 3, join: 2, prefix: lounge-}
    send:
      - {op: say, rate: 3/s, size: "uniform(40B 200B)"}
      - {op: shout, rate: 5/s, per: group, size: 64B, ack: 5s}
phases:
  - {name: ramp, for: 400ms, clients: 0%..100%, load: 0%, record: false}
  - {name: hold, for: 1s}
`

// A session of simulated clients over each transport is recorded through the proxy; the log that is
// written replays with the same counts, and neither file has a secret or a text in it.
func TestRecordAndReplay(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	target := smallChat(t)
	front := httptest.NewTLSServer(forwardTo(t, target)) // a target with TLS, as production has
	t.Cleanup(front.Close)
	folder := filepath.Join(dir, "rec")
	address, stop := recordHere(t, "--target", front.URL, "--insecure", "--out", folder)
	session := filepath.Join(dir, "session.yaml")
	if err := os.WriteFile(session, []byte(chatSession), 0o600); err != nil {
		t.Fatal(err)
	}
	before, _ := playCounted(t, session, address, filepath.Join(dir, "first"))
	said, code := stop()
	if code != exitPass {
		t.Fatalf("record ended with %d: %s", code, said)
	}

	in, err := os.Open(filepath.Join(folder, recordedLog))
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	rows, err := csv.NewReader(in).ReadAll()
	if err != nil || strings.Join(rows[0], ",") != "time,user,room,event,size" {
		t.Fatalf("%v %v", rows[0], err)
	}
	counts, rooms := map[string]int64{}, map[string]bool{}
	for _, row := range rows[1:] {
		counts[row[3]]++
		rooms[row[2]] = true
	}
	if counts["chat-say"] != before["say"] || counts["shout"] != before["shout"] || counts["join"] < 2 || counts["connect"] < 2 || len(rooms) < 3 {
		t.Errorf("recorded %v in the rooms %v, sent %v", counts, rooms, before)
	}
	for _, name := range []string{recordedLog, recordedScenario, recordedReplay} {
		text, err := os.ReadFile(filepath.Join(folder, name))
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(text), "4711") || strings.Contains(string(text), "xxxx") {
			t.Errorf("%s has a secret or a text in it:\n%s", name, text)
		}
		if name == recordedLog {
			continue
		}
		if out, errs, code := throng(t, "check", filepath.Join(folder, name), "--target", target); code != exitPass {
			t.Errorf("check %s: %d\n%s%s\n%s", name, code, out, errs, text)
		}
		for _, want := range []string{
			`join: {emit: ["chat:join", "${room}"], ack: true}`, `to: room, deliver: "chat:said"`, `emit: ["shout", "${payload}"], to: others, deliver: "shouted", ack: true`,
			`{kind: "plain", room: "${room}", text: "${payload}"}`, `auth: {token: "${token}"}`, `query: {key: "${key}"}`,
		} {
			if !strings.Contains(string(text), want) {
				t.Errorf("%s has no %s:\n%s", name, want, text)
			}
		}
	}

	_, after := playCounted(t, filepath.Join(folder, recordedReplay), target, filepath.Join(dir, "second"))
	if after["chat-say"] != before["say"] || after["shout"] != before["shout"] { // due, also where a client was late
		t.Errorf("replayed %v, recorded %v", after, before)
	}
}

// playCounted runs a scenario and returns how many messages of each operation were sent, and how many
// were due. Whether this machine was fit to judge, or had connected all clients in time, does not
// matter here.
func playCounted(t *testing.T, scenario, target, out string) (sent, due map[string]int64) {
	t.Helper()
	stdout, errs, code := throng(t, "run", scenario, "--target", target, "--out", out, "--quiet", "--set", "phases.ramp.for=500ms")
	if code != exitPass && code != exitInvalid && code != exitFail {
		t.Fatalf("run %s: %d\n%s%s", scenario, code, stdout, errs)
	}
	text, err := os.ReadFile(filepath.Join(out, result.FileName))
	if err != nil {
		t.Fatal(err)
	}
	var run result.Run
	if err := json.Unmarshal(text, &run); err != nil {
		t.Fatal(err)
	}
	sent, due = map[string]int64{}, map[string]int64{}
	for _, c := range run.Cells {
		for _, op := range c.ByOperation {
			sent[op.Op] += op.Ledger.Sent
			due[op.Op] += op.Ledger.Due
		}
	}
	return sent, due
}

// forwardTo passes requests on to a server.
func forwardTo(t *testing.T, target string) http.Handler {
	t.Helper()
	u, err := url.Parse(target)
	if err != nil {
		t.Fatal(err)
	}
	return &httputil.ReverseProxy{Rewrite: func(p *httputil.ProxyRequest) { p.SetURL(u) }, FlushInterval: -1, ErrorLog: log.New(io.Discard, "", 0)}
}

// A page whose name points at this machine does not reach the target through the proxy: the proxy
// would pass its requests on as those of the target's own pages.
func TestRecordHosts(t *testing.T) {
	asked := make(chan string, 2)
	target := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, req *http.Request) {
		if req.URL.RawQuery != "" { // the proxy has asked before whether anybody is there
			asked <- req.Header.Get("Origin")
		}
	}))
	defer target.Close()
	address, stop := recordHere(t, "--target", target.URL, "--allowed-host", "chat.test", "--out", filepath.Join(t.TempDir(), "rec"))
	defer stop()
	for host, want := range map[string]int{"evil.example": http.StatusMisdirectedRequest, "chat.test": http.StatusOK, "localhost": http.StatusOK} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address+"/socket.io/?EIO=4&transport=polling", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Host = host + ":3100"
		req.Header.Set("Origin", "http://"+req.Host)
		answer, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = answer.Body.Close()
		if answer.StatusCode != want {
			t.Errorf("as %s: %s, want %d", host, answer.Status, want)
		}
	}
	if len(asked) != 2 {
		t.Errorf("the target was asked %d times, want 2", len(asked))
	}
}

// A target with nothing at the path is told before the first client comes, and one that is slower
// than the recording is long is not: --for begins when the target has been tried.
func TestRecordTriesItsTarget(t *testing.T) {
	target := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		time.Sleep(50 * time.Millisecond)
		if req.URL.Path != "/socket.io/" {
			w.WriteHeader(http.StatusNotFound)
		}
	}))
	defer target.Close()
	nothing := "throng: the target " + target.URL + " has nothing at /io/ (404); check --target"
	for path, want := range map[string]string{"/io/": nothing, "/socket.io/": "throng: no client was seen"} {
		_, errs, _ := throng(t, "record", "--listen", "127.0.0.1:0", "--target", target.URL, "--path", path, "--for", "1ms", "--out", filepath.Join(t.TempDir(), "rec"))
		if !strings.HasPrefix(errs, want) {
			t.Errorf("%s: %q, want %q", path, errs, want)
		}
	}
}

// What a target names itself in its certificate is shown as one line.
func TestRecordShowsTextOfTheTarget(t *testing.T) {
	var said bytes.Buffer
	r := recording{target: "https://localhost:1", path: "/socket.io/", limit: 1}
	opt, err := r.options(&said)
	if err != nil {
		t.Fatal(err)
	}
	opt.Unreachable(x509.HostnameError{Certificate: &x509.Certificate{DNSNames: []string{"\x1b]0;owned\a\nthrong: pass"}}, Host: "localhost"})
	if got := said.String(); !strings.Contains(got, `valid for \x1b]0;owned\x07\nthrong: pass, not localhost`) || strings.Count(got, "\n") != 1 || strings.ContainsAny(got, "\x1b\a") {
		t.Errorf("%q", got)
	}
}

// What cannot be recorded is refused before anything is served, and nothing is written where no
// client came.
func TestRecordRefuses(t *testing.T) {
	dir := t.TempDir()
	for want, args := range map[string][]string{
		"record needs --target":                     {},
		"is not the address of a server":            {"--target", "localhost:3000"},
		"holds more than an address":                {"--target", "http://me:secret@127.0.0.1:1"},
		`"http://***@h:99999" has no such port`:     {"--target", "http://me:secret@h:99999"},
		"has a path":                                {"--target", "http://127.0.0.1:1/chat"},
		"--for -1s is no time":                      {"--target", "http://127.0.0.1:1", "--for", "-1s"},
		`--allowed-host "*.a.example" is no name`:   {"--target", "http://127.0.0.1:1", "--allowed-host", "*.a.example"},
		"--limit is below 1":                        {"--target", "http://127.0.0.1:1", "--limit", "0"},
		"is not an Engine.IO path":                  {"--target", "http://127.0.0.1:1", "--path", "io"},
		"no client was seen":                        {"--target", "http://127.0.0.1:1", "--for", "1ms", "--out", filepath.Join(dir, "none")},
		"name the file of the target's certificate": {"--target", "https://127.0.0.1:1", "--ca", "record_test.go"},
	} {
		_, errs, code := throng(t, append([]string{"record", "--listen", "127.0.0.1:0"}, args...)...)
		if code != exitUsage || !strings.Contains(errs, want) || strings.Contains(errs, "secret") {
			t.Errorf("%v: %d %q, want %q", args, code, errs, want)
		}
	}
	busy, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer busy.Close()
	_, errs, code := throng(t, "record", "--target", "http://127.0.0.1:1", "--listen", busy.Addr().String(), "--out", filepath.Join(dir, "none"))
	if code != exitUsage || !strings.Contains(errs, "the port is in use") {
		t.Errorf("%d %q", code, errs)
	}
	if _, err := os.Stat(filepath.Join(dir, "none")); err == nil {
		t.Error("a folder is left")
	}
}
