package telemetry

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	collect "go.opentelemetry.io/proto/otlp/collector/metrics/v1"
	metrics "go.opentelemetry.io/proto/otlp/metrics/v1"
	"go.uber.org/goleak"
	"google.golang.org/protobuf/proto"

	"github.com/throng-io/throng/scenario"
	"github.com/throng-io/throng/scenario/result"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// recorded is a recorder in the second trial of a run.
func recorded() *Recorder {
	r := New("v1.2.3")
	r.Begin("rooms")
	second := func(ms ...int64) map[string]*hdrhistogram.Histogram {
		h := result.NewHistogram()
		for _, v := range ms {
			result.Record(h, time.Duration(v)*time.Millisecond)
		}
		lag := result.NewHistogram()
		result.Record(lag, 50*time.Microsecond)
		return map[string]*hdrhistogram.Histogram{"delivery": h, "lag": lag, "ack": result.NewHistogram()}
	}
	p := scenario.Progress{Cell: 1, Cells: 2, Trial: 1, Params: map[string]string{"fanout": "naive"}, Phase: "hold"}
	r.Update(p)
	r.Second(&result.Second{}, second(1, 2, 3))
	p.Seconds, p.Done, p.Verdict = 1, true, result.Fail
	r.Update(p)
	p = scenario.Progress{
		Cell: 2, Cells: 2, Trial: 1, Params: map[string]string{"fanout": "batched"}, Phase: "hold", Recording: true, Elapsed: 90 * time.Second, Left: time.Minute,
		Asked: 100, Held: 99, Failed: 1, Dropped: 2, Offered: 1000, Sent: 990, HeldBack: 6, GivenUp: 4, Received: 42,
		Ledger:  result.Ledger{Expected: 50, Received: 42, Lost: 5, Late: 1, Duplicate: 3, Disorder: 4, Undecided: 2},
		Classes: []scenario.ErrorClass{{Class: "ack.timeout", N: 7, Text: "no answer"}}, CPU: 0.25, ServerCPU: 0.5, Seconds: 2,
		Second: result.Second{GCPauseMaxus: 1500, ServerRSSBytes: 1 << 20},
		Checks: []result.Check{
			{Text: "p99(delivery) < 1s", Kind: result.KindSLO, Pass: true},
			{Text: "p99(delivery) < 1s", Kind: result.KindSLO, Pass: true},
			{Text: "loss(delivery) == 0", Kind: result.KindSLO},
			{Text: "max(cpu) < 80%", Kind: result.KindValid, NoData: true},
		},
	}
	r.Update(p)
	r.Second(&result.Second{}, second(1, 20, 20, 60_000))
	r.Second(&result.Second{}, second(1))
	r.Update(p)
	return r
}

func TestPrometheus(t *testing.T) {
	r := recorded()
	answer := httptest.NewRecorder()
	r.Handler().ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	text := answer.Body.String()
	at := `cell="fanout=batched"`
	for _, want := range []string{
		`throng_run_info{scenario="rooms",version="v1.2.3"} 1`,
		`throng_run_trials_total{verdict="fail"} 1`,
		`throng_run_trials_total{verdict="pass"} 0`,
		`throng_run_clients{` + at + `,state="held",trial="1"} 99`,
		`throng_run_client_failures_total{` + at + `,outcome="dropped",trial="1"} 2`,
		`throng_run_messages_total{` + at + `,state="sent",trial="1"} 990`,
		`throng_run_messages_total{` + at + `,state="given_up",trial="1"} 4`,
		`throng_run_messages_held_back{` + at + `,trial="1"} 6`,
		`throng_run_settled_deliveries_total{` + at + `,outcome="lost",trial="1"} 5`,
		`throng_run_errors_total{` + at + `,class="ack.timeout",trial="1"} 7`,
		`throng_run_phase{` + at + `,phase="hold",recorded="true",trial="1"} 1`,
		`throng_run_left_seconds{` + at + `,trial="1"} 60`,
		`throng_run_cpu_ratio{` + at + `,process="server",trial="1"} 0.5`,
		`throng_run_memory_bytes{` + at + `,process="server",trial="1"} 1.048576e+06`,
		`throng_run_gc_pause_seconds{` + at + `,trial="1"} 0.0015`,
		`throng_run_check_held{` + at + `,check="p99(delivery) < 1s",kind="slo",trial="1"} 1`,
		`throng_run_check_held{` + at + `,check="loss(delivery) == 0",kind="slo",trial="1"} 0`,
		// Of this trial only: twice 1 ms, twice 20 ms, a minute.
		`throng_run_latency_seconds_bucket{` + at + `,metric="delivery",trial="1",le="0.0007"} 0`,
		`throng_run_latency_seconds_bucket{` + at + `,metric="delivery",trial="1",le="0.001"} 2`,
		`throng_run_latency_seconds_bucket{` + at + `,metric="delivery",trial="1",le="0.02"} 4`,
		`throng_run_latency_seconds_bucket{` + at + `,metric="delivery",trial="1",le="30"} 4`,
		`throng_run_latency_seconds_bucket{` + at + `,metric="delivery",trial="1",le="+Inf"} 5`,
		`throng_run_latency_seconds_count{` + at + `,metric="delivery",trial="1"} 5`,
		`throng_run_lag_seconds_count{` + at + `,trial="1"} 2`,
	} {
		// Prometheus sorts the labels by name.
		name, labels, _ := strings.Cut(want, "{")
		labels, value, _ := strings.Cut(labels, "} ")
		parts := regexp.MustCompile(`[a-z]+="[^"]*"`).FindAllString(labels, -1)
		le := slices.IndexFunc(parts, func(s string) bool { return strings.HasPrefix(s, "le=") })
		last := ""
		if le >= 0 {
			last = "," + parts[le]
			parts = slices.Delete(parts, le, le+1)
		}
		slices.Sort(parts)
		line := name + "{" + strings.Join(parts, ",") + last + "} " + value
		if !strings.Contains(text, line+"\n") {
			t.Errorf("%s is missing in\n%s", line, text)
		}
	}
	for _, never := range []string{`fanout=naive"`, "max(cpu)", `metric="ack"`} {
		if strings.Contains(text, never) {
			t.Errorf("%s is there", never)
		}
	}
	problems, err := promlint.New(strings.NewReader(text)).Lint()
	if err != nil || len(problems) > 0 {
		t.Errorf("the metrics break conventions: %v %v", problems, err)
	}
}

