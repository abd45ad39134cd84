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
	want := []string{"quickstart", "adapters", "broadcast", "capacity-clients", "capacity-nodes", "capacity-rate", "crowd", "cursors", "echo", "fanouts", "game-30hz", "herd", "idle", "login", "lossy-network", "mobile", "notify", "p2p", "polling-mix", "rolling-deploy", "rolling-recovery", "rooms", "rooms-zipf", "sessions", "slow-consumer", "slow-uplink", "soak", "spike", "ticker", "transports", "uplink"}
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
			for _, c := range cells {
				for i := range c.Spec.SLO {
					k := &c.Spec.SLO[i]
					if n, ok := c.Spec.Expected(k); ok && n < float64(k.Takes()) {
						t.Errorf("%s %v: %v samples are planned, and it takes %d", k.Text, c.Spec.Params, n, k.Takes())
					}
				}
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
		if _, err := Read(name); err == nil || !strings.Contains(err.Error(), "quickstart, adapters") {
			t.Errorf("Read(%q): %v", name, err)
		}
	}
}

// What the manuals show must be what the parser takes.
func TestManual(t *testing.T) {
	for _, manual := range []struct {
		name string
		has  int // scenarios at least
	}{{"README.md", 6}, {"../README.md", 3}} {
		text, err := os.ReadFile(manual.name)
		if err != nil {
			t.Fatal(err)
		}
		blocks := strings.Split(string(text), "```yaml\n")[1:]
		if len(blocks) < manual.has {
			t.Fatalf("%s has %d scenarios", manual.name, len(blocks))
		}
		for _, block := range blocks {
			block, _, _ = strings.Cut(block, "```")
			if _, err := file.Parse("README.md", []byte(block), nil); err != nil {
				t.Errorf("%s: %v\n%s", manual.name, err, block)
			}
		}
	}
}

// Against a server other than the built-in one each ready scenario leaves out what only that has, says so, and keeps the rest.
func TestForeignTargets(t *testing.T) {
	for _, name := range Names() {
		text, err := Read(name)
		if err != nil {
			t.Fatal(err)
		}
		f, err := file.Foreign(name+".yaml", text, map[string]string{"target.url": "http://127.0.0.1:1"})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		said := strings.Join(f.LeftOut, "; ")
		for _, c := range f.Cells() {
			if c.Spec.Server != nil || c.Spec.Target == nil {
				t.Errorf("%s: the built-in server is still in it", name)
			}
			for _, k := range slices.Concat(c.Spec.SLO, c.Spec.Valid) {
				if strings.HasPrefix(k.Metric, "server.") {
					t.Errorf("%s: %s cannot be judged", name, k.Text)
				}
			}
		}
		want := map[string][]string{
			"herd": {"the built-in server's settings (recovery)", "the phase deploy", "p95(reconnect) < 6s in deploy", "ratio(recovered) as a condition"},
			"idle": {"the checks max(server.rss), mean(server.cpu) (of the server's process"}, "crowd": {"max(server.rss_per_client)"},
			"notify": {"max(server.rss)"}, "slow-consumer": {"max(server.rss)", "settings (queue_bytes)"}, "soak": {"growth(server.rss)"},
			"transports": {"the cells of plain-websocket, sse, short-polling"}, "fanouts": {"the axis fanout"}, "adapters": {"the axis adapter", "the axis nodes"}, "rolling-deploy": {"settings (nodes, adapter, behind)", "the phase deploy"}, "rolling-recovery": {"settings (nodes, adapter, recovery)", "the phase deploy"},
			"lossy-network": {"the cells of webtransport"}, "mobile": {"settings (ping_interval, ping_timeout, recovery)"}, "slow-uplink": {"settings (ping_interval, ping_timeout)"},
			"capacity-clients": {"settings (gomaxprocs)"}, "capacity-rate": {"settings (gomaxprocs)"}, "capacity-nodes": {"settings (nodes, adapter)"},
		}[name]
		if len(want) == 0 && said != "" {
			t.Errorf("%s leaves out %s", name, said)
		}
		for _, w := range want {
			if !strings.Contains(said, w) {
				t.Errorf("%s: %q is not in %q", name, w, said)
			}
		}
	}
}

// What stays of a matrix runs as before, and a process to sample keeps the checks on it.
func TestForeignKeepsTheRest(t *testing.T) {
	foreign := func(name string, set map[string]string) *file.File {
		t.Helper()
		text, err := Read(name)
		if err != nil {
			t.Fatal(err)
		}
		set["target.url"] = "http://127.0.0.1:1"
		f, err := file.Foreign(name, text, set)
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	if cells := foreign("transports", map[string]string{}).Cells(); len(cells) != 3 || cells[2].Spec.Params["transport"] != "upgrade" {
		t.Errorf("transports: %d cells", len(cells))
	}
	if cells := foreign("transports", map[string]string{"target.webtransport": "127.0.0.1:1"}).Cells(); len(cells) != 4 || cells[3].Spec.Params["transport"] != "webtransport" {
		t.Errorf("transports with WebTransport: %d cells", len(cells))
	}
	if cells := foreign("fanouts", map[string]string{}).Cells(); len(cells) != 8 || cells[0].Spec.Params["fanout"] != "" {
		t.Errorf("fanouts: %d cells, the first %v", len(cells), cells[0].Spec.Params)
	}
	idle := foreign("idle", map[string]string{"target.sample.pid": "1"})
	if len(idle.Spec.SLO) != 4 || strings.Contains(strings.Join(idle.LeftOut, ""), "checks") {
		t.Errorf("idle: %d checks, left out %q", len(idle.Spec.SLO), idle.LeftOut)
	}
	herd := foreign("herd", map[string]string{})
	for _, k := range herd.Spec.SLO {
		if k.Optional != (k.Stat == "ratio") {
			t.Errorf("herd: %s: optional %v", k.Text, k.Optional)
		}
	}
	if n := len(herd.Spec.Phases); n != 5 {
		t.Errorf("herd: %d phases", n)
	}
	if at, err := foreign("capacity-clients", map[string]string{}).At(700, 0); err != nil || at.Spec.Server != nil || at.Spec.Groups[0].Count != 700 {
		t.Errorf("a level of a search: %v", err)
	}
}
