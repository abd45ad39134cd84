package scenario

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/throng-io/throng/scenario/file"
)

const exposition = `# HELP process_cpu_seconds_total CPU
# TYPE process_cpu_seconds_total counter
process_cpu_seconds_total 1.5
# TYPE process_resident_memory_bytes gauge
process_resident_memory_bytes 1e+07 1700000000000
# TYPE clients gauge
clients{ns="/", odd="a} 9"} 3
clients{ns="/chat"} 4
# TYPE lag histogram
lag_bucket{le="1"} 5
lag_sum 7
lag_count 5
# TYPE broken gauge
broken NaN
`

func TestParseMetrics(t *testing.T) {
	got, order, err := parseMetrics(strings.NewReader(exposition))
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{familyCPU, familyRSS, "clients"}; !slices.Equal(order, want) {
		t.Errorf("families %v, want %v", order, want)
	}
	if got[familyCPU] != (family{true, 1.5}) || got["clients"] != (family{false, 7}) || got[familyRSS].value != 1e7 {
		t.Errorf("%+v", got)
	}
	for _, bad := range []string{"", "<html>\n", "a b\n"} {
		if got, _, err := parseMetrics(strings.NewReader(bad)); err == nil {
			t.Errorf("%q: %v", bad, got)
		}
	}
}

// What a target says of its process stands where a local process would.
func TestTargetMetrics(t *testing.T) {
	t.Parallel()
	var n atomic.Int64
	web := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		i := n.Add(1)
		fmt.Fprintf(w, "# TYPE %s counter\n%s %g\n# TYPE %s gauge\n%s %d\n# TYPE seen gauge\nseen %d\n", familyCPU, familyCPU, float64(i)/100, familyRSS, familyRSS, 1<<20, i)
	})
	text := strings.Replace(broadcast, `url: "http://127.0.0.1:1"`, `url: "http://127.0.0.1:1", sample: {prometheus: "http://web/metrics", every: 100ms}`, 1)
	c := play(t, &fakeServer{}, text, func(o *Options) { o.second, o.link = 100*time.Millisecond, linkTo(web) })
	m := c.Target["seen"]
	if m == nil || m.Kind != "gauge" || len(m.Values) != len(c.Timeline) || !slices.IsSorted(m.Values) || m.Values[len(m.Values)-1] < 3 {
		t.Fatalf("%+v of %d seconds", m, len(c.Timeline))
	}
	if c.Server.CPUs <= 0 || c.Server.RSSPeakBytes != 1<<20 || c.Target[familyCPU].Kind != "counter" {
		t.Errorf("server %+v", c.Server)
	}
}

func TestTargetWithoutMetrics(t *testing.T) {
	t.Parallel()
	var n atomic.Int64
	web := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		n.Add(1)
		w.WriteHeader(http.StatusNotFound)
	})
	text := strings.Replace(broadcast, `url: "http://127.0.0.1:1"`, `url: "http://127.0.0.1:1", sample: {prometheus: "http://web/metrics", every: 100ms}`, 1)
	c := play(t, &fakeServer{}, text, func(o *Options) { o.link = linkTo(web) })
	if len(c.Target) != 0 || !slices.ContainsFunc(c.Warnings, func(w string) bool {
		return strings.HasPrefix(w, "the target's metrics could not be read: ") && strings.HasSuffix(w, "HTTP status 404")
	}) {
		t.Errorf("metrics %v, warnings %q", c.Target, c.Warnings)
	}
	if n.Load() > scrapePatience+1 {
		t.Errorf("asked %d times for what is not there", n.Load())
	}
}

// The password of metrics comes from the environment, and goes to them alone.
func TestTargetMetricsWithAPassword(t *testing.T) {
	const secret = "open/sesame"
	t.Setenv("THRONG_TEST_METRICS", secret)
	var refused atomic.Int64
	web := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if name, password, _ := r.BasicAuth(); name != "me" || password != secret || refused.Load() > 0 {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		fmt.Fprint(w, "# TYPE seen gauge\nseen 1\n")
	})
	text := strings.Replace(broadcast, `url: "http://127.0.0.1:1"`, `url: "http://127.0.0.1:1", sample: {prometheus: "http://me:${env.THRONG_TEST_METRICS}@web/metrics", every: 100ms}`, 1)
	c := play(t, &fakeServer{}, text, func(o *Options) { o.second, o.link = 100*time.Millisecond, linkTo(web) })
	if c.Target["seen"] == nil {
		t.Errorf("metrics %v, warnings %q", c.Target, c.Warnings)
	}
	refused.Add(1)
	c = play(t, &fakeServer{}, text, func(o *Options) { o.link = linkTo(web) })
	if all := fmt.Sprintf("%+v", c); !strings.Contains(all, "HTTP status 401") || strings.Contains(all, "sesame") {
		t.Errorf("warnings %q", c.Warnings)
	}
}

// Metrics may have moved on their own server; another one is not asked, whatever the target says.
func TestMetricsOfAnotherServer(t *testing.T) {
	web := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/metrics":
			http.Redirect(w, r, "/metrics/", http.StatusTemporaryRedirect)
		case "/other":
			http.Redirect(w, r, "http://elsewhere/metrics/", http.StatusFound)
		case "/scheme":
			http.Redirect(w, r, "https://web/metrics/", http.StatusFound)
		case "/round":
			http.Redirect(w, r, "/round", http.StatusFound)
		case "/much":
			fmt.Fprint(w, "# TYPE seen gauge\n", strings.Repeat("seen 1\n", maxExposition/7))
		default:
			fmt.Fprint(w, "# TYPE seen gauge\nseen 1\n")
		}
	})
	for path, want := range map[string]string{
		"/metrics": "",
		"/other":   "http://web/other leads to http://elsewhere/metrics/ (HTTP status 302), which is not followed",
		"/scheme":  "leads to https://web/metrics/",
		"/round":   "leads to http://web/round",
		"/much":    "http://web/much answered with more than 8 MiB",
	} {
		s := newScraper(&file.Spec{Target: &file.Target{Sample: &file.Sample{Prometheus: file.Template{Parts: []string{"http://web" + path}}}}}, Options{link: linkTo(web)})
		got, _, err := s.scrape(t.Context())
		s.client.CloseIdleConnections()
		if want == "" && (err != nil || got["seen"].value != 1) || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: %v, %v, want %s", path, got, err, want)
		}
	}
}
