//go:build interop

package interop

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/throng-io/throng/scenario/result"
)

var (
	shop    = server{name: "shop", command: []string{"node", shopServer}}
	python  = server{name: "python", command: []string{"/usr/bin/python3", "../peers/python/chat.py"}}
	plain   = server{name: "plain", command: []string{"node", "../peers/node/plain.js"}}
	oldChat = server{name: "Socket.IO 2", command: []string{"node", "../peers/node/old.js"}}
)

// An account is what a server did, by operation: see bench/peers/shop/account.js.
type account struct {
	Asked, Delivered, Dropped, Early map[string]int64
	Planted                          map[string]map[string]int64
}

// accountOf adds up the accounts of the nodes of a server.
func accountOf(t *testing.T, nodes ...string) *account {
	t.Helper()
	sum := &account{map[string]int64{}, map[string]int64{}, map[string]int64{}, map[string]int64{}, map[string]map[string]int64{}}
	add := func(to, from map[string]int64) {
		for op, n := range from {
			to[op] += n
		}
	}
	for _, node := range nodes {
		answer, err := http.Get(node + "/account")
		if err != nil {
			t.Fatal(err)
		}
		var a account
		err = json.NewDecoder(answer.Body).Decode(&a)
		answer.Body.Close()
		if err != nil {
			t.Fatal(err)
		}
		add(sum.Asked, a.Asked)
		add(sum.Delivered, a.Delivered)
		add(sum.Dropped, a.Dropped)
		add(sum.Early, a.Early)
		for kind, counts := range a.Planted {
			if sum.Planted[kind] == nil {
				sum.Planted[kind] = map[string]int64{}
			}
			add(sum.Planted[kind], counts)
		}
	}
	return sum
}

