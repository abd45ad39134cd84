package bench

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"slices"
	"sort"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const module = "github.com/throng-io/throng"

// A rule says what the packages that match of may import. Patterns name packages relative to the
// module, "x/..." is x and everything below it, and "..." is everything.
type rule struct {
	of      string
	own     []string // first-party packages that it may import itself
	foreign []string // third-party packages that it may import itself
	never   []string // packages, of any origin by full path, that it may not reach even through others
}

// rules holds one row per package or folder; the first row that matches a package is its rule. A
// package without a row is a violation as well, so that each new folder declares its dependencies
// here.
var rules = []rule{
	{of: "protocol/address"},
	{of: "protocol/hostname"},
	{of: "protocol/natsconn", foreign: []string{"github.com/nats-io/nats.go"}},
	{of: "scenario/fleet", own: []string{"protocol/address", "protocol/natsconn", "scenario", "scenario/client", "scenario/machine", "scenario/regular", "scenario/result"}, foreign: []string{"github.com/nats-io/...", "golang.org/x/sys/..."}, never: []string{"gonum.org/...", own("server/...")}},
	{of: "scenario/regular"},
	{of: "scenario/internal/recorded"},
	{of: "scenario/internal/yamltext"},
	{of: "scenario/draft", own: []string{"protocol/socketio", "scenario/internal/recorded", "scenario/internal/yamltext"}},
	{of: "scenario/importer", own: []string{"protocol/engineio", "scenario/draft", "scenario/file", "scenario/internal/yamltext"}},
	{of: "scenario/recorder", own: []string{"protocol/engineio", "protocol/websocket", "scenario/draft"}},
	{of: "scenario/journal", own: []string{"scenario/regular"}},

	{of: "protocol/engineio"},
	{of: "protocol/websocket"},
	{of: "protocol/socketio/...", own: []string{"protocol/socketio/..."}, foreign: []string{"github.com/vmihailenco/msgpack/..."}},

	{
		of: "server/internal/frame", own: []string{"protocol/engineio", "protocol/websocket"},
		never: []string{"github.com/valyala/fasthttp/...", "github.com/fasthttp/websocket/..."},
	},
	{
		of: "server/internal/outlet", own: []string{"server/internal/frame", "server/internal/poll"}, foreign: []string{"golang.org/x/sys/..."},
		never: []string{"github.com/valyala/fasthttp/...", "github.com/fasthttp/websocket/..."},
	},
	{
		of: "server/internal/fanout/...", own: []string{"server/internal/frame", "server/internal/fanout/...", "server/internal/outlet"},
		never: []string{"github.com/valyala/fasthttp/...", "github.com/fasthttp/websocket/..."},
	},
	{
		of: "server/internal/session", own: []string{"protocol/engineio", "server/internal/..."}, foreign: []string{"..."},
		never: []string{own("server/internal/transport"), "github.com/valyala/fasthttp/...", "github.com/fasthttp/websocket/..."},
	},
	{
		of: "server/...", own: []string{"protocol/...", "server/..."}, foreign: []string{"..."},
		never: []string{own("scenario/..."), own("reports/..."), "gonum.org/...", "github.com/pion/..."},
	},

	{of: "scenario/result", own: []string{"scenario/journal", "scenario/regular"}, foreign: []string{"github.com/HdrHistogram/hdrhistogram-go/...", "golang.org/x/sys/...", "github.com/prometheus/procfs/..."}, never: []string{"gonum.org/..."}},
	{of: "scenario/search"},
	{of: "scenario/metric"},
	{
		of: "scenario/internal/stamp", own: []string{"protocol/socketio", "scenario/file", "scenario/internal/jsonpath", "scenario/internal/plan"},
		never: []string{own("scenario"), own("scenario/client/...")},
	},
	{
		of: "scenario/internal/ledger", own: []string{"scenario/internal/stamp", "scenario/result"}, foreign: []string{"github.com/klauspost/compress/huff0"},
		never: []string{own("scenario"), own("scenario/client/...")},
	},
	{
		of: "scenario/internal/lateness", own: nil, foreign: []string{"golang.org/x/sys/..."},
	},
	{
		of: "scenario/internal/record", own: []string{"scenario/file", "scenario/internal/plan", "scenario/metric", "scenario/result"},
		foreign: []string{"github.com/HdrHistogram/hdrhistogram-go/..."}, never: []string{own("scenario"), own("scenario/client/...")},
	},
	{
		of: "scenario/internal/judge", own: []string{"scenario/file", "scenario/internal/...", "scenario/metric", "scenario/result"},
		foreign: []string{"github.com/HdrHistogram/hdrhistogram-go/..."}, never: []string{own("scenario"), own("scenario/client/...")},
	},
	{of: "scenario/internal/plan", own: []string{"scenario/file"}, never: []string{own("scenario"), own("scenario/client/...")}},
	{of: "scenario/internal/jsonpath", own: []string{"protocol/socketio"}, foreign: []string{"github.com/theory/jsonpath/..."}},
	{of: "scenario/file/...", own: []string{"protocol/address", "scenario/file/...", "scenario/internal/jsonpath", "scenario/internal/recorded", "scenario/metric", "scenario/regular"}, foreign: []string{"..."}, never: []string{"gonum.org/..."}},
	{of: "scenario/machine", own: []string{"scenario/file", "scenario/metric"}, foreign: []string{"golang.org/x/sys/..."}, never: []string{"gonum.org/...", own("scenario/client/...")}},
	{of: "scenario/peer", own: []string{"protocol/socketio", "scenario/client"}, foreign: []string{"github.com/pion/..."}, never: []string{own("server/..."), "gonum.org/..."}},
	{of: "scenario/client/...", own: []string{"protocol/...", "scenario/client/..."}, foreign: []string{"..."}, never: []string{"gonum.org/..."}},
	{
		of: "scenario/...", own: []string{"protocol/...", "scenario/..."}, foreign: []string{"..."},
		never: []string{own("server/..."), own("reports/..."), "gonum.org/..."},
	},

	{of: "reports/model"},
	{of: "reports/internal/draw/...", foreign: []string{"..."}},
	{of: "reports/internal/stats", foreign: []string{"golang.org/x/perf/benchmath"}},
	{of: "reports/internal/selection", own: []string{"reports/internal/stats", "scenario/metric", "scenario/result"}, never: notDrawn},
	{of: "reports/internal/layout", own: []string{"scenario/metric", "scenario/result"}, foreign: []string{"github.com/charmbracelet/x/ansi"}, never: notDrawn},
	{
		of:    "reports/internal/tables",
		own:   []string{"reports/internal/layout", "reports/internal/selection", "reports/internal/stats", "scenario/metric", "scenario/result"},
		never: notDrawn,
	},
	{
		of: "reports/internal/sentences",
		own: []string{
			"reports/internal/layout", "reports/internal/selection", "reports/internal/stats", "reports/internal/tables",
			"scenario/metric", "scenario/result",
		},
		never: notDrawn,
	},
	{of: "reports/internal/reporttest", own: []string{"reports/internal/draw", "scenario/result"}, foreign: []string{"..."}},
	{
		of: "reports/internal/...", own: []string{"reports/internal/...", "reports/model", "scenario/metric", "scenario/result"},
		never: []string{own("reports/capacity"), own("reports/compare")},
	},
	{of: "reports/curves", own: []string{"reports/internal/draw"}},
	{of: "reports/dots", own: []string{"reports/internal/draw"}},
	{of: "reports/capacity", own: []string{"reports/internal/...", "reports/model", "scenario/result"}, never: []string{own("reports")}},
	{
		of: "reports", own: []string{"reports/capacity", "reports/internal/...", "scenario/metric", "scenario/result"},
		never: []string{
			own("reports/compare"), own("reports/export"), own("reports/view"),
			own("scenario"), own("scenario/client/..."), own("scenario/file/..."), own("server/..."),
		},
	},
	{
		of: "reports/compare", own: []string{"reports", "reports/internal/...", "scenario/metric", "scenario/result"},
		never: []string{own("reports/export"), own("reports/view")},
	},
	{
		of: "reports/export", own: []string{"reports", "reports/capacity", "reports/internal/...", "scenario/result"},
		never: []string{own("reports/view")},
	},
	{
		of: "reports/view", own: []string{"reports/...", "protocol/hostname", "scenario/metric", "scenario/regular", "scenario/result"}, foreign: []string{"..."},
		never: []string{own("scenario"), own("scenario/client/..."), own("scenario/file/..."), own("server/...")},
	},

	{of: "scenarios"},
	{of: "bench/planted", own: []string{"protocol/..."}},
	{of: "cmd/...", own: []string{"protocol/...", "server/...", "scenario/...", "reports/...", "scenarios", "cmd/..."}, foreign: []string{"..."}},
	{of: "bench/...", own: []string{"protocol/...", "server/...", "scenario/...", "reports/...", "scenarios", "bench/..."}, foreign: []string{"..."}},
}

