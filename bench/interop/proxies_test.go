//go:build interop

package interop

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/throng-io/throng/scenario/result"
)

// The examples in ../peers/proxies, and the clients that they are for.
var examples = []struct{ file, clients string }{
	{"nginx-cookie.conf", "with cookies"},
	{"nginx-sid.conf", "all"},
	{"haproxy-cookie.cfg", "with cookies"},
	{"haproxy-sid.cfg", "all"},
}

// Over each transport, and with the official client, sessions stay at their node behind each of the
// example configurations, and every message crosses between the nodes.
func TestProxies(t *testing.T) {
	t.Parallel()
	for _, s := range []server{builtIn(), official} {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			nodes := threeNodes(t, s)
			for _, example := range examples {
				at := proxy(t, example.file, nodes)
				t.Run(example.file, func(t *testing.T) {
					t.Parallel()
					run := measure(t, "testdata/sticky.yaml", at, "rooms="+example.file)
					if run.Verdict != result.Pass {
						t.Errorf("verdict %s: %s", run.Verdict, reasons(run))
					}
					for i := range run.Cells {
						l, errs := run.Cells[i].Ledger, run.Cells[i].Errors
						if l.Expected == 0 || l.Expected != l.Received+l.Late+l.Undecided || l.Duplicate > 0 {
							t.Errorf("ledger %+v, errors %v", l, errs)
						}
						for class, n := range errs {
							if strings.HasPrefix(class, "connect") || strings.HasPrefix(class, "disconnect") {
								t.Errorf("%d errors %s", n, class)
							}
						}
					}
					runNode(t, "sticky.check.mjs", []string{at, example.clients})
				})
			}
		})
	}
}

// What looks like the short way fails over polling, by its design and with a line that says what to
// do; websockets do not need it.
func TestProxiesThatAreNotSticky(t *testing.T) {
	t.Parallel()
	nodes := threeNodes(t, builtIn())
	for name, c := range map[string]struct {
		file    string
		changes []string
	}{
		"nginx, hash $arg_sid": {"nginx-cookie.conf", []string{"proxy_pass http://$node;", "proxy_pass http://nodes;", "least_conn;", "hash $arg_sid;"}},
		"nginx, in turn":       {"nginx-cookie.conf", []string{"proxy_pass http://$node;", "proxy_pass http://nodes;", "least_conn;", ""}},
		"HAProxy, url_param":   {"haproxy-sid.cfg", []string{"balance leastconn", "balance url_param sid", "stick match", "# stick match"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			at := proxy(t, c.file, nodes, c.changes...)
			out, err := exec.Command(throng, "run", "testdata/sticky.yaml", "--target", at, "--out", filepath.Join(t.TempDir(), "out"), "--quiet", "--set", "matrix.axes.transport=[polling]").CombinedOutput()
			if err == nil || !strings.Contains(string(out), "Session ID unknown; ") || !strings.Contains(string(out), "keep a session at its node") {
				t.Errorf("polling: %v\n%s", err, out)
			}
			if run := measure(t, "testdata/sticky.yaml", at, "matrix.axes.transport=[websocket]", "rooms="+strings.NewReplacer(" ", "", ",", "", "$", "").Replace(name)); run.Verdict != result.Pass {
				t.Errorf("websocket: %s", reasons(run))
			}
		})
	}
}

// threeNodes starts a cluster, and returns the addresses of its nodes.
func threeNodes(t *testing.T, s server) (nodes []string) {
	t.Helper()
	broker := "unix://" + redis(t)
	for _, name := range []string{"a", "b", "c"} {
		url := s.start(t, "bench", "--adapter", broker, "--session-prefix", name, "--ping-interval", "2s")
		nodes = append(nodes, strings.TrimPrefix(url, "http://"))
	}
	return nodes
}

// proxy starts the program of an example, with the addresses of the example replaced and changes
// made to it, and returns its URL. The listening socket is made here and handed over, so that no
// other process can take its port in between.
func proxy(t *testing.T, example string, nodes []string, changes ...string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("../peers/proxies", example))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(changes); i += 2 {
		if !strings.Contains(string(text), changes[i]) {
			t.Fatalf("%s has no %q", example, changes[i])
		}
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	socket, err := listener.(*net.TCPListener).File()
	if err != nil {
		t.Fatal(err)
	}
	defer socket.Close()
	dir, at := t.TempDir(), listener.Addr().String()
	for i, node := range nodes {
		changes = append(changes, fmt.Sprintf("127.0.0.1:300%d", i+1), node)
	}
	changes = append(changes, "/tmp/", dir+"/")
	file := filepath.Join(dir, example)
	command := []string{"nginx", "-p", dir, "-c", file, "-g", "daemon off;", "-e", "stderr"}
	bind := at
	if strings.HasPrefix(example, "haproxy") {
		command, bind = []string{"haproxy", "-db", "-q", "-f", file}, "fd@3"
	}
	changes = append(changes, "127.0.0.1:8080", bind)
	if err := os.WriteFile(file, []byte(strings.NewReplacer(changes...).Replace(string(text))), 0o644); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(command[0], command[1:]...)
	cmd.ExtraFiles = []*os.File{socket}
	cmd.Env = append(os.Environ(), "PATH="+os.Getenv("PATH")+":/usr/sbin")
	if command[0] == "nginx" {
		cmd.Env = append(cmd.Env, "NGINX=3;")
	}
	var said strings.Builder
	cmd.Stderr = &said
	if err := cmd.Start(); err != nil {
		t.Fatalf("%v: install nginx and haproxy", err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		_ = cmd.Wait() // it was told to end
		if t.Failed() {
			t.Logf("%s: %s", example, said.String())
		}
	})
	for url, until := "http://"+at+"/socket.io/?EIO=4&transport=polling", time.Now().Add(patience); ; time.Sleep(50 * time.Millisecond) {
		answer, err := http.Get(url)
		if err == nil {
			_ = answer.Body.Close()
			if answer.StatusCode == http.StatusOK {
				return "http://" + at
			}
		}
		if time.Now().After(until) {
			t.Fatalf("%s does not answer: %v\n%s", example, err, said.String())
		}
	}
}

// Clients that poll, behind either proxy, come back while three nodes are replaced, and lose nothing
// before and after.
func TestRollingDeployBehindProxies(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{"nginx", "haproxy"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			out := filepath.Join(t.TempDir(), "out")
			printed, _ := runCommand("rolling-deploy", out, "--set", "report.formats=[json]", "--set", "behind="+kind, "--set", "transport=polling", "--set", "people=30",
				"--set", "phases.ramp.for=1s", "--set", "phases.steady.for=2s", "--set", "within=2s", "--set", "phases.deploy.for=6s", "--set", "phases.after.for=2s",
				"--set", "slo=[loss(delivery) == 0 in steady, loss(delivery) == 0 in after]").CombinedOutput()
			run, err := result.Read(out)
			if err != nil {
				t.Fatalf("%v\n%s", err, printed)
			}
			c := &run.Cells[len(run.Cells)-1]
			if run.Verdict != result.Pass || c.Reconnects == nil || c.Reconnects.Back == 0 || c.Nodes != nil {
				t.Errorf("verdict %s, came back: %+v\n%s", run.Verdict, c.Reconnects, printed)
			}
		})
	}
}
