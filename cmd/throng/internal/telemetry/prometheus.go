package telemetry

import (
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Handler answers Prometheus, in the format that it asks for.
func (r *Recorder) Handler() http.Handler {
	registry := prometheus.NewRegistry()
	registry.MustRegister(collector{r})
	return promhttp.HandlerFor(registry, promhttp.HandlerOpts{})
}

// collector makes the metrics when Prometheus asks. It describes none beforehand: which there are
// depends on the run.
type collector struct{ r *Recorder }

// Describe implements prometheus.Collector.
func (collector) Describe(chan<- *prometheus.Desc) {}

// Collect implements prometheus.Collector.
func (c collector) Collect(ch chan<- prometheus.Metric) {
	all, _, _ := c.r.collect()
	for _, f := range all {
		desc := prometheus.NewDesc(f.promName(), f.help, f.labels, nil)
		kind := prometheus.GaugeValue
		if f.kind == counter {
			kind = prometheus.CounterValue
		}
		for _, s := range f.samples {
			if s.hist == nil {
				ch <- prometheus.MustNewConstMetric(desc, kind, s.value, s.labels...)
				continue
			}
			up := make(map[float64]uint64, len(Bounds))
			sum := uint64(0)
			for i, bound := range Bounds {
				sum += s.hist.counts[i]
				up[bound] = sum
			}
			ch <- prometheus.MustNewConstHistogram(desc, s.hist.n, s.hist.sum, up, s.labels...)
		}
	}
}