// notDrawn is out of reach for the packages that choose, count and write: they must work without a
// figure.
var notDrawn = []string{own("reports/internal/draw"), "gonum.org/v1/plot/..."}

// keepers names third-party packages that only some of our packages may import themselves.
var keepers = []struct {
	foreign string
	only    []string
}{
	{"gonum.org/v1/plot/...", []string{"reports/internal/draw/..."}},
	{"github.com/fasthttp/websocket/...", []string{"server/internal/testclient", "server/internal/transport/...", "server/app/plain", "scenario/client/...", "bench/..."}},
	{"github.com/prometheus/client_golang/...", []string{"server/metrics", "cmd/throng/internal/telemetry"}},
	{"go.opentelemetry.io/...", []string{"cmd/throng/internal/telemetry"}},
	{"github.com/pion/...", []string{"scenario/peer", "bench/..."}},
	{"github.com/vishvananda/netlink/...", []string{"scenario/link/network"}},
	{"github.com/valyala/fasthttp/...", []string{"server/...", "cmd/...", "bench/..."}},
}

func own(relative string) string { return module + "/" + relative }

// A node is one package of the import graph, as go list prints it.
type node struct {
	ImportPath string
	Standard   bool
	Imports    []string
}

func matches(pattern, path string) bool {
	if prefix, ok := strings.CutSuffix(pattern, "..."); ok {
		return strings.HasPrefix(path+"/", prefix)
	}
	return path == pattern
}

