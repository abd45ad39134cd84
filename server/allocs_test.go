//go:build !race

// The race detector allocates by itself.

package server_test

import (
	"runtime"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/throng-io/throng/server"
)

// A broadcast through the whole server, from Emit to the system call of each
// receiver on loopback, allocates for itself, and nothing for a receiver.
func TestBroadcastsAllocateNothingForAReceiver(t *testing.T) {
	for _, strategy := range server.Strategies() {
		if strategy == "naive" {
			continue // its point is to encode for each receiver
		}
		t.Run(strategy, func(t *testing.T) {
			srv, err := server.New(server.Options{Fanout: strategy})
			if err != nil {
				t.Fatal(err)
			}
			inRoom := allJoin(srv)
			base := serve(t, srv)
			const receivers, broadcasts, atOnce = 128, 400, 8
			data := strings.Repeat("x", 100)
			size := int64(2 + len(`42["msg",""]`) + len(data))
			var received, awaited atomic.Int64
			arrived := make(chan struct{}, 1)
			for range receivers {
				b := joinBare(t, base)
				go func() {
					buf := make([]byte, 16<<10)
					for {
						n, err := b.Read(buf)
						if err != nil {
							return
						}
						if received.Add(int64(n)) == awaited.Load() {
							arrived <- struct{}{}
						}
					}
				}()
			}
			inRoom(receivers)
			room := srv.To("r")
			run := func() {
				for range broadcasts / atOnce {
					awaited.Add(receivers * atOnce * size)
					for range atOnce {
						if err := room.Emit("msg", data); err != nil {
							t.Fatal(err)
						}
					}
					<-arrived
				}
			}
			run() // fills the pools and grows the stacks
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			run()
			runtime.ReadMemStats(&after)
			each := float64(after.Mallocs-before.Mallocs) / broadcasts
			t.Logf("%.2f allocations a broadcast to %d receivers", each, receivers)
			if each > 10 {
				t.Errorf("%.2f allocations a broadcast to %d receivers; want a handful", each, receivers)
			}
		})
	}
}
