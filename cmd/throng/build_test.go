package main

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

func TestParseBuild(t *testing.T) {
	own, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	t.Chdir(t.TempDir()) // go test -c and profiles leave another build here
	t.Setenv("PATH", filepath.Dir(own)+string(os.PathListSeparator)+os.Getenv("PATH"))
	for text, want := range map[string]liveBuild{
		"http://localhost:3001":         {address: "http://localhost:3001"},
		"wss://chat.test/io":            {address: "wss://chat.test/io"},
		"unix:/run/chat.sock":           {address: "unix:/run/chat.sock"},
		own:                             {program: own},
		filepath.Base(own):              {program: own},
		"sh -c 'server'":                {command: "sh -c 'server'"},
		"'/a path/to a/server' --quick": {command: "'/a path/to a/server' --quick"},
		"MODE=fast ./server":            {command: "MODE=fast ./server"},
	} {
		b, err := parseBuild(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if b.command != want.command || b.program != want.program || want.command == "" && b.address != want.address {
			t.Errorf("%s: %+v, want %+v", text, b, want)
		}
		if started := b.command != ""; started != strings.HasPrefix(b.address, "http://127.0.0.1:") {
			t.Errorf("%s is at %q", text, b.address)
		}
	}
	for text, want := range map[string]string{
		"":                    "is empty",
		"localhost:3001":      "neither the URL of a server nor a command",
		"./no-such-server -x": "neither the URL of a server nor a command",
	} {
		if _, err := parseBuild(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
}

// The CPU time of a server that runs already is that of the process behind its port.
func TestListener(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Log("only Linux tells whose a port is")
		return
	}
	for _, address := range []string{"127.0.0.1:0", "[::1]:0"} {
		ln, err := net.Listen("tcp", address)
		if err != nil {
			t.Logf("%s: %v", address, err) // a machine without IPv6
			continue
		}
		url := "http://" + ln.Addr().String()
		if got := listener(url); got != os.Getpid() {
			t.Errorf("%s is of process %d, not %d", url, got, os.Getpid())
		}
		_ = ln.Close()
		if got := listener(url); got != 0 {
			t.Errorf("%s, which is closed, is of process %d", url, got)
		}
	}
	for _, url := range []string{"http://chat.test:80", "unix:/x", "http://127.0.0.1"} {
		if got := listener(url); got != 0 {
			t.Errorf("%s is of process %d", url, got)
		}
	}
}

// What is said of a server that ended is its last line, and of one in Node.js what was thrown.
func TestLastWords(t *testing.T) {
	for said, want := range map[string]string{
		"":                              "",
		"one\ntwo\n":                    ": two",
		"throng: no such file\n":        ": no such file",
		"Error: of before\nlistening\n": ": listening",
		"Error: of before\nloader:1210\n  throw err;\n  ^\n\nTypeError: x is no function\n    at f (a.js:1:2) {\n  code: 'E'\n}\n\nNode.js v20.20.2\n": ": TypeError: x is no function",
		"Node.js v20.20.2\n": ": Node.js v20.20.2",
	} {
		var last tail
		if _, err := last.Write([]byte(said)); err != nil {
			t.Fatal(err)
		}
		if got := last.quote(); got != want {
			t.Errorf("of %q it says %q, want %q", said, got, want)
		}
	}
}

// A command is ended with all that it has started: serve returns when nothing holds its output any
// more.
func TestServeCommand(t *testing.T) {
	b, err := parseBuild("sh -c 'sleep 300 & exec sleep 300'")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if _, err := b.serve(ctx); err == nil || ctx.Err() == nil {
		t.Errorf("a command that does not listen: %v", err)
	}
	b.command, b.text = "sh -c 'echo no database >&2; exit 3'", "server"
	if _, err := b.serve(t.Context()); err == nil || !strings.Contains(err.Error(), `"server": exit status 3: no database; it must listen on $PORT`) || !strings.HasSuffix(err.Error(), "'node server.js --port $PORT'") {
		t.Errorf("a command that fails: %v", err)
	}
	b.command = "sh -c 'exit 3' $PORT"
	if _, err := b.serve(t.Context()); err == nil || strings.Contains(err.Error(), "as an argument") {
		t.Errorf("a command that has its port as an argument: %v", err)
	}
}
