package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/throng-io/throng/scenario/file"
	"github.com/throng-io/throng/server"
)

// indiscreet is a server that says what it was told in confidence wherever it can: in refusals,
// events and acknowledgements. Its HTTP service does so as well.
func indiscreet(t *testing.T) (target, service string) {
	t.Helper()
	srv, err := server.New(server.Options{})
	if err != nil {
		t.Fatal(err)
	}
	told := func(s *server.Socket) string {
		return fmt.Sprintf("auth %s, header %s, query %s, cookie %s", s.AuthRaw(), s.Handshake().Header("X-Key"), s.Handshake().Query("key"), s.Handshake().Header("Cookie"))
	}
	srv.Use(func(s *server.Socket) error {
		if s.Handshake().Query("refuse") != "" {
			return errors.New("not you: " + told(s))
		}
		return nil
	})
	srv.OnConnect(func(s *server.Socket) { _ = s.Emit("told", told(s)) })
	srv.On("echo", func(s *server.Socket, e *server.Event) error {
		args, _ := e.Raw()
		_ = s.Emit("told", told(s), string(args))
		return e.Ack(told(s))
	})
	srv.On("leave", func(s *server.Socket, _ *server.Event) error { s.Disconnect(true); return nil })
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
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Location", "http://127.0.0.1:1/moved?"+r.URL.RawQuery) // no server is there: the error names the address
		w.WriteHeader(http.StatusFound)
	}))
	t.Cleanup(web.Close)
	return "http://" + ln.Addr().String(), web.URL
}

// A secret is written nowhere: not into a file of the result, not to the terminal, however the
// target sends it back.
func TestSecretsAreNotWritten(t *testing.T) {
	target, service := indiscreet(t)
	values := map[string]string{
		"token":  `tok-"q<u>o&te/7+é` + strings.Repeat("long", 80),
		"cookie": "sid=c00kie-jar",
		"ENV":    `env'ironment\9`,
	}
	t.Setenv("SECRET_OF_TEST", values["ENV"])
	const text = `version: 1
name: hush
vars: {token: none, cookie: none, both: "${token}:${env.SECRET_OF_TEST}"}
trace: 2
groups:
  in:
    count: 2
    auth: {token: $token, env: "${env.SECRET_OF_TEST}", more: {both: $both}}
    headers: {X-Key: "key ${env.SECRET_OF_TEST}", Cookie: $cookie}
    query: {key: $cookie}
    send:
      - {op: echo, rate: 4/s, ack: 1s, data: {my: $token, env: "${env.SECRET_OF_TEST}"}}
    flow:
      - {emit: [echo, $token, "${env.SECRET_OF_TEST}"], ack: 1s, capture: {said: "$[0]"}}
      - {emit: [echo, $said], ack: 1s}
      - http: {get: "SERVICE/login?token=$token&c=$cookie", headers: {Authorization: "Bearer $both"}}
      - {wait: {event: $never, within: 100ms, match: {"$[0]": $token}}}
      - {emit: [leave, $token]}
    reconnect: {}
  out:
    count: 1
    auth: {token: $token, env: "${env.SECRET_OF_TEST}"}
    query: {refuse: "1", key: "$cookie"}
phases: [{name: hold, for: 2s}]
report: {formats: [html, json, hlog, svg, csv, md, junit, openmetrics]}
`
	dir := t.TempDir()
	path := filepath.Join(dir, "hush.yaml")
	scenario := strings.NewReplacer("SERVICE", service, "event: $never", "event: never").Replace(text)
	if err := os.WriteFile(path, []byte(scenario), 0o600); err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(dir, "out")
	args := []string{
		"run", path, "--out", out, "--target", target, "--set", "token=" + values["token"], "--set=vars.cookie=" + values["cookie"], "--secret", "token", "--secret=cookie",
	}
	were := os.Args
	os.Args = append([]string{"throng"}, args...)
	defer func() { os.Args = were }()
	var stdout, stderr bytes.Buffer
	code := run(t.Context(), args, strings.NewReader(""), &stdout, &stderr)
	if code != exitFail && code != exitInvalid {
		t.Fatalf("exit %d\n%s%s", code, stdout.String(), stderr.String())
	}
	found := map[string]bool{}
	for name, content := range filesIn(t, out) {
		found[name] = true
		searchFor(t, name, content, values)
	}
	searchFor(t, "standard output", stdout.String(), values)
	searchFor(t, "standard error", stderr.String(), values)
	for _, name := range []string{"result.json", "report.html", "trace.txt", "junit.xml"} {
		if !found[name] {
			t.Errorf("no %s was written", name)
		}
	}
	// The test would find nothing either if nothing had been sent back.
	files := filesIn(t, out)
	for name, want := range map[string]string{
		"result.json": `"token=***"`, "trace.txt": "echo", "report.html": "not you: auth",
	} {
		if !strings.Contains(files[name], want) || !strings.Contains(files[name], "***") {
			t.Errorf("%s does not tell of %q, with a mask:\n%.2000s", name, want, files[name])
		}
	}
	for _, want := range []string{"--set=vars.cookie=***", "connect.connect_error", "step.http", "/moved?"} {
		if !strings.Contains(files["result.json"], want) {
			t.Errorf("result.json does not tell of %q", want)
		}
	}
}

