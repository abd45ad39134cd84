//go:build interop

package interop

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/throng-io/throng/scenario/result"
)

// The recipes of README.md fit the servers that they name, and so does what throng init --target
// writes.
func TestRecipes(t *testing.T) {
	t.Parallel()
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	recipes := map[string]string{}
	for _, block := range strings.Split(string(readme), "```yaml\n")[1:] {
		block, _, _ = strings.Cut(block, "```")
		_, name, _ := strings.Cut(block, "\nname: ")
		name, _, _ = strings.Cut(name, "\n")
		recipes[name] = block
	}
	starter, err := os.ReadFile("../../cmd/throng/starter-target.yaml")
	if err != nil {
		t.Fatal(err)
	}
	recipes["starter"] = strings.NewReplacer("NAME", "starter", "TARGET", `{url: "http://127.0.0.1:1"}`).Replace(string(starter))
	for name, start := range map[string]func(t *testing.T) string{
		"own":     func(t *testing.T) string { return official.start(t, "chat") },
		"starter": func(t *testing.T) string { return official.start(t, "chat") },
		"people":  func(t *testing.T) string { return shop.start(t, "") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if recipes[name] == "" {
				t.Fatalf("no recipe is named %s", name)
			}
			file := filepath.Join(t.TempDir(), name+".yaml")
			if err := os.WriteFile(file, []byte(recipes[name]), 0o600); err != nil {
				t.Fatal(err)
			}
			set := []string{"groups.people.count=24", "slo=[loss(delivery) == 0]", "phases=[{name: up, for: 1s, load: 0%, record: false}, {name: hold, for: 8s}]"}
			if name != "people" {
				set = append(set, "groups.people.rooms.of=4")
			}
			run := measure(t, file, start(t), set...)
			if l := run.Cells[0].Ledger; run.Verdict != result.Pass || l.Expected < l.Sent || l.Sent == 0 {
				t.Errorf("verdict %s, ledger %+v: %s", run.Verdict, l, reasons(run))
			}
		})
	}
}
