package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// A proxy that is not installed is named, with what to do.
func TestProxyThatIsMissing(t *testing.T) {
	_, err := lookProxy("no-such-proxy")
	if err == nil || !strings.Contains(err.Error(), "needs no-such-proxy, which is not installed") || !strings.Contains(err.Error(), "--set server.behind=none") {
		t.Errorf("got %v", err)
	}
}

// The configurations name each node where clients are sent to it, and nothing is left to fill in.
func TestProxyConfigurations(t *testing.T) {
	nodes := []string{"127.0.0.1:1001", "[::1]:1002"}
	for kind, times := range map[string]int{"nginx": 3, "haproxy": 1} {
		file := filepath.Join(t.TempDir(), "conf")
		if err := configure(file, kind, "127.0.0.1:1000", nodes); err != nil {
			t.Fatal(err)
		}
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, node := range nodes {
			if n := strings.Count(string(text), node); n != times || strings.Contains(string(text), "<no value>") {
				t.Errorf("%s names %s %d times:\n%s", kind, node, n, text)
			}
			// by which it finds the node that has answered
			if pattern := `"~` + regexp.QuoteMeta(node) + `$"`; kind == "nginx" && strings.Count(string(text), pattern) != 1 {
				t.Errorf("there is no %s in\n%s", pattern, text)
			}
		}
	}
}
