// Package metrics shows a server's statistics to Prometheus.
//
//	throng_sessions{transport}             sessions now
//	throng_sockets, throng_namespaces      sockets in namespaces, and namespaces, now
//	throng_rooms                           rooms now
//	throng_upgrades_total                  from polling to websocket or WebTransport
//	throng_packets_total{direction}        Engine.IO packets, heartbeats included
//	throng_bytes_total{direction}          of their payload in, of websocket frames out
//	throng_volatile_dropped_total          volatile messages that a client was not ready for
//	throng_sessions_ended_total{reason}    "slow consumer" is a client whose queue overflowed or stood still
//	throng_requests_refused_total{code,error}  by the number and message of the Engine.IO error
//	throng_handler_panics_total
//	throng_broadcast_receivers             histogram: sockets that a broadcast went to
//	throng_broadcast_handover_seconds      histogram: until it was delivered to the last of them
//
// Of servers that a broker connects (package adapter), by kind of adapter, which is the label
// adapter:
//
//	throng_adapter_connected               1 while the broker takes messages and every subscription is there
//	throng_adapter_nodes                   other servers, as was known in the last seconds
//	throng_adapter_messages_total{direction}   out: accepted by the broker; in: come from it
//	throng_adapter_bytes_total{direction}      of these
//	throng_adapter_queue_bytes             that wait for the broker
//	throng_adapter_dropped_total{reason}   messages, and with recovery commands about the sockets that the broker
//	                                       keeps: "queue full"; "broker" refused them, or a connection ended
//	                                       with them under way; "malformed" or of "unknown type", from others;
//	                                       "slow handler" of an event between servers; "missed", which a
//	                                       stream dropped before this server had read them
//	throng_adapter_reconnects_total        connections for subscriptions that were made anew
//	throng_adapter_timeouts_total          questions to other servers that not all answered in time
//
// Nothing is counted twice for it: the numbers come from server.Stats, added up when Prometheus
// asks; only broadcasts are measured for it, from then on that a Collector is made. Names of
// namespaces are no labels, for clients may bring them into being.
package metrics

import (
	"net/http"
	"strconv"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/throng-io/throng/protocol/engineio"
	"github.com/throng-io/throng/server"
)

// Cluster is what connects a server to others, such as *adapter.Cluster.
type Cluster interface{ Stats() server.ClusterStats }

// Handler answers with the metrics of srv, of what connects it to others, of the Go runtime and of
// the process, in the format that the client asks for.
func Handler(srv *server.Server, clusters ...Cluster) http.Handler {
	r := prometheus.NewRegistry()
	for _, c := range clusters {
		r.MustRegister(ClusterCollector(c))
	}
	r.MustRegister(Collector(srv), collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return promhttp.HandlerFor(r, promhttp.HandlerOpts{})
}

// Collector returns the metrics of srv for a registry that the application has already. Give each
// of several servers a label of its own with prometheus.WrapRegistererWith.
func Collector(srv *server.Server) prometheus.Collector {
	srv.Broadcasts() // are measured from now on
	return collector{srv}
}

type collector struct{ srv *server.Server }

func desc(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("throng_"+name, help, labels, nil)
}

var (
	sessions   = desc("sessions", "Engine.IO sessions now.", "transport")
	sockets    = desc("sockets", "Sockets in namespaces now.")
	namespaces = desc("namespaces", "Namespaces now.")
	rooms      = desc("rooms", "Rooms now, without those that sockets have by their ids.")
	upgrades   = desc("upgrades_total", "Sessions that went from polling to websocket or WebTransport.")
	packets    = desc("packets_total", "Engine.IO packets from clients and to sessions, heartbeats included.", "direction")
	octets     = desc("bytes_total", "Bytes of packets from clients, and of websocket frames to sessions.", "direction")
	dropped    = desc("volatile_dropped_total", "Volatile messages that a client was not ready for.")
	ended      = desc("sessions_ended_total", "Sessions that have ended.", "reason")
	refused    = desc("requests_refused_total", "Requests answered with an Engine.IO error.", "code", "error")
	receivers  = desc("broadcast_receivers", "Sockets that a broadcast went to.")
	handover   = desc("broadcast_handover_seconds", "Time until a broadcast was delivered to the last of its sockets.")
	panics     = desc("handler_panics_total", "Panics of the application's handlers.")
)

// Describe implements prometheus.Collector.
func (c collector) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{
		sessions, sockets, namespaces, rooms, upgrades, packets, octets, dropped, ended, refused, panics, receivers, handover,
	} {
		ch <- d
	}
}

// Collect implements prometheus.Collector.
func (c collector) Collect(ch chan<- prometheus.Metric) {
	st := c.srv.Stats()
	now := func(d *prometheus.Desc, v int, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, float64(v), labels...)
	}
	total := func(d *prometheus.Desc, v uint64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(v), labels...)
	}
	joined := 0
	for _, n := range st.Namespaces {
		joined += n
	}
	now(sessions, st.Polling, "polling")
	now(sessions, st.WebSocket, "websocket")
	now(sessions, st.WebTransport, "webtransport")
	now(sockets, joined)
	now(namespaces, len(st.Namespaces))
	now(rooms, st.Rooms)
	total(upgrades, st.Upgrades)
	total(packets, st.PacketsIn, "in")
	total(packets, st.PacketsOut, "out")
	total(octets, st.BytesIn, "in")
	total(octets, st.BytesOut, "out")
	total(dropped, st.VolatileDropped)
	// so that the series exists before the first one
	if _, some := st.Ended["slow consumer"]; !some {
		total(ended, 0, "slow consumer")
	}
	for reason, n := range st.Ended {
		total(ended, n, reason)
	}
	for code := engineio.UnknownTransport; code <= engineio.UnsupportedProtocol; code++ {
		total(refused, st.Refused[code.String()], strconv.Itoa(int(code)), code.String())
	}
	total(panics, st.HandlerPanics)
	members, seconds := c.srv.Broadcasts()
	histogram(ch, receivers, members)
	histogram(ch, handover, seconds)
}

func histogram(ch chan<- prometheus.Metric, d *prometheus.Desc, v server.Distribution) {
	buckets := make(map[float64]uint64, len(v.UpTo))
	for i, bound := range v.UpTo {
		buckets[bound] = v.Within[i]
	}
	ch <- prometheus.MustNewConstHistogram(d, v.Count, v.Sum, buckets)
}
