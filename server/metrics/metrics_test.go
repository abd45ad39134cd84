package metrics_test

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/fasthttp/websocket"
	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"

	"github.com/throng-io/throng/server"
	"github.com/throng-io/throng/server/metrics"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m,
		// fasthttp refreshes the Date header for the life of the process, and the cleaner of a
		// server's workers looks up only every ten seconds.
		goleak.IgnoreAnyFunction("github.com/valyala/fasthttp.(*workerPool).Start.func2"),
		goleak.IgnoreAnyFunction("github.com/valyala/fasthttp.updateServerDate.func1"))
}

// What two clients do is found in the metrics.
func TestMetrics(t *testing.T) {
	srv, err := server.New(server.Options{Times: server.Times{PingInterval: 1000 * time.Hour}, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	srv.On("panic", func(*server.Socket, *server.Event) error { panic("on purpose") })
	srv.On("join", func(s *server.Socket, e *server.Event) error {
		s.Join("r")
		return e.Ack()
	})
	ended := make(chan string, 1)
	srv.OnDisconnect(func(_ *server.Socket, reason string) { ended <- reason })
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- srv.Serve(ln) }()
	t.Cleanup(func() {
		http.DefaultClient.CloseIdleConnections()
		if err := srv.Shutdown(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
	handler := metrics.Handler(srv)
	scrape := func() string {
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
		return w.Body.String()
	}

	url := "://" + ln.Addr().String() + "/socket.io/?EIO=4&transport="
	connect := func() *websocket.Conn {
		conn, resp, err := websocket.DefaultDialer.Dial("ws"+url+"websocket", nil)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		t.Cleanup(func() { _ = conn.Close() })
		for _, packet := range []string{"40", `420["join"]`} {
			if err := conn.WriteMessage(websocket.TextMessage, []byte(packet)); err != nil {
				t.Fatal(err)
			}
		}
		for range 3 { // handshake, CONNECT, ack
			if _, _, err := conn.ReadMessage(); err != nil {
				t.Fatal(err)
			}
		}
		return conn
	}
	connect()
	bad := connect()
	resp, err := http.Get("http" + url + "pigeon")
	if err != nil {
		t.Fatal(err)
	}
	_, _ = io.Copy(io.Discard, resp.Body)
	_ = resp.Body.Close()
	resp, err = http.Get("http" + url + "polling")
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if err := srv.Volatile().Emit("news"); err != nil {
		t.Fatal(err)
	}
	want(t, scrape(),
		`throng_sessions{transport="polling"} 1`, `throng_sessions{transport="websocket"} 2`,
		`throng_sockets 2`, `throng_namespaces 1`, `throng_rooms 1`, `throng_upgrades_total 0`,
		`throng_packets_total{direction="in"} 4`, `throng_bytes_total{direction="in"} 26`,
		`throng_requests_refused_total{code="0",error="Transport unknown"} 1`,
		`throng_broadcast_receivers_bucket{le="1"} 0`, `throng_broadcast_receivers_bucket{le="2"} 1`, `throng_broadcast_receivers_sum 2`,
		`throng_broadcast_receivers_count 1`, `throng_broadcast_handover_seconds_count 1`, `throng_broadcast_handover_seconds_bucket{le="+Inf"} 1`,
		`throng_requests_refused_total{code="5",error="Unsupported protocol version"} 0`, `throng_sessions_ended_total{reason="slow consumer"} 0`,
		`throng_handler_panics_total 0`, `go_goroutines `, `process_open_fds `)

	if err := bad.WriteMessage(websocket.TextMessage, []byte(`42["panic"]`)); err != nil {
		t.Fatal(err)
	}
	if got := <-ended; got != "forced close" {
		t.Errorf("reason %q", got)
	}
	// What a session has carried still counts when it has ended.
	var last string
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); {
		if last = scrape(); strings.Contains(last, `throng_sessions{transport="websocket"} 1`) {
			break
		}
	}
	want(t, last,
		`throng_sessions_ended_total{reason="forced close"} 1`, `throng_handler_panics_total 1`,
		`throng_packets_total{direction="in"} 5`, `throng_sockets 1`)
}

func want(t *testing.T, got string, lines ...string) {
	t.Helper()
	for _, line := range lines {
		if !strings.Contains(got, "\n"+line) {
			t.Errorf("%q is missing in\n%s", line, got)
		}
	}
}

// cluster is what an adapter counts.
type cluster server.ClusterStats

func (c cluster) Stats() server.ClusterStats { return server.ClusterStats(c) }

func TestClusterMetrics(t *testing.T) {
	srv, err := server.New(server.Options{})
	if err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	metrics.Handler(srv, cluster{
		Adapter: "redis", Connected: true, Nodes: 2, Published: 3, PublishedBytes: 4, Received: 5, ReceivedBytes: 6, Queued: 7,
		Dropped: 8, Failed: 9, Malformed: 10, Unknown: 11, LostEvents: 12, Reconnects: 13, Timeouts: 14, Missed: 15,
	}).ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	want(t, w.Body.String(),
		`throng_adapter_connected{adapter="redis"} 1`, `throng_adapter_nodes{adapter="redis"} 2`,
		`throng_adapter_messages_total{adapter="redis",direction="out"} 3`, `throng_adapter_bytes_total{adapter="redis",direction="out"} 4`,
		`throng_adapter_messages_total{adapter="redis",direction="in"} 5`, `throng_adapter_bytes_total{adapter="redis",direction="in"} 6`,
		`throng_adapter_queue_bytes{adapter="redis"} 7`, `throng_adapter_dropped_total{adapter="redis",reason="queue full"} 8`,
		`throng_adapter_dropped_total{adapter="redis",reason="broker"} 9`, `throng_adapter_dropped_total{adapter="redis",reason="malformed"} 10`,
		`throng_adapter_dropped_total{adapter="redis",reason="unknown type"} 11`,
		`throng_adapter_dropped_total{adapter="redis",reason="slow handler"} 12`, `throng_adapter_dropped_total{adapter="redis",reason="missed"} 15`,
		`throng_adapter_reconnects_total{adapter="redis"} 13`, `throng_adapter_timeouts_total{adapter="redis"} 14`)
	r := prometheus.NewPedanticRegistry()
	r.MustRegister(metrics.ClusterCollector(cluster{}))
	if _, err := r.Gather(); err != nil {
		t.Error(err)
	}
}

func TestCollectorIsConsistent(t *testing.T) {
	srv, err := server.New(server.Options{})
	if err != nil {
		t.Fatal(err)
	}
	r := prometheus.NewPedanticRegistry()
	r.MustRegister(metrics.Collector(srv))
	if _, err := r.Gather(); err != nil {
		t.Error(err)
	}
}
