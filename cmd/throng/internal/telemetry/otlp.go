package telemetry

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-logr/logr"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlpmetric/otlpmetrichttp"
	"go.opentelemetry.io/otel/sdk/instrumentation"
	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/resource"

	"github.com/throng-io/throng/protocol/address"
)

const (
	// exportEvery is the time between two exports, unless OTEL_METRIC_EXPORT_INTERVAL says
	// otherwise: the minute that is usual for services would hide most of a run.
	exportEvery = 5 * time.Second
	// exportEnd bounds the last export, so that a collector which is gone does not hold the command
	// up.
	exportEnd = 5 * time.Second
)

// An Exporter sends a recorder's metrics over OTLP/HTTP until Close.
type Exporter struct {
	provider *metric.MeterProvider

	mu     sync.Mutex
	failed int
	first  error
}

// endpoints are the variables of the environment that name a collector; the first that is set
// decides, as in the exporter.
var endpoints = []string{"OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT"}

// Wanted reports whether the environment asks for an export.
func Wanted(env func(string) string) bool {
	return env("OTEL_SDK_DISABLED") != "true" && slices.ContainsFunc(endpoints, func(name string) bool { return env(name) != "" })
}

// Export begins to send the metrics to an endpoint such as http://localhost:4318, the value of
// --otlp; without a path, it is /v1/metrics. With "" the variables OTEL_EXPORTER_OTLP_* tell
// everything, as they tell the headers and the rest in any case. The error names the flag or the
// variable.
func (r *Recorder) Export(ctx context.Context, endpoint string) (*Exporter, error) {
	options, err := destination(endpoint, os.Getenv)
	if err != nil {
		return nil, err
	}
	unusable := &complaint{}
	otel.SetLogger(logr.New(unusable))
	client, err := otlpmetrichttp.New(ctx, options...)
	if err != nil {
		return nil, fmt.Errorf("export over OTLP: %w", err)
	}
	from, err := resource.New(ctx, resource.WithAttributes(attribute.String("service.name", "throng"), attribute.String("service.version", r.version)),
		resource.WithTelemetrySDK(), resource.WithHost(), resource.WithFromEnv())
	if err != nil {
		return nil, fmt.Errorf("OTEL_RESOURCE_ATTRIBUTES: %w", err)
	}
	e := &Exporter{}
	// the default prints into the terminal's live view
	otel.SetErrorHandler(otel.ErrorHandlerFunc(e.note))
	reading := []metric.PeriodicReaderOption{metric.WithProducer(r)}
	if os.Getenv("OTEL_METRIC_EXPORT_INTERVAL") == "" {
		reading = append(reading, metric.WithInterval(exportEvery))
	}
	reader := metric.NewPeriodicReader(client, reading...)
	if first := unusable.first.Load(); first != nil {
		_ = reader.Shutdown(ctx) // it has nothing to send yet
		return nil, fmt.Errorf("a variable OTEL_* cannot be used, at %q; correct it: headers are NAME=VALUE,NAME=VALUE, with %%XX for a character that does not belong to that, times are milliseconds", *first)
	}
	e.provider = metric.NewMeterProvider(metric.WithResource(from), metric.WithReader(reader))
	return e, nil
}

// A complaint is the first thing that the exporter could not use of its environment. By default it
// prints what stands there, headers and addresses in which secrets may be, and goes on without.
type complaint struct {
	logr.LogSink // of which only what is below is called
	first        atomic.Pointer[string]
}

func (*complaint) Init(logr.RuntimeInfo) {}

func (*complaint) Enabled(int) bool { return false }

// Error implements logr.LogSink. The address that decides has been read before: another may be
// meant for gRPC.
func (c *complaint) Error(_ error, message string, _ ...any) {
	if message != "parse url" {
		c.first.CompareAndSwap(nil, &message)
	}
}

