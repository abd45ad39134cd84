package metrics

import "github.com/prometheus/client_golang/prometheus"

// ClusterCollector returns the metrics of what connects a server to others, for a registry that the
// application has already.
func ClusterCollector(c Cluster) prometheus.Collector { return clusterCollector{c} }

type clusterCollector struct{ cluster Cluster }

func adapterDesc(name, help string, labels ...string) *prometheus.Desc {
	return desc("adapter_"+name, help, append([]string{"adapter"}, labels...)...)
}

var (
	connected  = adapterDesc("connected", "1 while the broker takes messages and every subscription is there, else 0.")
	nodes      = adapterDesc("nodes", "Other servers of the cluster, as was known in the last seconds.")
	messages   = adapterDesc("messages_total", "Messages that the broker has accepted, and that came from it.", "direction")
	carried    = adapterDesc("bytes_total", "Bytes of these messages.", "direction")
	queued     = adapterDesc("queue_bytes", "Bytes that wait for the broker.")
	lost       = adapterDesc("dropped_total", "Messages that did not get through, or could not be used.", "reason")
	reconnects = adapterDesc("reconnects_total", "Connections for subscriptions that were made anew.")
	timeouts   = adapterDesc("timeouts_total", "Questions to other servers that not all answered in time.")
)

// Describe implements prometheus.Collector.
func (c clusterCollector) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{connected, nodes, messages, carried, queued, lost, reconnects, timeouts} {
		ch <- d
	}
}

// Collect implements prometheus.Collector.
func (c clusterCollector) Collect(ch chan<- prometheus.Metric) {
	st := c.cluster.Stats()
	put := func(d *prometheus.Desc, kind prometheus.ValueType, v float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, kind, v, append([]string{st.Adapter}, labels...)...)
	}
	now := func(d *prometheus.Desc, v int) { put(d, prometheus.GaugeValue, float64(v)) }
	total := func(d *prometheus.Desc, v uint64, labels ...string) {
		put(d, prometheus.CounterValue, float64(v), labels...)
	}
	up := 0
	if st.Connected {
		up = 1
	}
	now(connected, up)
	now(nodes, st.Nodes)
	now(queued, st.Queued)
	total(messages, st.Published, "out")
	total(messages, st.Received, "in")
	total(carried, st.PublishedBytes, "out")
	total(carried, st.ReceivedBytes, "in")
	total(lost, st.Dropped, "queue full")
	total(lost, st.Failed, "broker")
	total(lost, st.Malformed, "malformed")
	total(lost, st.Unknown, "unknown type")
	total(lost, st.LostEvents, "slow handler")
	total(lost, st.Missed, "missed")
	total(reconnects, st.Reconnects)
	total(timeouts, st.Timeouts)
}