// Before anything has happened a scrape finds what there is, and no error.
func TestNothingYet(t *testing.T) {
	answer := httptest.NewRecorder()
	New("v1").Handler().ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	if text := answer.Body.String(); answer.Code != http.StatusOK || !strings.Contains(text, "throng_run_info") || strings.Contains(text, "throng_run_clients") {
		t.Errorf("%d:\n%s", answer.Code, text)
	}
}

// receiver is a collector of OpenTelemetry.
func receiver(t *testing.T, status int) (url string, got <-chan *collect.ExportMetricsServiceRequest) {
	t.Helper()
	requests := make(chan *collect.ExportMetricsServiceRequest, 100)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		var m collect.ExportMetricsServiceRequest
		if err == nil {
			err = proto.Unmarshal(body, &m)
		}
		if err != nil || r.URL.Path != "/v1/metrics" {
			t.Errorf("POST %s: %v", r.URL, err)
		}
		requests <- &m
		w.Header().Set("Content-Type", "application/x-protobuf")
		w.WriteHeader(status)
	}))
	t.Cleanup(s.Close)
	return s.URL, requests
}

func TestOTLP(t *testing.T) {
	url, got := receiver(t, http.StatusOK)
	r := recorded()
	e, err := r.Export(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	e.Flush()
	if err := e.Close(); err != nil {
		t.Error(err)
	}
	m := <-got
	from := map[string]string{}
	for _, a := range m.ResourceMetrics[0].Resource.Attributes {
		from[a.Key] = a.Value.GetStringValue()
	}
	if from["service.name"] != "throng" || from["service.version"] != "v1.2.3" {
		t.Errorf("resource %v", from)
	}
	byName := map[string]*metrics.Metric{}
	for _, s := range m.ResourceMetrics[0].ScopeMetrics {
		for _, metric := range s.Metrics {
			byName[metric.Name] = metric
		}
	}
	all, _, _ := r.collect()
	for _, f := range all {
		if m := byName[f.name]; len(f.samples) > 0 && (m == nil || m.Unit != f.unit) {
			t.Errorf("%s: %v", f.name, m)
		}
	}
	h := byName["throng.run.latency"].GetHistogram()
	if h == nil || len(h.DataPoints) != 1 || h.DataPoints[0].Count != 5 || len(h.DataPoints[0].ExplicitBounds) != len(Bounds) {
		t.Fatalf("throng.run.latency: %v", byName["throng.run.latency"])
	}
	if n := h.DataPoints[0].BucketCounts; n[6] != 2 || n[len(Bounds)] != 1 {
		t.Errorf("buckets %v", n)
	}
	sum := byName["throng.run.messages"].GetSum()
	if !sum.IsMonotonic || sum.AggregationTemporality != metrics.AggregationTemporality_AGGREGATION_TEMPORALITY_CUMULATIVE || sum.DataPoints[1].GetAsDouble() != 990 {
		t.Errorf("throng.run.messages: %v", sum)
	}
}

// A collector that refuses, or none at all, is told of in the end, once.
func TestOTLPThatFails(t *testing.T) {
	url, _ := receiver(t, http.StatusForbidden)
	e, err := recorded().Export(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	if err := e.Close(); err == nil || !strings.Contains(err.Error(), "failed") {
		t.Errorf("the end of an export that was refused: %v", err)
	}
	for bad, want := range map[string]string{
		"localhost:4318":                 `"localhost:4318" is not the URL of a collector`,
		"ftp://x":                        "is not the URL of a collector",
		"://":                            "is not the URL of a collector",
		"me:hush@collector:4318":         `"***@collector:4318" is not the URL`,
		"http://me:hush@coll ector:4318": `"http://***@coll ector:4318" is not the URL`,
		"collector:4318?key=hush":        `"collector:4318?***" is not the URL`,
		"http://me:hush@collector:4318":  `"http://***@collector:4318" holds more than an address; put credentials into OTEL_EXPORTER_OTLP_HEADERS`,
		"http://collector/in?key=hush":   `"http://collector/in?***" holds more than an address`,
	} {
		for _, name := range append([]string{"--otlp"}, endpoints...) {
			env := func(asked string) string { return map[string]string{name: bad}[asked] }
			_, err := destination(map[bool]string{true: bad}[name == "--otlp"], env)
			if err == nil || !strings.Contains(err.Error(), want) || !strings.HasPrefix(err.Error(), name+" ") || strings.Contains(err.Error(), "hush") {
				t.Errorf("%s %s: %v, want %s", name, bad, err, want)
			}
		}
	}
	// one that the exporter does not use is nobody's mistake here: it may be meant for gRPC
	both := map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "collector:4317", "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": url}
	if _, err := destination("", func(name string) string { return both[name] }); err != nil {
		t.Error(err)
	}
	env := map[string]string{}
	get := func(name string) string { return env[name] }
	if Wanted(get) {
		t.Error("nothing in the environment asks for an export")
	}
	env["OTEL_EXPORTER_OTLP_ENDPOINT"] = url
	if !Wanted(get) {
		t.Error("the endpoint asks for an export")
	}
	env["OTEL_SDK_DISABLED"] = "true"
	if Wanted(get) {
		t.Error("the SDK is disabled")
	}
}

// What the exporter cannot use of its environment it would print, though a secret may stand in it.
func TestOTLPEnvironment(t *testing.T) {
	url, _ := receiver(t, http.StatusOK)
	for name, c := range map[string]struct{ name, value, want string }{
		"an address that does not decide": {"OTEL_EXPORTER_OTLP_ENDPOINT", "http://me:hush%zz@h:1", ""},
		"a header without a name":         {"OTEL_EXPORTER_OTLP_HEADERS", "hush", "headers are NAME=VALUE"},
		"a header that cannot be read":    {"OTEL_EXPORTER_OTLP_METRICS_HEADERS", "key=hush%zz", "headers are NAME=VALUE"},
		"a time":                          {"OTEL_EXPORTER_OTLP_TIMEOUT", "5s", "times are milliseconds"},
		"an interval":                     {"OTEL_METRIC_EXPORT_INTERVAL", "5s", "times are milliseconds"},
		"no time at all":                  {"OTEL_METRIC_EXPORT_TIMEOUT", "0", "times are milliseconds"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv(c.name, c.value)
			e, err := recorded().Export(t.Context(), url)
			if err == nil {
				err = e.Close()
			}
			if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "hush")) {
				t.Errorf("%v, want %q", err, c.want)
			}
		})
	}
}

