package adapter_test

import (
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"slices"
	"testing"
	"time"

	natsserver "github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/throng-io/throng/server/internal/bus"
)

// natsNodes starts a cluster of NATS servers with JetStream. restart ends one of them, by its name,
// and starts it again.
func natsNodes(t *testing.T, count int) (at string, all func() []*natsserver.Server, restart func(name string)) {
	t.Helper()
	var routes []*url.URL
	var options []natsserver.Options
	for range count {
		port := freePort(t)
		routes = append(routes, &url.URL{Scheme: "nats", Host: fmt.Sprint("127.0.0.1:", port)})
		options = append(options, natsserver.Options{
			ServerName: fmt.Sprint("n", len(options)), Port: natsserver.RANDOM_PORT, JetStream: true, StoreDir: t.TempDir(),
			Cluster: natsserver.ClusterOpts{Name: "c", Host: "127.0.0.1", Port: port},
		})
	}
	var servers []*natsserver.Server
	for i := range options {
		options[i].Routes = routes
		servers = append(servers, natsWith(t, options[i]))
		options[i].Port = servers[i].Addr().(*net.TCPAddr).Port
	}
	wait(t, "a leader of the cluster", func() bool {
		return slices.ContainsFunc(servers, func(s *natsserver.Server) bool { return s.JetStreamIsLeader() })
	})
	return servers[0].Addr().String(), func() []*natsserver.Server { return servers }, func(name string) {
		for i := range servers {
			if servers[i].Name() == name {
				servers[i].Shutdown()
				servers[i].WaitForShutdown()
				servers[i] = natsWith(t, options[i])
			}
		}
	}
}

// TestStreamEmptied: in a cluster of NATS a stream in memory, of which one server has the only
// copy, is empty when that server was started again, and begins with its first number again, though
// the cluster says that it was made when it was. What is added then is read.
func TestStreamEmptied(t *testing.T) {
	t.Parallel()
	address, all, restart := natsNodes(t, 3)
	addresses := "nats+jetstream://" + address + "?"
	for _, s := range all()[1:] {
		addresses += "addr=" + s.Addr().String() + "&"
	}
	at, err := bus.Parse(addresses[:len(addresses)-1])
	check(t, err)
	b, err := bus.OpenNATS(at, bus.Options{MaxQueue: 64 << 20, Logger: slog.New(slog.NewTextHandler(t.Output(), nil))})
	check(t, err)
	defer func() { _ = b.Close() }()
	got := make(chan string, 1000)
	l := b.OpenLog(bus.LogOptions{Name: "x", Replicas: 1, Age: time.Hour, Count: 100, Bytes: 64 << 20}, func(uint64, uint64) {}, func(r bus.Record) { got <- string(r.Payload) })
	check(t, l.Ready(t.Context()))
	publish := func(text string) {
		t.Helper()
		for deadline := time.Now().Add(time.Minute); ; time.Sleep(50 * time.Millisecond) {
			item, done := bus.LogItem("x", "/", []byte(text)), make(chan error, 1)
			item.Done = func(_ string, err error) { done <- err }
			b.Publish(item)
			if err := <-done; err == nil {
				return
			} else if time.Now().After(deadline) {
				t.Fatal(err)
			}
		}
	}
	expect := func(text string) {
		t.Helper()
		select {
		case other := <-got:
			if other != text {
				t.Fatalf("got %s, want %s", other, text)
			}
		case <-time.After(time.Minute):
			t.Fatalf("%s does not come", text)
		}
	}
	for i := range 20 {
		publish(fmt.Sprint(i))
		expect(fmt.Sprint(i))
	}
	conn, err := nats.Connect(all()[0].ClientURL())
	check(t, err)
	js, err := jetstream.New(conn)
	check(t, err)
	stream, err := js.Stream(t.Context(), "throng-eA")
	check(t, err)
	conn.Close()
	restart(stream.CachedInfo().Cluster.Leader)
	publish("again")
	expect("again")
}