// measure runs a scenario of a peer on a target and returns the cells of its result, each with the
// ledger of the messages of all operations.
func measure(t *testing.T, scenario, target string, set ...string) *result.Run {
	t.Helper()
	dir := t.TempDir()
	text, err := os.ReadFile(scenario)
	if err != nil {
		t.Fatal(err)
	}
	people, err := exec.Command("node", "../peers/shop/users.js", "12", "2").Output()
	if err != nil {
		t.Fatal(err)
	}
	admin := strings.Join(strings.SplitAfterN(string(people), "\n", 3)[:2], "")
	file := filepath.Join(dir, filepath.Base(scenario))
	for name, content := range map[string]string{
		file: string(text), filepath.Join(dir, "devices.csv"): string(people), filepath.Join(dir, "users.csv"): string(people), filepath.Join(dir, "admins.csv"): admin,
	} {
		if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	out := filepath.Join(dir, "out")
	cmd := runCommand(file, out, "--target", target, "--set", "report.formats=[json]")
	for _, s := range set {
		cmd.Args = append(cmd.Args, "--set", s)
	}
	printed, _ := cmd.CombinedOutput() // the result says how it ended
	t.Logf("%s\n%s", cmd, printed)
	run, err := result.Read(out)
	if err != nil {
		t.Fatal(err)
	}
	return run
}

// compare holds the ledger of each operation, summed over the cells of a run, against what the
// server did. Where clients joined while a message was on its way, both can differ by as many
// deliveries: those that came to them are undecided, and those that the server dropped before they
// had said that they are there are early.
func compare(t *testing.T, run *result.Run, a *account) {
	t.Helper()
	ledgers, unexpected, errs := map[string]result.Ledger{}, map[string]int64{}, map[string]int64{}
	for i := range run.Cells {
		c := &run.Cells[i]
		for _, o := range c.ByOperation {
			l := ledgers[o.Op]
			l.Add(o.Ledger)
			ledgers[o.Op] = l
			unexpected[o.Op] += o.Unexpected
		}
		for class, n := range failures(c) {
			errs[class] += n
		}
	}
	if got, want := slices.Sorted(maps.Keys(ledgers)), []string{"announce", "say", "typing", "whisper"}; !slices.Equal(got, want) {
		t.Fatalf("ledgers of %v, want %v", got, want)
	}
	for op, l := range ledgers {
		planted := func(kind string) int64 { return a.Planted[kind][op] }
		missing := l.Lost // a message that a busy machine delays is late and came
		if planted("late") > 0 {
			missing += l.Late
		}
		got := []int64{l.Sent, l.Received + l.Late, l.Duplicate, unexpected[op], missing}
		want := []int64{
			a.Asked[op], a.Delivered[op] - planted("duplicate") - planted("stranger"), planted("duplicate"),
			planted("stranger"), planted("loss") + planted("late") + a.Dropped[op],
		}
		for i, what := range []string{"sent", "received", "duplicate", "wrong receiver", "not in time"} {
			unsure := l.Undecided
			if what == "not in time" {
				unsure += a.Early[op]
			}
			if d := got[i] - want[i]; max(d, -d) > unsure {
				t.Errorf("%s of %s: %d, and the server says %d; ledger %+v", what, op, got[i], want[i], l)
			}
		}
		if l.Expected == 0 && l.Sent > 0 || l.Expected != l.Received+l.Late+l.Lost+l.Undecided {
			t.Errorf("the ledger of %s does not add up: %+v", op, l)
		}
	}
	for class, n := range errs {
		if class != "delivery.unexpected" && class != "volatile.skipped" { // counted above, and allowed
			t.Errorf("%d errors %s", n, class)
		}
	}
}

// startShop starts the shop with two nodes behind a proxy, and returns the addresses of the nodes and of the proxy.
func startShop(t *testing.T, proxy string, nodes int, env []string, flags ...string) (at []string, through string) {
	t.Helper()
	s := shop
	s.env = env
	next := s.launch(t, "", append([]string{"--nodes", fmt.Sprint(nodes), "--behind", proxy}, flags...)...)
	for range nodes {
		at = append(at, next())
	}
	return at, next()
}

// An honest shop passes over every transport behind both proxies, and each delivery of each
// operation is accounted for. One of the two puts the messages of a while into one event.
func TestShop(t *testing.T) {
	t.Parallel()
	for proxy, flags := range map[string][]string{"nginx": nil, "haproxy": {"--batch", "20ms"}} {
		t.Run(proxy, func(t *testing.T) {
			t.Parallel()
			nodes, through := startShop(t, proxy, 2, nil, flags...)
			run := measure(t, "../peers/shop/shop.yaml", through)
			if run.Verdict != result.Pass || len(run.Cells) != 3 {
				t.Errorf("verdict %s of %d cells: %s", run.Verdict, len(run.Cells), reasons(run))
			}
			compare(t, run, accountOf(t, nodes...))
		})
	}
}

func reasons(run *result.Run) string {
	var out []string
	for i := range run.Cells {
		out = append(out, run.Cells[i].Reason)
	}
	return strings.Join(out, "; ")
}

// Each planted mistake is found with its number, at its operation and at no other.
func TestShopWithFaults(t *testing.T) {
	t.Parallel()
	nodes, through := startShop(t, "haproxy", 1, []string{
		"SHOP_FAULTS=loss=say:5,duplicate=say:7,stranger=whisper:3,loss=whisper:8,late=announce:3,stranger=typing:9",
		"SHOP_LATE=8000", "SHOP_ESCAPE=1",
	})
	run := measure(t, "../peers/shop/shop.yaml", through, "late=3s", "matrix.axes.transport=[upgrade]")
	if run.Verdict != result.Fail {
		t.Errorf("verdict %s: %s", run.Verdict, reasons(run))
	}
	a := accountOf(t, nodes...)
	for _, planted := range [][2]string{{"loss", "say"}, {"duplicate", "say"}, {"stranger", "whisper"}, {"loss", "whisper"}, {"late", "announce"}, {"stranger", "typing"}} {
		if a.Planted[planted[0]][planted[1]] == 0 {
			t.Errorf("no %s of %s was planted", planted[0], planted[1])
		}
	}
	compare(t, run, a)
}

// A node without its adapter keeps its messages to itself: what is lost is what never crossed.
func TestShopWithNodeOfItsOwn(t *testing.T) {
	t.Parallel()
	nodes, through := startShop(t, "nginx", 2, []string{"SHOP_LONE=2"})
	run := measure(t, "../peers/shop/shop.yaml", through, "late=3s", "matrix.axes.transport=[websocket]")
	a := accountOf(t, nodes...)
	if run.Verdict != result.Fail || len(run.Cells) != 1 {
		t.Fatalf("verdict %s of %d cells: %s", run.Verdict, len(run.Cells), reasons(run))
	}
	for _, o := range run.Cells[0].ByOperation {
		l := o.Ledger
		if d := a.Delivered[o.Op] - l.Received - l.Late; d < 0 || d > l.Undecided {
			t.Errorf("%s: the servers delivered %d; ledger %+v", o.Op, a.Delivered[o.Op], l)
		}
		if l.Lost == 0 && l.Sent > 0 {
			t.Errorf("nothing of %s is lost: %+v", o.Op, l)
		}
	}
}

// Servers with words of their own, of other libraries and without Socket.IO, are measured as exactly:
// honest ones pass, and planted mistakes are found with their number, by operation.
func TestForeignPeers(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		server   server
		scenario string
		honest   []string
		planted  []string
	}{
		{python, "../peers/python/chat.yaml", []string{"matrix.axes.transport=[polling, upgrade]"}, []string{"matrix.axes.transport=[websocket]"}},
		{oldChat, "../peers/node/old.yaml", []string{"matrix.axes.transport=[polling, upgrade]"}, []string{"matrix.axes.transport=[websocket]"}},
		{plain, "../peers/node/plain.yaml", nil, nil},
	} {
		t.Run(c.server.name, func(t *testing.T) {
			t.Parallel()
			url := c.server.start(t, "")
			run := measure(t, c.scenario, url, c.honest...)
			if run.Verdict != result.Pass {
				t.Errorf("verdict %s: %s", run.Verdict, reasons(run))
			}
			compare(t, run, accountOf(t, url))

			faulty := c.server
			faulty.env = []string{"SHOP_FAULTS=loss=say:5,duplicate=whisper:7,stranger=typing:9,late=announce:3", "SHOP_LATE=8000"}
			url = faulty.start(t, "")
			run = measure(t, c.scenario, url, append(c.planted, "late=3s")...)
			if run.Verdict != result.Fail {
				t.Errorf("verdict %s of planted mistakes: %s", run.Verdict, reasons(run))
			}
			a := accountOf(t, url)
			for kind, op := range map[string]string{"loss": "say", "duplicate": "whisper", "stranger": "typing", "late": "announce"} {
				if a.Planted[kind][op] == 0 {
					t.Errorf("no %s of %s was planted", kind, op)
				}
			}
			compare(t, run, a)
		})
	}
}