func matchesAny(patterns []string, path string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool { return matches(p, path) })
}

// check returns every place where the graph breaks the rules, sorted, each as one line that names
// the way there.
func check(graph map[string]node) []string {
	var broken []string
	for path, n := range graph {
		relative, ours := strings.CutPrefix(path, module+"/")
		if !ours {
			continue
		}
		at := slices.IndexFunc(rules, func(r rule) bool { return matches(r.of, relative) })
		if at < 0 {
			broken = append(broken, relative+": no rule says what it may import")
			continue
		}
		broken = append(broken, checkDirect(graph, rules[at], relative, n)...)
		for _, way := range reach(graph, path, rules[at].never) {
			broken = append(broken, "reaches what it must not: "+strings.ReplaceAll(strings.Join(way, " -> "), module+"/", ""))
		}
	}
	sort.Strings(broken)
	return broken
}

func checkDirect(graph map[string]node, r rule, relative string, n node) []string {
	var broken []string
	for _, to := range n.Imports {
		if graph[to].Standard || to == "C" || to == "unsafe" {
			continue
		}
		toOwn, ours := strings.CutPrefix(to, module+"/")
		allowed, name := r.foreign, to
		if ours {
			allowed, name = r.own, toOwn
		}
		if !matchesAny(allowed, name) {
			broken = append(broken, relative+" must not import "+name)
		}
		for _, k := range keepers {
			if matches(k.foreign, to) && !matchesAny(k.only, relative) {
				broken = append(broken, fmt.Sprintf("%s must not import %s: only %s does", relative, to, strings.Join(k.only, ", ")))
			}
		}
	}
	return broken
}

// reach returns the shortest way from a package to each package that matches one of the patterns.
func reach(graph map[string]node, from string, patterns []string) [][]string {
	var found [][]string
	before := map[string]string{from: ""}
	for queue := []string{from}; len(queue) > 0; queue = queue[1:] {
		for _, to := range graph[queue[0]].Imports {
			if _, seen := before[to]; seen {
				continue
			}
			before[to] = queue[0]
			queue = append(queue, to)
			if matchesAny(patterns, to) {
				var way []string
				for at := to; at != ""; at = before[at] {
					way = append(way, at)
				}
				slices.Reverse(way)
				found = append(found, way)
			}
		}
	}
	return found
}

func readGraph(r io.Reader) (map[string]node, error) {
	graph := map[string]node{}
	for dec := json.NewDecoder(r); ; {
		var n node
		if err := dec.Decode(&n); errors.Is(err, io.EOF) {
			return graph, nil
		} else if err != nil {
			return nil, err
		}
		graph[n.ImportPath] = n
	}
}

func TestImportDirections(t *testing.T) {
	list := exec.Command("go", "list", "-deps", "-json=ImportPath,Standard,Imports", "./...")
	list.Dir = ".."
	var stderr bytes.Buffer
	list.Stderr = &stderr
	out, err := list.Output()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, stderr.Bytes())
	}
	graph, err := readGraph(bytes.NewReader(out))
	if err != nil {
		t.Fatalf("go list printed something else than packages: %v", err)
	}
	if _, ok := graph[own("bench")]; !ok {
		t.Fatalf("the graph of %d packages does not hold this one", len(graph))
	}
	for _, line := range check(graph) {
		t.Error(line)
	}
}

