package main

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/throng-io/throng/scenario/file"
	"github.com/throng-io/throng/server"
)

// Each option of the built-in server that a scenario can set is a flag of throng serve, and of
// the same kind: the server takes the values that the scenario may have.
func TestScenarioOptionsAreFlags(t *testing.T) {
	var schema struct {
		Defs struct {
			Server struct {
				Properties map[string]struct {
					Ref string `json:"$ref"`
				}
			}
		} `json:"$defs"`
	}
	if err := json.Unmarshal(file.Schema(), &schema); err != nil {
		t.Fatal(err)
	}
	keys := schema.Defs.Server.Properties
	for _, own := range []string{"listen", "fanout", "gomaxprocs", "slow", "nodes", "adapter", "spread", "behind", "compression"} { // not passed on as they are
		if _, ok := keys[own]; !ok {
			t.Errorf("there is no key %s", own)
		}
		delete(keys, own)
	}
	if len(keys) < 5 {
		t.Fatalf("keys %v", keys)
	}
	for key, is := range keys {
		kind := is.Ref[strings.LastIndex(is.Ref, "/")+1:]
		value, ok := map[string]string{"duration": "7s", "size": "64KiB", "count": "7"}[kind]
		if !ok {
			t.Errorf("%s is a %q", key, kind)
			continue
		}
		text := fmt.Sprintf("version: 1\nname: x\nserver: {%s: %s}\ngroups: {a: {count: 1}}\n", key, value)
		f, err := file.Parse("x.yaml", []byte(text), nil)
		if err != nil {
			t.Error(err)
			continue
		}
		args, name := serverArguments(f.Spec.Server), strings.ReplaceAll(key, "_", "-")
		if !slices.ContainsFunc(args, func(arg string) bool { return strings.HasPrefix(arg, "--"+name+"=") }) {
			t.Errorf("%s is not passed on: %q", key, args)
		}
		flags := serveCommand().Flags()
		if err := flags.Parse(args[1:]); err != nil {
			t.Errorf("%s: %v", key, err)
		}
		if flag := flags.Lookup(name); flag == nil || flag.Value.Type() != map[string]string{"duration": "duration", "size": "size", "count": "int"}[kind] {
			t.Errorf("%s is a %s, and its flag %+v", key, kind, flag)
		}
	}
}

// The key compression has a name of its own.
func TestScenarioCompression(t *testing.T) {
	for value, want := range map[string]bool{"true": true, "false": false} {
		f, err := file.Parse("x.yaml", []byte("version: 1\nname: x\nserver: {compression: "+value+"}\ngroups: {a: {count: 1}}\n"), nil)
		if err != nil {
			t.Fatal(err)
		}
		args := serverArguments(f.Spec.Server)
		if slices.Contains(args, "--per-message-deflate=true") != want {
			t.Errorf("compression: %s gives %q", value, args)
		}
		if err := serveCommand().Flags().Parse(args[1:]); err != nil {
			t.Error(err)
		}
	}
}

// A scenario is refused for messages that the built-in server would refuse, and takes larger ones
// where its max_payload does.
func TestScenarioKnowsMaxPayload(t *testing.T) {
	opts, err := server.Options{}.WithDefaults()
	if err != nil {
		t.Fatal(err)
	}
	const around = 1024 // what a packet may add
	most := opts.Limits.MaxPayload - around
	for _, tt := range []struct {
		server string
		size   int
		ok     bool
	}{{"{}", most, true}, {"{}", most + 1, false}, {"{max_payload: 2MB}", most + 1, true}, {"{max_payload: 2MB}", 2_000_000, false}} {
		text := fmt.Sprintf("version: 1\nname: x\nserver: %s\ngroups: {a: {count: 1, send: [{op: all, size: %dB, rate: 1/s}]}}\n", tt.server, tt.size)
		if _, err := file.Parse("x.yaml", []byte(text), nil); (err == nil) != tt.ok {
			t.Errorf("%s, %d bytes: %v", tt.server, tt.size, err)
		}
	}
}
