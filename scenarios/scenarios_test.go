package scenarios

import (
	"bytes"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/throng-io/throng/scenario/file"
)

func TestReady(t *testing.T) {
	want := []string{"quickstart", "broadcast", "capacity-clients", "capacity-rate", "crowd", "cursors", "echo", "fanouts", "game-30hz", "herd", "idle", "notify", "polling-mix", "rooms", "rooms-zipf", "sessions", "slow-consumer", "soak", "spike", "ticker", "transports", "uplink"}
	if got := Names(); !slices.Equal(got, want) {
		t.Errorf("Names() = %v, want %v", got, want)
	}
	for _, name := range Names() {
		t.Run(name, func(t *testing.T) {
			text, err := Read(name)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.HasPrefix(text, []byte("# yaml-language-server: $schema=../scenario/file/scenario.schema.json\n# ")) {
				t.Error("the file does not start with its schema, for editors, and what it shows")
			}
			for _, words := range []string{"# What breaks first: ", "# What to watch: "} {
				if !bytes.Contains(text, []byte(words)) {
					t.Errorf("the header has no %q", words)
				}
			}
			f, err := file.Parse(name+".yaml", text, nil)
			if err != nil {
				t.Fatal(err)
			}
			if f.Spec.Name != name {
				t.Errorf("the scenario is named %s", f.Spec.Name)
			}
			if f.Spec.About == "" || len(f.Spec.SLO) == 0 {
				t.Error("a ready scenario says what it is about and what must hold")
			}
			cells := f.Cells()
			total := time.Duration(len(cells)-1) * f.Cooldown
			for _, c := range cells {
				total += c.Spec.Plan().Duration
			}
			if total > 180*time.Second {
				t.Errorf("takes %s, want at most 3m", total)
			}
		})
	}
}

// The path that the files name must be there, and hold what the command prints.
func TestSchemaIsThere(t *testing.T) {
	text, err := os.ReadFile("../scenario/file/scenario.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(text, file.Schema()) {
		t.Error("the schema beside the parser is not the one in the binary")
	}
}

func TestBroadcastTakesFewerViewers(t *testing.T) {
	text, err := Read("broadcast.yaml")
	if err != nil {
		t.Fatal(err)
	}
	f, err := file.Parse("broadcast.yaml", text, map[string]string{"viewers": "5000"})
	if err != nil {
		t.Fatal(err)
	}
	p := f.Spec.Plan()
	if p.Clients != 5001 || p.Deliveries != 50_000 {
		t.Errorf("plan %+v, want 5001 clients and 50000 deliveries/s", p)
	}
}

func TestReadNamesWhatThereIs(t *testing.T) {
	for _, name := range []string{"nope", "../go.mod", "", "scenarios.go"} {
		if _, err := Read(name); err == nil || !strings.Contains(err.Error(), "quickstart, broadcast") {
			t.Errorf("Read(%q): %v", name, err)
		}
	}
}

// What the manual shows must be what the parser takes.
func TestManual(t *testing.T) {
	text, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := strings.Split(string(text), "```yaml\n")[1:]
	if len(blocks) < 6 {
		t.Fatalf("the manual has %d scenarios", len(blocks))
	}
	for _, block := range blocks {
		block, _, _ = strings.Cut(block, "```")
		if _, err := file.Parse("README.md", []byte(block), nil); err != nil {
			t.Errorf("%v\n%s", err, block)
		}
	}
}