// The dashboard must load, and ask for nothing that is not exported.
func TestDashboard(t *testing.T) {
	text, err := os.ReadFile("../../../../bench/grafana/throng.json")
	if err != nil {
		t.Fatal(err)
	}
	var board struct {
		UID           string
		SchemaVersion int
		Panels        []struct {
			ID      int
			Type    string
			Title   string
			GridPos struct{ X, Y, W, H int }
			Targets []struct{ Expr string }
		}
		Annotations struct{ List []struct{ Expr string } }
		Templating  struct {
			List []struct{ Name, Definition string }
		}
	}
	if err := json.Unmarshal(text, &board); err != nil {
		t.Fatal(err)
	}
	if board.UID == "" || board.SchemaVersion == 0 || len(board.Panels) < 10 {
		t.Fatalf("%+v is no dashboard", board)
	}
	var exprs []string
	ids, taken := map[int]bool{}, map[[2]int]string{}
	for _, p := range board.Panels {
		if ids[p.ID] || p.Title == "" || p.Type == "" || len(p.Targets) == 0 {
			t.Errorf("panel %+v", p)
		}
		ids[p.ID] = true
		for x := p.GridPos.X; x < p.GridPos.X+p.GridPos.W; x++ {
			for y := p.GridPos.Y; y < p.GridPos.Y+p.GridPos.H; y++ {
				if other := taken[[2]int{x, y}]; other != "" || x >= 24 {
					t.Fatalf("%s lies over %s, or outside", p.Title, other)
				}
				taken[[2]int{x, y}] = p.Title
			}
		}
		for _, q := range p.Targets {
			exprs = append(exprs, q.Expr)
		}
	}
	for _, a := range board.Annotations.List {
		exprs = append(exprs, a.Expr)
	}
	for _, v := range board.Templating.List {
		if v.Definition != "" {
			exprs = append(exprs, v.Definition)
		}
	}
	labels := map[string][]string{} // by metric as Prometheus has it
	all, _, _ := New("v1").collect()
	for _, f := range all {
		labels[f.promName()] = f.labels
		if f.kind == histogram {
			labels[f.promName()+"_bucket"] = append(slices.Clone(f.labels), "le")
		}
	}
	for _, e := range exprs {
		if err := checkExpr(e, labels); err != "" {
			t.Errorf("%s: %s", e, err)
		}
	}
}