// TestCheckSeesViolations breaks the rules on purpose, so that a checker that sees nothing cannot
// pass for a clean tree.
func TestCheckSeesViolations(t *testing.T) {
	const plot, websocket, fasthttp = "gonum.org/v1/plot", "github.com/fasthttp/websocket", "github.com/valyala/fasthttp"
	tests := []struct {
		name  string
		edges map[string][]string // first-party names relative to the module
		want  []string
	}{
		{
			name: "the design itself",
			edges: map[string][]string{
				"protocol/engineio": {"fmt"}, "protocol/socketio": {"strconv"},
				"server/internal/frame": {"protocol/engineio"}, "server/internal/fanout": {"server/internal/frame"},
				"server/internal/session":   {"protocol/engineio", "server/internal/frame"},
				"server/internal/transport": {"server/internal/session", fasthttp, websocket},
				"server":                    {"server/internal/transport", "server/internal/fanout", "protocol/socketio", fasthttp},
				"scenario/client":           {"protocol/socketio", websocket}, "scenario": {"scenario/client", "scenario/result", "scenario/file"},
				"reports/internal/draw": {plot}, "reports": {"scenario/result", "reports/internal/charts"}, "reports/internal/charts": {"reports/internal/draw"},
				"cmd/throng": {"server", "scenario", "reports", "scenarios"},
			},
		},
		{
			name:  "a codec takes a library",
			edges: map[string][]string{"protocol/engineio": {"github.com/google/go-cmp/cmp"}},
			want:  []string{"protocol/engineio must not import github.com/google/go-cmp/cmp"},
		},
		{
			name:  "a codec knows its user",
			edges: map[string][]string{"protocol/socketio": {"server"}, "server": nil},
			want:  []string{"protocol/socketio must not import server"},
		},
		{
			name:  "the server plays its own client",
			edges: map[string][]string{"server": {"scenario/client"}, "scenario/client": {"protocol/socketio"}, "protocol/socketio": nil},
			want:  []string{"reaches what it must not: server -> scenario/client", "server must not import scenario/client"},
		},
		{
			name:  "the runner starts the server in its own process",
			edges: map[string][]string{"scenario": {"scenario/result", "server"}, "scenario/result": nil, "server": nil},
			want:  []string{"reaches what it must not: scenario -> server", "scenario must not import server"},
		},
		{
			name:  "a library brings gonum into the runner",
			edges: map[string][]string{"scenario/file": {"example.org/fit"}, "example.org/fit": {"gonum.org/v1/gonum/stat"}},
			want:  []string{"reaches what it must not: scenario/file -> example.org/fit -> gonum.org/v1/gonum/stat"},
		},
		{
			name:  "reports looks into the runner",
			edges: map[string][]string{"reports": {"scenario/file"}, "scenario/file": nil},
			want:  []string{"reaches what it must not: reports -> scenario/file", "reports must not import scenario/file"},
		},
		{
			name:  "a second package draws",
			edges: map[string][]string{"reports": {plot + "/vg"}},
			want: []string{
				"reports must not import gonum.org/v1/plot/vg",
				"reports must not import gonum.org/v1/plot/vg: only reports/internal/draw/... does",
			},
		},
		{
			name: "the session touches a connection",
			edges: map[string][]string{
				"server/internal/session": {"server/internal/wire"},
				"server/internal/wire":    {websocket},
			},
			want: []string{
				"reaches what it must not: server/internal/session -> server/internal/wire -> github.com/fasthttp/websocket",
				"server/internal/wire must not import github.com/fasthttp/websocket: only server/internal/testclient, server/internal/transport/..., server/app/plain, scenario/client/..., bench/... does",
			},
		},
		{
			name:  "a folder nobody planned",
			edges: map[string][]string{"internal/util": nil},
			want:  []string{"internal/util: no rule says what it may import"},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, check(synthetic(tt.edges))); diff != "" {
				t.Errorf("violations (-want +got):\n%s", diff)
			}
		})
	}
}

// synthetic makes a graph: names with a dot in their first element are third-party, names of the
// standard library that the tests use are standard, all others are ours.
func synthetic(edges map[string][]string) map[string]node {
	full := func(name string) string {
		first, _, _ := strings.Cut(name, "/")
		if strings.Contains(first, ".") || name == "fmt" || name == "strconv" {
			return name
		}
		return own(name)
	}
	graph := map[string]node{"fmt": {ImportPath: "fmt", Standard: true}, "strconv": {ImportPath: "strconv", Standard: true}}
	for from, to := range edges {
		n := node{ImportPath: full(from)}
		for _, name := range to {
			n.Imports = append(n.Imports, full(name))
		}
		graph[n.ImportPath] = n
	}
	return graph
}
