package main

import (
	"encoding/pem"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// A target that is not what it seems must not be taken for another one, or for none: a script
// whose variable is empty would test the built-in server.
func TestTargetIsWhatItSays(t *testing.T) {
	for address, want := range map[string]string{
		"":                             "--target is empty",
		"localhost:3000":               "is not the address of a server",
		"unix:":                        "is not the address of a server",
		"http://:3000":                 "is not the address of a server",
		"http+unix://%2Ftmp%2Fs":       "write http://HOST:PORT, https://HOST:PORT or unix:PATH",
		"http://127.0.0.1:1?token=a":   `"http://127.0.0.1:1?***" holds more than an address`,
		"http://me:secret@127.0.0.1:1": "holds more than an address",
		"me:secret@127.0.0.1:1":        `"***@127.0.0.1:1" is not the address of a server`,
		"http://me:a/secret@127.0.0.1": `"http://***@127.0.0.1" is not the address of a server`,
		"http://me:secret@h:99999":     `"http://***@h:99999" has no such port`,
		"http://127.0.0.1:1/#lobby":    "holds more than an address",
	} {
		for _, command := range []string{"run", "capacity"} {
			_, errs, code := throng(t, command, "capacity-clients", "--target", address, "--out", t.TempDir(), "--quiet")
			if code != exitUsage || !strings.Contains(errs, want) || strings.Contains(errs, "secret") {
				t.Errorf("%s --target %q: exit code %d, %q, want %q", command, address, code, errs, want)
			}
		}
	}
	_, errs, code := throng(t, "run", "quickstart", "--target", "http://127.0.0.1:1/chat", "--out", t.TempDir(), "--quiet")
	if code != exitUnreachable || !strings.Contains(errs, "http://127.0.0.1:1/chat/ cannot be reached") {
		t.Errorf("a target with a path: exit code %d, %q", code, errs)
	}
}

// What serve listens on is a target, a unix socket as well: over each transport, and for the
// requests of flows.
func TestUnixTarget(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	socket := "unix:" + filepath.Join(dir, "sock")
	lines, _ := serving(t, "--listen", socket)
	lines.Scan()
	scenario := filepath.Join(dir, "unix.yaml")
	err := os.WriteFile(scenario, []byte(`
version: 1
name: unix
target: {url: "`+socket+`"}
groups:
  all:
    count: 8
    transport: {websocket: 50%, polling: 25%, upgrade: 25%}
    send: [{op: all, rate: 20/s, expect: all, late: 1m}]
  asks: {count: 1, flow: [{http: {get: "/socket.io/?EIO=4&transport=polling", status: 200}}]}
phases: [{name: hold, for: 2500ms}] # longer than a machine that is shared stands still
slo: [loss(delivery) == 0, errors(connect) == 0, errors(step) == 0]
valid: [max(lag) < 1h, max(lag.receive) < 1h, {check: undecided(delivery) < 100%, optional: true}, errors(send.late) < 1000]
report: {formats: [json]}
`), 0o600)
	if err != nil {
		t.Fatal(err)
	}
	out, errs, code := throng(t, "run", scenario, "--out", filepath.Join(dir, "out"), "--quiet")
	if code != exitPass || !strings.Contains(out, "one machine") {
		t.Errorf("exit code %d\n%s%s", code, out, errs)
	}
	out, errs, code = throng(t, "run", scenario, "--out", dir, "--quiet", "--target", "unix:"+dir+"/none")
	if code != exitUnreachable || !strings.Contains(errs, "the target unix:"+dir+"/none cannot be reached: ") || strings.Count(errs, "\n") != 1 {
		t.Errorf("exit code %d\n%s%s", code, out, errs)
	}
}

// Runs that begin in the same second do not share a directory, and one that came to nothing leaves
// none.
func TestDirectoriesOfRuns(t *testing.T) {
	t.Chdir(t.TempDir())
	first, second := fresh(filepath.Join("out", "x")), fresh(filepath.Join("out", "x"))
	if first == second || second != filepath.Join("out", "x-2") {
		t.Errorf("%s and %s", first, second)
	}
	if _, errs, code := throng(t, "run", "quickstart", "--target", "http://127.0.0.1:1", "--quiet"); code != exitUnreachable {
		t.Fatalf("exit code %d, %s", code, errs)
	}
	if left, err := filepath.Glob("out/quickstart*"); err != nil || len(left) > 0 {
		t.Errorf("left: %v, %v", left, err)
	}
}

// What --set says of a target goes with --target, and replaces the server of the file.
func TestTargetWithTLS(t *testing.T) {
	dir := t.TempDir()
	srv := httptest.NewTLSServer(http.NotFoundHandler())
	defer srv.Close()
	scenario, ca := filepath.Join(dir, "s.yaml"), filepath.Join(dir, "ca.pem")
	err := errors.Join(
		os.WriteFile(scenario, []byte("version: 1\nname: s\nserver: {fanout: naive}\ngroups: {a: {count: 1}}\n"), 0o600),
		os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: srv.Certificate().Raw}), 0o600),
	)
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		args []string
		want string
	}{
		{[]string{"--target", srv.URL}, "name its certificate authority with --set target.tls.ca=FILE"},
		{[]string{"--target", srv.URL, "--set", "target.tls.ca=" + ca}, "HTTP status 404"},
		{[]string{"--target", srv.URL, "--set", "target.tls.insecure=true"}, "HTTP status 404"},
		{[]string{"--set", "target.url=" + srv.URL, "--set", "target.tls.ca=" + ca}, "HTTP status 404"},
		{[]string{"--target", "http" + strings.TrimPrefix(srv.URL, "https")}, "HTTP status 400"},
	} {
		_, errs, code := throng(t, append([]string{"run", scenario, "--out", dir, "--quiet"}, test.args...)...)
		if code != exitUnreachable || !strings.Contains(errs, test.want) || strings.Count(errs, "\n") != 1 {
			t.Errorf("%v: exit code %d, %q", test.args, code, errs)
		}
	}
}

func TestEarlierLogsGo(t *testing.T) {
	dir, began := t.TempDir(), time.Now()
	for name, age := range map[string]time.Duration{"ack.hlog": time.Hour, "cell-01.delivery.hlog": time.Hour, "notes.txt": time.Hour, "delivery.hlog": 0} {
		name = filepath.Join(dir, name)
		if err := errors.Join(os.WriteFile(name, nil, 0o600), os.Chtimes(name, time.Time{}, began.Add(-age))); err != nil {
			t.Fatal(err)
		}
	}
	if err := removeLeftovers(dir, began); err != nil {
		t.Fatal(err)
	}
	left, err := filepath.Glob(filepath.Join(dir, "*"))
	if want := []string{filepath.Join(dir, "delivery.hlog"), filepath.Join(dir, "notes.txt")}; err != nil || !slices.Equal(left, want) {
		t.Errorf("left: %v, %v; want %v", left, err, want)
	}
}

// A directory of results may have the name of the scenario that left it there.
func TestLoadBesideADirectory(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, name := range []string{"quickstart", "mine"} {
		if err := os.Mkdir(name, 0o750); err != nil {
			t.Fatal(err)
		}
	}
	if f, err := load(nil, "quickstart", nil); err != nil || f.Spec.Name != "quickstart" {
		t.Errorf("quickstart: %v", err)
	}
	if _, err := load(nil, "mine", nil); err == nil || !strings.Contains(err.Error(), "mine: a directory") {
		t.Errorf("mine: %v", err)
	}
}