var (
	reMetric   = regexp.MustCompile(`throng_[a-z_]+`)
	reSelector = regexp.MustCompile(`(throng_[a-z_]+)\{([^}]*)\}`)
	reMatcher  = regexp.MustCompile(`^([a-z_]+)(=|!=|=~|!~)("(?:[^"\\]|\\.)*")$`)
	reBy       = regexp.MustCompile(`\b(?:by|without) \(([^)]*)\)`)
	reCall     = regexp.MustCompile(`([a-z_]+) ?\(`)
	reRange    = regexp.MustCompile(`\[([^\]]*)\]`)
)

// checkExpr checks what can be checked of an expression without Prometheus; "" is no complaint.
func checkExpr(e string, labels map[string][]string) string {
	depth := 0
	for _, r := range e {
		switch r {
		case '(', '{', '[':
			depth++
		case ')', '}', ']':
			depth--
		}
		if depth < 0 {
			return "a bracket closes that was not opened"
		}
	}
	if depth != 0 {
		return "a bracket is left open"
	}
	known := []string{"le"}
	for _, name := range reMetric.FindAllString(e, -1) {
		if labels[name] == nil {
			return name + " is not exported"
		}
		known = append(known, labels[name]...)
	}
	for _, m := range reSelector.FindAllStringSubmatch(e, -1) {
		for part := range strings.SplitSeq(m[2], ",") {
			q := reMatcher.FindStringSubmatch(part)
			if q == nil || !slices.Contains(labels[m[1]], q[1]) {
				return part + " is no matcher of " + m[1]
			}
			if _, err := strconv.Unquote(q[3]); err != nil {
				return part + ": " + err.Error()
			}
		}
	}
	for _, m := range reBy.FindAllStringSubmatch(e, -1) {
		for label := range strings.SplitSeq(m[1], ", ") {
			if !slices.Contains(known, label) {
				return "no label " + label
			}
		}
	}
	for _, m := range reCall.FindAllStringSubmatch(e, -1) {
		if !slices.Contains([]string{"sum", "max", "min", "rate", "increase", "histogram_quantile", "by", "label_values"}, m[1]) {
			return m[1] + " is no function that is known here"
		}
	}
	for _, m := range reRange.FindAllStringSubmatch(e, -1) {
		if m[1] != "$__rate_interval" {
			return "[" + m[1] + "] is no range that fits every scrape interval"
		}
	}
	return ""
}

// The check must find what it is for.
func TestCheckExpr(t *testing.T) {
	labels := map[string][]string{"throng_run_clients": {"cell", "state"}}
	for e, bad := range map[string]bool{
		`sum(throng_run_clients{state="held"})`:             false,
		`sum(throng_run_clients{state="held"}`:              true,
		`sum(throng_run_client{state="held"})`:              true,
		`sum(throng_run_clients{stat="held"})`:              true,
		`sum by (kind) (throng_run_clients)`:                true,
		`sums(throng_run_clients)`:                          true,
		`rate(throng_run_clients{state=held}[1m])`:          true,
		`rate(throng_run_clients{cell=~"a|b"}[5s])`:         true,
		`rate(throng_run_clients[$__rate_interval])`:        false,
		`sum by (cell, state) (throng_run_clients) * 2 > 1`: false,
	} {
		if got := checkExpr(e, labels); (got != "") != bad {
			t.Errorf("%s: %q", e, got)
		}
	}
}