// The error of a target that refuses every client, and the errors of the file, contain no secret.
func TestSecretsAreNotInErrors(t *testing.T) {
	target, _ := indiscreet(t)
	const secret = "tok-en&1234567890"
	dir := t.TempDir()
	path := filepath.Join(dir, "hush.yaml")
	for name, c := range map[string]struct{ file, args, want string }{
		"refused by the target": {"groups: {a: {count: 1, auth: {t: $token}, query: {refuse: 1}}}", "run FILE --quiet --out OUT --target TARGET", "not you: auth"},
		"a count":               {"groups: {a: {count: $token}}", "check FILE", "the variable `token` is secret and cannot be used here"},
		"bad YAML":              {"groups: {a: {count: 1, auth: {t: $token}}}", "check FILE --set slo=[$token", "is not closed"},
		"no such variable":      {"groups: {a: {count: 1, auth: {t: $token}}}", "check FILE --secret tokn", "the file has no variable `tokn`; did you mean `token`?"},
		"a value":               {"groups: {a: {count: 1, auth: {t: $token}}}", "check FILE --secret other=SECRET", "--secret takes the name of a variable, without a value"},
		"a search":              {"groups: {a: {count: 1, auth: {t: $token}, query: {refuse: 1}}}\nsearch: {raise: groups.a.count, from: 1, to: 4}", "capacity FILE --out OUT2 --target TARGET", "not you: auth"},
		"a list":                {"groups: {a: {count: 1, auth: {t: $token}}}", "check FILE --set token=[SECRET", "--set token=***"},
	} {
		t.Run(name, func(t *testing.T) {
			if err := os.WriteFile(path, []byte("version: 1\nname: hush\nvars: {token: none}\n"+c.file+"\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			args := strings.Fields(strings.NewReplacer("FILE", path, "OUT", filepath.Join(dir, "out"), "TARGET", target, "SECRET", secret).Replace(c.args))
			if !strings.Contains(c.args, "--set token") {
				args = append(args, "--set", "token="+secret)
			}
			args = append(args, "--secret", "token")
			var stdout, stderr bytes.Buffer
			if code := run(t.Context(), args, strings.NewReader(""), &stdout, &stderr); code == exitPass || !strings.Contains(stderr.String(), c.want) {
				t.Errorf("exit %d, want %q:\n%s", code, c.want, stderr.String())
			}
			searchFor(t, "standard output", stdout.String(), map[string]string{"token": secret})
			searchFor(t, "standard error", stderr.String(), map[string]string{"token": secret})
			for name, content := range filesIn(t, dir) {
				searchFor(t, name, content, map[string]string{"token": secret})
			}
		})
	}
}

// The tokens of a data file are credentials too: a target that refuses their owners may not bring
// them into the result.
func TestCredentialsOfDataFilesAreNotWritten(t *testing.T) {
	target, service := indiscreet(t)
	dir := t.TempDir()
	tokens := map[string]string{"first": "tok-0001-abcdefgh", "second": "tok-0002-ijklmnop"}
	for name, text := range map[string]string{
		"users.csv": "name,token\nAda," + tokens["first"] + "\nBen," + tokens["second"] + "\nCy,tok-0003\n",
		"all.yaml":  "version: 1\nname: all\ndata: {users: {csv: users.csv}}\ngroups: {a: {count: 2, auth: {token: \"${users.token}\", is: here}, query: {refuse: 1}}}\nphases: [{name: p, for: 1s}]\n",
		"some.yaml": "version: 1\nname: some\ntrace: 2\ndata: {users: {csv: users.csv}}\ngroups: {b: {count: 1, flow: [{http: {get: \"SERVICE/me?t=${users.token}\"}}]}, a: {count: 2, auth: {token: \"${users.token}\", is: here}, query: {refuse: 1}}}\nphases: [{name: p, for: 1s}]\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(strings.ReplaceAll(text, "SERVICE", service)), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"all", "some"} {
		var stdout, stderr bytes.Buffer
		out := filepath.Join(dir, "out-"+name)
		if code := run(t.Context(), []string{"run", filepath.Join(dir, name+".yaml"), "--out", out, "--target", target}, strings.NewReader(""), &stdout, &stderr); code == exitPass {
			t.Fatalf("%s passes: %s", name, stdout.String())
		}
		for path, content := range filesIn(t, dir) {
			if strings.HasPrefix(path, "out-") {
				searchFor(t, path, content, tokens)
			}
		}
		said := stdout.String() + stderr.String()
		searchFor(t, name, said, tokens)
		if !strings.Contains(said, "not you: auth") || !strings.Contains(said, "here") || !strings.Contains(said, file.Masked) {
			t.Errorf("the refusal is not told: %s", said)
		}
		if name == "some" && !strings.Contains(said, "/moved?t=***") {
			t.Errorf("the request is not told: %s", said)
		}
	}
}

// filesIn reads every file below a directory, hidden ones included.
func filesIn(t *testing.T, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		files[strings.TrimPrefix(path, dir+"/")] = string(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// searchFor fails when a text holds a secret, or the first eight bytes of one, in any of the usual
// forms.
func searchFor(t *testing.T, where, text string, secrets map[string]string) {
	t.Helper()
	for name, secret := range secrets {
		part := secret[:min(len(secret), 8)]
		for _, form := range []string{part, url.QueryEscape(part), url.PathEscape(part), strings.Trim(fmt.Sprintf("%q", part), `"`), strings.NewReplacer("<", "&lt;", ">", "&gt;", `"`, "&#34;", "&", "&amp;", "'", "&#39;").Replace(part)} {
			if i := strings.Index(text, form); i >= 0 {
				t.Errorf("%s holds the secret %s: ...%s...", where, name, text[max(0, i-60):min(len(text), i+40)])
			}
		}
	}
}

func TestCommandLineHasNoSecrets(t *testing.T) {
	got := commandLine("run", []string{"x.yaml", "--set", "token=a b", "--set=token=c", "--set", "vars.token=d", "--set", "tokens=e", "--set=n=token=f", "--nats", "nats://u:p@ss@h:1", "--nats=nats://t0ken@h:1", "--nats", "nats://u:p/ss@h:1", "--label=a@b", "http://h/@x"}, []string{"token"})
	want := []string{"throng", "run", "x.yaml", "--set", "token=***", "--set=token=***", "--set", "vars.token=***", "--set", "tokens=e", "--set=n=token=f", "--nats", "nats://***@h:1", "--nats=nats://***@h:1", "--nats", "nats://***@h:1", "--label=a@b", "http://h/@x"}
	if !slices.Equal(got, want) {
		t.Errorf("%q\nwant %q", got, want)
	}
}

// The password of the broker of a run is in the environment of its servers, and not among their
// arguments, which all users of the machine can read.
func TestArgumentsHaveNoPassword(t *testing.T) {
	address, env := withoutUser("nats+jetstream://throng:secret@127.0.0.1:4222")
	if args := serverArguments(&file.Server{Adapter: address, Listen: "127.0.0.1:0"}); !slices.Contains(args, "--adapter=nats+jetstream://127.0.0.1:4222") {
		t.Errorf("the arguments are %q", args)
	}
	if !slices.Contains(env, "NATS_USER=throng") || !slices.Contains(env, "NATS_PASSWORD=secret") || !slices.Contains(env, "NATS_CREDS=") {
		t.Errorf("the environment is %q", env)
	}
	if address, env = withoutUser("unix+streams:///tmp/a@b"); address != "unix+streams:///tmp/a@b" || env != nil {
		t.Errorf("a socket: %s, %q", address, env)
	}
}
