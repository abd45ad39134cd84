//go:build interop

package interop

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/throng-io/throng/bench/internal/program"
)

const (
	peerServer = "../peers/node/server.js"
	shopServer = "../peers/shop/server.js"
)

// throng is the binary under test, built once for all tests.
var throng string

func TestMain(m *testing.M) {
	os.Exit(run(m))
}

func run(m *testing.M) int {
	if err := ready(); err != nil {
		fmt.Fprintf(os.Stderr, "interop: %v; run `make deps` in the root of the project\n", err)
		return 1
	}
	dir, err := os.MkdirTemp("", "throng-interop-")
	if err != nil {
		fmt.Fprintf(os.Stderr, "interop: %v\n", err)
		return 1
	}
	defer os.RemoveAll(dir)
	if err := certify(dir); err != nil {
		fmt.Fprintf(os.Stderr, "interop: %v\n", err)
		return 1
	}
	if throng, err = program.Build(context.Background(), dir, "cmd/throng"); err != nil {
		fmt.Fprintf(os.Stderr, "interop: %v\n", err)
		return 1
	}
	// Tests wait for servers and for time most of their own; those that compute have a browser, and a
	// place in chromium.
	flag.Parse()
	if err := flag.Set("test.parallel", strconv.Itoa(2*runtime.GOMAXPROCS(0))); err != nil {
		fmt.Fprintf(os.Stderr, "interop: %v\n", err)
		return 1
	}
	defer func() { endShared() }()
	return m.Run()
}

// ready says what is missing to run the official packages.
func ready() error {
	if _, err := exec.LookPath("node"); err != nil {
		return errors.New("node is not installed")
	}
	for _, dir := range []string{".", filepath.Dir(peerServer), filepath.Dir(shopServer)} {
		if _, err := os.Stat(filepath.Join(dir, "node_modules")); errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("the npm packages of bench/interop/%s are not installed", filepath.Clean(dir))
		}
	}
	return nil
}

// A server is a command that serves one of the applications; {app} and {port} are filled in by who
// starts it.
type server struct {
	name    string
	command []string
	env     []string // besides the tests' own
}

var official = server{name: "official", command: []string{"node", peerServer, "--app", "{app}", "--port", "{port}"}}

func builtIn() server {
	return server{name: "throng", command: []string{throng, "serve", "--app", "{app}", "--listen", "127.0.0.1:{port}"}}
}

// TestOfficialClients runs every *.test.mjs against both servers. What fails on the official one is
// a wrong test.
func TestOfficialClients(t *testing.T) {
	files, err := filepath.Glob("*.test.mjs")
	if err != nil || len(files) == 0 {
		t.Fatalf("found %d test files: %v", len(files), err)
	}
	for _, s := range []server{builtIn(), official} {
		for _, file := range files {
			t.Run(s.name+"/"+strings.TrimSuffix(file, ".test.mjs"), func(t *testing.T) {
				t.Parallel()
				runNode(t, file, s.command)
			})
		}
	}
}

// The contract that foreign servers are asked to keep, on the official servers since Socket.IO 2.
func TestContractOnOfficialServers(t *testing.T) {
	t.Parallel()
	runNode(t, "contract.check.mjs", official.command)
}

// Recovery of clients that the server has not missed yet. The official server has none.
func TestTakeoverByOfficialClient(t *testing.T) {
	t.Parallel()
	runNode(t, "takeover.check.mjs", builtIn().command)
}

// An outcome is one line of report.mjs.
type outcome struct {
	Name    []string
	Suite   bool
	Failure *string
	Note    string
}

// runNode runs one file of tests, with more variables in its environment, and makes a subtest of each.
func runNode(t *testing.T, file string, command []string, env ...string) {
	t.Helper()
	peer, err := json.Marshal(command)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
	defer cancel()
	node := exec.CommandContext(ctx, "node", "--test-reporter=./report.mjs", file)
	node.Env = append(append(os.Environ(), "PEER="+string(peer)), env...)
	node.WaitDelay = time.Second // servers that hold the pipes after node was killed
	var stderr bytes.Buffer
	node.Stderr = &stderr
	stdout, err := node.Output()

	tests, failures := 0, 0
	for lines := bufio.NewScanner(bytes.NewReader(stdout)); lines.Scan(); {
		var o outcome
		if json.Unmarshal(lines.Bytes(), &o) != nil || o.Note != "" {
			t.Logf("%s%s", o.Note, lines.Bytes())
			continue
		}
		if o.Suite {
			continue // its tests have their own lines
		}
		tests++
		if o.Failure != nil {
			failures++
		}
		t.Run(strings.Join(o.Name, "/"), func(t *testing.T) {
			if o.Failure != nil {
				t.Error(*o.Failure)
			}
		})
	}
	if tests == 0 || (err != nil && failures == 0) {
		t.Errorf("node %s ended with %v after %d tests\n%s", file, err, tests, stderr.Bytes())
	}
}
