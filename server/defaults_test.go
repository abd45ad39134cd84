package server

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/throng-io/throng/protocol/socketio"
)

var update = flag.Bool("update", false, "rewrite the table of limits in README.md")

// The table of limits in the README is made of the tags of Options.
func TestReadmeHasTheTags(t *testing.T) {
	const begin, end = "<!-- Made of the tags of Options by go test ./server -update -->\n", "<!-- end -->\n"
	var table strings.Builder
	table.WriteString("| option | default | |\n|---|---|---|\n")
	for _, group := range []reflect.Type{reflect.TypeFor[Times](), reflect.TypeFor[Limits]()} {
		for f := range group.Fields() {
			value, help := f.Tag.Get("default"), f.Tag.Get("help")
			if value == "" {
				value, help = "none", strings.TrimSuffix(help, " (default no limit)")
			}
			if help == "" {
				t.Errorf("%s has no help", f.Name)
			}
			fmt.Fprintf(&table, "| `%s.%s` | %s | %s |\n", group.Name(), f.Name, value, help)
		}
	}
	text, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(text), begin)
	got, after, closed := strings.Cut(rest, end)
	if !ok || !closed {
		t.Fatalf("README.md has no %s...%s", begin, end)
	}
	if got != table.String() && *update {
		err = os.WriteFile("README.md", []byte(before+begin+table.String()+end+after), 0o600)
	}
	if err != nil || got != table.String() && !*update {
		t.Errorf("the table of limits is not up to date (run go test ./server -update); %v", err)
	}
}

// Every tag can be read, and says what New uses.
func TestDefaults(t *testing.T) {
	opts, err := Options{Recovery: &Recovery{}}.WithDefaults()
	if err != nil {
		t.Fatal(err)
	}
	for got, want := range map[any]any{
		opts.Times.PingInterval: 25 * time.Second, opts.Times.WriteTimeout: time.Minute, opts.Limits.MaxPayload: 1_000_000,
		opts.Limits.QueueBytes: 4 << 20, opts.CompressThreshold: 1024, opts.Limits.MaxSessions: 0, opts.Fanout: "batched",
		opts.Recovery.MaxDisconnection: 2 * time.Minute, opts.Recovery.MaxBytes: 16 << 20, fmt.Sprint(opts.Transports): "[polling websocket]",
	} {
		if got != want {
			t.Errorf("%v, want %v", got, want)
		}
	}
	again, err := opts.WithDefaults()
	if err != nil || !reflect.DeepEqual(again.Limits, opts.Limits) || again.Path != opts.Path {
		t.Errorf("with its defaults it becomes %+v, %v", again, err)
	}
	engine, err := Options{Engine: func(*EngineSession, []byte, bool) {}}.WithDefaults()
	if err != nil || engine.Path != "/engine.io/" {
		t.Errorf("bare Engine.IO: %q, %v", engine.Path, err)
	}
}

// Options about namespaces have no effect on a server of bare Engine.IO.
func TestBareEngineRefusesNamespaces(t *testing.T) {
	for option, opts := range map[string]Options{
		"Parser":                 {Parser: socketio.MessagePack},
		"Recovery":               {Recovery: &Recovery{}},
		"CleanupEmptyNamespaces": {CleanupEmptyNamespaces: true},
		"Adapter":                {Adapter: func(_ *Namespace, local Adapter) Adapter { return local }},
	} {
		if _, err := New(opts); err != nil {
			t.Errorf("%s with namespaces: %v", option, err)
		}
		opts.Engine = func(*EngineSession, []byte, bool) {}
		_, err := New(opts)
		if refused, ok := errors.AsType[*OptionError](err); !ok || refused.Option != option {
			t.Errorf("%s: got %v", option, err)
		}
	}
}

// The health checks must leave the server's own requests alone.
func TestHealthPathIsNotTheServers(t *testing.T) {
	for health, path := range map[string]string{"/socket.io/health": "", "/socket.io": "", "/health": "/", "/up": "/up", "up": ""} {
		_, err := New(Options{HealthPath: health, Path: path, NoTrailingSlash: true})
		if refused, ok := errors.AsType[*OptionError](err); !ok || refused.Option != "HealthPath" {
			t.Errorf("%s beside path %q: got %v", health, path, err)
		}
	}
	for _, health := range []string{"", "/", "/socket.iox", "/health"} {
		if _, err := New(Options{HealthPath: health, NoTrailingSlash: true}); err != nil {
			t.Error(err)
		}
	}
	if _, err := New(Options{HealthPath: "/up", Path: "/up"}); err != nil { // which serves /up/ alone
		t.Error(err)
	}
}

// A group in a pointer belongs to the caller.
func TestDefaultsLeaveTheCallersAlone(t *testing.T) {
	recovery := &Recovery{}
	if _, err := (Options{Recovery: recovery}).WithDefaults(); err != nil || *recovery != (Recovery{}) {
		t.Errorf("got %+v, %v", recovery, err)
	}
}