// destination tells the exporter where to send, where its environment does not.
func destination(endpoint string, env func(string) string) ([]otlpmetrichttp.Option, error) {
	if endpoint != "" {
		u, err := collectorURL("--otlp", endpoint)
		if err != nil {
			return nil, err
		}
		if u.Path == "" || u.Path == "/" {
			u.Path = "/v1/metrics"
		}
		return []otlpmetrichttp.Option{otlpmetrichttp.WithEndpointURL(u.String())}, nil
	}
	for _, name := range endpoints {
		if text := strings.TrimSpace(env(name)); text != "" {
			_, err := collectorURL(name, text)
			return nil, err
		}
	}
	return nil, nil
}

// collectorURL reads the URL of a collector, which name gives. It refuses what the exporter leaves
// out without a word: it sends to localhost where it cannot read a variable, and a user and a query
// to nobody. Either may be a secret, and the error shows neither.
func collectorURL(name, text string) (*url.URL, error) {
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https":
		return nil, fmt.Errorf("%s %q is not the URL of a collector; write http://HOST:4318", name, address.HideQuery(text))
	case u.User != nil || u.RawQuery != "" || u.Fragment != "":
		return nil, fmt.Errorf("%s %q holds more than an address; put credentials into OTEL_EXPORTER_OTLP_HEADERS, such as api-key=KEY", name, address.HideQuery(text))
	}
	return u, nil
}

func (e *Exporter) note(err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.failed++
	if e.first == nil {
		e.first = err
	}
}

// Flush sends what there is now.
func (e *Exporter) Flush() {
	ctx, cancel := context.WithTimeout(context.Background(), exportEnd)
	defer cancel()
	if err := e.provider.ForceFlush(ctx); err != nil {
		e.note(err)
	}
}

// Close sends the last numbers. The error says how many exports have failed, and why the first one
// did.
func (e *Exporter) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), exportEnd)
	defer cancel()
	if err := e.provider.Shutdown(ctx); err != nil {
		e.note(err)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.failed > 0 {
		return fmt.Errorf("%d exports of metrics over OTLP failed: %w", e.failed, e.first)
	}
	return nil
}

// Produce implements metric.Producer.
func (r *Recorder) Produce(context.Context) ([]metricdata.ScopeMetrics, error) {
	all, start, trial := r.collect()
	now := time.Now()
	scope := metricdata.ScopeMetrics{Scope: instrumentation.Scope{Name: "github.com/throng-io/throng", Version: r.version}}
	for _, f := range all {
		if len(f.samples) == 0 {
			continue
		}
		m := metricdata.Metrics{Name: f.name, Description: f.help, Unit: f.unit}
		begin := trial
		if len(f.labels) < 2 || f.labels[0] != "cell" {
			begin = start
		}
		switch f.kind {
		case histogram:
			m.Data = metricdata.Histogram[float64]{Temporality: metricdata.CumulativeTemporality, DataPoints: f.histograms(begin, now)}
		case counter:
			m.Data = metricdata.Sum[float64]{Temporality: metricdata.CumulativeTemporality, IsMonotonic: true, DataPoints: f.numbers(begin, now)}
		default:
			m.Data = metricdata.Gauge[float64]{DataPoints: f.numbers(time.Time{}, now)}
		}
		scope.Metrics = append(scope.Metrics, m)
	}
	return []metricdata.ScopeMetrics{scope}, nil
}

func (f *family) attributes(s *sample) attribute.Set {
	var all []attribute.KeyValue
	for i, label := range f.labels {
		all = append(all, attribute.String(label, s.labels[i]))
	}
	return attribute.NewSet(all...)
}

func (f *family) numbers(begin, now time.Time) (points []metricdata.DataPoint[float64]) {
	for i := range f.samples {
		s := &f.samples[i]
		points = append(points, metricdata.DataPoint[float64]{Attributes: f.attributes(s), StartTime: begin, Time: now, Value: s.value})
	}
	return points
}

func (f *family) histograms(begin, now time.Time) (points []metricdata.HistogramDataPoint[float64]) {
	for i := range f.samples {
		s := &f.samples[i]
		points = append(points, metricdata.HistogramDataPoint[float64]{
			Attributes: f.attributes(s), StartTime: begin, Time: now, Count: s.hist.n, Sum: s.hist.sum, Bounds: slices.Clone(Bounds), BucketCounts: s.hist.counts,
		})
	}
	return points
}
