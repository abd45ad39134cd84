package server_test

import (
	"testing"

	"github.com/throng-io/throng/server"
)

// What a broadcast costs in memory does not depend on how many it goes to. The bounds leave room
// for the race detector, which empties pools at random.
func TestBroadcastAllocatesPerMessageOnly(t *testing.T) {
	const receivers = 50
	for _, name := range server.Strategies() {
		if name == "naive" {
			continue // to encode for each receiver is its point
		}
		for _, recovery := range []*server.Recovery{nil, {}} {
			srv, err := server.New(server.Options{Fanout: name, Recovery: recovery, Limits: server.Limits{QueuePackets: 1 << 20, QueueBytes: 1 << 28}})
			if err != nil {
				t.Fatal(err)
			}
			srv.OnConnect(func(s *server.Socket) { s.Join("r") })
			base := serve(t, srv)
			for range receivers {
				socketIO(t, base) // it reads nothing: what comes fits the kernel's buffer, and reading allocates
			}
			m, err := srv.Prepare("x", "y")
			if err != nil {
				t.Fatal(err)
			}
			args := []byte(`"y"`)
			for what, send := range map[string]func(){
				"Emit":     func() { _ = srv.Emit("x", "y") },
				"to rooms": func() { _ = srv.To("r").To("s").Except("t").Emit("x", "y") },
				"EmitRaw":  func() { srv.To("r").EmitRaw("x", args, nil) },
				"Send":     func() { srv.Send(m) },
			} {
				if got := testing.AllocsPerRun(50, send); got >= receivers {
					t.Errorf("%s, recovery %v: %s to %d sockets allocates %v times", name, recovery != nil, what, receivers, got)
				}
			}
		}
	}
}
