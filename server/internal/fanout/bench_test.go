//go:build !race

package fanout

import (
	"fmt"
	"testing"

	"github.com/throng-io/throng/protocol/engineio"
	"github.com/throng-io/throng/server/internal/frame"
)

// BenchmarkBroadcast measures the fan-out alone: its members count and write nothing. One operation
// is one broadcast to all members; the clock stops when the last delivery of the last broadcast has
// been made. inflight is how many broadcasts may be undelivered at a time, as with a sender that
// awaits them.
func BenchmarkBroadcast(b *testing.B) {
	for _, name := range Names() {
		for _, members := range []int{1000, 5000} {
			for _, payload := range []int{120, 1024} {
				for _, inflight := range []int{1, 8, 64} {
					b.Run(fmt.Sprintf("strategy=%s/members=%d/payload=%d/inflight=%d", name, members, payload, inflight), func(b *testing.B) {
						benchmark(b, name, members, 1, payload, inflight)
					})
				}
			}
		}
	}
}

// BenchmarkRooms is the same number of deliveries, in rooms of different sizes. One operation is
// one broadcast to each room.
func BenchmarkRooms(b *testing.B) {
	const members = 10_000
	for _, name := range Names() {
		for _, rooms := range []int{1, 100, 1000} {
			b.Run(fmt.Sprintf("strategy=%s/members=%d/rooms=%d", name, members, rooms), func(b *testing.B) {
				benchmark(b, name, members, rooms, 120, 1)
			})
		}
	}
}

func benchmark(b *testing.B, strategy string, members, groups, payload, inflight int) {
	b.Helper()
	hub := open(b, strategy, Options{})
	all := make([]*counter, members)
	names := make([]string, groups)
	for i := range names {
		names[i] = fmt.Sprint("room", i)
	}
	for i := range all {
		all[i] = &counter{}
		hub.Join(hub.Add(fmt.Sprint(i), all[i], nil), names[i%groups])
	}
	data := make([]byte, payload)
	encode := func() *frame.Frame {
		return frame.Packet(engineio.Packet{Type: engineio.Message, Data: data})
	}
	await := func(n int) {
		for _, m := range all {
			for m.frames.Load() < int64(n) {
				yield()
			}
		}
	}
	b.ReportAllocs()
	b.ResetTimer()
	for i := range b.N {
		for _, name := range names {
			hub.Broadcast(rooms(name), Message{Frame: encode(), Encode: encode})
		}
		if (i+1)%inflight == 0 {
			await(i + 1)
		}
	}
	await(b.N)
	b.StopTimer()
	calls := int64(0)
	for _, m := range all {
		calls += m.calls.Load()
	}
	deliveries := float64(b.N) * float64(members)
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/deliveries, "ns/delivery")
	b.ReportMetric(deliveries/float64(calls), "frames/write")
}
